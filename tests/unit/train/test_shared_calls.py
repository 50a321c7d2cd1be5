"""Probes, histograms, tables, attribution and caches include every call of a shared layer."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.attribution.methods.grad_cam import feature_maps
from chainrule.diagnosis.history import TrainingRecord, activations_of
from chainrule.engines import evaluate
from chainrule.generation.cached_decoder import Decoder
from chainrule.graph import Node
from chainrule.symbolic_shape import Size, Spec, bound
from chainrule.train.callback.histograms import layer_nodes

B = Size.symbol("B")


@cr.layer
class Several(nn.Layer):
    """A tower called for the left and the right input, and a head."""

    tower: nn.Layer

    def __call__(self, x: Mapping[str, Node], scope: nn.Scope) -> Node:
        seen = [scope.run(self.tower, x[side], "tower") for side in ("left", "right")]
        return scope.run(nn.Dense(1), cr.concatenate(seen, -1), "head")


@cr.layer
class Repeated(nn.Layer):
    """One block called twice: weights are shared over the depth."""

    block: nn.Layer

    def __call__(self, x: Node, scope: nn.Scope) -> Node:
        return scope.run(self.block, scope.run(self.block, x, "block"), "block")


def trained(tower: nn.Layer, shape: tuple[int, ...]) -> cr.Model:
    rng = np.random.default_rng(0)
    x = {side: rng.normal(size=(32, *shape)) for side in ("left", "right")}
    y = (rng.random((32, 1)) < 0.5).astype(float)
    model = cr.Model(Several(tower), "binary_cross_entropy", cr.SGD(0.1))
    model.fit(x, y, epochs=2, batch_size=8, seed=1, verbose=False)
    return model


def test_a_probe_reads_every_call() -> None:
    """The right input is so low that the units of the tower are inactive for it only."""
    x = {"left": np.full((16, 2), 1.0), "right": np.full((16, 2), -1.0)}
    net = Several(nn.Dense(3, "relu", weight_initializer=nn.Fill(1.0)))
    model = cr.Model(net, "binary_cross_entropy", cr.SGD(1e-6))
    model.fit(x, np.eye(16)[:, :1], epochs=1, batch_size=16, verbose=False)
    layers = model.probes[0].layers
    assert {path: part["dead"] for path, part in layers.items() if path != "head"} == {
        "tower": 0.0,
        "tower#2": 1.0,
    }


def test_hidden_layers_are_all_before_the_last_call() -> None:
    assert model_course(Several(nn.Dense(3, "relu")), {"left": 2, "right": 2}) == ("tower", "tower#2")
    assert model_course(Repeated(nn.Dense(2, "relu")), {"x": 2}) == ()


def model_course(net: nn.Layer, inputs: Mapping[str, int]) -> tuple[str, ...]:
    """The hidden layers of a network as the doctor defines them."""
    x = {name: np.zeros((4, width)) for name, width in inputs.items()}
    y = np.zeros((4, 1 if len(inputs) > 1 else 2))
    model = cr.Model(net, "mse", cr.SGD(0.1))
    model.fit(x if len(x) > 1 else x["x"], y, epochs=0, verbose=False)
    assert model.network is not None
    return TrainingRecord(activations=activations_of(model.network)).hidden_activations


def test_histograms_count_the_outputs_of_every_call() -> None:
    model = trained(nn.Sequential(nn.Dense(3, "tanh"), nn.Dense(2)), (2,))
    assert model.network is not None
    calls = [f"tower.{name}{call}" for call in ("", "#2") for name in ("dense1", "dense2")]
    assert list(layer_nodes(model.network)) == [*calls, "head"]


def test_grad_cam_uses_the_maps_of_every_call() -> None:
    model = trained(nn.Sequential(nn.Conv(2, 3), nn.Flatten()), (5, 5, 1))
    built = model.network.inference if model.network else None
    assert built is not None

    score: Any = SimpleNamespace(network=model.network, node=built.output)
    assert list(feature_maps(score)) == ["tower.conv1", "tower.conv1#2"]


def test_a_table_has_one_row_for_a_layer_and_the_shapes_of_all_calls() -> None:
    specs = {"left": Spec((B, 4, 2), "float32"), "right": Spec((B, 6, 2), "float32")}
    rows = nn.summary_rows(Both(nn.Dense(3)), specs)
    assert [(row.path, row.output, row.parameters) for row in rows if row.path] == [
        ("tower", "(B, 4, 3); (B, 6, 3)", 9)
    ]


@cr.layer
class Both(nn.Layer):
    """The tower for two sequences of different lengths."""

    tower: nn.Layer

    def __call__(self, x: Mapping[str, Node], scope: nn.Scope) -> Node:
        left, right = (scope.run(self.tower, x[side], "tower").mean(1) for side in ("left", "right"))
        return left + right


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_a_block_called_twice_has_a_cache_for_each_call(engine: str) -> None:
    block = nn.TransformerEncoderLayer(2, units=6, causal=True, rotary=True)
    net = nn.Sequential(nn.Embedding(7, 8), Repeated(block), nn.Dense(7))
    words = np.random.default_rng(1).integers(0, 7, (2, 6))
    built = nn.build(net, {"x": Spec((B, 6), "int64")}, "float64")
    rng = np.random.default_rng(5)
    parameters = {path: rng.normal(size=bound(p.spec.shape)) * 0.5 for path, p in built.parameters.items()}
    expected = evaluate(built.output, {"x": words, **parameters}, "reference")
    decoder = Decoder(net, parameters, {"x": Spec((B, 1), "int64")}, 8, chunk=4, engine=engine)
    cache = decoder.begin(rows=2)
    parts = [decoder.feed(words[:, i : i + 1], cache) for i in range(6)]
    np.testing.assert_allclose(np.concatenate(parts, 1), expected, rtol=1e-11, atol=1e-11)


def test_the_minimum_batch_is_the_maximum_over_the_calls() -> None:
    @cr.layer
    class Needs(nn.Layer):
        def __call__(self, x: Node, scope: nn.Scope) -> Node:
            scope.require_samples(int(bound(x.shape[1:])[0]))
            return x[:, :1]

    specs = {"left": Spec((B, 5), "float32"), "right": Spec((B, 2), "float32")}
    built = nn.build(Several(Needs()), specs, "float32", training=True)
    assert built.book.needed == {"tower": 5}
