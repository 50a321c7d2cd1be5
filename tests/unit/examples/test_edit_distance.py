"""The edit distance against its recursive definition, and error rates."""

from __future__ import annotations

import math
from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.metrics import edit_distance, error_rates

words = st.text(alphabet="abc", max_size=6)


def recursive(a: str, b: str) -> int:
    @lru_cache(None)
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        replaced = distance(i - 1, j - 1) + (a[i - 1] != b[j - 1])
        return min(distance(i - 1, j) + 1, distance(i, j - 1) + 1, replaced)

    return distance(len(a), len(b))


@given(words, words)
def test_the_distance_is_that_of_the_recursion(a: str, b: str) -> None:
    assert edit_distance(a, b) == recursive(a, b)


@given(words, words, words)
def test_the_distance_is_a_metric(a: str, b: str, c: str) -> None:
    assert (edit_distance(a, b) == 0) == (a == b)
    assert edit_distance(a, b) == edit_distance(b, a)
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)


def rates(references: list[str], transcripts: list[str]) -> list[float]:
    """The word and the character error rate."""
    scores = error_rates(references, transcripts)
    return [scores[name].value for name in ("WER", "CER")]


@given(st.lists(words.filter(bool), min_size=1, max_size=5))
def test_correct_transcripts_have_no_errors_and_empty_ones_miss_all(texts: list[str]) -> None:
    assert rates(texts, texts) == [0, 0]
    assert rates(texts, [""] * len(texts)) == [1, 1]


def test_additional_words_count() -> None:
    assert rates(["go"], ["go go go"]) == [2, 3]


def test_a_rate_without_words_is_not_defined() -> None:
    assert math.isnan(rates([""], ["go"])[0])


def test_another_number_of_transcripts_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        rates(["a", "b"], ["a"])
