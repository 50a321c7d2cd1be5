"""E45x: weights of other libraries that cannot be read or do not match the network."""

from chainrule.errors.catalog.entry import Entry

ENTRIES: dict[str, Entry] = {
    "E450": Entry("the file contains no supported weights", "文件中没有可读取的权重"),
    "E451": Entry("the weights file is damaged", "权重文件已损坏"),
    "E452": Entry(
        'the file requests "{name}", which weights do not need; the request was refused',
        "文件要求执行“{name}”，而权重不需要它；未执行",
    ),
    "E453": Entry(
        "the file contains a complete PyTorch model with its code instead of weights",
        "文件中是带代码的整个 PyTorch 模型，而不只是权重",
    ),
    "E454": Entry(
        "it is ambiguous which part of the file contains the weights", "无法确定文件的哪一部分是权重"
    ),
    "E455": Entry("the weights belong to another network", "这些权重属于另一个网络"),
    "E456": Entry("the file contains an unsupported dtype", "文件中有不支持的数值类型"),
    "E457": Entry("a model in several files is incomplete", "分多个文件保存的模型不完整"),
    "E458": Entry("the ONNX file is damaged or too large", "ONNX 文件已损坏或过大"),
    "E459": Entry('"{name}" of the ONNX file is not supported', "不支持 ONNX 文件中的“{name}”"),
    "E460": Entry("this is not a property that can be read", "无法读取这一性质"),
    "E461": Entry("the property belongs to another network", "这一性质属于另一个网络"),
}
