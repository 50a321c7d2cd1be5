"""Baselines that answer questions without learning, and the encoding of questions for training."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from chainrule.data.sequences.question_input import QuestionInput
from chainrule.inputs.questions import QuestionRows, encode_questions
from chainrule.messages import Text
from chainrule_examples.questions.stories import Question

METHODS: tuple[Text, ...] = ("random clause", "clause with most in common")
_CLAUSE = re.compile(r"[^，。！？；：、,!?;:.\n]+")


def random_clauses(questions: Sequence[Question], seed: int) -> list[str]:
    """A random clause of each passage."""
    draw = np.random.default_rng(seed)
    return [clauses[draw.integers(len(clauses))] for clauses in map(_clauses, questions)]


def overlapping_clauses(questions: Sequence[Question]) -> list[str]:
    """The clause that has the most pairs of characters in common with the question."""
    return [
        max(_clauses(question), key=lambda clause: len(_pairs(clause) & _pairs(question.question)))
        for question in questions
    ]


def encode(reader: QuestionInput, questions: Sequence[Question]) -> tuple[QuestionRows, np.ndarray]:
    """The inputs of the network, and start and end of each answer, (N, 2).

    The target of an answer that is not in the window, or of none, is the position after the last.
    """
    rows = encode_questions(reader, [q.passage for q in questions], [q.question for q in questions])
    targets = np.full((len(questions), 2), reader.passage_length)
    for row, (question, window) in enumerate(zip(questions, rows.windows, strict=True)):
        cells = {place: i for i, place in enumerate(window.places)}
        for answer, start in zip(question.answers, question.starts, strict=True):
            first, last = cells.get(start, -1), cells.get(start + len(answer) - 1, -1)
            if first >= 0 and last - first == len(answer) - 1:
                targets[row] = first, last
                break
    return rows, targets


def _clauses(question: Question) -> list[str]:
    return _CLAUSE.findall(question.passage) or [question.passage]


def _pairs(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(len(text) - 1)}
