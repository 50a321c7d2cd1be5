"""The members of an ensemble are trained and evaluated on their own rows, as separate networks would be."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.data import Arrays
from chainrule.graph import Graph
from chainrule.train.evaluation import member_rows
from chainrule.train.evaluation.member_rows import evaluate_members, weighted_loss
from chainrule.train.evaluation.members import run_members
from chainrule.train.member_graph import member_slices

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
    )


def trained(loss: str, y: np.ndarray | None = None, x: np.ndarray = X, epochs: int = 12) -> cr.Model:
    outputs, mode, targets = TARGETS[loss]
    model = cr.Model(network(outputs, mode), loss, cr.Adam(0.02))
    y = targets if y is None else y
    model.fit(
        x,
        y,
        epochs=epochs,
        batch_size=16,
        sample_weight=1 - HELD_OUT,
        validation=(x, y, HELD_OUT),
        callbacks=[cr.EnsembleEarlyStopping(patience=0)],
        verbose=False,
        seed=1,
    )
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
            inputs,
            labels,
            epochs=6,
            batch_size=90,
            sample_weight=weights,
            verbose=False,
            seed=1,
            validation=(inputs, labels, validation),
            callbacks=[cr.EnsembleEarlyStopping(patience=0)],
        )
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
        results.append(model)
    assert results[0].history == results[1].history
    for path, array in results[0].state.arrays.items():
        np.testing.assert_array_equal(array, results[1].state.arrays[path], err_msg=path)


def weights_of(case: str) -> np.ndarray:
    """Weights (N, 2 K) of rows and members."""
    draw = np.random.default_rng(7)
    weights = HELD_OUT.copy()
    if case == "unequal folds":
        fold = np.where(draw.random(90) < 0.8, 0, FOLDS)
        weights = np.tile(fold[:, None] == np.arange(K), (1, 2)).astype(np.float32)
    elif case == "rows without a member":
        weights[draw.random(90) < 0.5] = 0.0
    elif case == "weighted rows":
        weights *= draw.random((90, 1)).astype(np.float32)
    elif case == "groups with other rows":
        weights[:, K:] = np.roll(weights[:, K:], 1, axis=1)
    elif case == "several members for a row":
        weights = np.tile(draw.random((90, K)) < 0.4, (1, 2)).astype(np.float32)
    elif case == "a member without rows":
        weights[:, [1, K + 1]] = 0.0
    return weights


CASES = [
    "folds",
    "unequal folds",
    "rows without a member",
    "weighted rows",
    "groups with other rows",
    "several members for a row",
    "a member without rows",
]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("loss", TARGETS)
def test_members_on_their_own_rows_have_the_results_of_all_members_on_all_rows(loss: str, case: str) -> None:
    model, weights = trained(loss, epochs=2), weights_of(case)
    state = model.state
    rows = Arrays({"x": X}, {"target": state.targets["y"].encode(np.asarray(TARGETS[loss][2]))}, None)
    results = evaluate_members(state.network, rows, state.arrays, weights, has_targets=True)
    every = member_results(model, loss)
    evaluated = np.flatnonzero(weights.any(1))
    shares = weights[evaluated] / weights[evaluated].sum(1, keepdims=True)
    expected = np.einsum("nkc,nk->nc", every["prediction"][evaluated], shares)
    assert results.rows.tolist() == evaluated.tolist()
    np.testing.assert_allclose(results.predictions, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(results.losses, weighted_loss(every["loss"], weights), rtol=1e-6)
    is_absent = weights.sum(0) == 0
    assert np.isnan(results.losses).tolist() == is_absent.tolist()


def test_only_the_rows_of_a_member_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    state, sizes = trained("mse", epochs=1).state, []
    blocks = member_rows.blocks
    monkeypatch.setattr(
        member_rows, "blocks", lambda program, rows: sizes.append(rows) or blocks(program, rows)
    )
    evaluate_members(state.network, Arrays({"x": X}, {}, None), state.arrays, HELD_OUT)
    assert sizes == [len(X) // K]


def test_members_behind_another_layer_are_evaluated_too() -> None:
    net = cr.Sequential(
        cr.Dense(3), cr.EnsembleNormalization(K), cr.EnsembleDense(1), cr.EnsembleMean("value")
    )
    model, y = cr.Model(net, "mse", cr.Adam(0.02)), TARGETS["mse"][2]
    held_out = HELD_OUT[:, :K]
    model.fit(
        X,
        y,
        epochs=2,
        sample_weight=1 - held_out,
        validation=(X, y, held_out),
        verbose=False,
        callbacks=[cr.EnsembleEarlyStopping(patience=0)],
    )
    state = model.state
    every = run_members(state.network, Arrays({"x": X}, {}, None), state.arrays)["prediction"]
    results = evaluate_members(state.network, Arrays({"x": X}, {}, None), state.arrays, held_out)
    np.testing.assert_allclose(results.predictions, every[np.arange(90), FOLDS], rtol=1e-6)


def test_a_member_without_validation_rows_is_trained_until_the_others_are_done() -> None:
    validation = HELD_OUT.copy()
    validation[:, 1] = 0.0
    loss, (outputs, mode, y) = "mse", TARGETS["mse"]
    models = []
    for callbacks, epochs in (([cr.EnsembleEarlyStopping(patience=3)], 300), ([], None)):
        model = cr.Model(network(outputs, mode), loss, cr.Adam(0.1))
        model.fit(
            X,
            y,
            epochs=epochs or len(models[0].history),
            batch_size=16,
            sample_weight=1 - HELD_OUT,
            validation=(X, y, validation),
            callbacks=callbacks,
            verbose=False,
            seed=1,
        )
        models.append(model)
    assert 3 < len(models[0].history) < 300
    assert all(row["val_member2_loss"] is None for row in models[0].history)
    members = [member_results(model, loss)["prediction"][:, :, 0] for model in models]
    is_same = (members[0] == members[1]).all(axis=0)
    assert is_same[1]
    assert not is_same.all()


def test_the_penalty_of_all_weights_leaves_the_biases_of_members_alone() -> None:
    outputs, mode, _ = TARGETS["mse"]
    model = cr.Model(network(outputs, mode), "mse", cr.SGD(0.1), penalty=cr.L2(100.0))
    model.fit(X, np.zeros(90), epochs=3, batch_size=90, verbose=False, seed=1)
    values = model.parameters()
    biases = {path for path in values if path.endswith("bias")}
    assert len(biases) == 3
    gradients = model.network.penalty(model.network.training)
    assert gradients is not None
    penalized = set(Graph({"penalty": gradients}).inputs)
    assert penalized == set(values) - biases


def test_a_probe_compares_the_same_members_in_training_and_in_inference() -> None:
    """Without dropout both losses are equal, however badly members predict rows they are not trained on."""
    model = trained("mse", np.where(FOLDS == 0, 50.0, 0.0))
    assert len(model.probes) > 1
    for probe in model.probes:
        assert probe.values["inference_loss"] == pytest.approx(probe.values["training_loss"], rel=1e-6)


def test_every_array_of_a_member_is_found_by_its_group() -> None:
    model = trained("mse", epochs=1)
    slices = member_slices(model.state.network)
    assert set(slices) == set(model.state.arrays)
    assert {path: own for path, own in slices.items() if own.start == K}.keys() == {
        path for path in model.state.arrays if ".intervals." in path
    }
