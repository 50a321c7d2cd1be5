"""Texts about questions and their answers."""

from __future__ import annotations

from chainrule.messages import Texts

QUESTIONS: Texts = {
    "questions_with": "questions with an answer",
    "questions_answered": "answered",
    "questions_right": "EM of the answered",
    "questions_without": "questions without an answer in their passage: {count:,}; refused: {refused:.1%}",
}
