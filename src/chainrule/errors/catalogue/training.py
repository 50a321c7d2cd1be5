"""E5xx: a training that cannot go on."""

from chainrule.errors.catalogue.entry import Entry

ENTRIES: dict[str, Entry] = {
    "E501": Entry("a number became NaN or infinite", "计算中出现了 NaN 或无穷大"),
    "E502": Entry(
        "the net gives {outputs} scores, but the data has {classes} classes",
        "网络给出 {outputs} 个得分，但数据有 {classes} 个类别",
    ),
    "E503": Entry("the model has not learned anything yet", "模型还没有训练过"),
    "E504": Entry("the targets do not fit what the net gives", "目标的形状与网络的输出不符"),
    "E506": Entry("a label that the training has not seen", "出现了训练时没有见过的标签"),
    "E508": Entry("{what} does not fit into the memory that is free", "空闲内存容纳不下{what_zh}"),
    "E507": Entry("this model gives values, not probabilities", "此模型输出数值，而不是概率"),
    "E505": Entry("the training to go on with was another one", "要继续的训练与当前设置不一致"),
    "E510": Entry("targets and answers that no metric can compare", "目标与预测无法用指标比较"),
    "E511": Entry("the callback {callback} failed", "回调 {callback} 出错"),
    "E512": Entry("the file that is there is no such log", "已有的文件不是这种日志"),
    "E513": Entry("no learning rate of this range can be tried", "此范围内没有可以尝试的学习率"),
    "E509": Entry("no path of frames can say this target", "没有任何路径能读出这个目标序列"),
}
