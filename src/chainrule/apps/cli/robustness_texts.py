"""Texts of the commands attack, labels and drift: (English, Chinese) by key."""

from __future__ import annotations

ROBUSTNESS: dict[str, tuple[str, str]] = {
    "attack": (
        "measure the accuracy under attack, or under noise and other corruptions (--sweep)",
        "测量攻击下的准确率，或噪声等损坏下的准确率 (--sweep)",
    ),
    "labels": (
        "list the rows whose label probably is wrong",
        "列出标签可能有误的行",
    ),
    "drift": (
        "compare a new file with the training rows, per column and as a whole",
        "把新文件与训练数据逐列并整体比较",
    ),
    "drift_without_reference": (
        "With --reference FILE, a file of training rows, the rows are also compared as a whole.",
        "加上 --reference FILE（训练数据文件）时，还会对整行进行比较。",
    ),
    "attack_selected": (
        "{count} of {rows} rows, evenly spaced; --rows sets their number.",
        "取 {rows} 行中均匀分布的 {count} 行；--rows 可改变行数。",
    ),
}
