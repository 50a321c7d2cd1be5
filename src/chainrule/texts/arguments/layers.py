"""What the arguments of layers mean, in Chinese."""

from __future__ import annotations

LAYERS: dict[str, str] = {
    # arguments that mean the same in every layer
    "bias": "是否带偏置。",
    "causal": "第 i 个位置是否只看到第 0 到 i 个位置。",
    "channels": "输出的通道数。",
    "dilation": "卷积核（或窗口）中相邻两格的间距：一个数，或每个空间轴一个。",
    "forget_bias": "遗忘门偏置 b 的初始值：大于 0 时开始就保留记忆。",
    "heads": "头数 H。",
    "kernel_size": "卷积核（或窗口）的大小：一个数，或每个空间轴一个。",
    "num_layers": "块的个数。",
    "output_initializer": "最后一层权重的初始值，若与其他权重不同。",
    "padding": (
        '"valid"（不填充）、"same"（位置数为格数除以步幅）、一个数，或每个轴一个数或一对数（前，后）。'
    ),
    "padding_index": "表示“没有词”的编号：其向量为 0，且不被训练。",
    "penalty": "权重 W 的惩罚项，如 cr.L2(1e-4)。",
    "recurrent_activation": "门的激活函数名称。",
    "recurrent_dropout": "训练时从上一步读入的数被丢弃的比例，序列的每一步丢弃的位置相同。",
    "recurrent_initializer": "隐状态权重的初始值；每个门分别初始化。",
    "returns": (
        '"last"：最后一步的输出 (B, units)；"sequence"：每一步的输出 (B, T, units)；"all"：序列和最后的状态。'
    ),
    "reverse": "是否从最后一步读到第一步；输出仍在各步原来的位置。",
    "stride": "卷积核（或窗口）每次移动的距离：一个数，或每个空间轴一个。",
    "units": "输出的个数。",
    "vocabulary_size": "词的个数：x 为 0 到 vocabulary_size - 1；模型中的整数输入为 int64，保持精确。",
    "weight_initializer": '权重的初始值：一个初始化方法或其名称，如 "he"。',
    # normalization and penalties
    "ActivityRegularization.penalty": "对每个样本的数所加的惩罚：cr.L1(…) 使多数为 0，cr.L2(…) 使它们较小。",
    "BatchNorm.momentum": (
        "新的一批在移动平均中所占的份量，0 到 1（PyTorch 的约定；Keras 的 momentum 是 1 减去它）。"
    ),
    "epsilon": "加到分母上的小正数，防止除以 0。",
    "scale": "拉伸参数是否可学习，初始值为 1。",
    "shift": "偏移参数是否可学习，初始值为 0。",
    "GroupNorm.groups": "通道分成几组；1 为全部一组，C 为每个通道一组。",
    "InstanceNorm.scale": "拉伸参数是否可学习；与 PyTorch 相同，默认不学习。",
    "InstanceNorm.shift": "偏移参数是否可学习；与 PyTorch 相同，默认不学习。",
    "LayerNorm.axes": "末尾几个轴共用一个均值：1 即只有通道。",
    "RMSNorm.axes": "末尾几个轴共用一个均值。",
    "LocalResponseNorm.size": "通道个数，自身在中间（偶数时前面多一个）。",
    "LocalResponseNorm.alpha": "强度。",
    "LocalResponseNorm.beta": "幂。",
    "LocalResponseNorm.k": "下限，大于 0。",
    "Normalization.mean": "数据的均值：一个数，或每个特征一个。",
    "Normalization.variance": "数据的方差，大于 0：一个数，或每个特征一个。",
    "SpectralNorm.power_iterations": "每个训练步中幂迭代的次数，至少 1。",
    # layers that contain layers
    "Bidirectional.inner": "一个循环层，如 cr.LSTM(32)；另一个同样的层反向读取。",
    "Bidirectional.merge_mode": "Merge 的一种方式。",
    "Masking.inner": "按名称接收序列和遮蔽的层，如 cr.LSTM(32)。",
    "Masking.mask_value": "表示“没有值”的数。",
    "MixtureOfExperts.expert": "每个专家网络；各自的参数分别初始化。",
    "MixtureOfExperts.experts": "专家的个数。",
    "Parallel.branches": "各分支的名称和层。",
    "Parallel.merge_mode": 'Merge 的一种方式，或 "none"：每个分支各为一个输出。',
    "Remat.inner": "要重新计算的层：深层网络中的一块。单个运算没有意义。",
    "FastSpeech.encoder": "编码器：(B, P) -> (B, P, C)。",
    "FastSpeech.head": "预测时长的层：(B, P, C) -> (B, P, 1)。",
    "FastSpeech.decoder": "解码器：(B, frames, C + 2) -> (B, frames, bands)。",
    "FastSpeech.frames": "频谱的帧数。",
    "GatedGraphConv.rounds": "消息传递的轮数；各轮共用参数。",
    "GraphNetwork.rounds": "消息传递的轮数。",
    "GraphNetwork.units": "结点向量和整个图的向量的长度。",
    "GraphNetwork.activation": "g 的名称，或一个层。",
    "LengthRegulator.frames": "输出的帧数。",
    "SpanReader.embedding": "嵌入向量的长度。",
    "SpanReader.convolutions": "卷积层的个数。",
    "SpanReader.dropout": "训练时每个数被丢弃的概率。",
    "SpanReader.no_answer": "是否多一个位置 T，作为没有答案的问题的目标。",
    "SpanReader.units": "卷积的宽度。",
    "Residual.inner": "层 f，其输出与输入（或 shortcut 的输出）形状相同。",
    "Residual.activation": "求和之后的激活函数名称或层；None 表示没有。",
    "Residual.shortcut": "f 改变形状时，直路上的层 s。",
    "Sequential.layers": "各层，按先后顺序。路径中以类型和序号称呼：dense1、dropout1、dense2。",
    "Sequential.named": "接在后面、自己命名的层：stem=…、head=…。",
    "Skip.inner": "层 f；其参数按 f 直接位于此处来命名。",
    "Stacked.layers": "循环层，自下而上；也可以是 Bidirectional。",
    "Stacked.dropout": "训练时两层之间的数被丢弃的比例。",
    "TimeDistributed.inner": "内层。Dense 等沿最后一轴计算的层不需要它。",
    "SpectralNorm.inner": "权重被规范化的层。",
    "WeightNorm.inner": "权重被规范化的层。",
    # activations, linear layers and gates
    "activation": "激活函数的名称或层；None 表示没有。",
    "Activation.name": "激活函数的名称。",
    "Activation.chosen": "激活函数的设置，如 slope=0.2；未给出的取默认值。",
    "InvertedResidual.activation": '激活函数的名称："relu" 或 "hard_silu"。',
    "Bilinear.weight_initializer": "W (units, I, J) 的初始值：一个初始化方法或其名称。",
    "Dense.bias_initializer": "偏置 b 的初始值：一个初始化方法或其名称。",
    "Dense.units": "输出的个数 O。",
    "EinsumDense.equation": '写成字母的计算，如 "abc,cd->abd"：输入的轴、权重的轴、结果的轴。',
    "EinsumDense.output_shape": "结果的各轴长度，不含批；与输入相同的轴写 None。",
    "EinsumDense.bias_axes": '偏置所沿的结果轴的字母；"" 表示没有偏置。',
    "members": "集成的成员个数 K。",
    "EnsembleNormalization.limit": "y 的绝对值的上界，使离群值不会起决定作用；None 表示不限制。",
    "EnsemblePiecewiseLinear.features": "要编码的特征的序号，从 0 起。",
    "EnsemblePiecewiseLinear.intervals": "每个特征的区间个数 Q。",
    "EnsembleDense.units": "每个成员的输出个数 O。",
    "EnsembleDense.weight_initializer": "一个成员的权重 (O, I) 的初始值：一个初始化方法或其名称。",
    "EnsembleDense.bias_initializer": "偏置的初始值：一个初始化方法或其名称。",
    "EnsembleMean.initial_weights": "选择之前各组的权重，不小于 0，总和为 1；空：所有成员的权重始终相同。",
    "EnsembleMean.mode": '对什么取平均："value" 数值，"softmax" 或 "sigmoid" 概率。',
    "FeedForward.units": "隐藏层的宽度：通常为 4 C，带门控时为 8/3 C。",
    "FeedForward.gated": '是否由第二个乘积决定每个隐藏数通过多少（与 "silu" 一起即 SwiGLU）。',
    "FeedForward.dropout": "训练时每个隐藏数被丢弃的概率。",
    "Highway.carry_bias": "门的偏置的初始值：小于 0 时门开始几乎关闭，深层网络一开始就是恒等映射。",
    "SqueezeExcite.reduction": "中间的单元数是通道数的几分之一（至少一个单元）。",
    "SqueezeExcite.units": "中间的单元数，若不按 reduction 计算。",
    "SqueezeExcite.gate": '门的激活函数名称或层；MobileNetV3 用 "hard_sigmoid"。',
    # dropout and noise
    "rate": "每个数被丢弃的概率，0 ≤ rate < 1。",
    "FeatureAlphaDropout.rate": "每个通道被丢弃的概率，0 ≤ rate < 1。",
    "SpatialDropout.rate": "每个通道被丢弃的概率，0 ≤ rate < 1。",
    "GaussianDropout.rate": "所代替的暂退法的丢弃概率，0 ≤ rate < 1。",
    "GaussianLatent.weight": "散度的权重，不小于 0；若损失是样本的负对数似然（对各值求和），1 对应变分下界。",
    "GaussianNoise.std": "标准差，不小于 0。",
    # convolution
    "groups": "通道分成几组；输出的每一组只看到输入的一组。",
    "multiplier": "每个通道的卷积核个数。",
    "Conv.channels": "卷积核的个数，即输出的通道数。",
    "ConvTranspose.output_size": (
        "步幅使结果大小不唯一时，结果的空间轴；默认取最小（PyTorch 的 output_padding 为多出的长度）。"
    ),
    "ConvTranspose.padding": (
        '"valid"、"same"、一个数，或每个轴一个数或一对数（前，后）；从结果上裁去。'
        '"same" 时结果为位置数乘以步幅。'
    ),
    "ConvTranspose.stride": "相邻两个数展开后的间距：一个数，或每个空间轴一个。",
    "ConvTranspose.weight_initializer": (
        "W (C, *kernel, channels / groups) 的初始值：一个初始化方法或其名称。"
    ),
    "SeparableConv.multiplier": "第一步中每个通道的卷积核个数。",
    "BasicBlock.channels": "两个卷积的通道数。",
    "BasicBlock.shortcut": (
        '形状改变时直路上的 s："projection" 为 1 x 1 卷积加规范化，"zeros" 为跳过同样的格子并补 0 通道。'
        "形状不变时为恒等映射。"
    ),
    "BasicBlock.stride": "第一个卷积的步幅：2 把图像缩小一半。",
    "Bottleneck.channels": "前两个卷积的通道数。",
    "Bottleneck.expansion": "第三个卷积的通道数是前两个的几倍。",
    "Bottleneck.stride": (
        "3 x 3 卷积的步幅（论文中由第一个卷积承担；这里与 torchvision 的 ResNet v1.5 相同）。"
    ),
    "norm": "每个卷积之后的规范化层，如 cr.GroupNorm(8)。",
    "InvertedResidual.expanded_channels": "中间的通道数；与 x 相同时不扩展。",
    "InvertedResidual.kernel_size": "逐通道卷积的卷积核大小。",
    "InvertedResidual.norm": (
        "每个卷积之后的规范化层；默认为 MobileNetV3 的批量规范化（momentum 0.01、epsilon 0.001）。"
    ),
    "InvertedResidual.squeeze_excite": "是否带压缩激励层；其单元数约为中间通道数的四分之一。",
    "InvertedResidual.stride": "逐通道卷积的步幅。",
    # pooling, padding and resizing
    "AveragePool.count_include_pad": (
        "填充是否计为 0；默认与 TensorFlow 相同，只平均图像自身的格子（PyTorch 默认计入）。"
    ),
    "AveragePool.stride": "窗口每次移动的距离；默认等于窗口宽度，窗口互不重叠。",
    "LPPool.stride": "窗口每次移动的距离；默认等于窗口宽度，窗口互不重叠。",
    "LPPool.p": "范数的次数，至少 1。",
    "MaxPool.stride": "窗口每次移动的距离；默认等于窗口宽度，窗口互不重叠。",
    "MaxPool.return_indices": "是否同时给出 indices：窗口中哪一格最大，逐行计数。MaxUnpool 使用它。",
    "MaxUnpool.kernel_size": "给出这些下标的 MaxPool 的窗口大小。",
    "MaxUnpool.padding": "给出这些下标的 MaxPool 的填充。",
    "MaxUnpool.stride": "给出这些下标的 MaxPool 的步幅。",
    "MaxUnpool.output_size": '图像的空间轴；默认为有这些位置的最小图像，"same" 时为位置数乘以步幅。',
    "FractionalMaxPool.output_ratio": "输出与输入大小之比，0 < output_ratio ≤ 1；向下取整。",
    "output_size": "输出的空间大小：一个数，或每个空间轴一个。",
    "SequencePool.mode": '"mean"、"max"、"first" 或 "last"：计入的第一个或最后一个位置。',
    "Crop.cropping": "裁去的格数：四周一个数，或每个空间轴一个数或一对数（前，后）。",
    "Pad.padding": "补上的格数：四周一个数，或每个空间轴一个数或一对数（前，后）。",
    "Pad.mode": (
        '补上的格子的值："constant"（处处为 value）、"reflect"（以最外一格为镜）、'
        '"replicate"（重复最外一格）或 "circular"（另一端）。'
    ),
    "Pad.value": '"constant" 时所填的数；0 为零填充。',
    "Fold.output_size": "图像的空间轴：一个数，或每个空间轴一个。",
    "UpSampling.scale_factor": "放大的倍数，大于 0：一个数，或每个空间轴一个（PyTorch 的 scale_factor）。",
    "UpSampling.size": "结果的空间轴，代替倍数；也可以缩小。",
    "UpSampling.mode": (
        '"nearest"（所在的格子）、"linear"（每个轴两格之间）或 "cubic"（四格之间，a = -0.75）。'
    ),
    "UpSampling.align_corners": '是否对齐四角的格子中心而不是边缘；不用于 "nearest"。',
    "PixelShuffle.upscale_factor": (
        "每个空间轴放大的倍数。与 PyTorch 相同，一个输出通道的各通道相邻，最后一轴变化最快。"
    ),
    "PixelUnshuffle.downscale_factor": "每个空间轴缩小的倍数。",
    "ChannelShuffle.groups": "组数；第 g 组的第 j 个通道变为第 j * groups + g 个。",
    # values and shapes
    "CategoryEncoding.classes": "类别的个数：x 为 0 到 classes - 1；模型中的整数输入为 int64，保持精确。",
    "CategoryEncoding.mode": (
        '"one_hot"：每个数一行；"multi_hot"：T 个数合为一行，出现的类别为 1；"count"：各类别出现的次数。'
    ),
    "Discretization.boundaries": "区间的分界，递增；恰在分界上的数属于上面的区间。",
    "Dot.axes": "两个值各沿哪个轴求和，按 NumPy 计数；不能是样本轴。",
    "Dot.normalize": "是否先把这些轴上的向量缩放到长度 1：余弦。",
    "Merge.axis": '"concatenate" 沿哪个轴相接；默认最后一轴。',
    "Merge.mode": (
        '"add"、"average"、"maximum"、"minimum"、"multiply"、"subtract"（第一个减去其余）或 "concatenate"。'
    ),
    "PairwiseDistance.p": "范数：2 为直线距离，1 为沿各轴的距离。",
    "Permute.dims": "结果的每个轴是样本的哪个轴；从 1 计数，0 是批。",
    "RepeatVector.times": "重复的次数，至少 1。",
    "Rescaling.scale": "所乘的数。",
    "Rescaling.offset": "所加的数。",
    "Reshape.shape": "每个样本的形状；一个轴可以是 -1，取剩下的长度。",
    # embeddings and positions
    "AdaptiveLogSoftmax.classes": "类别的个数，从最常见的开始编号。",
    "AdaptiveLogSoftmax.cutoffs": "每一簇从哪个类别开始，递增：(2000, 10000) 为头部 2000 类加两簇。",
    "AdaptiveLogSoftmax.div_value": "每一簇比前一簇窄的倍数，大于 0。",
    "AdaptiveLogSoftmax.head_bias": "头部是否带偏置。",
    "ClassToken.weight_initializer": "该向量的初始值：一个初始化方法或其名称。",
    "Embedding.units": "表示一个词的数的个数。",
    "Embedding.scale": "每个向量所乘的数，不为 0；2017 年的 Transformer 用 sqrt(units)。",
    "Embedding.weight_initializer": "W 的初始值；默认为正态分布，每行长度约为 1。",
    "EmbeddingBag.units": "表示一个词的数的个数。",
    "EmbeddingBag.mode": '对各词取 "mean"、"sum" 或 "max"。',
    "EmbeddingBag.padding_index": "表示“没有词”的编号：这样的词不计入。",
    "EmbeddingBag.weight_initializer": "W 的初始值；默认为正态分布，每行长度约为 1。",
    "HashedNGrams.buckets": "编号的个数：0 为填充，其余为 1 到 buckets - 1；至少 2。",
    "HashedNGrams.lengths": "n 元组的长度 n，各为 1 到 16。",
    "LearnedPosition.length": "位置的个数。",
    "PatchEmbedding.patch_size": "方块的边长。",
    "PatchEmbedding.units": "表示一个方块的数的个数。",
    "PatchEmbedding.image_size": "图像的边长，若固定；None 表示方块能铺满的任意大小。",
    "RotaryPosition.base": "最慢的一对数转得多慢，大于 1；文本越长，宜越大。",
    "RotaryPosition.pairs": (
        '"halves" 把第 i 个与第 i + C/2 个数配对 (GPT-NeoX、Llama)，"neighbors" 把第 2i 个与第 2i + 1 '
        "个配对（论文、GPT-J）。"
    ),
    "SinusoidalPosition.base": "波长从 2 pi 到 2 pi base；大于 1。",
    "Unembedding.table": '旁边各层中嵌入层的名称：在 Sequential 中为 "embedding1"。',
    # attention
    "dropout": "训练时每个注意力权重被丢弃的概率。",
    "alibi": "分数是否随距离下降，每个头的斜率不同 (ALiBi)。",
    "rotary": "是否按位置旋转查询和键，或一个 RotaryPosition。",
    "value_units": "全部值的通道数 H V；默认等于 units。",
    "AdditiveAttention.units": "小网络的宽度；None：查询与键直接相加 (Keras)。",
    "AdditiveAttention.scale": "权重 v (Bahdanau) 是否可学习；否则为 1。",
    "Attention.scale": (
        'None 为 1 / sqrt(C)，使随机向量的分数约为 1；或一个数，如 1.0 (Luong)；或 "learned"，初始值为 1 '
        "的参数。"
    ),
    "GroupedQueryAttention.groups": "键和值的头数 G，整除 heads；1 为多查询注意力。",
    "GroupedQueryAttention.heads": "查询的头数 H；其余与 MultiHeadAttention 相同。",
    "GroupedQueryAttention.units": "全部查询的通道数 H D；默认与输入相同。Keras 的 key_dim 是 D。",
    "GroupedQueryAttention.bias": "四个投影是否带偏置。",
    "GroupedQueryAttention.penalty": "权重的惩罚项。",
    "MultiHeadAttention.units": "全部查询的通道数 H D；默认与输入相同。Keras 的 key_dim 是 D。",
    "MultiHeadAttention.bias": "四个投影是否带偏置。",
    "MultiHeadAttention.penalty": "权重的惩罚项。",
    # recurrent layers
    "ConvLSTM.activation": "激活函数的名称。",
    "ConvLSTM.dropout": "训练时每个序列的输入通道被丢弃的比例，每一步相同。",
    "ConvLSTM.kernel_size": "两个卷积沿每个轴的宽度。",
    "ConvLSTM.units": "状态的通道数。",
    "GRU.activation": "激活函数的名称。",
    "GRU.dropout": "训练时每个序列的输入通道被丢弃的比例，每一步相同。",
    "GRU.units": "状态中数的个数。",
    "LSTM.activation": "激活函数的名称。",
    "LSTM.dropout": "训练时每个序列的输入通道被丢弃的比例，每一步相同。",
    "LSTM.units": "每个状态中数的个数。",
    "RNN.activation": "激活函数的名称。",
    "RNN.dropout": "训练时每个序列的输入通道被丢弃的比例，每一步相同。",
    "RNN.units": "状态中数的个数。",
    # Transformers
    "TextEncoder.words": "每个词的向量：一个 Embedding。",
    "TextEncoder.position": "位置编码。",
    "TextEncoder.blocks": "各块，如一个 TransformerEncoder。",
    "TextEncoder.head": "各块之后的层：按名称接收 sequence，以及 mask（若有）。",
    "TextEncoder.types": "每种类型的向量：一个 Embedding；None 表示没有。",
    "TextEncoder.norm": "对和所做的规范化；None 表示没有。",
    "TextEncoder.dropout": "训练时和中每个数被丢弃的概率。",
    "TextEncoder.padding_index": "表示“没有词”的编号：没有给出遮蔽时，这样的词不计入。",
    "Transformer.encoder": "读取的部分，如一个 TransformerEncoder。",
    "Transformer.decoder": "生成的部分，如一个 TransformerDecoder。",
    "TransformerDecoder.block": "每一块，如 TransformerDecoderLayer(8)；各块的参数分别初始化。",
    "TransformerDecoder.norm": "最后一块之后的规范化；各块用 norm_first 时需要它。",
    "TransformerEncoder.block": "每一块，如 TransformerEncoderLayer(8)；各块的参数分别初始化。",
    "TransformerEncoder.norm": "最后一块之后的规范化；各块用 norm_first 时需要它。",
    "TransformerDecoderLayer.alibi": "目标序列自身的注意力是否用 ALiBi。",
    "TransformerDecoderLayer.rotary": "目标序列自身的注意力是否用旋转位置编码。",
    "TransformerDecoderLayer.causal": "目标的每个位置是否只看到前面的位置；逐词生成时必须如此。",
    "TransformerEncoderLayer.alibi": "注意力是否用 ALiBi。",
    "TransformerEncoderLayer.rotary": "注意力是否用旋转位置编码。",
    "TransformerEncoderLayer.causal": "每个位置是否只看到前面的位置：GPT 的一块。",
    "Translator.words": "每个词的向量：一个 Embedding；未给出 target_words 时两种文本共用。",
    "Translator.target_words": "目标文本每个词的向量，若两种文本没有共同的词表。",
    "Translator.position": "两种文本的位置编码。",
    "Translator.transformer": "读取和生成的部分：一个 Transformer。",
    "Translator.output": '给每个词打分的层：用词向量自身的表的 Unembedding("words")，或一个 Dense。',
    "Translator.dropout": "训练时每个词的每个数被丢弃的概率。",
    "Translator.padding_index": "表示“没有词”的编号：没有给出遮蔽时，源文本中这样的词被遮蔽。",
}

# The two layers of a Transformer share these.
for _layer in ("TransformerEncoderLayer", "TransformerDecoderLayer"):
    LAYERS |= {
        f"{_layer}.activation": "前馈网络的激活函数。",
        f"{_layer}.bias": "各个乘积是否带偏置。",
        f"{_layer}.dropout": "训练时注意力权重、隐藏数和每部分结果中的数被丢弃的概率。",
        f"{_layer}.gated": "前馈网络是否带门控 (FeedForward)。",
        f"{_layer}.groups": "键和值的头数，若少于 heads。",
        f"{_layer}.heads": "注意力的头数。",
        f"{_layer}.norm": "规范化层，如 cr.RMSNorm()。",
        f"{_layer}.norm_first": "是否在每部分之前而不是之后规范化。",
        f"{_layer}.output_initializer": (
            "每部分最后一层权重的初始值，若与其他不同。GPT-2 的块越多，取得越小。"
        ),
        f"{_layer}.units": "前馈网络的宽度；默认 4 C。",
        f"{_layer}.weight_initializer": "全部权重的初始值：一个初始化方法或其名称。",
    }
