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
DIAGNOSE = {
    **CURVE,
    "title": ("Diagnosis of narrowed coronary arteries", "冠状动脉狭窄的诊断"),
    "interval": (
        "AUC of the networks {mean:.3f}, 95 % interval of the mean {low:.3f} to {high:.3f}; the folds share "
        "training rows, which widens it.",
        "网络的 AUC 为 {mean:.3f}，平均值的 95 % 区间为 {low:.3f} 至 {high:.3f}；各折共用训练数据，故更宽。",
    ),
    "abstain": (
        "Abstention: patients with a probability near 1/2 are left to a physician",
        "放弃判断：概率接近 1/2 的病人交给医生",
    ),
    "abstain_header": (
        "no prediction between,patients left,accuracy,sensitivity,specificity",
        "不作判断的范围,仍判断的病人,准确率,灵敏度,特异度",
    ),
    "groups": ("Groups, at a threshold of 0.5", "分组，阈值 0.5"),
    "header": (
        "group,patients,ill,predicted,predicted ill,healthy but predicted ill",
        "分组,病人数,患病,平均预测,判为患病,健康却判为患病",
    ),
    "limits": (
        "Not for clinical use. All patients were sent to one hospital for an examination, before 1988: "
        "46 % of them are ill, far more than among patients of a general practice, so neither "
        "probabilities nor sensitivity carry over. With 303 patients the uncertainty is larger than the "
        "difference between the methods.",
        "不得用于临床。所有病人都在 1988 年之前被转诊到同一家医院检查：其中 46 % 患病，远高于普通门诊，因此"
        "概率与灵敏度都不能照搬。只有 303 名病人，不确定性大于各方法之间的差别。",
    ),
}
PAYMENTS = {
    "data": (
        "{train:,} earlier payments for training, {fraud:,} of them fraud; {test:,} later ones for the test",
        "用较早的 {train:,} 笔付款训练，其中 {fraud:,} 笔为欺诈；用较晚的 {test:,} 笔测试",
    ),
    "title": ("Fraud: card payments", "欺诈：银行卡付款"),
    "cases": (
        "Cases to investigate first, of the later payments, with attributions",
        "应最先调查的案例（较晚的付款），附归因",
    ),
    "limits": (
        "Two days of one bank in 2013: no other bank, no other fraud. The columns V1 to V28 are principal "
        "components without a meaning that could be investigated. Fraud that was not discovered counts as "
        "a regular payment.",
        "数据为一家银行 2013 年的两天：不代表其他银行，也不代表其他欺诈。V1 到 V28 是主成分，"
        "没有可供调查的含义。未被发现的欺诈算作正常付款。",
    ),
}
FRAUD = {
    "title": ("Fraud: pages that imitate others", "欺诈：仿冒网页"),
    "cases": (
        "Cases to investigate first, of pages that the network was not trained on, with Shapley values",
        "应最先调查的案例（网络未训练过的网页），附 Shapley 值",
    ),
    "header": ("probability,fraud,reasons", "概率,欺诈,理由"),
    "limits": (
        "The pages were collected before 2015 and 44 % of them are phishing, which is far more than in "
        "real traffic: precision is lower where fraud is rare. 71 % of the pages have a copy; equal pages "
        "share a fold, since otherwise they would be recognized instead of predicted. Fraud adapts to the "
        "detector, and tests on old cases do not show it.",
        "网页收集于 2015 年之前，其中 44 % 是钓鱼网页，远高于实际流量：欺诈越少见，精确率越低。相同的网页总在"
        "同一折：71 % 的网页有副本，否则它们是被认出的，而不是被预测的。欺诈会适应检测器，"
        "而旧案例的测试显示不出这一点。",
    ),
}
