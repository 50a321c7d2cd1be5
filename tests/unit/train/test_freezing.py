"""Frozen parts: no gradient is computed for them, they run as in inference, and their values stay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError
from chainrule.train.step_graph import training_step

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(24, 8, 8, 2)).astype(np.float32), RNG.integers(0, 3, 24)
NET = cr.Sequential(
    cr.Conv(4, 3, bias=False),
    cr.BatchNorm(),
    cr.Dropout(0.5),
    cr.Activation("relu"),
    cr.Conv(4, 3),
    cr.GlobalAveragePool(),
    head=cr.Dense(3),
)
BODY = ("conv1", "batch_norm*", "dropout1")


def learned(engine: str = "native") -> cr.Model:
    """A model after one epoch."""
    model = cr.Model(NET, "cross_entropy", cr.SGD(0.1), engine=engine, penalty=cr.L2(0.01))
    model.fit(X, Y, epochs=1, batch_size=8, verbose=False)
    return model


def variables(model: cr.Model) -> dict[str, np.ndarray]:
    return {**model.parameters(), **model.states()}


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_frozen_parameters_stay_and_others_change(engine: str) -> None:
    model = learned(engine)
    before = variables(model)
    model.freeze(*BODY).fit(X, Y, epochs=2, batch_size=8, verbose=False)
    after = variables(model)
    same = {path for path in before if (before[path] == after[path]).all()}
    assert same == {path for path in before if path.startswith(("conv1", "batch_norm1"))}


def test_the_step_has_no_gradients_of_frozen_parameters() -> None:
    model = learned()

    def backward() -> list[str]:
        assert model.network is not None
        nodes = training_step(model.network, weighted=False, horizon=1).graph.nodes
        return [node.op.name for node in nodes if node.op.name.startswith("convolution_")]

    assert len(backward()) == 3  # both weights, and the input of the second layer
    model.freeze(*BODY)
    assert backward() == ["convolution_weight"]
    model.freeze("conv*", "batch_norm*", "dropout1")
    assert backward() == []


def test_a_frozen_part_runs_as_in_inference() -> None:
    model = learned().freeze("conv*", "batch_norm1", "dropout1", "head.weight")
    assert model.network is not None
    training, inference = model.network.training, model.network.inference
    assert training.output is inference.output
    assert training.book.key is None  # nothing is random
    model.freeze("head")
    assert model.network.training.output is not inference.output


def test_a_parameter_frozen_alone_does_not_freeze_its_layer() -> None:
    model = learned().freeze("batch_norm1.scale")
    assert model.network is not None
    assert set(model.network.training.book.updates) == {
        "batch_norm1.running_mean",
        "batch_norm1.running_variance",
    }


def test_a_training_continues_from_the_frozen_model() -> None:
    model = learned()
    weight = model.parameters()["head.weight"]
    model.freeze(*BODY).fit(X, Y, epochs=1, batch_size=None, verbose=False)
    assert 0 < np.abs(model.parameters()["head.weight"] - weight).max() < 0.1
    assert len(model.freeze().recipe.frozen) == 0


def test_frozen_paths_are_saved(tmp_path: Path) -> None:
    model = learned().freeze(*BODY)
    model.save(tmp_path / "model.safetensors")
    again = cr.load(tmp_path / "model.safetensors")
    assert again.recipe.frozen == BODY
    np.testing.assert_array_equal(again(X), model(X))
    other = cr.Model(NET, "cross_entropy", frozen=BODY).fit(X, Y, epochs=1, verbose=False)
    assert len(other) == 1


def test_frozen_parameters_are_not_penalized() -> None:
    model = cr.Model(cr.Dense(1), "mse", cr.SGD(0.1), penalty=cr.L2(5.0))
    model.fit(X[:, 0, 0], X[:, 0, 0, :1], epochs=1, batch_size=None, verbose=False)
    loss = model.evaluate(X[:, 0, 0], X[:, 0, 0, :1])["loss"]
    history = model.freeze("weight").fit(X[:, 0, 0], X[:, 0, 0, :1], epochs=1, batch_size=None, verbose=False)
    assert history[-1]["loss"] == pytest.approx(loss)


def test_an_unknown_path_is_refused_without_effect() -> None:
    model = learned().freeze("conv1")
    with pytest.raises(ChainruleError) as caught:
        model.freeze("conv3")
    assert caught.value.code == "E101"
    assert model.recipe.frozen == ("conv1",)
    with pytest.raises(ChainruleError) as caught:
        model.freeze("*").fit(X, Y, epochs=1, verbose=False)
    assert caught.value.code == "E106"


def test_a_group_with_its_own_learning_rate_beside_a_frozen_part() -> None:
    model = learned()
    slow = cr.Grouped(cr.SGD(0.1), groups=(cr.Group("conv2", learning_rate_factor=0.0),))
    other = cr.Model(NET, "cross_entropy", slow, frozen=BODY)
    other.initialize({"x": model.network.inputs["x"]} if model.network else {}).load_parameters(
        model.parameters()
    )
    before = variables(other)
    other.fit(X, Y, epochs=1, verbose=False)
    assert [p for p, a in variables(other).items() if (a != before[p]).any()] == ["head.weight", "head.bias"]
