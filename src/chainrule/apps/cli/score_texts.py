"""Texts about scores, in English and Chinese."""

from __future__ import annotations

SCORES: dict[str, tuple[str, str]] = {
    "comma": (", ", "，"),
    "score_interval": ("{name} {low} to {high}", "{name} {low} 至 {high}"),
    "score_intervals": ("95 % intervals of the network: {intervals}.", "网络的 95% 区间：{intervals}。"),
    "class_recall": ("{label} {recall} ({rows} rows)", "{label} {recall}（{rows} 行）"),
    "recalls": ("Recall by class: {classes}.", "各类别的召回率：{classes}。"),
    "lowest_recalls": ("Lowest recall by class: {classes}.", "召回率最低的类别：{classes}。"),
    "calibration_line": (
        "Calibration error {error}; largest deviation: {rows} rows with a mean probability of {predicted}, "
        "{observed} observed.",
        "校准误差 {error}；偏差最大处：{rows} 行的平均预测概率为 {predicted}，实际为 {observed}。",
    ),
    "threshold_used": (
        "Rows with a probability of {label} of at least {value} are predicted as {label}; the training chose "
        "this threshold. --threshold 0.5 predicts the more likely class.",
        "“{label}”的概率不低于 {value} 的行预测为“{label}”；该阈值由训练选定。"
        "--threshold 0.5 预测可能性更大的类别。",
    ),
    "speech_written": ("{count} sound files in {folder}", "{folder} 中有 {count} 个声音文件"),
    "learning_heading": ("Learning curve", "学习曲线"),
    "learning_rows": ("training rows", "训练行数"),
    "threshold_heading": (
        "Threshold {value}: rows with at least this probability of {label} are predicted as {label}",
        "阈值 {value}：“{label}”的概率不低于它的行预测为“{label}”",
    ),
    "threshold_title": ("threshold", "阈值"),
    "threshold_f1": ("chosen for F1", "按 F1 选择"),
    "threshold_youden": ("chosen for recall + specificity", "按召回率 + 特异度选择"),
    "threshold_cost": ("of cost {cost}", "由代价 {cost} 得出"),
    "threshold_default": ("0.5", "0.5"),
    "threshold_accuracy": ("accuracy", "准确率"),
    "threshold_precision": ("precision", "精确率"),
    "threshold_recall": ("recall", "召回率"),
    "threshold_score": ("F1", "F1"),
    "threshold_mean_cost": ("cost per row", "每行代价"),
    "interval_second": (
        "Prediction intervals: a second ensemble is trained on the {rows} earliest training rows and "
        "measured on the {later} rows after them.",
        "预测区间：另用最早的 {rows} 行训练数据训练第二个集成，并在其后的 {later} 行上测量。",
    ),
    "interval_quantile": (
        "{level} prediction intervals: as wide as the row requires, {width} on average (conformalized "
        "quantile regression on the errors of {rows} rows outside the training).",
        "{level} 预测区间：宽度随行而变，平均 {width}（在训练之外 {rows} 行的误差上作保形分位数回归）。",
    ),
    "interval_constant": (
        "{level} prediction intervals: {width} wide for every row (from the errors of {rows} rows outside "
        "the training).",
        "{level} 预测区间：每行宽度均为 {width}（由训练之外 {rows} 行的误差得出）。",
    ),
    "interval_test": (
        "They contain the value of {share} of the {count} test rows.",
        "它们包含 {count} 行测试数据中 {share} 的值。",
    ),
    "interval_folds": (
        "They contain the value of {share} of the {count} scored rows, with margins from other rows.",
        "它们包含 {count} 行计分数据中 {share} 的值（余量来自其他行）。",
    ),
    "interval_level": (
        "  {level}: {share} contain the value, {width} wide on average",
        "  {level}：{share} 包含真实值，平均宽度 {width}",
    ),
    "interval_later": (
        "New rows are later than the rows of the intervals, so this coverage is measured, not guaranteed.",
        "新的行晚于得出区间的行，因此这一覆盖率是测量值，没有保证。",
    ),
    "interval_lowest": (
        "No end is negative, since no target of the training is.",
        "训练数据的目标都不为负，因此区间的端点也不为负。",
    ),
}
