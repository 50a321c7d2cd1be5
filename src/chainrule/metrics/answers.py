"""Answers to questions: the most probable span of a passage, and how well answers agree with references.

A network scores each position as the start and as the end of the answer. Both are chosen together: of all
spans up to a length, the one whose product of probabilities is largest. A question may have several
references; the best one counts. Case, spaces and punctuation do not count.

Reference: Rajpurkar, Zhang, Lopyrev and Liang (2016), SQuAD (EMNLP), section 6.1.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Span(NamedTuple):
    """A part of a sequence.

    Args:
        start: the first position.
        stop: the position after the last.
        probability: the product of the probabilities of both ends.
    """

    start: int
    stop: int
    probability: float


def best_span(scores: np.ndarray, count: int, longest: int = 30, none: np.ndarray | None = None) -> Span:
    """Return the most probable span.

    Args:
        scores: (2, T) scores of each position as start and as end; a softmax makes them probabilities.
        count: the number of positions that exist, at least 1.
        longest: the largest length of a span.
        none: (2,) the scores of having no answer, which is no span but takes its part of the probability.

    Example:
        >>> best_span(np.array([[0.0, 5.0, 0.0], [4.0, 0.0, 3.0]]), 3)[:2]
        (1, 3)
    """
    parts = [np.asarray(scores)[:, :count], *([] if none is None else [np.reshape(none, (2, 1))])]
    rows = np.concatenate(parts, axis=1, dtype=np.float64)
    shifted = rows - rows.max(axis=1, keepdims=True)
    start, end = (shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))[:, :count]  # (count,) each
    best = Span(0, 1, -np.inf)
    for length in range(min(longest, count)):
        log_p = start[: count - length] + end[length:]
        i = int(log_p.argmax())
        if log_p[i] > best.probability:
            best = Span(i, i + length + 1, float(log_p[i]))
    return best._replace(probability=float(np.exp(best.probability)))


def exact_match(answers: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return the share of answers that are equal to a reference.

    Args:
        answers: (N,) texts.
        references: for each the possible answers.

    Example:
        >>> exact_match(["《史記》", "1990"], [["史記"], ["1991", "1992"]])
        0.5
    """
    pairs = zip(answers, references, strict=True)
    return float(np.mean([any(plain(answer) == plain(own) for own in all_) for answer, all_ in pairs]))


def character_f1(answers: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return the mean harmonic mean of precision and recall of the characters.

    Args:
        answers: (N,) texts.
        references: for each the possible answers; the one with the largest value counts.

    Example:
        >>> character_f1(["台北市"], [["台北", "高雄"]])
        0.8
    """
    pairs = zip(answers, references, strict=True)
    return float(
        np.mean([max(_overlap(plain(answer), plain(own)) for own in all_) for answer, all_ in pairs])
    )


def plain(text: str) -> str:
    """Return a text in lower case without spaces and punctuation; unchanged if nothing else is left.

    Example:
        >>> plain("The 《Book》 "), plain("%")
        ('thebook', '%')
    """
    letters = "".join(c for c in text.lower() if unicodedata.category(c)[0] not in "PZC")
    return letters or text


def _overlap(a: str, b: str) -> float:
    common = sum((Counter(a) & Counter(b)).values())
    return 2 * common / (len(a) + len(b)) if common else 0.0
