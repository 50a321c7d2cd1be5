"""Loss weights of networks with several outputs, and the loss of each output in the history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import chainrule as cr
from chainrule.errors import ChainruleError
from chainrule.trace import trace

GONE = -100
RNG = np.random.default_rng(3)
X = RNG.normal(size=(50, 3))
KIND, SIZE = (X[:, 0] > 0).astype(int), X[:, 1:2] - X[:, 2:]
Y = {"kind": KIND, "size": SIZE}
WEIGHTS = {"kind": 2.0, "size": 0.25}
OPTIONS: dict[str, Any] = {"batch_size": 16, "shuffle": False, "verbose": False, "doctor": False}


def model(loss_weights: Any = None, learning_rate: float = 0.1, **options: Any) -> cr.Model:
    """A network with a classification and a regression output."""
    net = cr.Parallel("none", kind=cr.Dense(2), size=cr.Dense(1))
    losses: Any = {"kind": "cross_entropy", "size": "mse"}
    return cr.Model(net, losses, cr.SGD(learning_rate), loss_weights=loss_weights, dtype="float64", **options)


def torch_losses(parameters: dict[str, Any], rows: slice, weights: np.ndarray | None) -> list[torch.Tensor]:
    """The loss of each output by PyTorch."""
    x, kind, size = torch.tensor(X[rows]), torch.tensor(KIND[rows]), torch.tensor(SIZE[rows])
    w = torch.tensor(np.ones(len(x)) if weights is None else weights[rows])
    logits = functional.linear(x, parameters["kind.weight"], parameters["kind.bias"])
    values = functional.linear(x, parameters["size.weight"], parameters["size.bias"])
    terms = functional.cross_entropy(logits, kind, reduction="none"), ((values - size) ** 2).mean(1)
    return [(t * w).sum() / w.sum() for t in terms]


@pytest.mark.parametrize("has_sample_weights", [False, True])
@pytest.mark.parametrize("engine", ["native", "reference"])
def test_updates_and_losses_agree_with_torch(engine: str, has_sample_weights: bool) -> None:
    weights = RNG.uniform(0.1, 3, len(X)) if has_sample_weights else None
    fitted = model(WEIGHTS, engine=engine)
    fitted.initialize({"x": cr.input("x", (None, 3), "float64").spec})
    parameters = {p: torch.tensor(a, requires_grad=True) for p, a in fitted.parameters().items()}
    fitted.fit(X, Y, epochs=1, sample_weight=weights, **OPTIONS)
    losses = np.zeros(2)
    for start in range(0, len(X), 16):
        rows = slice(start, start + 16)
        kind, size = torch_losses(parameters, rows, weights)
        share = len(X[rows]) if weights is None else weights[rows].sum()
        losses += share * np.array([kind.item(), size.item()])
        (2.0 * kind + 0.25 * size).backward()
        for parameter in parameters.values():
            assert parameter.grad is not None
            parameter.data -= 0.1 * parameter.grad
            parameter.grad = None
    for path, parameter in parameters.items():
        np.testing.assert_allclose(fitted.parameters()[path], parameter.detach().numpy(), rtol=1e-12)
    losses /= len(X) if weights is None else weights.sum()
    row = fitted.history[0]
    np.testing.assert_allclose([row["kind_loss"], row["size_loss"]], losses, rtol=1e-12)
    np.testing.assert_allclose(row["loss"], losses @ [2.0, 0.25], rtol=1e-12)
    measured = fitted.evaluate(X, Y, sample_weight=weights)
    expected = [loss.item() for loss in torch_losses(parameters, slice(None), weights)]
    np.testing.assert_allclose([measured["kind_loss"], measured["size_loss"]], expected, rtol=1e-12)
    np.testing.assert_allclose(measured["loss"], np.array(expected) @ [2.0, 0.25], rtol=1e-12)


def test_the_columns_of_the_history_are_those_of_the_outputs() -> None:
    fitted = model()
    fitted.fit(X, Y, epochs=1, validation=0.2, **OPTIONS)
    assert list(fitted.history[0]) == [
        "epoch",
        "loss",
        "kind_loss",
        "size_loss",
        "val_loss",
        "val_kind_loss",
        "val_size_loss",
        "val_kind_accuracy",
        "val_size_r2",
    ]
    single = cr.Model(cr.Dense(2), "cross_entropy")
    single.fit(X, KIND, epochs=1, verbose=False)
    assert list(single.history[0]) == ["epoch", "loss"]


@pytest.mark.parametrize("shape", [(), (5,)])
def test_losses_of_positions_divide_by_the_labels_of_their_output(shape: tuple[int, ...]) -> None:
    """Positions without a label are not in the mean; other outputs may have more labels."""
    x, y = RNG.normal(size=(24, 5, 3)), RNG.integers(0, 3, (24, 5))
    missing = np.where(RNG.uniform(size=y.shape) < 0.5, GONE, y)
    weights = RNG.uniform(0.1, 2, (24, *shape))
    net = cr.Parallel("none", a=cr.Dense(3), b=cr.Dense(3))
    losses = {"a": cr.CrossEntropy(ignore_index=GONE), "b": cr.CrossEntropy()}
    fitted = cr.Model(net, losses, cr.SGD(1e-300), loss_weights={"b": 3.0}, dtype="float64")
    targets = {"a": missing, "b": y}
    fitted.fit(x, targets, epochs=1, sample_weight=weights, **OPTIONS)
    row, metrics = fitted.history[0], fitted.evaluate(x, targets, sample_weight=weights)
    np.testing.assert_allclose(
        [row["a_loss"], row["b_loss"]], [metrics["a_loss"], metrics["b_loss"]], rtol=1e-12
    )
    np.testing.assert_allclose(metrics["loss"], metrics["a_loss"] + 3 * metrics["b_loss"], rtol=1e-12)
    fitted.fit(x, targets, epochs=1, sample_weight=weights, **{**OPTIONS, "batch_size": None})
    row = fitted.history[0]
    assert row["a_loss"] is not None
    assert row["b_loss"] is not None
    np.testing.assert_allclose(row["loss"], row["a_loss"] + 3 * row["b_loss"], rtol=1e-12)


def test_rules_monitor_the_loss_of_an_output() -> None:
    for monitor in ("kind_loss", "val_size_loss"):
        fitted = model(learning_rate=1e-300)
        rule = cr.EarlyStopping(monitor, patience=2)
        fitted.fit(X, Y, epochs=9, validation=0.2, callbacks=[rule], **OPTIONS)
        assert len(fitted.history) == 3
    with pytest.raises(ChainruleError, match="E101"):
        model().fit(X, Y, epochs=1, callbacks=[cr.EarlyStopping("val_kind_loss")], **OPTIONS)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_an_interrupted_epoch_has_the_losses_of_an_uninterrupted_one(tmp_path: Path, engine: str) -> None:
    uninterrupted = model(WEIGHTS, engine=engine)
    uninterrupted.fit(X, Y, epochs=3, validation=0.2, **OPTIONS)

    def stop(event: Any) -> bool:
        return type(event).__name__ == "StepDone" and event.step == 4

    options = {**OPTIONS, "epochs": 3, "validation": 0.2, "run": tmp_path / "run"}
    model(WEIGHTS, engine=engine).fit(X, Y, callbacks=[stop], **options)
    resumed = model(WEIGHTS, engine=engine)
    resumed.fit(X, Y, resume=True, **options)
    assert resumed.history == uninterrupted.history
    assert list(resumed.parameters()) == list(uninterrupted.parameters())
    with pytest.raises(ChainruleError, match=r"loss_weights\.kind: 2\.0, now 1\.0"):
        model({"kind": 1.0}).fit(X, Y, resume=True, **options)


def test_weights_are_saved_with_the_model(tmp_path: Path) -> None:
    fitted = model(WEIGHTS)
    fitted.fit(X, Y, epochs=1, **OPTIONS)
    fitted.save(tmp_path / "m.safetensors")
    loaded = cr.load(tmp_path / "m.safetensors")
    assert loaded.recipe.loss_weights == WEIGHTS
    assert loaded.evaluate(X, Y) == fitted.evaluate(X, Y)


def test_a_weight_of_zero_trains_the_other_outputs_only() -> None:
    fitted = model({"size": 0.0})
    fitted.fit(X, Y, epochs=1, **OPTIONS)
    other = model({"size": 0.0}, learning_rate=1e-300)
    other.fit(X, Y, epochs=1, **OPTIONS)
    first, last = other.parameters(), fitted.parameters()
    assert np.array_equal(first["size.weight"], last["size.weight"])
    assert not np.array_equal(first["kind.weight"], last["kind.weight"])


def test_trainers_traces_and_replays_use_the_weights() -> None:
    fitted = model(WEIGHTS)
    fitted.fit(X, Y, epochs=2, **OPTIONS)
    row = fitted.evaluate(X, Y)
    assert fitted.trainer(X, Y).step(X, Y) == pytest.approx(row["loss"], rel=1e-12)
    assert fitted.network is not None
    targets = {"target.kind": KIND, "target.size": SIZE}
    traced = trace(fitted.network, fitted.state.arrays, {"x": X}, targets)
    assert traced.loss == pytest.approx(row["loss"], rel=1e-12)
    assert traced.gradient_check.error < 1e-6
    replayed = fitted.replay(5, X, Y, epochs=2, batch_size=16, shuffle=False)
    assert replayed.trace.loss == pytest.approx(replayed.loss, rel=1e-9)


WRONG = {
    "unknown output": ({"kin": 2.0}, "E101", 'loss_weights={"kind": 2.0}'),
    "negative": ({"kind": -1.0}, "E102", ">= 0"),
    "not finite": ({"kind": float("inf")}, "E102", ">= 0"),
    "not a number": ({"kind": "2"}, "E102", ">= 0"),
    "all zero": ({"kind": 0, "size": 0.0}, "E102", "> 0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_invalid_weights_are_refused(name: str) -> None:
    weights, code, text = WRONG[name]
    with pytest.raises(ChainruleError) as caught:
        model(weights).fit(X, Y, epochs=1, **OPTIONS)
    assert caught.value.code == code
    assert text in str(caught.value)


def test_weights_passed_to_fit_name_the_argument_of_the_model() -> None:
    options: dict[str, Any] = {"loss_weights": WEIGHTS}
    with pytest.raises(ChainruleError) as caught:
        model().fit(X, Y, **options)
    assert "cr.Model(net, losses, loss_weights={...})" in str(caught.value)
    assert "损失权重属于模型" in caught.value.render("zh")
