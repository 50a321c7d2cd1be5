"""E5xx: trainings and explanations that cannot start or continue."""

from chainrule.errors.catalog.entry import Entry

ENTRIES: dict[str, Entry] = {
    "E501": Entry("a number became NaN or infinite: {cause}", "计算中出现了 NaN 或无穷大：{cause_zh}"),
    "E502": Entry(
        "the network outputs {outputs} scores, but the data has {classes} classes",
        "网络给出 {outputs} 个得分，但数据有 {classes} 个类别",
    ),
    "E503": Entry("the model is not trained yet", "模型还没有训练过"),
    "E504": Entry("the targets do not match the output of the network", "目标的形状与网络的输出不符"),
    "E506": Entry("this label did not occur in the training", "此标签在训练中没有出现过"),
    "E508": Entry("{what} does not fit into the free memory", "空闲内存容纳不下{what_zh}"),
    "E507": Entry("the model predicts something else", "此模型预测的不是所需的量"),
    "E505": Entry("the training to resume is a different one", "要继续的训练与当前设置不一致"),
    "E510": Entry("no metric can compare these targets and predictions", "目标与预测无法用指标比较"),
    "E511": Entry("the callback {callback} failed", "回调 {callback} 出错"),
    "E512": Entry("the existing file is not a log of this kind", "已有的文件不是这种日志"),
    "E550": Entry("the diagnosis in the file cannot be read", "文件中的诊断无法读取"),
    "E551": Entry("the stored gradients do not belong to this network", "存储的梯度不属于这个网络"),
    "E552": Entry("no diagnosis of this training was saved", "这次训练没有保存诊断"),
    "E555": Entry("the record of the non-finite tracer cannot be read", "无法读取非有限值追踪的记录"),
    "E513": Entry("no learning rate in this range can be tried", "此范围内没有可以尝试的学习率"),
    "E530": Entry("the training has no update {step}", "训练没有第 {step} 次更新"),
    "E531": Entry(
        "cannot replay the update: the initial parameters were not saved",
        "无法重放这次更新：没有保存初始参数",
    ),
    "E532": Entry("the replayed training differs from the recorded one", "重放的训练与记录的训练不一致"),
    "E533": Entry(
        "cannot replay updates: the settings of the training were not saved",
        "没有保存训练的设置，无法重放其中的更新",
    ),
    "E540": Entry(
        "the values of {method} do not sum to the difference that they explain",
        "{method} 的各值之和与要解释的差不符",
    ),
    "E541": Entry("the network lacks what the method needs: {what}", "网络缺少该方法所需的部分：{what_zh}"),
    "E542": Entry("the baseline does not match the inputs", "基线与输入的形状不符"),
    "E543": Entry("the method needs {what}", "该方法需要{what_zh}"),
    "E544": Entry("the output to explain is missing or unknown", "没有指明要解释的输出，或没有这样的输出"),
    "E509": Entry("no alignment of the frames yields this target", "没有任何路径能读出这个目标序列"),
    "E545": Entry(
        "exact Shapley values of {players} parts need 2^{players} predictions",
        "{players} 个部分的精确 Shapley 值需要 2^{players} 次预测",
    ),
    "E546": Entry(
        "no change of at most {max_changes} columns leads to this prediction: {target}",
        "改变至多 {max_changes} 列得不到这一预测：{target_zh}",
    ),
    "E547": Entry("the model cannot predict this", "模型不会给出这样的预测"),
    "E548": Entry("the prediction is already the requested one: {target}", "预测已经符合期望：{target_zh}"),
    "E549": Entry("the possible values of the columns are not known", "不知道这一行各列可取哪些值"),
    "E571": Entry("robust training is not possible for this network", "无法对这个网络进行鲁棒训练"),
    "E590": Entry("a private training cannot use this: {name}", "差分隐私训练不能使用：{name}"),
    "E591": Entry(
        "this would reveal the rows or the noise of a private training",
        "这会泄露差分隐私训练的数据行或噪声",
    ),
    "E592": Entry(
        "epsilon {epsilon} is too small for this data: the noise would hide it",
        "epsilon {epsilon} 对这些数据太小：噪声会淹没数据",
    ),
    "E593": Entry("a private training diverged in step {step}", "差分隐私训练在第 {step} 步发散"),
    "E594": Entry("the steps of a private training are not accounted for", "没有差分隐私训练已用步数的记录"),
    "E573": Entry(
        "the training would start from parameters whose rows are not protected",
        "训练将从数据行不受保护的参数开始",
    ),
    "E570": Entry("this needs a classifier with one output", "这需要只有一个输出的分类模型"),
}
