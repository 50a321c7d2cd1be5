"""Controls of an explanation page (language, contents, legend), by key."""

from __future__ import annotations

from chainrule.messages import Texts

NAMES = {"en": "English", "zh": "中文"}
SHEET: Texts = {
    "language": "Language",
    "in_words": "formulas in words",
    "contents": "Contents",
    "leads": "Every symbol links to the place where it is computed; so do the circles and lines.",
    "lines": "Lines are weights: blue is positive, orange is negative, and thicker is larger.",
}
