"""Questions about passages: sentences, windows and features; texts that are empty or too long are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data.sequences.question_input import (
    FEATURES,
    MAX_PASSAGE,
    MAX_QUESTION,
    QuestionInput,
    sentences,
)
from chainrule.errors import DataError

TEXTS = st.text(st.sampled_from("ab是在一1。！.? \n」"), min_size=1, max_size=60).filter(str.strip)
READER = QuestionInput("一是在ab1。", 24, 8)


def column(values: np.ndarray, name: str) -> list[float]:
    return values[:, FEATURES.index(name)].tolist()


@given(TEXTS)
def test_sentences_are_the_text_in_order(text: str) -> None:
    parts = sentences(text)
    assert "".join(text[start:stop] for start, stop in parts) == text
    assert all(start < stop for start, stop in parts)


@given(TEXTS, TEXTS)
def test_a_window_is_made_of_characters_of_the_passage_in_order(passage: str, question: str) -> None:
    window = READER.window(passage, question)
    assert 1 <= len(window.text) <= READER.passage_length
    assert window.text == "".join(passage[place] for place in window.places)
    assert window.places == sorted(set(window.places))
    assert len(window.ranks) == len(window.scores) == len(window.text)
    assert 0 in window.ranks
    assert all(0 <= score <= 1 for score in window.scores)
    if len(passage) <= READER.passage_length:
        assert window.text == passage


@given(TEXTS, TEXTS)
def test_features_are_finite_and_padding_is_0(passage: str, question: str) -> None:
    inputs, windows = READER([passage], [question], ["row 1"])
    count = len(windows[0].text)
    features = inputs["features"][0]
    assert np.isfinite(features).all()
    assert np.abs(features).max() <= 1
    assert column(features, "exists") == [1.0] * count + [0.0] * (24 - count)
    assert not features[count:].any()
    assert (inputs["passage"][0, :count] > 0).all()
    assert not inputs["passage"][0, count:].any()


def test_features_of_a_small_example() -> None:
    """The pair 在一 is in the question; b is not, and a is in it without a pair."""
    window = READER.window("b是在一a。", "在一？a")
    values = READER.features(window, "b是在一a。", "在一？a")
    assert column(values, "in the question") == [0, 0, 1, 1, 1, 0]
    assert column(values, "begins a common pair") == [0, 0, 1, 0, 0, 0]
    assert column(values, "ends a common pair") == [0, 0, 0, 1, 0, 0]
    assert column(values, "digit") == [0, 0, 0, 1, 0, 0]
    assert column(values, "letter") == [1, 0, 0, 0, 1, 0]
    assert column(values, "punctuation") == [0, 0, 0, 0, 0, 1]
    near = np.exp(-np.array([2, 1, 0, 0]) / 4)
    assert column(values, "near before a pair")[:4] == pytest.approx(near, rel=1e-6)
    assert column(values, "near after a pair")[:2] == [0, 0]


def test_the_sentence_with_most_in_common_is_in_a_short_window() -> None:
    passage = "b1b1b1b1b1b1。在一是b。bbbbbbbbbbbb。"
    window = QuestionInput(READER.characters, 8, 8).window(passage, "在一是？")
    assert window.text == "在一是b。"
    assert set(window.ranks) == {0}


def test_of_equal_sentences_the_later_is_better() -> None:
    window = READER.window("a在b。是。a在1。", "a在")
    assert [window.ranks[window.text.index(c)] for c in "b1"] == [1, 0]


def test_the_vocabulary_is_sorted_by_frequency_and_leaves_out_rare_characters() -> None:
    reader = QuestionInput.learn(["aaab", "bbc"], 8, 4, rare=2)
    assert reader.characters == "ab"
    assert reader.size == 4
    weights = reader.weights("abc")
    assert weights["a"] < weights["b"] < weights["c"] < 1


@pytest.mark.parametrize(
    ("passage", "question", "code"),
    [
        ("", "a", "E363"),
        ("a", " \n", "E363"),
        ("a" * (MAX_PASSAGE + 1), "a", "E364"),
        ("a", "a" * (MAX_QUESTION + 1), "E364"),
    ],
)
def test_empty_and_long_texts_are_refused_by_row(passage: str, question: str, code: str) -> None:
    with pytest.raises(DataError, match=code) as caught:
        READER(["a", passage], ["a", question], ["row 1", "row 2"])
    assert "row 2" in str(caught.value)


def test_records_are_read_back_and_foreign_ones_are_not() -> None:
    record = READER.to_record()
    assert QuestionInput.from_record(record) == READER
    foreign = [
        None,
        {},
        {**record, "characters": ""},
        {**record, "characters": 3},
        {**record, "passage_length": 0},
        {**record, "passage_length": 10**9},
        {**record, "question_length": True},
        {**record, "more": 1},
        {**record, "characters": "a" * 30_000},
    ]
    assert [QuestionInput.from_record(value) for value in foreign] == [None] * len(foreign)
