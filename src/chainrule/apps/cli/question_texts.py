"""Texts about questions and their answers, in English and Chinese."""

from __future__ import annotations

QUESTIONS: dict[str, tuple[str, str]] = {
    "questions_with": ("questions with an answer", "有答案的问题"),
    "questions_answered": ("answered", "回答的比例"),
    "questions_right": ("EM of the answered", "所答的 EM"),
    "questions_without": (
        "questions without an answer in their passage: {count:,}; refused: {refused:.1%}",
        "文章中没有答案的问题：{count:,} 个；拒绝了 {refused:.1%}",
    ),
}
