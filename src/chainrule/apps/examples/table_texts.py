"""Texts of the examples on tables: options and sentences in English and Chinese."""

from __future__ import annotations

OPTIONS = {
    "data": ("file or folder of a copy of the data set", "数据集副本的文件或文件夹"),
    "seeds": ("number of divisions into five folds", "把数据分成五折的次数"),
    "epochs": (
        "maximum number of epochs; 0: chosen by the number of rows",
        "最多训练多少轮；0 表示按行数选择",
    ),
    "out": ("folder for the model, the scores and the page", "保存模型、成绩和网页的文件夹"),
}
CURVE = {
    "curve": (
        "Reliability: observed share over the predicted probability",
        "可靠性曲线：实际比例与预测概率",
    ),
    "legend": (
        "Blue: the networks; orange: logistic regression; bars: two standard errors. On the dashed line, "
        "what is predicted with 30 % comes true in 30 % of the rows.",
        "蓝色：网络；橙色：逻辑回归；竖线：两个标准误。虚线上，预测为 30 % 的行中有 30 % 成真。",
    ),
}
RISK = {
    **CURVE,
    "title": ("Credit risk", "信用风险"),
    "refuse": (
        "A loan is refused from a probability of {level:.3f} on: then granting it costs more.",
        "概率不低于 {level:.3f} 时拒绝贷款：此时发放的期望代价更高。",
    ),
    "groups": (
        "Groups: what the networks predict, and whom the rule refuses",
        "分组：网络的预测，以及规则拒绝了谁",
    ),
    "header": (
        "group,loans,bad,predicted,refused,good but refused",
        "分组,贷款数,坏贷款,预测,拒绝,好贷款被拒",
    ),
    "limits": (
        "The table has only loans that a bank granted: nothing is known of those that it refused, and a "
        "network repeats its past decisions. In many countries age and marital status may not decide on a "
        "loan; leaving them out does not remove what other columns reveal about them.",
        "表中只有银行已发放的贷款：被拒绝者的情况未知，网络会重复银行过去的决定。在许多国家，年龄和婚姻状况"
        "不得用于贷款决定；去掉这些列，也去不掉其他列透露的信息。",
    ),
}
