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
    "calibration_identity": (
        "The probabilities stay as they are; measured on {rows} rows (95 % intervals):",
        "概率保持不变；在 {rows} 行上测量（95% 区间）：",
    ),
    "calibration_refused": (
        "{method} is not used: on other rows, it changes the log-loss from {before} to {after}.",
        "未采用{method}：在未参与拟合的行上，对数损失会从 {before} 变为 {after}。",
    ),
    "calibration_map_temperature": ("A temperature", "温度"),
    "calibration_map_isotonic": ("Isotonic regression", "保序回归"),
    "calibration_of_calibration_error": ("calibration error", "校准误差"),
    "calibration_of_log_loss": ("log-loss", "对数损失"),
    "calibration_of_accuracy": ("accuracy", "准确率"),
    "calibration_metric": (
        "  {name}: {before} before, {after} after",
        "  {name}：校准前 {before}，校准后 {after}",
    ),
    "calibration_sets": (
        "Prediction sets: {rows} rows, each with thresholds of four fifths of the others:",
        "预测集：共 {rows} 行，每行使用其余行的五分之四所得的阈值：",
    ),
    "calibration_sets_threshold": ("threshold (the smallest sets)", "threshold（最小的集合）"),
    "calibration_sets_adaptive": (
        "adaptive (larger where the network is less certain)",
        "adaptive（网络把握较小处集合更大）",
    ),
    "calibration_sets_class": (
        "class (coverage of every class)",
        "class（保证每个类别的覆盖率）",
    ),
    "calibration_sets_level": (
        "    {level}: {share} contain the true class, {size} classes on average",
        "    {level}：{share} 包含真实类别，平均 {size} 个类别",
    ),
    "calibration_sets_parts": (
        "      lowest class {class_name}: {lowest} of {count} rows; {sizes}",
        "      最低的类别 {class_name}：{count} 行中的 {lowest}；{sizes}",
    ),
    "calibration_sets_size": ("size {size}: {share} of {rows}", "大小 {size}：{rows} 行中的 {share}"),
    "calibration_sets_joined": (", ", "，"),
    "intervals_quantile": (
        "Prediction intervals as wide as the row requires, from the errors of {rows} rows, each with margins "
        "of four fifths of the others:",
        "预测区间宽度随行而变，由 {rows} 行的误差得出；每行使用其余行的五分之四所得的余量：",
    ),
    "intervals_constant": (
        "Prediction intervals of one width, from the errors of {rows} rows, each with margins of four fifths "
        "of the others:",
        "预测区间宽度相同，由 {rows} 行的误差得出；每行使用其余行的五分之四所得的余量：",
    ),
    "intervals_level": (
        "  {level}: {share} contain the value, {width} wide on average",
        "  {level}：{share} 包含真实值，平均宽度 {width}",
    ),
    "intervals_before": (
        "    before: {share} contain the value, {width} wide on average",
        "    此前：{share} 包含真实值，平均宽度 {width}",
    ),
    "intervals_too_few": (
        "There are too few rows for intervals of {levels}.",
        "行数不足，得不出 {levels} 的区间。",
    ),
    "intervals_lowest": (
        "No end is negative, since no target of these rows is.",
        "这些行的目标都不为负，因此区间的端点也不为负。",
    ),
    "calibration_risk": (
        "If the most certain {coverage} are decided (probability {confidence} or more): {risk} errors",
        "只对最有把握的 {coverage} 作出判断（概率不低于 {confidence}）：错误率 {risk}",
    ),
}
