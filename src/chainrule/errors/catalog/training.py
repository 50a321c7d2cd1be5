"""E5xx: a training that cannot go on."""

from chainrule.errors.catalog.entry import Entry

ENTRIES: dict[str, Entry] = {
    "E501": Entry("a number became NaN or infinite: {cause}", "计算中出现了 NaN 或无穷大：{cause_zh}"),
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
    "E550": Entry("the diagnosis in the file cannot be read", "文件中的诊断无法读取"),
    "E551": Entry("the stored gradients are not those of this net", "存储的梯度不属于这个网络"),
    "E552": Entry("no diagnosis was kept of this training", "这次训练没有保存诊断"),
    "E555": Entry("the record of the black box cannot be read", "黑匣子记录无法读取"),
    "E513": Entry("no learning rate of this range can be tried", "此范围内没有可以尝试的学习率"),
    "E530": Entry("the training has no update {step}", "训练没有第 {step} 次更新"),
    "E531": Entry(
        "the update cannot be made again: nobody kept where the training began",
        "无法重演这次更新：训练的起点没有保存",
    ),
    "E532": Entry("the training made again is not the one that was recorded", "重演的训练与记录的训练不一致"),
    "E533": Entry(
        "how the training went is not known here, so none of its updates can be made again",
        "这里没有训练过程的记录，无法重演其中的更新",
    ),
    "E540": Entry(
        "the values of {method} do not add up to what they explain",
        "{method} 的各值之和与要解释的差不符",
    ),
    "E541": Entry("the net has not what the method needs: {what}", "网络缺少该方法所需的部分：{what_zh}"),
    "E542": Entry("a baseline that does not fit the inputs", "基线与输入的形状不符"),
    "E543": Entry("the method needs {what}", "该方法需要{what_zh}"),
    "E544": Entry("there is no such answer to explain", "没有这样的输出可以解释"),
    "E509": Entry("no path of frames can say this target", "没有任何路径能读出这个目标序列"),
    "E545": Entry(
        "exact Shapley values of {players} parts need 2^{players} answers",
        "{players} 个部分的精确 Shapley 值需要 2^{players} 次预测",
    ),
    "E546": Entry(
        "no change of at most {most} columns brings this answer: {wanted}",
        "改变至多 {most} 列得不到这一答案：{wanted_zh}",
    ),
    "E547": Entry("this cannot be an answer of the model", "模型不会给出这样的答案"),
    "E548": Entry("the answer is already the wanted one: {wanted}", "答案已经符合期望：{wanted_zh}"),
    "E549": Entry("it is not known what the columns of the row may become", "不知道这一行各列可取哪些值"),
}
