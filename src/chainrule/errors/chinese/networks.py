"""Facts of errors about nodes, operations and layers."""

PHRASES: dict[str, str] = {
    "the number of layers": "层数",
    "fewer layers": "减少层数",
    "{theirs}: here {own}": "{theirs}：此处为 {own}",
    "{name} left out: {text}": "{name} 已省去：{text}",
    "learning_rate_factor multiplies the learning rate of the optimizer": (
        "learning_rate_factor 是优化器学习率的倍数"
    ),
    "the optimizer has the learning rate: cr.Adam(0.001)": "学习率由优化器设置：cr.Adam(0.001)",
    "the model has the optimizer: cr.Model(net, loss, cr.Adam(0.001))": (
        "优化器由模型设置：cr.Model(net, loss, cr.Adam(0.001))"
    ),
    "the model has the loss weights: cr.Model(net, losses, loss_weights={{...}})": (
        "损失权重属于模型：cr.Model(net, losses, loss_weights={{...}})"
    ),
    "the model has the loss: cr.Model(net, loss, cr.Adam(0.001))": (
        "损失函数由模型设置：cr.Model(net, loss, cr.Adam(0.001))"
    ),
    "an argument of fit": "fit 的参数",
    "the best weights are always restored": "总是恢复最佳权重",
    "arrays stay in the memory of the CPU": "数组始终在 CPU 内存中",
    "inferred from the input": "由输入自动推断",
    "the batch is always the first axis": "第一个轴总是批轴",
    "channels are always the last axis": "通道总是最后一个轴",
    "cr.Reshape((28, 28, 1)) before it, for images of one channel": (
        "在它之前加 cr.Reshape((28, 28, 1))（单通道图像）"
    ),
    "cr.Dense({classes}) as the last layer, with cross_entropy": (
        "最后一层用 cr.Dense({classes})，配合 cross_entropy"
    ),
    "1 to {last}": "1 到 {last}",
    "1 to {step}, as many as the training made": "1 到 {step}，与训练的步数相同",
    "1 to 1024": "1 到 1024",
    "1 or 2": "1 或 2",
    "1 or more": "不小于 1",
    "an order of {rows} rows": "{rows} 行的一个排列",
    "no sizes": "没有大小",
    "step {step} (epoch {epoch}, batch {batch}, {samples} rows)": (
        "第 {step} 步（第 {epoch} 轮，第 {batch} 批，{samples} 行）"
    ),
    '"{name}" is not known': "不认识“{name}”",
    "{count} files beside the index": "与索引同一文件夹的 {count} 个文件",
    "an input with an axis of length {size}": "有一个轴长度为 {size} 的输入",
    'input "{name}"': "输入“{name}”",
    'input "{name}": {expected}, received {received}': "输入“{name}”：{expected}，收到 {received}",
    "compute the gradient together with the value it belongs to": "把梯度与它所属的值一起计算",
    "{derivative:.12g} (a step of {step:g})": "{derivative:.12g}（步长 {step:g}）",
    "{derivative:.12g} (relative error {error:.1e})": "{derivative:.12g}（相对误差 {error:.1e}）",
    "the key is two uint32, or two for each row": "键是两个 uint32，或每行两个",
    "the numbers drawn are floating-point": "抽取的是浮点数",
    "all inputs have one shape": "所有输入形状相同",
    "the condition is true/false": "条件为真/假",
    "the lower limit is not above the upper one": "下限不高于上限",
    "both have the same one to three spatial axes between first and last, all lengths but B known": (
        "首尾轴之间有相同的一到三个空间轴，除 B 外长度都已知"
    ),
    "for each spatial axis a kernel, stride and dilation >= 1 and padding >= 0": (
        "每个空间轴的卷积核、步幅、扩张不小于 1，填充不小于 0"
    ),
    "the padded image is at least as wide as the kernel reaches": "填充后的图像不小于卷积核的范围",
    "the groups divide the channels of both sides": "组数能整除两侧的通道数",
    "every axis exists": "每个轴都存在",
    "the last axis of the left is as long as the last but one of the right": (
        "左边最后一轴与右边倒数第二轴等长"
    ),
    "both have the same number of axes, two at least, and equal leading axes": (
        "轴数相同，至少两个，前面的轴相等"
    ),
    "the table has an axis": "表至少有一个轴",
    "the indices are integers": "下标为整数",
    "depth is at least 0 and dtype floating-point": "深度不小于 0，类型为浮点数",
    "one start, stop and step for each axis": "每个轴各有一个起点、终点和步长",
    "0 <= start <= stop <= length and step >= 1": "0 <= 起点 <= 终点 <= 长度，步长 >= 1",
    "for each axis a count of at least 0 before, after and between": "每个轴的前、后、间隔都不小于 0",
    "the axis exists": "轴存在",
    "an image (B, *space, C) of one to three spatial axes, all lengths but B known": (
        "图像 (B, *space, C)，一到三个空间轴，除 B 外长度都已知"
    ),
    "for each spatial axis a window, stride and dilation >= 1 and padding >= 0": (
        "每个空间轴的窗口、步幅、扩张不小于 1，填充不小于 0"
    ),
    "the padded image is at least as wide as the window reaches": "填充后的图像不小于窗口的范围",
    "floating-point numbers": "浮点数",
    "the windows are those of an image of this space": "窗口来自这种空间的图像",
    "every axis exists and is named once": "每个轴都存在，且只写一次",
    "one axis of fixed length at a time": "每次一个固定长度的轴",
    "one axis at a time": "每次一个轴",
    "one input for each state, sequence and given of the step, of its shape and kind": (
        "每一步的状态、序列和给定值各有一个形状与类型相符的输入"
    ),
    "there is at least one cell": "至少有一个格",
    "every axis of the input is named once": "输入的每个轴各写一次",
    "each axis, aligned at the end, is 1 or as long as in the new shape": (
        "从末尾对齐，每个轴为 1 或与新形状等长"
    ),
    "the axis is not empty": "轴不为空",
    "the numbers are floating-point": "数为浮点数",
    "a very long integer": "一个很长的整数",
    "images of {height} x {width}: cr.read_images(folder, size=({height}, {width}))": (
        "{height} x {width} 的图像：cr.read_images(folder, size=({height}, {width}))"
    ),
    "none: frozen={names}": "无：frozen={names}",
    "leave them out": "去掉它们",
    "a dict with a {kind} as key": "以 {kind} 为键的字典",
    'frozen=["stage1"]: some layers, not all': 'frozen=["stage1"]：冻结部分层，而非全部',
    "cr.Dense(n) as the last layer has n outputs for a sample": "最后一层用 cr.Dense(n)，每个样本有 n 个输出",
    "one of {count}: chainrule show {plural}": "{count} 个之一：chainrule show {plural}",
    "both values have one dtype": "两个值类型相同",
    "all inputs have one dtype, which the operation accepts": "所有输入类型相同，且为此运算所接受",
    "both have one floating-point dtype": "两者是同一种浮点数",
    "the dtype is supported": "类型是已知的",
    "the dtype and all other axes are equal": "数值类型和其他各轴都相等",
    "the dtype is supported by the operation": "数值类型合适",
    "a reduced axis is not empty": "被归约的轴不为空",
}
