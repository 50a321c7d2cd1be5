"""Texts of calibrations: (English, Chinese) by key."""

from __future__ import annotations

UNCERTAINTY: dict[str, tuple[str, str]] = {
    "calibration_temperature": (
        "Temperature {value}, fitted on other rows; measured on {rows} rows (95 % intervals):",
        "温度 {value}，用其他行拟合；在 {rows} 行上测量（95% 区间）：",
    ),
    "calibration_isotonic": (
        "Isotonic regression, fitted on other rows; measured on {rows} rows (95 % intervals):",
        "保序回归，用其他行拟合；在 {rows} 行上测量（95% 区间）：",
    ),
    "calibration_of_calibration_error": ("calibration error", "校准误差"),
    "calibration_of_log_loss": ("log-loss", "对数损失"),
    "calibration_of_accuracy": ("accuracy", "准确率"),
    "calibration_metric": (
        "  {name}: {before} before, {after} after",
        "  {name}：校准前 {before}，校准后 {after}",
    ),
    "calibration_sets": (
        "Prediction sets that contain the true class with probability {level}: mean size {size}",
        "以 {level} 的概率包含真实类别的预测集：平均 {size} 个类别",
    ),
    "calibration_risk": (
        "If the most certain {coverage} are decided (probability {confidence} or more): {risk} errors",
        "只对最有把握的 {coverage} 作出判断（概率不低于 {confidence}）：错误率 {risk}",
    ),
}
