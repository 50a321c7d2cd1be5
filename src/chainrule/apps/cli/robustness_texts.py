"""Texts of the commands attack, labels and drift: (English, Chinese) by key."""

from __future__ import annotations

ROBUSTNESS: dict[str, tuple[str, str]] = {
    "attack": (
        "measure the accuracy under attack, or under noise and other corruptions (--sweep)",
        "测量攻击下的准确率，或噪声等损坏下的准确率 (--sweep)",
    ),
    "robust_setup": (
        "Robust training: {name}, changes by at most {radius} {units}.",
        "鲁棒训练：{name}，输入的改变不超过 {radius} {units}。",
    ),
    "robust_pixels": ("(pixels: 0 to 1)", "（像素为 0 到 1）"),
    "robust_prepared": (
        "in prepared columns (numbers: standard deviations)",
        "（预处理后的列，数值列以标准差计）",
    ),
    "labels": (
        "list the rows whose label probably is wrong",
        "列出标签可能有误的行",
    ),
    "drift": (
        "compare a new file with the training rows, per column and as a whole",
        "把新文件与训练数据逐列并整体比较",
    ),
    "robust_rows_validation": (
        "Attack on validation rows, which the network was not trained on.",
        "对验证行的攻击；网络未用它们训练。",
    ),
    "robust_rows_test": (
        "Attack on test rows, which the network was not trained on.",
        "对测试行的攻击；网络未用它们训练。",
    ),
    "robust_rows_training": (
        "Attack on rows that the network was trained on: its accuracy on new rows is lower.",
        "对训练行的攻击：在新数据上的准确率更低。",
    ),
    "robust_line_validation": (
        "Accuracy under attack (radius {radius}, {rows} validation rows): {share}.",
        "攻击下的准确率（半径 {radius}，{rows} 行验证数据）：{share}。",
    ),
    "robust_line_test": (
        "Accuracy under attack (radius {radius}, {rows} test rows): {share}.",
        "攻击下的准确率（半径 {radius}，{rows} 行测试数据）：{share}。",
    ),
    "robust_line_training": (
        "Accuracy under attack (radius {radius}, {rows} training rows; lower on new ones): {share}.",
        "攻击下的准确率（半径 {radius}，{rows} 行训练数据；新数据上更低）：{share}。",
    ),
    "attack_selected": (
        "{count} of {rows} rows, evenly spaced; --rows sets their number.",
        "取 {rows} 行中均匀分布的 {count} 行；--rows 可改变行数。",
    ),
}
