"""Influence is the dot product of the gradients of two samples' losses, for every way to compute it."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import chainrule as cr
from attribution_cases import normal_numbers
from chainrule.errors import TrainingError, UsageError
from chainrule.symbolic_shape import Size, Spec

B = Size.symbol("B")
X, Y = normal_numbers("x", (5, 3)), np.array([0, 1, 1, 0, 1])


@pytest.fixture(scope="module")
def model() -> cr.Model:
    net = cr.Sequential(cr.Dense(4, "tanh"), cr.Dense(2))
    classifier = cr.Model(net, "cross_entropy", dtype="float64", engine="reference")
    classifier.fit(X, Y, epochs=2, verbose=False)
    return classifier


def by_torch(model: cr.Model, layers: tuple[str, ...]) -> np.ndarray:
    """The same computed by PyTorch, sample by sample."""
    p = {path: torch.tensor(a, requires_grad=True) for path, a in model.parameters().items()}
    gradients = []
    for x, y in zip(torch.tensor(X), torch.tensor(Y), strict=True):
        hidden = torch.tanh(p["dense1.weight"] @ x + p["dense1.bias"])
        score = p["dense2.weight"] @ hidden + p["dense2.bias"]
        loss = torch.nn.functional.cross_entropy(score[None], y[None])
        tensors = [tensor for path, tensor in p.items() if path.startswith(layers)]
        gradients.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, tensors)]))
    rows = torch.stack(gradients).numpy()
    return rows @ rows.T


@pytest.mark.parametrize(("layer", "layers"), [("last", ("dense2",)), ("all", ("dense1", "dense2"))])
def test_influence_is_the_product_of_gradients(model: cr.Model, layer: str, layers: tuple[str, ...]) -> None:
    influence = model.influence(X, Y, X, Y, layer=layer)
    assert influence.values == pytest.approx(by_torch(model, layers), abs=1e-10)


def test_a_dense_layer_applied_at_every_position_counts_at_all_of_them() -> None:
    net = cr.Sequential(cr.Dense(3, "tanh"), cr.Dense(2, bias=False))
    model = cr.Model(net, "cross_entropy", dtype="float64", engine="reference")
    model.initialize({"x": Spec((B, 4, 2), "float64")})
    targets = {
        name: target.with_labels(np.arange(2).repeat(4).reshape(2, 4))
        for name, target in model.targets.items()
    }
    model.adopt(replace(model.state, targets=targets))
    model.freeze("dense1")
    x, y = normal_numbers("x", (3, 4, 2)), np.array([[0, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 1]])
    last, all_layers = (model.influence(x, y, x, y, layer=layer).values for layer in ("last", "all"))
    assert last == pytest.approx(all_layers, abs=1e-12)


def test_influence_predicts_the_change_of_the_loss(model: cr.Model) -> None:
    """A gradient step on training sample j lowers the loss by about the learning rate times its influence."""
    influence, learning_rate = model.influence(X, Y, X, Y, layer="all"), 1e-4
    p = {path: torch.tensor(a) for path, a in model.parameters().items()}
    before = _loss(model, X[:1], Y[:1])
    assert influence.values.shape == (len(X), len(X))
    for j in range(len(X)):
        other = copy.copy(model)
        other.load_parameters(
            {path: a.numpy() - learning_rate * _gradient(model, j)[path] for path, a in p.items()}
        )
        drop = before - _loss(other, X[:1], Y[:1])
        assert drop / learning_rate == pytest.approx(influence.values[0, j], rel=1e-2, abs=1e-3)


def _loss(model: cr.Model, x: np.ndarray, y: np.ndarray) -> float:
    """The loss in float64."""
    return float(-np.log(np.asarray(model.predict_proba(x))[0, y[0]]))


def _gradient(model: cr.Model, j: int) -> dict[str, np.ndarray]:
    """The gradient of a training sample's loss, by PyTorch."""
    p = {path: torch.tensor(a, requires_grad=True) for path, a in model.parameters().items()}
    hidden = torch.tanh(p["dense1.weight"] @ torch.tensor(X[j]) + p["dense1.bias"])
    score = p["dense2.weight"] @ hidden + p["dense2.bias"]
    torch.nn.functional.cross_entropy(score[None], torch.tensor(Y[j : j + 1])).backward()
    return {path: tensor.grad.numpy() for path, tensor in p.items() if tensor.grad is not None}


def test_checkpoints_are_weighted_by_learning_rate_and_summed(model: cr.Model, tmp_path: Path) -> None:
    other = {path: value + 0.1 for path, value in model.parameters().items()}
    model.save(tmp_path / "now.safetensors")
    both = model.influence(
        X, Y, X, Y, checkpoints=[tmp_path / "now.safetensors", other], learning_rates=[0.5, 2.0]
    )
    now, then = (model.influence(X, Y, X, Y, checkpoints=[c]).values for c in (model, other))
    assert both.values == pytest.approx(0.5 * now + 2.0 * then)
    assert both.checkpoints == 2


def test_text_and_html_list_proponents_and_opponents(model: cr.Model) -> None:
    influence = model.influence(X[0], Y[0], X, Y)
    assert 0 in influence.proponents()
    assert set(influence.proponents()).isdisjoint(influence.opponents())
    assert "helped" in str(influence)
    assert "有利" in str(model.influence(X[0], Y[0], X, Y, lang="zh"))
    assert influence._repr_html_().startswith("<article")


def test_missing_or_invalid_arguments_are_refused(model: cr.Model) -> None:
    with pytest.raises(TrainingError, match="E543"):
        model.influence(X, Y)
    with pytest.raises(UsageError, match="E101"):
        model.influence(X, Y, X, Y, layer="first")
    with pytest.raises(UsageError, match="E101"):
        model.influence(X, Y, X, Y, checkpoints=[{"dense9.weight": np.zeros(2)}])
    with pytest.raises(UsageError, match="E102"):
        model.influence(X, Y, X, Y, learning_rates=[1.0, 2.0])


def test_a_network_without_a_dense_layer_is_refused() -> None:
    model = cr.Model(
        cr.Sequential(cr.Conv(2, 2), cr.GlobalAveragePool()), "cross_entropy", engine="reference"
    )
    model.fit(normal_numbers("x", (4, 3, 3, 1)), [0, 1, 0, 1], epochs=1, verbose=False)
    with pytest.raises(TrainingError, match="E541"):
        model.influence(
            normal_numbers("x", (4, 3, 3, 1)), [0, 1, 0, 1], normal_numbers("x", (4, 3, 3, 1)), [0, 1, 0, 1]
        )
