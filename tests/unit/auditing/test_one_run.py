"""The lower bound of epsilon from one training, against brute force and simulated mechanisms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from chainrule.auditing.one_training_audit import (
    audit_in_one_run,
    bound_by_scores,
    epsilon_lower_bound,
    guess,
    one_run_p_value,
    random_coins,
    wrong_labels,
)
from chainrule.errors import UsageError
from chainrule.model import Model
from chainrule.nn import Dense, Sequential


@given(st.integers(1, 9), st.data(), st.floats(0, 4))
def test_without_delta_it_is_the_tail_of_all_outcomes(
    guesses: int, data: st.DataObject, epsilon: float
) -> None:
    right, q = data.draw(st.integers(0, guesses)), 1 / (1 + math.exp(-epsilon))
    total = 0.0
    for outcome in itertools.product((0, 1), repeat=guesses):
        if sum(outcome) >= right:
            total += math.prod(q if bit else 1 - q for bit in outcome)
    assert one_run_p_value(12, guesses, right, epsilon) == pytest.approx(total, abs=1e-12)


@given(st.integers(1, 60), st.data(), st.floats(0, 4), st.floats(1e-7, 1e-2))
def test_delta_adds_the_term_of_the_theorem(
    guesses: int, data: st.DataObject, epsilon: float, delta: float
) -> None:
    right, m = data.draw(st.integers(1, guesses)), guesses + 5
    q = 1 / (1 + math.exp(-epsilon))

    def f(v: int) -> float:
        return float(binom.sf(v - 1, guesses, q))

    added = max((f(right - i) - f(right)) / i for i in range(1, m + 1))
    expected = min(1.0, f(right) + 2 * m * delta * added)
    assert one_run_p_value(m, guesses, right, epsilon, delta) == pytest.approx(expected, rel=1e-8)


@given(st.integers(2, 200), st.data())
def test_the_bound_is_where_the_p_value_reaches_the_level(guesses: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, guesses))
    bound = epsilon_lower_bound(guesses, guesses, right, 1e-6)
    if bound:
        assert one_run_p_value(guesses, guesses, right, bound + 1e-6, 1e-6) >= 0.05 - 1e-6
        assert one_run_p_value(guesses, guesses, right, bound - 1e-6, 1e-6) <= 0.05 + 1e-6
    else:
        assert one_run_p_value(guesses, guesses, right, 1e-6, 1e-6) >= 0.05 - 1e-6


@pytest.mark.long
@settings(max_examples=20)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 1.0, 2.0]))
def test_randomized_response_is_bounded_below_its_epsilon(seed: int, epsilon: float) -> None:
    """The tightest mechanism: every coin is published, flipped with a probability of 1 / (1 + e^epsilon).

    A bound fails with a probability of 5 %; of 40 trials more than 7 fail with one below 0.001.
    """
    rng, failures = np.random.default_rng(seed), 0
    for _ in range(40):
        coins = rng.random(300) < 0.5
        is_kept = rng.random(300) < 1 / (1 + math.exp(-epsilon))
        scores = np.where(coins == is_kept, 1.0, 0.0) + 1e-6 * rng.random(300)
        failures += bound_by_scores(scores, coins).bound > epsilon
    assert failures <= 7


def test_a_published_coin_refutes_every_claim_that_can_be_refuted() -> None:
    coins = np.arange(400) % 2 == 0
    result = bound_by_scores(coins + 0.0, coins, claim=3.0, lang="en")
    assert result.bound == result.reachable > 4
    assert result.verdict == "refuted"
    assert "refuted" in str(result)


def test_scores_without_information_show_nothing() -> None:
    rng = np.random.default_rng(1)
    result = bound_by_scores(rng.random(400), rng.random(400) < 0.5, claim=1.0, delta=1e-5, lang="zh")
    assert result.bound < 0.3
    assert result.verdict == "compatible"
    assert "相容" in str(result)


@given(st.lists(st.floats(-5, 5), min_size=4, max_size=30), st.data())
def test_guesses_are_the_extreme_scores(scores: list[float], data: st.DataObject) -> None:
    count, values = data.draw(st.integers(2, len(scores))), np.array(scores)
    guessed = guess(values, count)
    assert (np.abs(guessed).sum(), (guessed == -1).sum()) == (count, count // 2)
    assert values[guessed == 1].min() >= values[guessed == 0].max(initial=-9.0)
    assert values[guessed == -1].max() <= values[guessed == 0].min(initial=9.0)


def test_coins_are_fair_and_differ() -> None:
    first, second = random_coins(4096), random_coins(4096)
    assert abs(first.mean() - 0.5) < 0.06
    assert 0.4 < (first == second).mean() < 0.6
    assert len(random_coins(13)) == 13


@given(st.integers(2, 6), st.integers(0, 1000))
def test_wrong_labels_occur_and_differ_from_the_true_ones(classes: int, seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.arange(40) % classes) * 3
    wrong = wrong_labels(labels, seed)
    assert not (wrong == labels).any()
    assert set(wrong.tolist()) <= set(labels.tolist())


def test_an_overfitted_network_is_caught_and_a_constant_one_is_not() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(240, 60)).astype("float32")
    y = (x[:, 0] > 0).astype(int)

    def fit(epochs: int) -> object:
        def train(x: np.ndarray, y: np.ndarray) -> Model:
            model = Model(Sequential(Dense(64, "relu"), Dense(2)), "cross_entropy")
            model.fit(x, y, epochs=epochs, seed=0, verbose=False, probes=False, doctor=False)
            return model

        return train

    caught = audit_in_one_run(fit(60), x, y, canaries=120, claim=0.5, lang="en")  # type: ignore[arg-type]
    assert caught.verdict == "refuted"
    # The coins are those of the operating system: without any leak a bound of 1 has a probability below 1e-4.
    untrained = audit_in_one_run(fit(0), x, y, canaries=120, claim=1.0)  # type: ignore[arg-type]
    assert untrained.bound < 1.0
    assert untrained.verdict == "compatible"


@pytest.mark.parametrize(
    "options",
    [{"canaries": 5}, {"canaries": 130}, {"delta": 1.0}, {"delta": math.nan}, {"claim": -1}, {"claim": "x"}],
)
def test_what_cannot_be_audited_is_refused(options: dict[str, float]) -> None:
    x, y = np.zeros((200, 2), "float32"), np.arange(200) % 2
    with pytest.raises(UsageError, match="E102"):
        audit_in_one_run(lambda x, y: None, x, y, **{"canaries": 50, **options})  # type: ignore[arg-type]
