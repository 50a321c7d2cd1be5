"""Every formula, evaluated from the values of its symbols, equals the stored value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.graph import Node
from chainrule.nn import (
    L1,
    L2,
    SGD,
    Activation,
    Adam,
    ClipGlobalNorm,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Reshape,
    Residual,
    RMSprop,
    Sequential,
)
from chainrule.notation import Tree
from chainrule.symbolic_shape import Size, Spec
from chainrule.trace import Trace, trace
from chainrule.train.network import Network, Recipe

LOSSES = ("half_mse", "mse", "huber", "binary_cross_entropy", "cross_entropy")
OPTIMIZERS = (SGD(0.1), SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01), Adam(0.01), RMSprop(0.01))


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Traces of small random networks on one to three samples."""
    width, outputs, samples = (draw(st.integers(1, n)) for n in (4, 3, 3))
    layers: list[Layer] = []
    for _ in range(draw(st.integers(0, 2))):
        curve = draw(st.sampled_from((None, "sigmoid", "tanh", "relu", "softplus")))
        units = draw(st.integers(1, 4))
        layers.append(Dense(units, curve, bias=draw(st.booleans())))
        if draw(st.booleans()):
            layers += [Residual(Dense(units, "tanh")), Dropout(0.5), Activation("sigmoid")]
    loss = draw(st.sampled_from(LOSSES))
    last = draw(st.sampled_from((None, "sigmoid", "softmax"))) if loss in LOSSES[:3] else None
    net = Sequential(*layers, Dense(outputs, last))
    penalty = draw(st.sampled_from((None, L1(0.1), L2(0.1))))
    clip = draw(st.sampled_from((None, ClipGlobalNorm(0.1))))
    recipe = Recipe(net, loss, draw(st.sampled_from(OPTIMIZERS)), penalty, clip)
    network = Network(recipe, {"x": Spec((Size.symbol("B"), width), "float32")}, "reference")
    seed = draw(st.integers(0, 2**16))
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(samples, outputs)) if loss in LOSSES[:3] else rng.random((samples, outputs))
    y = rng.integers(0, outputs, samples) if loss == "cross_entropy" else y
    return trace(
        network, network.initialize(seed)[0], {"x": rng.normal(size=(samples, width))}, {"target": y}
    )


def wrong(t: Trace, node: Node, through: tuple[Node, ...] = ()) -> list[str]:
    """The elements of a node whose formula does not evaluate to the stored value."""
    differences = []
    scale = float(np.max(np.abs(t.values[node]), initial=0.0)) + 1e-3
    for index in np.ndindex(t.values[node].shape):
        tree: Tree = t.formulas.scalar(node, index, through)
        value, stored = t.formulas.value(tree), float(t.values[node][index])
        if not abs(value - stored) <= 1e-12 * max(abs(stored), scale):
            differences.append(f"{node}{index}: {value} is not {stored}")
    return differences


@pytest.mark.long
@settings(max_examples=40)
@given(traces())
def test_every_formula_evaluates_to_the_stored_value(t: Trace) -> None:
    d = t.derivation
    signals = [back for node, back in d.cotangents.items() if node in t.names]
    named = [node for node in t.values if node in t.names and node in t.cards]
    nodes = dict.fromkeys(
        [*named, *signals, *d.gradients.values(), *d.updated.values(), *d.local_derivatives().values()]
    )
    assert [line for node in nodes for line in wrong(t, node)] == []


@pytest.mark.long
@settings(max_examples=20)
@given(traces())
def test_the_expanded_chain_evaluates_to_the_stored_gradient(t: Trace) -> None:
    signals = tuple(node for node, name in t.names.items() if name.role == "signal")
    gradients = t.derivation.gradients.values()
    assert [line for node in gradients for line in wrong(t, node, signals)] == []


@settings(max_examples=20)
@given(traces())
def test_the_gradient_agrees_with_central_differences(t: Trace) -> None:
    kinks = any(node.op.name in ("relu", "abs", "clip") for node in t.values)
    assert t.gradient_check.error < (1.0 if kinks else 1e-4)


def test_parts_of_a_too_long_formula_get_names() -> None:
    """The product of many nested sums has a million symbols, so parts of it get names."""
    net = Sequential(*(Residual(Activation("sigmoid")) for _ in range(40)))
    network = Network(Recipe(net, "mse", SGD(0.1)), {"x": Spec((Size.symbol("B"), 1), "float32")})
    t = trace(network, {}, {"x": np.array([[0.3]])}, {"target": np.array([[0.0]])})
    assert wrong(t, t.derivation.built.output) == []
    assert any(name.role == "hidden" for name in t.names.values())


@pytest.mark.parametrize("shape", [(2, 2), (4,)])
def test_layers_that_only_reshape_do_not_appear_in_formulas(shape: tuple[int, ...]) -> None:
    net = Sequential(Reshape(shape), Flatten(), Dense(1))
    network = Network(Recipe(net, "half_mse", SGD(0.1)), {"x": Spec((Size.symbol("B"), 4), "float32")})
    t = trace(network, network.initialize(0)[0], {"x": np.ones((1, 4))}, {"target": np.ones((1, 1))})
    assert wrong(t, t.derivation.gradients["dense1.weight"]) == []
    assert {name.role for name in t.names.values()} & {"hidden"} == set()
