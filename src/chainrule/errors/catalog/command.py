"""E6xx: commands with invalid options or arguments."""

from chainrule.errors.catalog.entry import Entry

ENTRIES: dict[str, Entry] = {
    "E601": Entry(
        "{option} {problem}", "命令行中 {option} {problem}", {"problem": "cannot be used in this way"}
    ),
    "E602": Entry("this folder already contains a training", "此文件夹中已有一次训练"),
    "E603": Entry("the training to resume has other options", "要继续的训练使用了不同的选项"),
    "E604": Entry("there is no training to resume", "没有可以继续的训练"),
    "E605": Entry("the configuration file of the run is invalid", "训练的配置文件无效"),
    "E606": Entry("there is no row {row}", "没有第 {row} 行"),
    "E607": Entry("DATA is not what this model takes", "DATA 不是此模型所需的数据"),
    "E608": Entry("a column has two conflicting options", "同一列被指定了两种用法"),
    "E609": Entry("the output would overwrite a file", "结果会覆盖已有的文件"),
    "E610": Entry("this folder contains no model", "此文件夹中没有模型"),
    "E611": Entry("a threshold needs exactly two classes", "阈值只适用于两个类别"),
    "E613": Entry("these are not the rows of the training", "这些不是训练所用的行"),
    "E612": Entry("this model has no calibration", "此模型没有经过校准"),
}
