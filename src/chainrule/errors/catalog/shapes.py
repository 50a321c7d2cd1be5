"""E2xx: shapes that do not match. E25x: unsupported dtypes."""

from chainrule.errors.catalog.entry import Entry

ENTRIES: dict[str, Entry] = {
    "E201": Entry("{op} needs inputs of equal shape (C1)", "{op} 的各个输入形状必须相同（C1）"),
    "E202": Entry("the shapes cannot be broadcast together", "这些形状无法广播成同一形状"),
    "E203": Entry(
        "the last axis of the left side does not match the right side (C1)",
        "左边的最后一个轴与右边的长度不一致（C1）",
    ),
    "E204": Entry("a reshape must keep the number of elements", "改变形状时元素个数必须保持不变"),
    "E205": Entry("axis {axis} does not exist", "轴 {axis} 不存在"),
    "E206": Entry("the slice reaches outside the axis", "切片超出了轴的范围"),
    "E207": Entry(
        "all parts must have the same shape except along the concatenated axis",
        "除拼接轴以外，各部分的形状必须相同",
    ),
    "E208": Entry("{op} needs {constraint}", "{op} 的约束不满足：{constraint}"),
    "E209": Entry("an array does not match its input", "给出的数组与输入的形状不符"),
    "E210": Entry("an array for this input is missing", "缺少某个输入的数组"),
    "E211": Entry("an index is out of range of the table", "索引超出了查找表的范围"),
    "E212": Entry("the size {size} cannot be inferred from any input", "无法从任何输入得知大小 {size}"),
    # E213 to E219: convolutions and pooling.
    "E213": Entry("{op} needs images with the channels last", "{op} 需要通道在最后的图像"),
    "E214": Entry("{op} cannot divide the channels into the groups", "{op} 无法把通道均分成各组"),
    "E215": Entry("the window is wider than the image", "窗口比图像还宽"),
    "E216": Entry(
        "{op} inverts an operation with another output shape", "{op} 所逆转的运算得到的是另一种形状"
    ),
    "E217": Entry("the weights of {op} do not match the channels", "{op} 的权重与通道数不符"),
    "E218": Entry("the settings of {op} do not match its axes", "{op} 的窗口、步幅、填充等设置与空间轴不符"),
    "E219": Entry("a pooling window contains only padding", "汇聚的某个窗口中只有填充"),
    "E227": Entry("the inputs of a loop do not match its step", "循环的输入与其单步不符"),
    "E228": Entry("the sequences of a loop differ in length", "循环的各个序列长度不一致"),
    # E220 to E226: sequences, attention and decoding.
    "E220": Entry("{op} needs a sequence of vectors", "{op} 需要向量序列"),
    "E221": Entry("{op} cannot split the channels evenly into its {what}", "{op} 无法把通道均分给{what_zh}"),
    "E222": Entry("the mask of {op} has the wrong shape", "{op} 的遮蔽（mask）形状不符"),
    "E223": Entry("{op} cannot run token by token", "{op} 不能逐词运行"),
    "E224": Entry("the sequence is longer than the positions of {op}", "序列的长度超出了 {op} 的位置数"),
    "E225": Entry("the cache is full", "缓存已满，放不下更多的词"),
    "E226": Entry("the sequences passed to {op} do not match", "给 {op} 的各个序列互不相符"),
    "E229": Entry("the prompt fills the context", "提示过长，超出了上下文的长度"),
    "E230": Entry("{op} needs at least two values to compute a variance", "{op} 需要至少两个数才能求出方差"),
    "E231": Entry(
        "{op} needs the values and the indices of a max pooling", "{op} 需要最大汇聚给出的值与胜出位置"
    ),
    "E232": Entry(
        "{op} cannot crop the image to the size of the inner output",
        "{op} 无法把图像裁剪到内层输出的大小",
    ),
    "E233": Entry("{op} needs images of another size", "{op} 需要另一种尺寸的图像"),
    # E234 and E235: numbers of an input that its dtype does not represent.
    "E234": Entry("{dtype} does not represent this integer", "{dtype} 无法表示这个整数"),
    "E235": Entry("this input takes integers ({dtype})", "这个输入只接受整数（{dtype}）"),
    "E236": Entry("{loss} does not return a loss for each sample", "{loss} 没有为每个样本返回一个损失"),
    "E251": Entry("the dtype {dtype} is not supported", "不支持 {dtype} 类型的数"),
    "E252": Entry("{op} needs inputs of one dtype", "{op} 的各个输入的数值类型必须相同"),
    "E253": Entry("{op} needs {kind} numbers", "{op} 需要 {kind} 类型的数"),
}
