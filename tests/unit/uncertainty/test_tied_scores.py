"""Prediction sets, abstention and thresholds keep their promise where scores tie."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.tabular.threshold import ThresholdCurve, best_threshold, cross_fitted
from chainrule.uncertainty import (
    Isotonic,
    SetMethod,
    Temperature,
    conformities,
    prediction_sets,
    risk_coverage,
    set_thresholds,
)
from chainrule.uncertainty.calibration import LEVELS, calibrate_probabilities
from chainrule.uncertainty.conformal_sets import SET_METHODS
from chainrule.uncertainty.unknown_classes import stored_level, with_unknown, with_unknown_level
from chainrule_examples.faces.verification import accept_level, verify_pairs

Rows = tuple[np.ndarray, np.ndarray]


def softmax(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True))


def sampled(rng: np.random.Generator, count: int, classes: int = 4) -> Rows:
    """Probabilities and classes that are sampled from them."""
    p = softmax(2.0 * rng.normal(size=(count, classes)))
    return p, (p.cumsum(axis=1) < rng.random(count)[:, None]).sum(axis=1).clip(max=classes - 1)


def constant(rng: np.random.Generator, count: int) -> Rows:
    return np.tile([0.7, 0.3], (count, 1)), (rng.random(count) < 0.3).astype(int)


def two_valued(rng: np.random.Generator, count: int) -> Rows:
    second = np.where(rng.random(count) < 0.5, 0.1, 0.45)
    return np.stack([1 - second, second], axis=1), (rng.random(count) < second).astype(int)


def rounded(rng: np.random.Generator, count: int) -> Rows:
    p, y = sampled(rng, count)
    return p.round(1), y


def isotonic(rng: np.random.Generator, count: int) -> Rows:
    p, y = sampled(rng, count)
    return Isotonic.fitted(*sampled(np.random.default_rng(1), 300))(p), y


def isotonic_of_constant(rng: np.random.Generator, count: int) -> Rows:
    p, y = constant(rng, count)
    return Isotonic.fitted(*constant(np.random.default_rng(2), 300))(p), y


def saturated(rng: np.random.Generator, count: int) -> Rows:
    p, y = sampled(rng, count)
    return softmax(500 * np.log(p)).astype(np.float32), y


SCORES = (constant, two_valued, rounded, isotonic, isotonic_of_constant, saturated)
DIVISIONS = 200


@pytest.mark.parametrize("method", SET_METHODS)
@pytest.mark.parametrize("scores", SCORES, ids=lambda s: s.__name__)
def test_sets_have_their_coverage_over_200_divisions(
    scores: Callable[[np.random.Generator, int], Rows], method: SetMethod
) -> None:
    rates: dict[float, list[np.ndarray]] = {level: [] for level in LEVELS}
    for seed in range(DIVISIONS):
        p, y = scores(np.random.Generator(np.random.Philox(seed)), 400)
        for level in LEVELS:
            inside = prediction_sets(p[150:], set_thresholds(p[:150], y[:150], level, method), method)
            covered = inside[np.arange(250), y[150:]]
            per_class = [covered[y[150:] == k].mean() for k in np.unique(y[150:])]
            rates[level].append(np.append(covered.mean(), min(per_class)))
    for level, measured in rates.items():
        share, lowest = np.array(measured).T
        assert share.mean() >= level - 3 * share.std() / DIVISIONS**0.5, f"{level}: {share.mean():.3f}"
        if method == "class" and scores is two_valued:
            assert lowest.mean() >= level - 0.04


@pytest.mark.long
@pytest.mark.parametrize("scores", SCORES, ids=lambda s: s.__name__)
def test_calibrated_sets_have_their_coverage(scores: Callable[[np.random.Generator, int], Rows]) -> None:
    """With the choice between a map and none."""
    rates = []
    for seed in range(DIVISIONS // 10):
        p, y = scores(np.random.Generator(np.random.Philox(900 + seed)), 500)
        method = "isotonic" if seed % 2 else "temperature"
        calibration = calibrate_probabilities(p[:200], y[:200], method=method, seed=seed).calibration
        rates.append(calibration.sets(p[200:], 0.9)[np.arange(300), y[200:]].mean())
    assert np.mean(rates) >= 0.9 - 3 * np.std(rates) / len(rates) ** 0.5


@given(st.floats(0.0, 1.0), st.floats(0.5, 0.99))
def test_a_threshold_is_a_probability_bit_by_bit(probability: float, level: float) -> None:
    p = np.tile([probability, 1 - probability], (200, 1))
    for k in (0, 1):
        threshold = set_thresholds(p, np.full(200, k), level)
        assert threshold.tolist() == [p[0, k]] * 2
        assert prediction_sets(p, threshold)[:, k].all()


@pytest.mark.parametrize("method", SET_METHODS)
def test_conformities_of_a_row_do_not_depend_on_other_rows(method: SetMethod) -> None:
    p, _ = sampled(np.random.default_rng(3), 40, 7)
    p[::2] = p[::2].round(1)
    expected = conformities(p, method)
    order = np.random.default_rng(4).permutation(40)
    np.testing.assert_array_equal(conformities(p[order], method), expected[order])
    np.testing.assert_array_equal(np.stack([conformities(row[None], method)[0] for row in p]), expected)
    np.testing.assert_array_equal(conformities(np.asfortranarray(p), method), expected)
    assert ((expected >= 0) & (expected <= 1)).all()
    for mapped in (Isotonic.fitted(*sampled(np.random.default_rng(5), 90, 7)), Temperature(1.7)):
        np.testing.assert_array_equal(mapped(p[order]), mapped(p)[order])


def test_adaptive_sets_cover_certain_and_uncertain_rows_alike() -> None:
    """Where the smallest sets cover the certain rows at the expense of the others."""
    shares: dict[str, list[float]] = {"threshold": [], "adaptive": []}
    for seed in range(40):
        rng = np.random.default_rng(seed)
        scale = np.where(np.arange(2_000) % 2, 8.0, 0.5)[:, None]
        p = softmax(scale * rng.normal(size=(2_000, 10)))
        y = (p.cumsum(axis=1) < rng.random(2_000)[:, None]).sum(axis=1).clip(max=9)
        for method, values in shares.items():
            thresholds = set_thresholds(p[:500], y[:500], 0.9, method)  # type: ignore[arg-type]
            inside = prediction_sets(p[500:], thresholds, method)  # type: ignore[arg-type]
            covered = inside[np.arange(1_500), y[500:]]
            values.append(min(covered[::2].mean(), covered[1::2].mean()))
    assert np.mean(shares["threshold"]) < 0.85
    assert np.mean(shares["adaptive"]) > 0.88


def test_sets_by_class_cover_a_rare_class() -> None:
    rng = np.random.default_rng(6)
    y = (rng.random(6_000) < 0.1).astype(int)
    logit = rng.normal(size=6_000) + 1.5 * y - 2.2
    p = np.stack([1 / (1 + np.exp(logit)), 1 / (1 + np.exp(-logit))], axis=1)
    covered = {}
    for method in ("threshold", "class"):
        inside = prediction_sets(p[3_000:], set_thresholds(p[:3_000], y[:3_000], 0.9, method), method)
        covered[method] = inside[np.arange(3_000), y[3_000:]][y[3_000:] == 1].mean()
    assert covered["threshold"] < 0.6
    assert covered["class"] > 0.86


def test_a_confidence_of_many_rows_without_an_error_is_promised() -> None:
    rng = np.random.default_rng(7)
    certain = np.concatenate([np.ones(500), np.full(500, 0.6)])
    y = np.concatenate([np.zeros(500, int), rng.integers(0, 2, 500)])
    order = rng.permutation(1_000)
    for rows in (np.arange(1_000), order):
        curve = risk_coverage(np.stack([certain, 1 - certain], axis=1)[rows], y[rows])
        assert curve.confidence_for(0.05) == 1.0
        assert curve.at(0.25) == (1.0, 0.0)
        assert curve.at(0.5) == (1.0, 0.0)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=60))
def test_a_risk_does_not_depend_on_the_order_of_equal_rows(rows: list[tuple[int, bool]]) -> None:
    certain = np.array([0.6 + 0.1 * c for c, _ in rows])
    y = np.array([int(wrong) for _, wrong in rows])
    p = np.stack([certain, 1 - certain], axis=1)
    curve, order = risk_coverage(p, y), np.random.default_rng(0).permutation(len(y))
    np.testing.assert_array_equal(curve.risk, risk_coverage(p[order], y[order]).risk)


def neighbors() -> np.ndarray:
    """Adjacent probabilities in float32, whose middle is no float32."""
    return np.array([np.float32(0.3), np.nextafter(np.float32(0.3), np.float32(1))])


@pytest.mark.parametrize("rule", ["f1", "youden"])
def test_a_threshold_between_adjacent_float32_separates_them(rule: str) -> None:
    p, y = np.repeat(neighbors(), 20), np.repeat([0, 1], 20)
    curve = ThresholdCurve.of(y, p)
    value = best_threshold(curve, rule).value
    assert curve.at(value) == 1
    np.testing.assert_array_equal(cross_fitted(y, p, rule), y == 1)


def test_no_more_strangers_than_allowed_reach_a_level() -> None:
    low, high = neighbors()
    for scores in (np.repeat([low, high], [98, 2]), np.ones(100, np.float32), np.full(100, high)):
        level = accept_level(scores, 0.02)
        named = with_unknown(np.array(["ann"] * 100), np.stack([scores, 0 * scores], axis=1), level)
        assert np.mean(named == "ann") <= 0.02


@pytest.mark.parametrize("count", [6, 15, 40])
def test_the_allowed_share_of_false_pairs_is_used(count: int) -> None:
    """1 - 99 / 100 is above 0.01 in floating point."""
    labels = np.array([0, 0, *range(1, count)])
    rng = np.random.default_rng(8)
    similarity = rng.random((len(labels), len(labels)))
    similarity = (similarity + similarity.T) / 2
    pairs = np.triu_indices(len(labels), 1)
    different = labels[pairs[0]] != labels[pairs[1]]
    scores = np.sort(similarity[pairs][different])[::-1]
    for allowed in (1, 3, 7):
        share = allowed / len(scores)
        result = verify_pairs(similarity, labels, share)
        assert result.false_accept_rate == pytest.approx(share)
        assert scores[allowed] < result.threshold <= scores[allowed - 1]


def test_the_level_of_unknown_rows_is_stored() -> None:
    x, y = np.array([[0.0], [1.0]] * 4), np.array(["ann", "bob"] * 4)
    model = cr.Model(cr.Dense(2), "cross_entropy")
    model.fit(x, y, epochs=1, verbose=False)
    state = with_unknown_level(model.state, 0.75)
    assert (stored_level(state), stored_level(model.state)) == (0.75, None)
    assert stored_level(with_unknown_level(model.state, 2.0)) is None
