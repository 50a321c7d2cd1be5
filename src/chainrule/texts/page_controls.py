"""Controls of an explanation page (language, contents, legend): (English, Chinese) by key."""

from __future__ import annotations

NAMES = {"en": "English", "zh": "中文"}
SHEET: dict[str, tuple[str, str]] = {
    "language": ("Language", "语言"),
    "in_words": ("formulas in words", "用文字读公式"),
    "contents": ("Contents", "目录"),
    "leads": (
        "Every symbol links to the place where it is computed; so do the circles and lines.",
        "每个字母都是链接，通向算出它的地方；图中的圆和线也是。",
    ),
    "lines": (
        "Lines are weights: blue is positive, orange is negative, and thicker is larger.",
        "线是权重：蓝色为正，橙色为负，越粗越大。",
    ),
}
