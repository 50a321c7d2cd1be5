"""What the arguments of the published models mean, in Chinese."""

from __future__ import annotations

MODELS: dict[str, str] = {
    "classes": "类别的个数。",
    "unet.classes": "像素的类别个数。",
    "lenet5.activation": '激活函数；如今通常用 "relu"。',
    "lenet5.padding": 'C1 的填充；"same" 使 MNIST 的 28 x 28 图像得到论文中的大小。',
    "unet.padding": '"valid" 与论文相同，输出不取决于填充；或 "same"。',
    "transformer.padding": "填充词的编号；None：每个词都有效。",
    "dropout": "暂退率；0 表示没有这些层。",
    "alexnet.dropout": "两个宽全连接层之前的暂退率；0 表示没有这些层。",
    "vgg16.dropout": "两个宽全连接层之后的暂退率；0 表示没有这些层。",
    "unet.dropout": "收缩路径末端（最深的两级）的暂退率；0 表示没有这些层。",
    "mobilenet_v3_small.dropout": "输出层之前的暂退率；0 表示没有该层。",
    "transformer.dropout": "暂退率；论文中的 big 为 0.3。",
    "lstm_classifier.dropout": "两层之间的暂退率。",
    "lstm_language_model.dropout": "词向量、两层之间以及打分之前的暂退率；从不在相邻的词之间丢弃。",
    "small": "是否用适合约 32 x 32 图像的开头：保持大小的 3 x 3 卷积，没有汇聚。",
    "unet.channels": "第一级的通道数；每向下一级加倍。",
    "unet.depth": "第一级以下的级数。",
    "depth": "堆叠的层数。",
    "transformer.size": (
        '论文表 3 的 "base" 或 "big"；或作者的库 (tensor2tensor) 中的 "small"：2 块、256 个通道、4 个头。'
    ),
    "gpt2.size": '论文表 2 的 "small"、"medium"、"large" 或 "xl"。',
    "bert.size": (
        '论文第 3 节的 "base" 或 "large"；"small"（Turc 等，2019）；'
        '"minilm"：384 个通道、6 块，即 all-MiniLM-L6-v2 的结构（Wang 等，2020）。'
    ),
    "vit.size": (
        '"b_16"、"b_32"、"l_16"、"l_32" 或 "h_14"，名称与 torchvision 相同（论文表 1 与图块边长）；'
        '或用于小图像的 "tiny"：4 x 4 的图块、192 个通道、6 块。'
    ),
    "vocabulary_size": "词的个数。",
    "transformer.vocabulary_size": "两种文本（或源文本）的词的个数。",
    "gpt2.vocabulary_size": "词的个数；OpenAI 使用 50,257 个字节对。",
    "lstm_language_model.vocabulary_size": "词或字符的个数。",
    "transformer.target_vocabulary_size": "目标文本的词的个数，若两种文本不共用词；目标的嵌入与打分共用。",
    "transformer.norm_first": (
        "是否在每部分之前而不是之后规范化，并在每个堆叠末尾再规范化一次；与论文不同，但不必调整学习率。"
    ),
    "change": "width、depth、heads、units：代替该规模的取值。",
    "length": "位置的最大个数。",
    "bert.head": (
        '词向量如何归约："pooled"，首个词向量经全连接层和 tanh，用于分类；"sentence"，'
        "有效位置的平均并规范化到长度 1，"
        '两个句子的点积衡量其相似程度；"sequence"，全部词向量；或输入为 sequence 和 mask 的自定义层。'
    ),
    "bert.types": "片段类型的个数。",
    "vit.image_size": "图像的边长；默认 224，tiny 为 32。",
    "vit.patch_size": "图块的边长；默认取该规模的边长。",
    "width": "词嵌入的大小。",
    "units": "每个隐状态的大小。",
}
