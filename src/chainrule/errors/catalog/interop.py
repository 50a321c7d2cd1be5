"""E45x: foreign weights that cannot be read, or belong to another net."""

from chainrule.errors.catalog.entry import Entry

ENTRIES: dict[str, Entry] = {
    "E450": Entry("the file holds no weights that can be read here", "文件中没有可读取的权重"),
    "E451": Entry("the file of weights is damaged", "权重文件已损坏"),
    "E452": Entry(
        'the file asks for "{name}", which weights do not need; it was not done',
        "文件要求执行“{name}”，而权重不需要它；未执行",
    ),
    "E453": Entry(
        "the file holds a whole PyTorch model with its code, not its weights",
        "文件中是带代码的整个 PyTorch 模型，而不只是权重",
    ),
    "E454": Entry("it is not clear which part of the file is the weights", "无法确定文件的哪一部分是权重"),
    "E455": Entry("the weights belong to another net", "这些权重属于另一个网络"),
    "E456": Entry("the file holds numbers of a kind that is not read here", "文件中有不支持的数值类型"),
    "E457": Entry("a model in several files is not whole", "分多个文件保存的模型不完整"),
}
