"""Texts of plots: titles, axis labels and descriptions, (English, Chinese) by key."""

from __future__ import annotations

from chainrule.messages import plural, spacing
from chainrule.settings import settings

PLOTS: dict[str, tuple[str, str]] = {
    "graph": ("The network", "网络结构"),
    "graph.description": (
        "The network as boxes and arrows, with shapes and parameter counts; repeated blocks are folded.",
        "把网络画成方框和箭头，标出形状和参数个数；重复的块合并显示。",
    ),
    "learning_curves": ("Learning curves", "学习曲线"),
    "learning_curves.description": (
        "Loss and metrics over the epochs, with the best epoch and the learning rate.",
        "损失和指标随训练轮数的变化，并标出最佳轮次和学习率。",
    ),
    "weights": ("Weights", "权重"),
    "weights.description": (
        (
            "The distribution of the weights of each layer, at present or, where it was recorded, over "
            "the epochs."
        ),
        "各层权重的分布：当前状态，或（有记录时）随轮数的变化。",
    ),
    "activations": ("Activations", "激活值"),
    "activations.description": (
        (
            "The distribution of the outputs of each layer, at present or, where it was recorded, over "
            "the epochs."
        ),
        "各层输出值的分布：当前状态，或（有记录时）随轮数的变化。",
    ),
    "gradients": ("Gradients", "梯度"),
    "gradients.description": (
        (
            "The distribution of the gradients of each layer, at present or, where it was recorded, over "
            "the epochs."
        ),
        "各层梯度的分布：当前状态，或（有记录时）随轮数的变化。",
    ),
    "filters": ("Kernels of {layer}", "卷积核：{layer}"),
    "filters.description": (
        "The kernels of a convolution as small images.",
        "把卷积核画成小图。",
    ),
    "feature_maps": ("Layer outputs for one sample", "各层对一个样本的输出"),
    "feature_maps.description": (
        "One sample passed through the network: the feature maps, or the values, that each layer outputs.",
        "一个样本经过网络：每一层给出的特征图或数值。",
    ),
    "attention": ("Attention: {layer}", "注意力：{layer}"),
    "attention.description": (
        "Which positions of a sequence each position attends to, for every head.",
        "每个注意力头中，序列的每个位置在看哪些位置。",
    ),
    "embedding": ("Embedding: {layer}", "嵌入：{layer}"),
    "embedding.description": (
        "The rows of an embedding table, projected onto their two principal directions.",
        "把嵌入表的各行投影到两个主方向构成的平面上。",
    ),
    "loss_landscape": ("Loss landscape", "损失曲面"),
    "loss_landscape.description": (
        "The loss around the current weights, along two random directions of the same norm as the weights.",
        "以当前权重为中心，沿两个与权重同尺度的随机方向的损失。",
    ),
    "trajectory": ("Path of the training on the loss surface", "训练在损失曲面上的路径"),
    "trajectory.description": (
        (
            "The weights at each stage of a training, projected onto the two principal directions of "
            "their path."
        ),
        "训练各阶段的权重位置，投影到路径的两个主方向构成的平面上。",
    ),
    "decision_boundary": ("Decision boundary", "决策边界"),
    "decision_boundary.description": (
        (
            "The prediction for every pair of values of two features, with the other features at their "
            "medians."
        ),
        "两个特征任意取值时的预测，其余特征取中位数。",
    ),
    "confusion_matrix": ("Confusion matrix", "混淆矩阵"),
    "confusion_matrix.description": (
        "How often each class is predicted as each class.",
        "各类别被预测为各类别的次数。",
    ),
    "calibration": ("Calibration: ECE {ece:.3f}", "校准：ECE {ece:.3f}"),
    "calibration.description": (
        "Reliability diagram: whether predictions of 0.9 are correct nine times out of ten.",
        "可靠性图：预测概率为 0.9 时是否真有九成正确。",
    ),
    "risk_coverage": ("Risk and coverage: mean risk {area:.3f}", "风险与覆盖率：平均风险 {area:.3f}"),
    "risk_coverage.description": (
        "How the share of errors falls if only the most certain rows are decided.",
        "只对最有把握的行作出判断时，错误比例如何下降。",
    ),
    "coverage": ("share of decided rows", "作出判断的比例"),
    "risk": ("share of errors among them", "其中错误的比例"),
    "threshold": ("confidence", "置信度"),
    "risk_of_model": ("this model", "此模型"),
    "ideal_order": ("ideal: all errors last", "理想：错误都排在最后"),
    "roc": ("ROC curve", "ROC 曲线"),
    "roc.description": (
        "True positive rate over false positive rate, for each class.",
        "各类别的真阳性率与假阳性率之间的关系。",
    ),
    "precision_recall": ("Precision–recall curve", "精确率—召回率曲线"),
    "precision_recall.description": (
        "Precision over recall, for each class.",
        "精确率随召回率的变化。",
    ),
    "residuals": ("Predictions and errors", "预测与误差"),
    "residuals.description": (
        "Predicted over true values, and the distribution of the errors.",
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
    "rate_at_end": ("learning rate: {value}", "学习率：{value}"),
    "last_and_best": ("{name}: {last} at the end, best {best}", "{name}：最后为 {last}，最好为 {best}"),
    "data_loss": ("loss without penalty", "不含惩罚的损失"),
    "validation_of": ("validation {title}", "验证{title}"),
    "spread": ("{name}: mean {mean}, standard deviation {std}", "{name}：均值 {mean}，标准差 {std}"),
    "no_values": ("{name}: no finite value", "{name}：没有有限的数值"),
    "value": ("value", "数值"),
    "values": ("value (each image has its own range)", "数值（各图范围不同）"),
    "share": ("share of the values", "所占比例"),
    "numbers": ("{n:,} values", "{n:,} 个数"),
    "inputs_now": ("over {n} rows", "{n} 行数据"),
    "over_epochs": ("{title} over the epochs", "{title}随轮数的变化"),
    "density": (
        "square root of the share relative to the most frequent value",
        "相对于最常见值的频率的平方根",
    ),
    "weight": ("weight", "权重"),
    "sample": ("the sample", "样本"),
    "activation": ("value relative to the layer's largest", "相对该层最大绝对值"),
    "channel": ("channel {n}", "通道 {n}"),
    "head": ("head {n}", "头 {n}"),
    "query": ("query position", "查询位置"),
    "key": ("key position", "键位置"),
    "attention_weight": ("weight (each row sums to 1)", "权重（每行之和为 1）"),
    "component": ("direction {n}, {share:.0%} of the variance", "主方向 {n}，占方差 {share:.0%}"),
    "direction": ("direction {n} (1: the norm of the weights)", "方向 {n}（1 表示与权重等长）"),
    "loss_rows": ("loss, mean over {n} rows", "损失（{n} 行的平均）"),
    "current": ("current weights", "当前权重"),
    "standardized": ("{name} (standardized)", "{name}（标准化后）"),
    "probability_of": ("probability of {label}", "{label} 的概率"),
    "sureness": ("class; paler is less certain", "类别，颜色越浅越不确定"),
    "predicted_value": ("predicted value", "预测值"),
    "others": (
        "the other {n} features are set to their medians",
        "其余 {n} 个特征取中位数",
    ),
    "predicted": ("predicted class", "预测类别"),
    "true": ("true class", "真实类别"),
    "share_of_row": ("share of the true class", "占真实类别的比例"),
    "confidence": ("confidence (probability of the predicted class)", "置信度（预测类别的概率）"),
    "right": ("share of correct predictions", "正确的比例"),
    "perfect": ("perfectly calibrated", "完全校准"),
    "rows": ("rows", "行数"),
    "gap": ("gap", "差距"),
    "false_positive": ("false positive rate", "假阳性率"),
    "true_positive": ("true positive rate", "真阳性率"),
    "recall": ("recall", "召回率"),
    "precision": ("precision", "精确率"),
    "chance": ("random guessing", "随机猜测"),
    "area": ("{label}: area {area:.3f}", "{label}：面积 {area:.3f}"),
    "average": ("{label}: mean {area:.3f}", "{label}：平均 {area:.3f}"),
    "true_value": ("true value", "真实值"),
    "equal": ("equal", "相等"),
    "error": ("predicted - true", "预测值 - 真实值"),
    "shown": ("{shown} of {all} shown", "显示 {all} 个中的 {shown} 个"),
    "known_rows": (
        (
            "These rows include the {training} training and {validation} validation rows of this model: "
            "the results look better than they are on new data."
        ),
        (
            "这些行包含该模型的 {training} 行训练数据和 {validation} 行验证数据：此处的成绩高于它在新数据"
            "上的水平。"
        ),
    ),
    "input": ("input", "输入"),
    "parameters": ("{n:,} parameters", "{n:,} 个参数"),
    "folded": ("× {n}", "× {n}"),
}


def plot_text(key: str, **facts: object) -> str:
    """Return the text of ``key`` in the language of ``settings.lang``, with ``facts`` put in for its
    placeholders.

    Example:
        >>> with settings.using(lang="zh"):
        ...     plot_text("parameters", n=61706)
        '61,706 个参数'
    """
    texts = PLOTS[key] if key in PLOTS else AXES[key]
    return spacing.fill(texts[1], facts) if settings.lang == "zh" else plural.fill(texts[0], facts)
