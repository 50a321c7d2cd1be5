"""The members of an ensemble are trained and evaluated on their own rows, as separate networks would be."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.data import Arrays
from chainrule.train.evaluation.members import member_slices, run_members, weighted_loss

K = 3
X = np.random.default_rng(0).normal(size=(90, 4)).astype(np.float32)
FOLDS = np.arange(90) % K
HELD_OUT = np.tile(FOLDS[:, None] == np.arange(K), (1, 2)).astype(np.float32)  # (N, 2 K)
TARGETS = {
    "cross_entropy": (3, "softmax", np.argmax(X[:, :3], axis=1)),
    "binary_cross_entropy": (1, "sigmoid", X[:, 0] * X[:, 1] > 0),
    "mse": (1, "value", X[:, 0] + X[:, 1]),
}


def network(outputs: int, mode: str) -> cr.Layer:
    """Two groups of members, of which one reads intervals."""
    return cr.Sequential(
        cr.Parallel(
            "none",
            plain=cr.Sequential(
                cr.EnsembleNormalization(K), cr.EnsembleDense(5, "tanh"), cr.EnsembleDense(outputs)
            ),
            intervals=cr.Sequential(
                cr.EnsemblePiecewiseLinear(K, features=(0, 1), intervals=3), cr.EnsembleDense(outputs)
            ),
        ),
        cr.Merge("concatenate", axis=1),
        cr.EnsembleMean(mode),
    )  # fmt: skip


def trained(loss: str, y: np.ndarray | None = None, x: np.ndarray = X, epochs: int = 12) -> cr.Model:
    outputs, mode, targets = TARGETS[loss]
    model = cr.Model(network(outputs, mode), loss, cr.Adam(0.02))
    y = targets if y is None else y
    model.fit(
        x, y, epochs=epochs, batch_size=16, sample_weight=1 - HELD_OUT, validation=(x, y, HELD_OUT),
        callbacks=[cr.EnsembleEarlyStopping(patience=0)], verbose=False, seed=1,
    )  # fmt: skip
    return model


def member_results(model: cr.Model, loss: str) -> dict[str, np.ndarray]:
    state = model.state
    encoded = state.targets["y"].encode(np.asarray(TARGETS[loss][2]))
    return run_members(state.network, Arrays({"x": X}, {"target": encoded}, None), state.arrays, True)


@pytest.mark.parametrize("loss", TARGETS)
def test_the_prediction_is_the_mean_of_the_members(loss: str) -> None:
    model = trained(loss)
    predictions = member_results(model, loss)["prediction"]
    assert predictions.shape == (90, 2 * K, TARGETS[loss][0])
    ours = model.predict_proba(X)[:, -1] if loss != "mse" else model(X)[:, 0]
    np.testing.assert_allclose(ours, predictions.mean(1)[:, -1], rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("loss", TARGETS)
def test_each_member_has_the_parameters_of_its_best_epoch(loss: str) -> None:
    model = trained(loss)
    columns = [f"val_member{number + 1}_loss" for number in range(2 * K)]
    best = [min(row[column] for row in model.history) for column in columns]
    reached = weighted_loss(member_results(model, loss)["loss"], HELD_OUT)
    np.testing.assert_allclose(reached, best, rtol=1e-6)


@pytest.mark.parametrize("loss", TARGETS)
def test_a_row_changes_only_the_members_that_are_trained_or_stopped_on_it(loss: str) -> None:
    row, y = 4, TARGETS[loss][2].copy()
    y[row] = not y[row] if loss == "binary_cross_entropy" else y[row] + 1 if y[row] < 1 else y[row] - 1
    x = X.copy()
    x[row] = 9.0
    weights, validation = 1 - HELD_OUT, HELD_OUT.copy()
    validation[row] = 0.0  # neither trained nor stopped on the row
    outputs, mode, targets = TARGETS[loss]
    predictions = []
    for inputs, labels in ((X, targets), (x, y)):
        model = cr.Model(network(outputs, mode), loss, cr.Adam(0.02))
        model.fit(
            inputs, labels, epochs=6, batch_size=90, sample_weight=weights, verbose=False, seed=1,
            validation=(inputs, labels, validation), callbacks=[cr.EnsembleEarlyStopping(patience=0)],
        )  # fmt: skip
        predictions.append(member_results(model, loss)["prediction"])
    is_same = (predictions[0] == predictions[1]).all((0, 2))
    assert is_same.tolist() == (HELD_OUT[row] > 0).tolist()


def test_a_resumed_training_has_the_members_of_an_uninterrupted_one(tmp_path) -> None:
    outputs, mode, y = TARGETS["cross_entropy"]
    results = []
    for run, stops in ((tmp_path / "whole", (12,)), (tmp_path / "parts", (5, 12))):
        for stop in stops:
            model = cr.Model(network(outputs, mode), "cross_entropy", cr.Adam(0.02))
            model.fit(
                X, y, epochs=stop, batch_size=16, sample_weight=1 - HELD_OUT, validation=(X, y, HELD_OUT),
                callbacks=[cr.EnsembleEarlyStopping(patience=0)], verbose=False, seed=1, run=run, resume=True,
            )  # fmt: skip
        results.append(model)
    assert results[0].history == results[1].history
    for path, array in results[0].state.arrays.items():
        np.testing.assert_array_equal(array, results[1].state.arrays[path], err_msg=path)


def test_every_array_of_a_member_is_found_by_its_group() -> None:
    model = trained("mse", epochs=1)
    slices = member_slices(model.state.network)
    assert set(slices) == set(model.state.arrays)
    assert {path: own for path, own in slices.items() if own.start == K}.keys() == {
        path for path in model.state.arrays if ".intervals." in path
    }
