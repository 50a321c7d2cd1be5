"""Layers that are called several times: every call is named, and derivatives are sums over the calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.graph import Node
from chainrule.model import Model
from chainrule.notation import to_unicode
from chainrule.page.diagram import diagram_of
from chainrule.prng import KEY, key_of
from chainrule.trace import Trace, trace
from chainrule.trace.names import INPUT_ROLES
from chainrule.trace.tracer import TrainingPosition
from chainrule.train.step_graph import training_step

X = {side: np.random.default_rng(i).normal(size=(6, 3)) for i, side in enumerate(("left", "right"))}
Y = np.random.default_rng(9).normal(size=(6, 1))


@cr.layer
class Pair(nn.Layer):
    """A tower for two inputs, shared or separate."""

    tower: nn.Layer
    head: nn.Layer
    shared: bool = True

    def __call__(self, x: Mapping[str, Node], scope: nn.Scope) -> Node:
        names = ["tower", "tower" if self.shared else "other"]
        seen = [scope.run(self.tower, x[side], name) for side, name in zip(X, names, strict=True)]
        return scope.run(self.head, cr.concatenate(seen, -1), "head")


@cr.layer
class InARow(nn.Layer):
    """The same layer three times in sequence."""

    inner: nn.Layer

    def __call__(self, x: Mapping[str, Node], scope: nn.Scope) -> Node:
        y = x["left"]
        for _ in range(3):
            y = scope.run(self.inner, y, "inner")
        return scope.run(nn.Dense(1), y, "head")


@cr.layer
class AsSequence(nn.Layer):
    """Turns each input into a sequence of three steps with one feature."""

    inner: nn.Layer

    def __call__(self, x: Node, scope: nn.Scope) -> Any:
        return scope.run(self.inner, cr.reshape(x, (x.shape[0], 3, 1)), "inner")


NETS: dict[str, nn.Layer] = {
    "dense": Pair(nn.Sequential(nn.Dense(2, "tanh"), nn.Dense(2, "sigmoid")), nn.Dense(1)),
    "norm": Pair(nn.Sequential(nn.Dense(2), nn.BatchNorm(), nn.LayerNorm()), nn.Dense(1)),
    "recurrent": Pair(AsSequence(nn.LSTM(2)), nn.Dense(1)),
    "attention": Pair(
        nn.Sequential(AsSequence(nn.MultiHeadAttention(1, units=2)), nn.Flatten()), nn.Dense(1)
    ),
    "in a row": InARow(nn.Dense(3, "tanh")),
}


@cache
def model(name: str) -> Model:
    """A briefly trained model."""
    model = Model(NETS[name], "mse", cr.SGD(0.1), dtype="float64", penalty=None)
    model.fit(X, Y, epochs=2, batch_size=6, seed=1, verbose=False)
    return model


@cache
def traced(name: str, samples: int) -> Trace:
    return model(name).trace({side: a[:samples] for side, a in X.items()}, Y[:samples])


@pytest.mark.parametrize("name", NETS)
def test_names_of_values_are_unique(name: str) -> None:
    names = [
        n for n in traced(name, 1).names.values() if n.role not in INPUT_ROLES and n.role != "prediction"
    ]
    assert [n for n, count in Counter(names).items() if count > 1] == []


@pytest.mark.parametrize("name", NETS)
def test_the_calls_of_a_layer_are_numbered(name: str) -> None:
    layers = [layer for layer in traced(name, 1).layers if layer.path != "head"]
    calls = 3 if name == "in a row" else 2
    assert [len(layer.calls) for layer in layers] == [calls] * len(layers)
    for layer in layers:
        assert [call.label for call in layer.calls] == [f"{layer.number},u={i + 1}" for i in range(calls)]


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("name", NETS)
def test_formulas_of_derivatives_agree_with_gradients_and_differences(name: str, samples: int) -> None:
    t = traced(name, samples)
    for path, gradient in t.gradients.items():
        for index in list(np.ndindex(gradient.shape))[:4]:
            tree = t.formulas.scalar(t.derivation.gradients[path], index)
            assert t.formulas.value(tree) == pytest.approx(gradient[index], rel=1e-9, abs=1e-14)
    assert t.gradient_check.error < 1e-6


def test_the_derivative_of_a_shared_weight_is_the_sum_over_its_calls() -> None:
    t = traced("dense", 1)
    own = t.derivation.gradients["tower.dense1.weight"]
    tree = t.formulas.scalar(own, (0, 1))
    assert to_unicode(tree) in (
        "δ₁^(1,u=1)·left₂ + δ₁^(1,u=2)·right₂",
        "δ₁^(1,u=2)·right₂ + δ₁^(1,u=1)·left₂",
    )
    tower = nn.Sequential(nn.Dense(2, "tanh"), nn.Dense(2, "sigmoid"))
    apart = Model(Pair(tower, nn.Dense(1), shared=False), "mse", cr.SGD(0.1), dtype="float64")
    apart.fit(X, Y, epochs=0, verbose=False)
    arrays = model("dense").parameters()
    apart.load_parameters(
        {**arrays, **{p.replace("tower", "other"): a for p, a in arrays.items() if "tower" in p}}
    )
    other = apart.trace({side: a[:1] for side, a in X.items()}, Y[:1])
    for path in (p for p in arrays if p.startswith("tower")):
        parts = [other.gradients[p] for p in (path, path.replace("tower", "other"))]
        np.testing.assert_allclose(t.gradients[path], sum(parts), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", NETS)
def test_pages_and_derivations_show_all_calls(name: str, lang: str) -> None:
    x, y = {side: a[:1] for side, a in X.items()}, Y[:1]
    path = next(p for p in model(name).parameters() if p.endswith("weight"))
    for depth in (1, 2, 3):
        page = str(model(name).explain(x, y, depth=depth, lang=lang))
        assert "u=1" in page
        assert "u=2" in page
    index = ",".join("0" * model(name).parameters()[path].ndim)
    derivation = str(model(name).explain(x, y, weight=f"{path}[{index}]", depth=3, lang=lang))
    assert "u=1" in derivation
    assert "u=2" in derivation
    assert ("sum over the calls" if lang == "en" else "各次调用之和") in derivation


def test_a_replayed_step_uses_the_random_masks_of_every_call() -> None:
    """The network in training mode: its loss is that of the training step with the same key."""
    tower = nn.Sequential(nn.Dense(3), nn.Dropout(0.5), nn.BatchNorm(), nn.GaussianNoise(0.3))
    model = Model(Pair(tower, nn.Dense(1)), "mse", cr.SGD(0.1), penalty=None)
    model.fit(X, Y, epochs=0, verbose=False)
    network, arrays, key = model.network, {**model.parameters(), **model.states()}, key_of(4)
    assert network is not None
    t = trace(network, arrays, X, {"target": Y}, TrainingPosition(training=True, key=key))
    step = training_step(network, weighted=False, horizon=1)
    feeds = {**arrays, **{s: a.astype("float32") for s, a in X.items()}, "target": Y.astype("float32")}
    feeds |= {**step.initial_slots(), KEY: key, "step": np.array(0)}
    outputs = cr.compile(step.graph, "reference").run({n: feeds[n] for n in step.graph.inputs})
    assert t.loss == pytest.approx(float(outputs["loss"]), rel=1e-5)
    assert t.gradient_check.error < 1e-6


def test_a_diagram_has_a_column_per_call() -> None:
    diagram = diagram_of(traced("in a row", 1))
    assert [column.title for column in diagram.columns] == [
        "left",
        "right",
        "inner",
        "inner#2",
        "inner#3",
        "head",
        "",
    ]
    assert {wire.column for wire in diagram.wires} >= {3, 4, 5}
    shared = {(wire.start, wire.end): wire.value for wire in diagram.wires if wire.column == 3}
    assert shared == {(wire.start, wire.end): wire.value for wire in diagram.wires if wire.column == 4}
