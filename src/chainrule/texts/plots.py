"""What pictures say, in English and Chinese: titles, axes with their units, and what each kind shows."""

from __future__ import annotations

from chainrule.settings import settings

PICTURES: dict[str, tuple[str, str]] = {
    "graph": ("The network", "网络结构"),
    "graph.says": (
        "The network as boxes and arrows, with shapes and numbers of parameters; repeated blocks are folded.",
        "把网络画成方框和箭头，标出形状和参数个数；重复的块合并显示。",
    ),
    "curves": ("Learning curves", "学习曲线"),
    "curves.says": (
        "Loss and metrics over the epochs, with the best epoch and the learning rate.",
        "损失和指标随训练轮数的变化，并标出最佳轮次和学习率。",
    ),
    "weights": ("Weights", "权重"),
    "weights.says": (
        "How the weights of each layer are distributed, now or, where it was recorded, over the epochs.",
        "各层权重的分布：当前状态，或（有记录时）随轮数的变化。",
    ),
    "activations": ("Activations", "激活值"),
    "activations.says": (
        "How what each layer gives is distributed, now or, where it was recorded, over the epochs.",
        "各层输出值的分布：当前状态，或（有记录时）随轮数的变化。",
    ),
    "gradients": ("Gradients", "梯度"),
    "gradients.says": (
        "How the gradients of each layer are distributed, now or, where it was recorded, over the epochs.",
        "各层梯度的分布：当前状态，或（有记录时）随轮数的变化。",
    ),
    "filters": ("Kernels of {layer}", "卷积核：{layer}"),
    "filters.says": (
        "The kernels of a convolution as small pictures.",
        "把卷积核画成小图。",
    ),
    "maps": ("What the layers make of a sample", "各层对一个样本的输出"),
    "maps.says": (
        "One sample on its way through the net: the feature maps, or the numbers, that each layer gives.",
        "一个样本经过网络：每一层给出的特征图或数值。",
    ),
    "attention": ("Attention: {layer}", "注意力：{layer}"),
    "attention.says": (
        "Which places of a sequence each place looks at, for every head.",
        "每个注意力头中，序列的每个位置在看哪些位置。",
    ),
    "embedding": ("Embedding: {layer}", "嵌入：{layer}"),
    "embedding.says": (
        "The rows of an embedding's table in the plane of their two main directions.",
        "把嵌入表的各行投影到两个主方向构成的平面上。",
    ),
    "landscape": ("Loss landscape", "损失曲面"),
    "landscape.says": (
        "The loss around the present weights, along two random directions as long as the weights themselves.",
        "以当前权重为中心，沿两个与权重同尺度的随机方向的损失。",
    ),
    "course": ("The way of the training over the loss", "训练在损失曲面上的路径"),
    "course.says": (
        "Where the weights were at each stop of a training, in the plane in which its way lies most.",
        "训练各阶段的权重位置，投影到路径的两个主方向构成的平面上。",
    ),
    "boundary": ("Decision boundary", "决策边界"),
    "boundary.says": (
        "The answer for every pair of two features, the others held at their medians.",
        "两个特征任意取值时的预测，其余特征取中位数。",
    ),
    "confusion": ("Confusion matrix", "混淆矩阵"),
    "confusion.says": ("How often each class is taken for each.", "各类别被预测为各类别的次数。"),
    "calibration": ("Calibration: ECE {ece:.3f}", "校准：ECE {ece:.3f}"),
    "calibration.says": (
        "Whether 0.9 is said where nine of ten are right: the reliability diagram.",
        "说 0.9 时是否真有九成正确：可靠性图。",
    ),
    "roc": ("ROC curve", "ROC 曲线"),
    "roc.says": (
        "The share of a class that is found over the share of the others that is taken for it.",
        "找到的比例（真阳性率）与误认的比例（假阳性率）之间的关系。",
    ),
    "precision_recall": ("Precision over recall", "精确率—召回率曲线"),
    "precision_recall.says": (
        "How many of those said to be of a class are, over the share of the class that is found.",
        "精确率随召回率的变化。",
    ),
    "residuals": ("Answers and errors", "预测与误差"),
    "residuals.says": (
        "Predicted over true values, and how often each error occurs.",
        "预测值与真实值的关系，以及误差的分布。",
    ),
}

