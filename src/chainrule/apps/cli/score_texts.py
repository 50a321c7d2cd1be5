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
    "prediction_interval": (
        "{level} of new values are within {width} of the prediction (from the errors of {rows} rows).",
        "{level} 的新值与预测值相差不超过 {width}（由 {rows} 行的误差得出）。",
    ),
}
