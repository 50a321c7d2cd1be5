"""Every text of ``report.html``, in English and Chinese, side by side."""

from __future__ import annotations

REPORT: dict[str, tuple[str, str]] = {
    "report_classification": (
        "What class a row belongs to, learned by chainrule.",
        "chainrule 学习每一行属于哪个类别。",
    ),
    "report_regression": ("What number a row has, learned by chainrule.", "chainrule 学习每一行的数值。"),
    "report_result": ("Result on the held-out rows", "留出数据上的结果"),
    "report_honest": (
        "All three were judged once, on the same rows, which none of them had seen.",
        "三种方法都只在同一批从未见过的数据上评估一次。",
    ),
    "report_curves": ("How it learned", "学习过程"),
    "report_history": ("every epoch in numbers", "每一轮的数值"),
    "curve_loss": (
        "loss by epoch, training rows (with penalty and dropout)",
        "训练集损失（按轮，含惩罚与暂退）",
    ),
    "curve_val_loss": ("loss, validation rows; dashed: the epoch kept", "验证集损失；虚线为保留的轮"),
    "curve_val_accuracy": ("accuracy, validation rows", "验证集准确率"),
    "curve_val_r2": ("R2, validation rows", "验证集 R2"),
    "curve_against": (
        "predicted (up) over true (right); dashed: equal",
        "纵轴为预测值，横轴为真实值；虚线为两者相等",
    ),
    "curve_residuals": ("how often each error (predicted - true) occurs", "误差（预测值 - 真实值）的分布"),
    "report_confusion": ("Confusion matrix", "混淆矩阵"),
    "report_confusion_says": (
        "Rows are the true classes, columns the net's answers, on the held-out rows.",
        "行为真实类别，列为网络的预测（留出数据）。",
    ),
    "report_values": ("Answers and errors on the held-out rows", "留出数据上的预测与误差"),
    "report_facts": ("The training", "训练"),
    "report_again": ("This command repeats the training:", "用以下命令可重复这次训练："),
    "fact_rows": ("rows", "行数"),
    "fact_target": ("target", "目标"),
    "fact_split": ("training / validation / held out", "训练 / 验证 / 留出"),
    "fact_epochs": ("epochs, of at most", "轮数 / 上限"),
    "fact_best": ("epoch kept", "保留的轮"),
    "fact_batch": ("batch size", "批量大小"),
    "fact_seed": ("seed", "种子"),
    "fact_fingerprint": ("fingerprint of the data", "数据指纹"),
    "fact_loss": ("loss", "损失函数"),
    "fact_optimizer": ("optimizer", "优化器"),
    "fact_penalty": ("penalty", "惩罚"),
    "report_graph_says": (
        "Each box is a layer with its shape and its number of parameters; blocks that repeat are drawn once.",
        "每个方框是一层，标有输出形状和参数个数；重复的块只画一次。",
    ),
    "report_calibration": ("Calibration", "校准"),
    "curve_calibration": (
        "how often it is right (up) when it is so sure (right); dashed: as sure as right",
        "纵轴为正确的比例，横轴为置信度；虚线为完全校准",
    ),
    "report_boundary": ("Decision boundary", "决策边界"),
    "report_boundary_says": (
        "The class that is answered for every pair of the two features {x} (right) and {y} (up), and the "
        "held-out rows in the colours of their true classes.",
        "两个特征取各值时的预测类别：横轴 {x}，纵轴 {y}；圆点为留出数据，颜色表示真实类别。",
    ),
    "report_histograms": ("Distributions over the epochs", "分布随轮数的变化"),
    "report_histograms_says": (
        "Values upwards, epochs to the right; the darker, the more numbers lie there.",
        "纵轴为数值，横轴为轮数；颜色越深，数值越集中。",
    ),
    "histograms_weights": ("weights", "权重"),
    "histograms_activations": ("activations", "激活值"),
    "histograms_gradients": ("gradients", "梯度"),
}
