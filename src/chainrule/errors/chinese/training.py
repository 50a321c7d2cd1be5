"""Facts of errors about training and generation."""

PHRASES: dict[str, str] = {
    "Model(..., classes=[all labels]), if other rows have other labels": (
        "若其他行有别的标签，请设置 Model(..., classes=[全部标签])"
    ),
    "fit with an iterable of batches": "以批的可迭代对象训练（fit）",
    "batches of an iterable": "可迭代对象中的批",
    "an iterable cannot be read again at a step, as resume and replay do": (
        "可迭代对象无法从某一步重新读取，而恢复和重放需要这样做"
    ),
    "the guarantee depends on how the rows of a batch were drawn, which is not known": (
        "隐私保证取决于每批的行如何抽取，而这里不得而知"
    ),
    "the iterable determines the batches": "批由可迭代对象决定",
    "the classes of all rows are not known": "全部行的类别未知",
    "batches of similar length": "由长度相近的序列组成的批",
    "the range of the inputs of all rows is not known": "全部行的输入范围未知",
    "batches are arrays, whose columns have no kinds": "批是数组，其列没有类型",
    "the number of rows is not known": "行数未知",
    "(x, y), or an iterable of batches": "(x, y)，或批的可迭代对象",
    "None, or an iterable of batches as x": "None，或以批的可迭代对象作为 x",
    "all rows, from which {path} computes its state": "全部行：{path} 由它们计算其状态",
    "a table, as in the training before": "与之前的训练一样的表格",
    "all rows in one batch": "全部行作为一批",
    "1: a {kind} can be read once": "1：{kind} 只能读取一次",
    "epochs=1, steps_per_epoch=100, or a function that returns a new iterator as x": (
        "epochs=1、steps_per_epoch=100，或以返回新迭代器的函数作为 x"
    ),
    "at least one batch": "至少一批",
    "{steps} batches in every epoch": "每轮 {steps} 批",
    "a list, or a function that returns a new iterator": "列表，或返回新迭代器的函数",
    "fewer epochs or steps_per_epoch": "更少的 epochs 或 steps_per_epoch",
    "a function that returns an iterable of batches": "返回批的可迭代对象的函数",
    "a dict with {names}": "含 {names} 的字典",
    'the key "{target}"': "键“{target}”",
    "the keys x and y, or the name of the target as y of fit": "键 x 和 y，或在 fit 的 y 中给出目标的名称",
    "batches (x, y), (x, y, weights) or dicts": "批 (x, y)、(x, y, weights) 或字典",
    "validation batches of one shape, for example padded to the same length": (
        "形状相同的验证批，例如填充到相同长度"
    ),
    "a tensor that NumPy reads": "NumPy 能读取的张量",
    "{count} classes, or integers from 0 to {last}": "{count} 个类别，或 0 到 {last} 的整数",
    "Model(..., classes=[all {count} labels by output]), or cr.Dense({classes}) at the end": (
        "在 Model 中设置 classes=[按输出顺序的全部 {count} 个标签]，或最后一层用 cr.Dense({classes})"
    ),
    "labels of outputs with classes: {names}": "分类输出的标签：{names}",
    "labels of one output": "单个输出的标签",
    "at least two different labels: texts, numbers or booleans": "至少两个不同的标签：文本、数或布尔值",
    "fewer rows at a time": "一次传入更少的行",
    "a method": "方法",
    "terms(self, output, target), such as cr.square(output - target)": (
        "terms(self, output, target)，例如 cr.square(output - target)"
    ),
    "one loss for each sample: the mean over the batch is computed by the training": (
        "每个样本一个损失：对批的平均由训练计算"
    ),
    'names={{"dense1": "NAME IN THE FILE", ...}}, or names="order" if it is the same': (
        'names={{"dense1": "文件中的名称", ...}}；若次序相同，也可用 names="order"'
    ),
    "tensors of at most {limit:,} bytes together": "张量总共最多 {limit:,} 字节",
    "more: {shape}, perhaps expanded": "更多：{shape}，可能是扩展（expand）的张量",
    "{count} of {total} are not finite, the first at {position}": (
        "{total} 个中有 {count} 个不是有限数，第一个在 {position}"
    ),
    "another checkpoint; or strict=False": "换一个检查点；或使用 strict=False",
    '"{name}" is missing too': "也缺少“{name}”",
    "{where}.to_numpy(), if the columns are in the order of the training": (
        "{where}.to_numpy()，如果各列与训练时次序相同"
    ),
    "{where}: {part} computes something else than when the model was saved": (
        "{where}：{part} 的计算与保存模型时不同"
    ),
    "integers that {dtype} represents": "{dtype} 能表示的整数",
    "{number}, which would become {nearest}": "{number}，会变成 {nearest}",
    "{name} - {name}.min(), or smaller numbers": "{name} - {name}.min()，或更小的数",
    "{name}.round() if these are rounding errors of integers": ("{name}.round()，如果这些只是整数的舍入误差"),
    "a kind for each column by name": "按列名给出的各列类型",
    "a robust training": "一种鲁棒训练",
    "a training that continues encodes the columns as before": "继续的训练沿用之前的列编码",
    "None, or a table as x": "None，或以表格作为 x",
    "buckets and robust cannot be combined": "buckets 不能与 robust 同时使用",
    "one input of numbers": "一个数值输入",
    "one output (B, K) with the loss cross_entropy": "一个输出 (B, K)，损失为 cross_entropy",
    "a number above {limit:g}": "大于 {limit:g} 的数",
    "a number from {limit:g} on": "不小于 {limit:g} 的数",
    "operations with an interval rule, such as those of Dense, Conv, ReLU and pooling": (
        "有区间规则的运算，如 Dense、Conv、ReLU 和汇聚中的运算"
    ),
    "num_beams={num_beams} without {options}": "num_beams={num_beams}，去掉 {options}",
    "a dict: the spec of each input by name": "字典：按名称给出每个输入的规格",
    "a weight above 0": "大于 0 的权重",
    "only zeros": "全为 0",
    "several targets": "多个目标",
    "one target for a data frame with texts, dates or missing values": (
        "含有文本、日期或缺失值的数据框只能有一个目标"
    ),
    "a ColumnTransformer before the estimator": "在估计器之前使用 ColumnTransformer",
    "a regression of one value": "预测一个数值的模型",
    "a classifier with one output": "只有一个输出的分类模型",
    "models with one output": "只有一个输出的模型",
    "one class for each row, or zeros and ones": "每行一个类别，或由 0 和 1 组成",
    "a data frame, as in the training": "与训练时一样的数据框",
    "an integer, at least {low}": "不小于 {low} 的整数",
    "one that is free": "一个未被占用的名称",
    '"balanced" or a dict': '"balanced" 或字典',
    "{label} has no weight": "{label} 没有权重",
    "one output with classes": "一个输出类别的输出",
    "{count} outputs": "{count} 个输出",
    "(x, y), (x, y, weights) or a fraction": "(x, y)、(x, y, weights) 或一个比例",
    "the whole training set, {rows} rows": "整个训练集，{rows} 行",
    "{minimum} samples or more in every batch": "每批不少于 {minimum} 个样本",
    "{last} in the last batch: {rows} rows, {size} at a time": (
        "最后一批只有 {last} 个：共 {rows} 行，每批 {size} 行"
    ),
    "more rows, or cr.LayerNorm() instead of {kind}": "更多的行，或用 cr.LayerNorm() 代替 {kind}",
    "one rule of a kind": "同一种规则只用一个",
    "a list": "列表",
    "the opposite": "相反的情况",
    "the same in every step as in the example batch": "每一步都与示例批相同",
    "a finite number of at least 0": "不小于 0 的有限数",
    "the number of updates, on which the learning rate schedule depends": "更新次数（学习率调度依赖于它）",
    "a rule, a callback or a function": "规则、回调或函数",
    "no exception": "不抛出异常",
    'fix it, then resume a training with run="folder" by resume=True': (
        '改正它；用 run="folder" 训练的，可用 resume=True 继续'
    ),
    "> 0 seconds": "> 0 秒",
    "formats that fit numbers": "适合数字的格式",
    "a file, or a folder as fit(run=...)": "文件，或 fit(run=...) 的文件夹",
    "counts for each epoch and bin": "每一轮每一格的计数",
    "one label for a sample: (B,)": "每个样本一个标签：(B,)",
    "at most {limit} classes": "至多 {limit} 个类别",
    "known classes": "已知的类别",
    "numbers {shape}": "数字 {shape}",
    "numbers for a tensor of {shape}": "形状为 {shape} 的张量的数",
    "numbers from 0 to 1": "0 到 1 之间的数",
    "integers": "整数",
    "targets for {names}": "{names} 的目标",
    "targets (N, K), shares of classes": "目标 (N, K)，各类别所占的份额",
    "{count} arrays": "{count} 个数组",
    "{size:,} bytes of arrays": "{size:,} 字节的数组",
    "{dtype} {shape}, which cannot be mixed": "{dtype} {shape}，无法混合",
    "at least one parameter to train": "至少一个可训练的参数",
    "names other than {names}, each once": "{names} 之外的名称，每个一次",
    "finite numbers": "有限的数",
    "NaN or infinity": "NaN 或无穷",
    "the layers, loss, optimizer and labels of the training": "训练时的层、损失函数、优化器和类别标签",
    "model.explain(x, y), which explains the present parameters": "model.explain(x, y)，解释现在的参数",
    "loss {loss}": "损失 {loss}",
    "layers and labels that fit sequences of any length": "适合任意长度序列的层和标签",
    "model.fit(x, y), or model.initialize(inputs)": "model.fit(x, y) 或 model.initialize(inputs)",
    "model.predict_proba(x) for classes, model.predict(x) for values": (
        "类别用 model.predict_proba(x)，数值用 model.predict(x)"
    ),
    "weights has {count}": "weights 有 {count}",
    "an untrained model": "未训练的模型",
    "no other input": "没有其他输入",
    "the positions inside the encoder: rotary=True in its blocks": "位置放在编码器内：各块用 rotary=True",
    "a list of strategies": "策略列表",
    "only the last {length} tokens of the prompt": "只取提示的最后 {length} 个词元",
    'a tokenizer for the input "{name}"': "输入“{name}”的分词器",
    "a trained model of sequences of tokens (B, T)": "训练好的词元序列模型 (B, T)",
    "an integer, 1 or more": "不小于 1 的整数",
    "{count} tokens": "{count} 个词元",
    "at most {num_beams}, as many as num_beams": "至多 {num_beams}，与束宽相同",
    "at most {limit:.3g}": "至多 {limit:.3g}",
    "at most {limit}": "至多 {limit}",
    "at most {ratio} times their size": "至多为其大小的 {ratio} 倍",
    "at most {widest} on this processor": "在此处理器上至多 {widest}",
    "at least {count} samples, one frame": "至少 {count} 个采样，即一帧",
    "at least {rows} rows: {length} known and {horizon} to come": (
        "至少 {rows} 行：{length} 行已知，{horizon} 行待预测"
    ),
    "at least one, distinct columns, none of them the target": "至少一个，列互不相同，且不含目标列",
    "at least 2 texts, integers or booleans": "至少 2 个文本、整数或布尔值",
    "finite scores": "有限的得分",
    "texts of one token each": "各为一个词元的文本",
    "{rows} rows, one for each prompt": "{rows} 行，每个提示一行",
    "model.fit(x, y)  # x (N, T) tokens, y (N, T) the token after each": (
        "model.fit(x, y)  # x (N, T) 词元，y (N, T) 各自的下一个词元"
    ),
    "metrics of {tasks}": "{tasks} 的指标",
    "one array": "一个数组",
    "one array as {name}, with images as x": "{name} 为一个数组，x 为图像",
    "a path, with names in braces: {{epoch}}, {{val_loss:.3f}}": (
        "路径，名称写在花括号里：{{epoch}}、{{val_loss:.3f}}"
    ),
    "one of them": "其中之一",
    "inputs with as many rows each": "行数相同的输入",
    "True, False or None": "True、False 或 None",
    "fewer rows at once": "每次少预测几行",
    "fewer rows, or a larger limit of memory and threads": "减少行数，或放宽内存与线程数的限制",
    "model.predict(x) in Python": "在 Python 中使用 model.predict(x)",
    "cr.where(mask, scores, -1e9), or at least one unmasked position in every row": (
        "cr.where(mask, scores, -1e9)，或每行至少保留一个未遮蔽的位置"
    ),
    "cr.where(mask, x, 0.0) before the product": "相乘之前用 cr.where(mask, x, 0.0)",
    "resume=False, which resets the optimizer state": "resume=False，重置优化器状态",
    "({shape}), T at least 1; lengths 0 to T, one for each row": (
        "({shape})，T 至少为 1；长度 0 到 T，每行一个"
    ),
    "causal layers": "因果的层",
    "outputs that change when previous tokens come from the cache": "使用缓存中的前文词元时，输出会改变",
    "at most {length} tokens in a row": "一行至多 {length} 个词元",
    "other inputs whose positions do not depend on the decoder input": "位置不依赖于解码器输入的其他输入",
    "one position layer for both": "两者共用一个位置层",
    "1, the only number that can be streamed": "1：只有一段文本可以流式输出",
    "at most {length} tokens, prompt and new ones": "提示与新词元共至多 {length} 个词元",
    "[2], the start token": "[2]，起始词元",
    "at least 1 possible token": "至少 1 个可选的词元",
    "at most {length} tokens, start and end included": "至多 {length} 个词元（含首尾）",
    "num_beams alone, or sampling": "只用束搜索，或只用采样",
    "sampling": "采样",
    "token ids": "词元编号",
    "token ids (T,)": "词元编号 (T,)",
    "a label at each position: {shape}": "每个位置一个标签：{shape}",
    "y.argmax(axis=1), if the targets are one-hot": "若目标是独热编码：y.argmax(axis=1)",
    "y.argmax(axis=-1), if the targets are one-hot": "若目标是独热编码：y.argmax(axis=-1)",
    "initial parameters sampled by the seed, or a checkpoint before the update": (
        "由种子采样的初始参数，或此步更新之前的检查点"
    ),
    "parameters set by the user, and no checkpoint before the update": (
        "由用户设置的参数，且此步更新之前没有检查点"
    ),
    'the layer {layer} "{name}"': "层 {layer}（{name}）",
    'the layer {layer} "{name}", in inference': "层 {layer}（{name}），推理时",
    "replay, epoch {epoch}": "replay，第 {epoch} 轮",
    "{kind}, at least {low:g}": "{kind}，至少 {low:g}",
    "{kind}, at least {low:g} and at most {high:g}": "{kind}，至少 {low:g}，至多 {high:g}",
    "{count} weights": "{count} 个权重",
    "class indices from 0 to {last}": "0 到 {last} 的类别下标",
    "{array}, {first} to {last}": "{array}，{first} 到 {last}",
    "a prompt of {count} tokens": "{count} 个词元的提示",
    "a prompt of {count} tokens and {new} new ones": "{count} 个词元的提示和 {new} 个新词元",
    "{count} tokens in row {row}": "第 {row} 行有 {count} 个词元",
    'input "{name}": {received}, not {expected}': "输入“{name}”：{received}，而非 {expected}",
    "fit, sequences of length {length}": "fit，长度为 {length} 的序列",
    "x and y": "x 和 y",
    "{name} is {received}, not {expected}": "{name} 为 {received}，而非 {expected}",
    "{name} is unexpected": "多余的 {name}",
    "weights": "权重",
    "{size:,} bytes ({amount})": "{size:,} 字节（{amount}）",
    '"{name}_1" for the input or parameter': "输入或参数改名为“{name}_1”",
    "fit with {optimizer}": "用 {optimizer} 的 fit",
    "input {name}{index} = {value:.6g}": "输入 {name}{index} = {value:.6g}",
    "row {rows}": "第 {rows} 行",
    "rows {rows}": "第 {rows} 行",
    "{rows} of the training data": "训练数据的{rows}",
    "{rows} of the training data, with the largest contributions": "训练数据的{rows}，贡献最大",
    "{value:.6g} from {op} at {index}, {place}": "{value:.6g} 来自 {op}，位置 {index}，{place}",
    'assert np.isfinite(values["{name}"]).all()  # the argument of load_parameters': (
        'assert np.isfinite(values["{name}"]).all()  # load_parameters 的参数'
    ),
    "x = (x - x.mean(0)) / x.std(0), after checking row {row}": (
        "检查第 {row} 行，再用 x = (x - x.mean(0)) / x.std(0)"
    ),
    "penalty=cr.L2(1e-4), after checking how {name} was set": (
        "检查 {name} 是如何设置的，再用 penalty=cr.L2(1e-4)"
    ),
    "an optimizer with a learning rate": "带学习率的优化器",
    "two learning rates, 0 < low < high": "两个学习率，0 < low < high",
    "{count} steps with a finite loss": "{count} 个损失有限的步",
}
