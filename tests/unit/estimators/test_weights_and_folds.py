"""A weight is a number of copies of a row, the order of rows has no effect, copies of a row share a fold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.estimators.default_network import (
    ENSEMBLE,
    NET,
    Settings,
    fold_of_rows,
    rows_of_network,
    weighted_mean_and_deviation,
)
from chainrule.estimators.inputs import EncodedRows
from chainrule.nn.layers.ensemble import center_and_scale, interval_states

SETTINGS = Settings(NET, None, None, None, None, None)  # a single network
COUNT = 3


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("net", [ENSEMBLE, NET])
def test_integer_weights_are_repetitions_in_any_order(net: str, seed: int) -> None:
    draw = np.random.default_rng(seed)
    rows = int(draw.integers(12, 40))
    x, weights, order = draw.random((rows, 4)), draw.integers(0, 4, rows), draw.permutation(rows)
    is_regression = bool(seed % 2)
    y = x[:, 0] + draw.normal(size=rows) if is_regression else draw.integers(0, 3, rows)
    estimator = cr.TabularRegressor if is_regression else cr.TabularClassifier
    create = lambda: estimator(net, batch_size=256, epochs=50, random_state=seed)  # noqa: E731
    repeated = create().fit(x.repeat(weights, axis=0), y.repeat(weights))
    weighted = create().fit(x[order], y[order], sample_weight=weights[order])
    for method in ("predict",) if is_regression else ("predict", "predict_proba"):
        outputs = (getattr(model, method)(x) for model in (repeated, weighted))
        np.testing.assert_allclose(*outputs, rtol=1e-9, atol=1e-9)


@given(st.data())
def test_copies_share_a_fold_whatever_their_number_weights_and_order(data: st.DataObject) -> None:
    values = np.array(data.draw(st.lists(st.integers(-20, 20), min_size=8, max_size=30, unique=True)), float)
    copies = data.draw(st.lists(st.integers(1, 3), min_size=len(values), max_size=len(values)))
    labels = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(values), max_size=len(values))))
    seed = data.draw(st.integers(0, 3))
    once = fold_of_rows(EncodedRows(values[:, None], labels, np.ones(len(values))), COUNT, seed)
    order = np.array(data.draw(st.permutations(range(sum(copies)))))
    x, y = values.repeat(copies)[order], labels.repeat(copies)[order]
    folds = fold_of_rows(EncodedRows(x[:, None], y, np.ones(len(x))), COUNT, seed)
    assert folds.tolist() == once.repeat(copies)[order].tolist()
    assert set(folds.tolist()) == set(range(COUNT))


@given(st.lists(st.integers(0, 4), min_size=2, max_size=40))
def test_every_class_has_training_rows_and_no_row_is_lost(labels: list[int]) -> None:
    y = np.array(labels)
    rows = EncodedRows(np.arange(len(y))[:, None] * 0.5, y, np.ones(len(y)))
    arguments = rows_of_network(SETTINGS, rows, 0)
    assert set(arguments["y"].tolist()) == set(labels)
    validation = arguments.get("validation", (np.zeros((0, 1)),))[0]
    assert sorted([*arguments["x"][:, 0], *validation[:, 0]]) == rows.x[:, 0].tolist()


def test_a_single_row_has_no_validation_rows() -> None:
    rows = EncodedRows(np.ones((1, 2)), np.array([0]), np.ones(1))
    arguments = rows_of_network(SETTINGS, rows, 0)
    assert len(arguments["x"]) == 1
    assert "validation" not in arguments


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(1, 4)), min_size=1, max_size=20), st.integers(2, 9))
def test_statistics_of_members_are_those_of_repeated_rows(pairs: list[tuple[int, int]], count: int) -> None:
    values, weights = (np.array(column, float) for column in zip(*pairs, strict=True))
    rows, repeated = values[:, None], values.repeat(weights.astype(int))[:, None]
    ones = np.ones(len(repeated))
    expected = center_and_scale(repeated, ones)
    np.testing.assert_array_equal(np.stack(center_and_scale(rows, weights)), np.stack(expected))
    states = interval_states(rows, weights, count)
    for name, other in interval_states(repeated, ones, count).items():
        np.testing.assert_allclose(states[name], other, rtol=1e-12, atol=1e-12)


@given(st.lists(st.tuples(st.integers(-99, 99), st.integers(1, 4)), min_size=1, max_size=20))
def test_weighted_statistics_are_those_of_repeated_rows(pairs: list[tuple[int, int]]) -> None:
    values, weights = (np.array(column, float) for column in zip(*pairs, strict=True))
    mean, deviation = weighted_mean_and_deviation(values[:, None], weights)
    repeated = values.repeat(weights.astype(int))
    assert mean[0] == pytest.approx(repeated.mean(), abs=1e-9)
    assert deviation[0] == pytest.approx(repeated.std() or 1.0)
