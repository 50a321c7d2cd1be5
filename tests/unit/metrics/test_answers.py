"""Answers: the most probable span is that of a search over all spans; metrics have known values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from chainrule.metrics.answers import best_span, character_f1, exact_match, plain


def test_having_no_answer_takes_its_part_of_the_probability() -> None:
    scores = np.array([[0.0, 2.0, 9.0], [0.0, 2.0, 9.0]])
    span, with_none = best_span(scores, 2), best_span(scores, 2, none=np.array([2.0, 2.0]))
    assert span[:2] == with_none[:2] == (1, 2)
    e = np.exp(2.0)
    assert np.isclose(span.probability, (e / (1 + e)) ** 2)
    assert np.isclose(with_none.probability, (e / (1 + 2 * e)) ** 2)


SCORES = arrays(np.float64, st.tuples(st.just(2), st.integers(1, 12)), elements=st.floats(-50, 50))


@given(SCORES, st.integers(1, 12), st.integers(1, 5))
def test_the_best_span_is_that_of_a_search_over_all(scores: np.ndarray, count: int, longest: int) -> None:
    count = min(count, scores.shape[1])
    span = best_span(scores, count, longest)
    powers = np.exp(scores[:, :count] - scores[:, :count].max(1, keepdims=True))
    start, end = powers / powers.sum(1, keepdims=True)
    every = [start[i] * end[j] for i in range(count) for j in range(i, min(count, i + longest))]
    assert 0 <= span.start < span.stop <= count
    assert span.stop - span.start <= longest
    assert span.probability == pytest.approx(max(every), rel=1e-9)
    assert start[span.start] * end[span.stop - 1] == pytest.approx(max(every), rel=1e-9)


@given(st.lists(st.text("ab 一。", min_size=1), min_size=1, max_size=5))
def test_a_reference_is_a_perfect_answer(texts: list[str]) -> None:
    references = [[text, "x"] for text in texts]
    assert exact_match(texts, references) == 1
    assert character_f1(texts, references) == 1


@given(st.text("ab一", min_size=1), st.text("ab一", min_size=1))
def test_f1_is_symmetric_and_1_only_for_the_same_characters(a: str, b: str) -> None:
    value = character_f1([a], [[b]])
    assert value == character_f1([b], [[a]])
    assert 0 <= value <= 1
    assert (value == 1) == (sorted(a) == sorted(b))
    assert exact_match([a], [[b]]) <= value


@pytest.mark.parametrize(
    ("answer", "reference", "em", "f1"),
    [
        ("台北市", "台北", 0, 0.8),
        ("《史記》", "史記", 1, 1),
        ("1990", "", 0, 0),
        ("The  End", "the end.", 1, 1),
    ],
)
def test_values_by_hand(answer: str, reference: str, em: float, f1: float) -> None:
    assert exact_match([answer], [[reference]]) == em
    assert character_f1([answer], [[reference]]) == pytest.approx(f1)


def test_punctuation_alone_is_kept() -> None:
    assert plain("！？") == "！？"
