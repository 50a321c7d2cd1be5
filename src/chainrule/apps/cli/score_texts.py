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
    "too_good": (
        "R² {r2} on rows that were not trained on is too good to be true: look for inputs that are computed "
        "from the target, or measured after it.",
        "在未参与训练的行上 R² 为 {r2}，好得可疑：请检查是否有输入由目标算出，或在目标之后测得。",
    ),
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
    "prediction_interval": (
        "{level} of new values are within {width} of the prediction (from the errors of {rows} rows).",
        "{level} 的新值与预测值相差不超过 {width}（由 {rows} 行的误差得出）。",
    ),
}
