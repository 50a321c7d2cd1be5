"""Thresholds of two classes: curves against counts by hand, the best value of each rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.errors import UsageError
from chainrule.tabular import Cost, with_threshold
from chainrule.tabular.threshold import (
    Decisions,
    ThresholdCurve,
    best_threshold,
    cross_fitted,
    stored_threshold,
)
from chainrule.uncertainty.unknown_classes import stored_level, with_unknown_level

ROWS = st.lists(
    st.tuples(st.booleans(), st.integers(0, 8).map(lambda i: i / 8), st.integers(1, 3)),
    min_size=2,
    max_size=25,
)


def _counts(rows: list[tuple], threshold: float) -> tuple[float, ...]:
    y, p, w = (np.array(part) for part in zip(*rows, strict=True))
    positive = p >= threshold
    masks = (y & positive, ~y & positive, y & ~positive, ~y & ~positive)
    return tuple(float(w[mask].sum()) for mask in masks)


@settings(max_examples=50, deadline=None)
@given(rows=ROWS)
def test_the_curve_has_the_counts_of_every_threshold(rows: list[tuple]) -> None:
    y, p, w = (np.array(part) for part in zip(*rows, strict=True))
    c = ThresholdCurve.of(y, p, w)
    parts = (c.true_positives, c.false_positives, c.false_negatives, c.true_negatives)
    for i, threshold in enumerate(c.thresholds):
        assert tuple(part[i] for part in parts) == pytest.approx(_counts(rows, threshold))
    distinct = {_counts(rows, t) for t in np.linspace(0, 1.01, 50)}
    assert len(distinct) <= len(c.thresholds)
    for threshold in (0.0, 0.3, 0.5, 0.51, 0.99):
        i = c.at(threshold)
        assert tuple(part[i] for part in parts) == pytest.approx(_counts(rows, threshold))


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, fp=st.integers(0, 5), fn=st.integers(1, 5))
def test_no_other_threshold_is_better(rows: list[tuple], fp: int, fn: int) -> None:
    y, p, w = (np.array(part) for part in zip(*rows, strict=True))
    curve, cost = ThresholdCurve.of(y, p, w), Cost(fp, fn)
    best = best_threshold(curve, "cost", cost)
    _, false_alarms, misses, _ = _counts(rows, best.value)
    assert best.score == pytest.approx((fp * false_alarms + fn * misses) / w.sum())
    for other in np.linspace(0, 1.01, 25):
        _, alarms, missed, _ = _counts(rows, other)
        assert best.score <= (fp * alarms + fn * missed) / w.sum() + 1e-9
    f1 = best_threshold(curve, "f1")
    hits, alarms, missed, _ = _counts(rows, f1.value)
    assert f1.score == pytest.approx(2 * hits / (2 * hits + alarms + missed) if hits else 0.0)


def test_calibrated_probabilities_have_the_threshold_of_the_costs() -> None:
    rng = np.random.Generator(np.random.Philox(1))
    p = rng.uniform(size=40_000)
    y = rng.uniform(size=len(p)) < p
    curve = ThresholdCurve.of(y, p)
    assert best_threshold(curve, "cost", Cost(1, 4)).value == pytest.approx(0.2, abs=0.03)
    assert best_threshold(curve, "youden").value == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("text", ["", "1", "1:2:3", "a:1", "-1:2", "0:0", "inf:1", "nan:1"])
def test_invalid_costs_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="cost='1:5'"):
        Cost.parse(text)


def test_unknown_rules_are_refused() -> None:
    curve = ThresholdCurve.of(np.array([0, 1]), np.array([0.2, 0.8]))
    with pytest.raises(UsageError, match="E101"):
        best_threshold(curve, "accuracy")
    with pytest.raises(UsageError, match="E101"):
        best_threshold(curve, "cost")


@settings(max_examples=40, deadline=None)
@given(rows=ROWS, threshold=st.integers(0, 9).map(lambda i: i / 9))
def test_decisions_have_the_counts_of_the_threshold(rows: list[tuple], threshold: float) -> None:
    y, p, w = (np.array(part) for part in zip(*rows, strict=True))
    hits, alarms, misses, rejections = _counts(rows, threshold)
    decided = Decisions.of(y, p >= threshold, Cost(2, 3), w)
    assert decided.accuracy == pytest.approx((hits + rejections) / w.sum())
    assert decided.cost == pytest.approx((2 * alarms + 3 * misses) / w.sum())
    assert decided.recall * (hits + misses) == pytest.approx(hits)
    assert decided.precision * (hits + alarms) == pytest.approx(hits)


def test_a_label_does_not_decide_its_own_row() -> None:
    rng = np.random.Generator(np.random.Philox(5))
    y, p = rng.random(60) < 0.3, rng.random(60)
    before = cross_fitted(y, p, "cost", Cost(1, 3))
    assert before.any()
    for row in range(60):
        changed = y.copy()
        changed[row] = not y[row]
        assert cross_fitted(changed, p, "cost", Cost(1, 3))[row] == before[row]


def test_the_result_of_cross_fitting_is_not_better_than_on_new_rows() -> None:
    rng = np.random.Generator(np.random.Philox(6))
    cost, own, optimistic, new = Cost(1, 1), [], [], []
    y_new, p_new = rng.random(20_000) < 0.5, rng.random(20_000)  # probabilities without information
    for seed in range(60):
        y, p = rng.random(50) < 0.5, rng.random(50)
        best = best_threshold(ThresholdCurve.of(y, p), "cost", cost)
        own.append(Decisions.of(y, cross_fitted(y, p, "cost", cost, seed=seed), cost).cost or 0.0)
        optimistic.append(best.score)
        new.append(Decisions.of(y_new, p_new >= best.value, cost).cost or 0.0)
    assert np.mean(optimistic) < np.mean(new) - 0.05
    assert np.mean(own) > np.mean(new) - 0.02


def test_a_threshold_is_stored_in_a_new_model() -> None:
    x, y = np.array([[0.0], [1.0]] * 4), np.array(["a", "b"] * 4)
    model = cr.Model(cr.Dense(2), "cross_entropy")
    model.fit(x, y, epochs=1, verbose=False)
    changed = with_threshold(model, 0.25)
    assert (stored_threshold(changed), stored_threshold(model)) == (0.25, None)


def test_other_parameters_keep_only_the_threshold_of_a_cost() -> None:
    x, y = np.array([[0.0], [1.0]] * 4), np.array(["a", "b"] * 4)
    model = cr.Model(cr.Dense(2), "cross_entropy")
    model.fit(x, y, epochs=1, verbose=False)
    chosen, of_cost = with_threshold(model, 0.25), with_threshold(model, 0.25, cost="1:3")
    chosen = cr.Model.of(with_unknown_level(chosen.state, 0.6))
    for own in (chosen, of_cost):
        own.load_parameters({path: 2 * np.asarray(a) for path, a in own.parameters().items()})
    assert (stored_threshold(chosen), stored_level(chosen.state)) == (None, None)
    assert stored_threshold(of_cost) == 0.25
