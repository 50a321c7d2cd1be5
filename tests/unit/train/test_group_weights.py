"""The weights of the groups of an ensemble are the best ones on the validation rows of its members."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

import chainrule as cr
from chainrule.train.evaluation.ensemble_weights import (
    MIN_WEIGHT,
    UNIT,
    GroupPredictions,
    log_loss,
    smallest,
    squared_error,
)

ROWS = 90
DRAW = np.random.default_rng(3)
X = DRAW.normal(size=(ROWS, 4)).astype(np.float32)
K = 3  # members of a group
HELD_OUT = np.tile((np.arange(ROWS)[:, None] % K == np.arange(K)).astype(np.float32), (1, 2))


def losses(seed: int, groups: int, kind: str):
    draw = np.random.default_rng(seed)
    weights = draw.uniform(0.1, 2.0, 40)
    if kind == "probabilities":
        return log_loss(draw.uniform(0.05, 1.0, (40, groups)), weights)
    target = draw.normal(size=40)
    return squared_error(target[:, None] + draw.normal(size=(40, groups)), target, weights)


@pytest.mark.parametrize("kind", ["probabilities", "values"])
@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_the_weights_are_the_minimum_of_the_loss(kind: str, seed: int, groups: int) -> None:
    loss, equal = losses(seed, groups, kind), np.full(groups, 1.0 / groups)
    weights = smallest(loss, equal)
    assert weights.min() >= 0.0
    assert weights.sum() == 1.0
    assert (weights * UNIT == np.round(weights * UNIT)).all()
    reference = minimize(
        loss,
        equal,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * groups,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0},
        options={"ftol": 1e-12},
    )
    assert loss(weights) <= reference.fun + 1e-4 * abs(reference.fun)


def test_a_row_with_weight_two_counts_as_two_rows() -> None:
    values, target = DRAW.normal(size=(30, 3)), DRAW.normal(size=30)
    initial, double = np.array([0.5, 0.5, 0.0]), np.r_[np.full(10, 2.0), np.ones(20)]
    once = GroupPredictions(initial, np.arange(30), double, values, target)
    index = np.r_[np.arange(10), np.arange(30)]
    twice = GroupPredictions(initial, index, np.ones(40), values[index], target[index])
    np.testing.assert_array_equal(once.best_weights(), twice.best_weights())


def test_few_rows_change_the_initial_weights_little() -> None:
    initial = np.array([0.75, 0.25])
    probabilities = np.array([[0.4, 0.6]])
    of_rows = [
        GroupPredictions(
            initial, np.zeros(count, int), np.ones(count), np.repeat(probabilities, count, 0), None
        ).best_weights()[1]
        for count in (1, 10, 1000)
    ]
    assert 0.25 < of_rows[0] < 0.5
    assert of_rows[0] < of_rows[1] < of_rows[2]
    assert of_rows[2] > 0.99


def test_a_group_with_little_weight_is_left_out() -> None:
    errors = DRAW.normal(size=(2, 4000))
    for factor, is_part in ((4.0, False), (2.0, True)):  # the best weights are 1/17 and 1/5
        values = np.stack([errors[0], factor * errors[1]], 1)
        weights = GroupPredictions(
            np.array([0.5, 0.5]), np.arange(4000), np.ones(4000), values, np.zeros(4000)
        ).best_weights()
        assert weights.sum() == 1.0
        assert weights[1] == pytest.approx(0.2 if is_part else 0.0, abs=0.03)


@pytest.mark.parametrize("values", [np.full((5, 2), np.nan), np.zeros((5, 2))], ids=["nan", "equal"])
def test_predictions_without_a_difference_leave_the_initial_weights(values: np.ndarray) -> None:
    initial = np.array([0.75, 0.25])
    for target in (None, np.ones(5)):
        predictions = GroupPredictions(initial, np.arange(5), np.ones(5), values, target)
        np.testing.assert_array_equal(predictions.best_weights(), initial)
        np.testing.assert_array_equal(predictions.best_weights(np.zeros(5, bool)), initial)


def ensemble(outputs: int, mode: str, weights: tuple[float, ...] = (1.0, 0.0)) -> cr.Sequential:
    deep = cr.Sequential(
        inputs=cr.EnsembleNormalization(K),
        hidden=cr.EnsembleDense(16, "relu"),
        output=cr.EnsembleDense(outputs),
    )
    linear = cr.Sequential(inputs=cr.EnsembleNormalization(K), output=cr.EnsembleDense(outputs))
    return cr.Sequential(
        groups=cr.Parallel("none", deep=deep, linear=linear),
        all=cr.Merge("concatenate", axis=1),
        mean=cr.EnsembleMean(mode, initial_weights=weights),
    )


LABELS = (np.abs(X[:, 0]) > 0.7).astype(np.int64)
CASES = {
    "mse": (1, "value", X[:, 0] * 2.0 + X[:, 1]),
    "cross_entropy": (3, "softmax", LABELS + (X[:, 1] > 0)),
    "binary_cross_entropy": (1, "sigmoid", LABELS),
}


def trained(loss: str, **options) -> cr.Model:
    outputs, mode, y = CASES[loss]
    model = cr.Model(ensemble(outputs, mode), loss, cr.Adam(0.02))
    model.fit(X, y, epochs=20, batch_size=30, verbose=False, seed=1, **options)
    return model


@pytest.mark.parametrize("loss", CASES)
def test_a_training_chooses_the_weights_on_the_validation_rows_of_the_members(loss: str) -> None:
    _, mode, y = CASES[loss]
    model = trained(loss, sample_weight=1 - HELD_OUT, validation=(X, y, HELD_OUT))
    weights = model.state.states["mean.weights"].astype(np.float64)
    samples = model.member_samples(X)  # (S, N, C)
    member = np.arange(ROWS) % K
    own = np.stack([samples[group * K + member, np.arange(ROWS)] for group in range(2)], 1)  # (N, G, C)

    def score(w: np.ndarray) -> float:
        mean = (own * w[None, :, None]).sum(1)
        return float(
            np.square(mean[:, 0] - y).mean() if mode == "value" else -np.log(mean[np.arange(ROWS), y]).mean()
        )

    shares = [0.0, *np.linspace(MIN_WEIGHT, 1.0 - MIN_WEIGHT, 101), 1.0]
    grid = [np.array([1.0 - share, share]) for share in shares]
    assert score(weights) <= min(map(score, grid)) * 1.02  # of the initial weights one row is added
    np.testing.assert_allclose(model.member_weights, np.repeat(weights / K, K))


def test_probabilities_of_classes_as_targets_choose_the_same_weights_as_the_classes() -> None:
    weights, classes = [], CASES["cross_entropy"][2]
    for loss, y in (("cross_entropy", classes), ("soft_cross_entropy", np.eye(3, dtype=np.float32)[classes])):
        model = cr.Model(ensemble(3, "softmax", (0.5, 0.5)), loss, cr.Adam(0.02))
        model.fit(
            X,
            y,
            epochs=20,
            batch_size=30,
            verbose=False,
            seed=1,
            sample_weight=1 - HELD_OUT,
            validation=(X, y, HELD_OUT),
        )
        weights.append(model.state.states["mean.weights"].tolist())
    assert weights[0] == weights[1] != [0.5, 0.5]


@pytest.mark.parametrize("loss", CASES)
def test_without_validation_rows_of_the_members_the_initial_weights_stay(loss: str) -> None:
    _, _, y = CASES[loss]
    for options in ({}, {"validation": (X, y)}):
        assert trained(loss, **options).state.states["mean.weights"].tolist() == [1.0, 0.0]


def test_a_resumed_training_chooses_the_same_weights(tmp_path) -> None:
    outputs, mode, y = CASES["mse"]
    weights = []
    for run, stops in ((tmp_path / "whole", (12,)), (tmp_path / "parts", (5, 12))):
        for stop in stops:
            model = cr.Model(ensemble(outputs, mode, (0.5, 0.5)), "mse", cr.Adam(0.02))
            model.fit(
                X,
                y,
                epochs=stop,
                batch_size=16,
                sample_weight=1 - HELD_OUT,
                validation=(X, y, HELD_OUT),
                callbacks=[cr.EnsembleEarlyStopping(patience=0)],
                verbose=False,
                seed=1,
                run=run,
                resume=True,
            )
        weights.append(model.state.states["mean.weights"].tolist())
    assert weights[0] == weights[1] != [0.5, 0.5]


@pytest.mark.parametrize("weights", [(0.5,), (0.5, -0.5, 1.0), (1, 1), "ab", ("a",)], ids=repr)
def test_weights_that_are_no_shares_are_refused(weights) -> None:
    with pytest.raises(cr.errors.UsageError, match="E102"):
        cr.EnsembleMean("value", initial_weights=weights)


def test_groups_of_different_size_are_refused() -> None:
    model = cr.Model(
        cr.Sequential(
            cr.EnsembleNormalization(3),
            cr.EnsembleDense(1),
            cr.EnsembleMean("value", initial_weights=(0.5, 0.5)),
        ),
        "mse",
    )
    with pytest.raises(cr.errors.ShapeError, match="E208"):
        model.fit(X, X[:, 0], epochs=1, verbose=False)
