"""Every strategy of choosing tokens has the properties of all strategies, and that of its name."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from chainrule.errors import UsageError
from chainrule.generation.sampling_strategies import STRATEGIES, Strategy, log_softmax, softmax, strategies_of

SETTINGS: dict[str, list[tuple]] = {
    "suppress_tokens": [([],), ([0],), ([1, 3],)],
    "repetition_penalty": [(1.0,), (1.3,), (0.7,)],
    "temperature": [(0.3,), (1.0,), (2.5,)],
    "top_k": [(1,), (2,), (4,), (50,)],
    "top_p": [(0.05,), (0.6,), (0.95,), (1.0,)],
    "min_p": [(0.05,), (0.5,), (1.0,)],
    "greedy": [()],
}
REFUSED: dict[str, list[tuple]] = {
    "suppress_tokens": [(3,), ([-1],), ([1.5],), (["a"],)],
    "repetition_penalty": [(0,), (-1.0,), (float("nan"),), ("2",)],
    "temperature": [(0,), (0.0,), (-0.5,), (float("inf"),), (True,)],
    "top_k": [(0,), (-3,), (2.0,), (True,)],
    "top_p": [(0,), (1.01,), (-0.1,), (float("nan"),)],
    "min_p": [(0.0,), (2,)],
    "greedy": [],
}
CASES = [STRATEGIES[name](*args) for name, every in SETTINGS.items() for args in every]
# Few different values, so that ties are common.
SCORES = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 4), st.integers(4, 9)), elements=st.integers(-6, 6).map(float)
)


def unseen(scores: np.ndarray) -> np.ndarray:
    """The tokens that a sequence contains before the first one is generated: none."""
    return np.zeros(scores.shape, bool)


def allowed(strategy: Strategy, scores: np.ndarray) -> np.ndarray:
    """Which tokens may be chosen."""
    return np.isfinite(strategy(scores, unseen(scores)))


@pytest.mark.parametrize("strategy", CASES, ids=str)
@settings(max_examples=25)
@given(scores=SCORES)
def test_rows_are_independent_allow_a_token_and_the_input_is_not_changed(
    strategy: Strategy, scores: np.ndarray
) -> None:
    before, seen = scores.copy(), scores > 0
    out = strategy(scores, seen)
    np.testing.assert_array_equal(scores, before)
    assert out.shape == scores.shape
    assert np.isfinite(out).any(axis=1).all()
    for row in range(len(scores)):
        np.testing.assert_array_equal(strategy(scores[row : row + 1], seen[row : row + 1])[0], out[row])
    np.testing.assert_allclose(softmax(out).sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize(
    "name", [name for name in STRATEGIES if name not in ("temperature", "repetition_penalty")]
)
@settings(max_examples=25)
@given(scores=SCORES)
def test_the_scores_of_allowed_tokens_do_not_change(name: str, scores: np.ndarray) -> None:
    for args in SETTINGS[name]:
        out = STRATEGIES[name](*args)(scores, unseen(scores))
        inside = np.isfinite(out)
        np.testing.assert_array_equal(out[inside], scores[inside])
        assert np.isneginf(out[~inside]).all()


def check_suppress_tokens(scores: np.ndarray) -> None:
    assert not allowed(STRATEGIES["suppress_tokens"]([1, 3]), scores)[:, [1, 3]].any()
    assert allowed(STRATEGIES["suppress_tokens"]([1, 3, 99]), scores).sum() == scores.size - 2 * len(scores)


def check_repetition_penalty(scores: np.ndarray) -> None:
    """A token that occurred becomes less likely."""
    seen = unseen(scores)
    seen[:, 0] = True
    p = softmax(STRATEGIES["repetition_penalty"](1.5)(scores, seen))
    assert (p[:, 0] <= softmax(scores)[:, 0] + 1e-15).all()


def check_temperature(scores: np.ndarray) -> None:
    """The odds of two tokens are raised to the power 1 / temperature."""
    old, new = log_softmax(scores), log_softmax(STRATEGIES["temperature"](0.5)(scores, unseen(scores)))
    np.testing.assert_allclose(new[:, 0] - new[:, 1], (old[:, 0] - old[:, 1]) / 0.5, atol=1e-9)


def check_top_k(scores: np.ndarray) -> None:
    """Exactly k tokens are allowed, and none of the others has a higher score."""
    for k in (1, 2, 3):
        inside = allowed(STRATEGIES["top_k"](k), scores)
        assert (inside.sum(axis=1) == k).all()
        for row, flags in zip(scores, inside, strict=True):
            assert row[flags].min() >= row[~flags].max()


def check_top_p(scores: np.ndarray) -> None:
    """The most likely tokens are allowed, the fewest whose probabilities sum to p."""
    for p in (0.2, 0.7, 0.9):
        inside, chances = allowed(STRATEGIES["top_p"](p), scores), softmax(scores)
        for flags, chance in zip(inside, chances, strict=True):
            mass, smallest = chance[flags].sum(), chance[flags].min()
            assert mass >= p - 1e-12
            assert mass - smallest < p
            assert not (~flags).any() or smallest >= chance[~flags].max() - 1e-15


def check_min_p(scores: np.ndarray) -> None:
    chances = softmax(scores)
    inside = allowed(STRATEGIES["min_p"](0.3), scores)
    share = chances / chances.max(axis=1, keepdims=True)
    assert (inside == (share >= 0.3))[abs(share - 0.3) > 1e-9].all()


def check_greedy(scores: np.ndarray) -> None:
    """One token is allowed, the first of the highest score, as for top_k with k = 1."""
    inside = allowed(STRATEGIES["greedy"](), scores)
    assert (inside.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(inside.argmax(axis=1), scores.argmax(axis=1))
    np.testing.assert_array_equal(inside, allowed(STRATEGIES["top_k"](1), scores))


CHECKS: dict[str, Callable[[np.ndarray], None]] = {name: globals()[f"check_{name}"] for name in STRATEGIES}


@pytest.mark.parametrize("name", STRATEGIES)
@settings(max_examples=25)
@given(scores=SCORES)
def test_a_strategy_allows_the_tokens_of_its_definition(name: str, scores: np.ndarray) -> None:
    CHECKS[name](scores)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_has_a_formula_an_example_and_chinese_texts(name: str) -> None:
    kind = STRATEGIES[name]
    assert kind.name == name
    assert kind.formula
    assert all(re.search("[一-鿿]", text) for text in kind.chinese)
    assert "Example:" in (kind.__doc__ or "")


@pytest.mark.parametrize(
    ("name", "args"), [(name, args) for name, every in REFUSED.items() for args in every]
)
def test_settings_out_of_range_are_refused(name: str, args: tuple) -> None:
    with pytest.raises(UsageError) as caught:
        STRATEGIES[name](*args)
    assert caught.value.code == "E102"


def test_options_become_strategies_in_the_order_of_the_registry() -> None:
    options = {"top_p": 0.9, "greedy": True, "temperature": 0.5, "top_k": None, "suppress_tokens": [2]}
    own = [STRATEGIES["min_p"](0.1)]
    names = [strategy.name for strategy in strategies_of(options, own)]
    assert names == ["suppress_tokens", "temperature", "top_p", "greedy", "min_p"]
    assert strategies_of({"greedy": False, "top_p": None}, []) == ()
    with pytest.raises(UsageError) as caught:
        strategies_of({"temperature": 0}, [])
    assert caught.value.code == "E102"