AXES: dict[str, tuple[str, str]] = {
    "epoch": ("epoch", "轮"),
    "loss": ("loss", "损失"),
    "training": ("training", "训练集"),
    "validation": ("validation", "验证集"),
    "best": ("best epoch: {epoch}", "最佳轮：{epoch}"),
    "rate": ("learning rate", "学习率"),
    "value": ("value", "数值"),
    "values": ("value (each frame its own range)", "数值（各图范围不同）"),
    "share": ("share of the numbers", "所占比例"),
    "numbers": ("{n:,} numbers", "{n:,} 个数"),
    "inputs_now": ("over {n} rows", "{n} 行数据"),
    "over_epochs": ("{title} over the epochs", "{title}随轮数的变化"),
    "density": ("share of the most frequent value, its root", "与最常见值之比的平方根"),
    "weight": ("weight", "权重"),
    "sample": ("the sample", "样本"),
    "activation": ("value, of the layer's largest", "相对该层最大绝对值"),
    "channel": ("channel {n}", "通道 {n}"),
    "head": ("head {n}", "头 {n}"),
    "query": ("place that looks", "查询位置"),
    "key": ("place looked at", "键位置"),
    "looks": ("weight (each row adds up to 1)", "权重（每行之和为 1）"),
    "component": ("direction {n}, {share:.0%} of the variance", "主方向 {n}，占方差 {share:.0%}"),
    "direction": ("direction {n} (1: as long as the weights)", "方向 {n}（1 表示与权重等长）"),
    "loss_rows": ("loss, mean over {n} rows", "损失（{n} 行的平均）"),
    "here": ("the present weights", "当前权重"),
    "standardised": ("{name} (standardised)", "{name}（标准化后）"),
    "probability_of": ("probability of {label}", "{label} 的概率"),
    "sureness": ("class, the paler the less sure", "类别，颜色越浅越不确定"),
    "predicted_value": ("predicted value", "预测值"),
    "others": (
        "the other {n} features are held at their medians",
        "其余 {n} 个特征取中位数",
    ),
    "predicted": ("predicted class", "预测类别"),
    "true": ("true class", "真实类别"),
    "share_of_row": ("share of the true class", "占真实类别的比例"),
    "confidence": ("confidence (probability of the answer)", "置信度（预测类别的概率）"),
    "right": ("share that is right", "正确的比例"),
    "perfect": ("as sure as right", "完全校准"),
    "rows": ("rows", "行数"),
    "gap": ("gap", "差距"),
    "false_positive": ("false positive rate", "假阳性率"),
    "true_positive": ("true positive rate", "真阳性率"),
    "recall": ("recall", "召回率"),
    "precision": ("precision", "精确率"),
    "chance": ("by chance", "随机猜测"),
    "area": ("{label}: area {area:.3f}", "{label}：面积 {area:.3f}"),
    "average": ("{label}: mean {area:.3f}", "{label}：平均 {area:.3f}"),
    "true_value": ("true value", "真实值"),
    "equal": ("equal", "相等"),
    "error": ("predicted - true", "预测值 - 真实值"),
    "shown": ("{shown} of {all} shown", "显示 {all} 个中的 {shown} 个"),
    "known_rows": (
        "These rows include the {training} training and {validation} validation rows of this model: it looks "
        "better here than it is.",
        "这些行包含该模型的 {training} 行训练数据和 {validation} 行验证数据：此处的成绩高于实际水平。",
    ),
    "input": ("input", "输入"),
    "parameters": ("{n:,} parameters", "{n:,} 个参数"),
    "folded": ("× {n}", "× {n}"),
}


def said(key: str, **facts: object) -> str:
    """The words of this key in the language of ``settings.lang``, their braces filled with the facts.

    Example:
        >>> with settings.using(lang="zh"):
        ...     said("parameters", n=61706)
        '61,706 个参数'
    """
    found = PICTURES[key] if key in PICTURES else AXES[key]
    return found[settings.lang == "zh"].format(**facts)
