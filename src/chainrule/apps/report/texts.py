"""The texts of ``report.html`` in English and Chinese."""

from __future__ import annotations

from chainrule.apps.report.summary_texts import SUMMARY

REPORT: dict[str, tuple[str, str]] = {
    "report_classification": (
        "Predicts the class of a row; trained by chainrule.",
        "预测每一行的类别，由 chainrule 训练。",
    ),
    "report_regression": (
        "Predicts a number for a row; trained by chainrule.",
        "预测每一行的数值，由 chainrule 训练。",
    ),
    "report_result": ("Result on rows that were not used in training", "未参与训练的数据上的结果"),
    "report_evaluation": (
        "All were evaluated on the same rows, each by a model that was not trained on it.",
        "各种方法都在相同的行上评估，每一行都由未用它训练的模型预测。",
    ),
    "report_importance": ("Importance of the columns", "各列的重要性"),
    "report_importance_caption": (
        "How much the {measure} ({before} on these rows) rises when the values of a column are shuffled "
        "among {rows} rows that the model did not learn from: mean ± standard deviation over {repeats} "
        "repeats. Gray: no clear effect. Columns with the same information share their importance.",
        "在模型未学习过的 {rows} 行中打乱某列的取值后，{measure}（原为 {before}）升高多少："
        "{repeats} 次重复的均值 ± 标准差。灰色：没有明显作用。信息相同的列会分摊重要性。",
    ),
    "report_importance_more": ("… and {count} less important columns", "……另有 {count} 列更不重要"),
    "report_effects": ("Prediction by column", "预测随各列的变化"),
    "report_effects_caption": (
        "Partial dependence: the mean prediction if the column had this value in every row. Marks on the "
        "axis are quantiles of the column; the shaded area contains the middle half of the rows. The charts "
        "show what the model learned, which need not be the cause of the target.",
        "部分依赖：假设所有行的该列都取此值时预测的均值。横轴上的短线是该列的分位数，"
        "浅色区域包含中间一半的行。图中是模型学到的规律，不一定是目标的成因。",
    ),
    "report_effects_value": ("predicted {name}", "{name} 的预测值"),
    "report_effects_probability": ("probability of {name}", "{name} 的概率"),
    "report_effects_rows": ("rows", "行数"),
    "report_curves": ("Learning curves", "学习曲线"),
    "report_history": ("table of all epochs", "每一轮的数值"),
    "curve_loss": (
        "training loss by epoch (without penalty, with dropout)",
        "训练损失（按轮，不含惩罚，含暂退法）",
    ),
    "curve_val_loss": ("validation loss", "验证损失"),
    "curve_val_loss_and_best": (
        "validation loss; dashed: the epoch of the weights",
        "验证损失；虚线为权重所属的轮",
    ),
    "curve_val_accuracy": ("validation accuracy", "验证准确率"),
    "curve_val_r2": ("validation R2", "验证 R2"),
    "curve_against": (
        "predicted (vertical) against true (horizontal); dashed: equal",
        "纵轴为预测值，横轴为真实值；虚线为两者相等",
    ),
    "curve_residuals": ("distribution of the errors (predicted - true)", "误差（预测值 - 真实值）的分布"),
    "report_intervals": ("Prediction intervals", "预测区间"),
    "report_interval_level": ("nominal", "名义"),
    "report_interval_inside": ("values inside", "区间内的值"),
    "report_interval_width": ("mean width", "平均宽度"),
    "report_intervals_caption": (
        "chainrule predict --interval 0.9 writes both ends for each new row.",
        "chainrule predict --interval 0.9 为每个新行写出两端。",
    ),
    "report_confusion": ("Confusion matrix", "混淆矩阵"),
    "report_confusion_caption": (
        "Rows are true classes, columns predicted classes.",
        "行为真实类别，列为预测类别。",
    ),
    "report_values": ("Predictions and errors", "预测与误差"),
    "report_facts": ("Training", "训练"),
    "report_again": ("Command that repeats the training:", "用以下命令可重复这次训练："),
    "fact_rows": ("rows", "行数"),
    "fact_target": ("target", "目标"),
    "fact_split": ("use of the rows", "各行的用途"),
    "fact_epochs": ("epochs / maximum", "轮数 / 上限"),
    "fact_best": ("weights of epoch", "权重所属的轮"),
    "fact_seed": ("seed", "种子"),
    "fact_fingerprint": ("fingerprint of the data", "数据指纹"),
    "fact_loss": ("loss", "损失函数"),
    "fact_optimizer": ("optimizer", "优化器"),
    "fact_penalty": ("penalty", "惩罚"),
    "report_graph_caption": (
        "Each box is a layer with its output shape and number of parameters; repeated blocks are drawn once.",
        "每个方框是一层，标有输出形状和参数个数；重复的块只画一次。",
    ),
    "report_calibration": ("Calibration", "校准"),
    "curve_calibration": (
        "accuracy (vertical) by confidence (horizontal); dashed: perfect calibration",
        "纵轴为准确率，横轴为置信度；虚线为完全校准",
    ),
    "report_robustness": ("Accuracy under attack", "攻击下的准确率"),
    "report_risk": ("Abstention", "不作判断"),
    "curve_risk": (
        "share of errors (vertical) by share of decided rows (horizontal), the most certain first",
        "纵轴为错误比例，横轴为作出判断的比例（最有把握的在前）",
    ),
    "curve_ideal_risk": ("ideal: all errors last", "理想：错误都排在最后"),
    "report_calibration_table": (
        "The observed share of a range varies by chance; ± is one standard error.",
        "每个区间的实际比例有随机波动；± 为一个标准误。",
    ),
    "calibration_range": ("probability", "概率"),
    "calibration_count": ("rows", "行数"),
    "calibration_mean": ("mean", "平均"),
    "calibration_observed": ("observed", "实际"),
    "report_threshold": ("Threshold", "阈值"),
    "report_threshold_caption": (
        "Rows whose probability of {label} is at least the threshold (horizontal) are predicted as {label}. "
        "A threshold chosen here looks better than it is; --threshold and --cost choose it on other rows.",
        "“{label}”的概率不低于阈值（横轴）的行预测为“{label}”。在这里挑选的阈值会显得过好；"
        "--threshold 与 --cost 在其他行上选择。",
    ),
    "threshold_rows": ("predicted", "预测为正"),
    "threshold_specificity": ("specificity", "特异度"),
    "report_boundary": ("Decision boundary", "决策边界"),
    "report_boundary_caption": (
        "Predicted class for each pair of the features {x} (horizontal) and {y} (vertical); "
        "points are rows colored by their true class.",
        "两个特征取各值时的预测类别：横轴 {x}，纵轴 {y}；圆点为数据行，颜色表示真实类别。",
    ),
    "report_histograms": ("Distributions by epoch", "分布随轮数的变化"),
    "report_histograms_caption": (
        "Values on the vertical axis, epochs on the horizontal; darker cells hold more values.",
        "纵轴为数值，横轴为轮数；颜色越深，数值越集中。",
    ),
    "histograms_weights": ("weights", "权重"),
    "histograms_activations": ("activations", "激活值"),
    "histograms_gradients": ("gradients", "梯度"),
    **SUMMARY,
}
