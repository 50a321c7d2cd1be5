"""What a page says around an explanation: its switches, its contents, what a reader can do, in English and
Chinese."""

from __future__ import annotations

NAMES = {"en": "English", "zh": "中文"}
SHEET: dict[str, tuple[str, str]] = {
    "language": ("Language", "语言"),
    "in_words": ("formulas in words", "用文字读公式"),
    "contents": ("Contents", "目录"),
    "leads": (
        "Every letter is a link to the place where it is worked out; so are circles and lines.",
        "每个字母都是链接，通向算出它的地方；图中的圆和线也是。",
    ),
    "lines": (
        "Lines are weights: blue ones positive, orange ones negative, the thicker the larger.",
        "线是权重：蓝色为正，橙色为负，越粗越大。",
    ),
}
