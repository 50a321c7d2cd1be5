"""CTC prefix beam search against the sum over all paths, and the word bigram."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from chainrule.errors import UsageError
from chainrule.generation.ctc_beam_search import search_ctc
from chainrule.generation.word_bigram import EDGE, WordBigram, WordPrior
from chainrule.nn.loss.ctc import CTC

ALL = 10_000  # more than there are prefixes
SYMBOLS = "-ab "


def spelled(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol != blank)


def exhaustive(log_p: np.ndarray, blank: int) -> dict[tuple[int, ...], float]:
    """The probability of every text, summed over all paths."""
    totals: dict[tuple[int, ...], float] = defaultdict(float)
    for path in itertools.product(range(log_p.shape[1]), repeat=len(log_p)):
        totals[spelled(path, blank)] += math.exp(sum(log_p[t, k] for t, k in enumerate(path)))
    return totals


frames = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 5), st.integers(2, 4)), elements=st.floats(-4, 4)
).map(lambda scores: scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)))


@settings(max_examples=60, deadline=None)
@given(frames, st.data())
def test_a_wide_search_gives_the_probability_of_every_text(log_p: np.ndarray, data: st.DataObject) -> None:
    blank = data.draw(st.integers(0, log_p.shape[1] - 1))
    expected = exhaustive(log_p, blank)
    transcripts = search_ctc(log_p, ALL, blank)
    assert {t.labels for t in transcripts} == set(expected)
    for transcript in transcripts:
        assert math.exp(transcript.log_p) == pytest.approx(expected[transcript.labels], rel=1e-9)
    assert [t.log_p for t in transcripts] == sorted((t.log_p for t in transcripts), reverse=True)


@settings(max_examples=40, deadline=None)
@given(frames.filter(lambda f: f.shape[1] == 4), st.floats(0, 2), st.floats(-1, 1))
def test_a_wide_search_with_a_language_model_is_exact(log_p: np.ndarray, weight: float, bonus: float) -> None:
    model = WordBigram.learn(["a b", "ab", "a a b"])
    prior = WordPrior(model, SYMBOLS, weight, bonus)

    def factor(labels: tuple[int, ...]) -> float:
        words = [word for word in "".join(SYMBOLS[k] for k in labels).split(" ") if word]
        text = "".join(SYMBOLS[k] for k in labels)
        if "  " in text or text.startswith(" ") or text.endswith(" "):
            return math.nan  # the words are not simply the parts of the text
        pairs = itertools.pairwise([EDGE, *words, EDGE])
        return weight * sum(math.log(model.probability(*pair)) for pair in pairs) + bonus * len(words)

    expected = exhaustive(log_p, 0)
    transcripts = search_ctc(log_p, ALL, 0, prior)
    assert transcripts
    for transcript in transcripts:
        total = factor(transcript.labels)
        if not math.isnan(total) and transcript.labels:
            assert transcript.log_p == pytest.approx(math.log(expected[transcript.labels]) + total, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(frames, st.integers(1, 8))
def test_a_narrow_search_never_overstates_a_text(log_p: np.ndarray, width: int) -> None:
    expected = exhaustive(log_p, 0)
    transcripts = search_ctc(log_p, width)
    assert 1 <= len(transcripts) <= width
    assert all(math.exp(t.log_p) <= expected[t.labels] * (1 + 1e-9) for t in transcripts)


def test_the_best_text_need_not_be_that_of_the_best_path() -> None:
    log_p = np.log([[0.6, 0.4], [0.6, 0.4]])  # the best path is blank, blank: 0.36; "a" has 0.64
    assert not CTC(max_target_length=2).to_targets(np.exp(log_p)[None]).any()
    assert search_ctc(log_p)[0].labels == (1,)


def test_a_symbol_of_probability_zero_is_never_chosen() -> None:
    with np.errstate(divide="ignore"):
        log_p = np.log([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]])
    transcripts = search_ctc(log_p)
    assert transcripts
    assert all(2 not in transcript.labels for transcript in transcripts)


def test_improbable_symbols_do_not_extend_a_prefix() -> None:
    log_p = np.log([[0.5, 0.49, 0.01], [0.5, 0.49, 0.01]])
    texts = {transcript.labels for transcript in search_ctc(log_p, ALL, min_log_p=math.log(0.1))}
    assert texts == {(), (1,)}


@pytest.mark.parametrize("width", [0, -1, 2.5])
def test_a_beam_width_below_one_is_refused(width: int) -> None:
    with pytest.raises(UsageError, match="E102"):
        search_ctc(np.zeros((2, 3)), width)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(alphabet="ab ", max_size=8), max_size=5), st.text(alphabet="abc", max_size=3))
def test_known_words_after_a_word_have_probabilities_that_sum_to_at_most_one(
    texts: list[str], before: str
) -> None:
    model = WordBigram.learn(texts, letters=3)
    words = {EDGE, *(word for text in texts for word in text.split())}
    words |= {"".join(letters) for n in (1, 2) for letters in itertools.product("abc", repeat=n)}
    probabilities = [model.probability(before, word) for word in words]
    assert all(p > 0 for p in probabilities)
    assert sum(probabilities) <= 1 + 1e-9


def test_a_frequent_pair_is_more_probable_than_a_rare_one() -> None:
    model = WordBigram.learn(["run on", "run on", "run back"])
    assert model.probability("run", "on") > model.probability("run", "back") > model.probability("run", "run")
