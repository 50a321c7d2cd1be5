"""Message passing: independent of the order of nodes and of padding, limited by the rounds; errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import nn
from chainrule.engines import evaluate
from chainrule.errors import ChainruleError
from chainrule.symbolic_shape import Size, Spec

B = Size.symbol("B")
NODES, KINDS, UNITS = 5, 2, 3


def applied(net: nn.Layer, **arrays: np.ndarray) -> np.ndarray:
    """The output for arrays by name, with fixed random weights that depend on no shape of the graph."""
    specs = {name: Spec((B, *a.shape[1:]), a.dtype.name) for name, a in arrays.items()}
    built = nn.build(net, specs, "float64")
    draw = np.random.default_rng(1)
    weights = {path: draw.normal(size=p.spec.at({}).shape) for path, p in built.parameters.items()}
    return evaluate(built.output, {**arrays, **weights}, "reference")


def graph(seed: int, nodes: int = NODES) -> dict[str, Any]:
    draw = np.random.default_rng(seed)
    edges = draw.random((1, KINDS, nodes, nodes)) < 0.4
    return {
        "nodes": draw.normal(size=(1, nodes, UNITS)),
        "edges": edges | edges.transpose(0, 1, 3, 2),
        "mask": np.ones((1, nodes), bool),
    }


@settings(max_examples=20)
@given(st.integers(0, 1000), st.permutations(range(NODES)))
def test_the_order_of_the_nodes_does_not_matter(seed: int, order: list[int]) -> None:
    values, net = graph(seed), nn.GraphNetwork(4, rounds=2)
    moved = {**values, "nodes": values["nodes"][:, order], "edges": values["edges"][:, :, order][..., order]}
    np.testing.assert_allclose(applied(net, **values), applied(net, **moved), rtol=1e-9, atol=1e-12)


@settings(max_examples=20)
@given(st.integers(0, 1000), st.integers(1, 3))
def test_padding_does_not_matter(seed: int, more: int) -> None:
    values, net = graph(seed), nn.GraphNetwork(4, rounds=2)
    padded = {
        "nodes": np.pad(values["nodes"], ((0, 0), (0, more), (0, 0)), constant_values=7.0),
        "edges": np.pad(values["edges"], ((0, 0), (0, 0), (0, more), (0, more))),
        "mask": np.pad(values["mask"], ((0, 0), (0, more))),
    }
    np.testing.assert_allclose(applied(net, **values), applied(net, **padded), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_a_node_depends_on_nodes_as_far_away_as_there_are_rounds(rounds: int) -> None:
    values = graph(0)
    chain = np.eye(NODES, k=1, dtype=bool) | np.eye(NODES, k=-1, dtype=bool)
    values = {"nodes": values["nodes"], "edges": np.broadcast_to(chain, (1, KINDS, NODES, NODES)).copy()}
    changed = {**values, "nodes": values["nodes"].copy()}
    changed["nodes"][0, 0] += 1
    net = nn.GatedGraphConv(rounds)
    differs = np.abs(applied(net, **values) - applied(net, **changed)).max(-1)[0] > 1e-12
    assert differs.tolist() == [i <= rounds for i in range(NODES)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"nodes": np.zeros((1, UNITS))},
        {"edges": np.zeros((1, NODES, NODES), bool)},
        {"edges": np.zeros((1, KINDS, NODES, 4), bool)},
        {"mask": np.ones((1, NODES))},
        {"mask": np.ones((1, 4), bool)},
    ],
)
def test_other_shapes_are_refused(wrong: dict[str, np.ndarray]) -> None:
    with pytest.raises(ChainruleError, match=r"E208|E220"):
        applied(nn.GraphNetwork(4), **{**graph(0), **wrong})


def test_settings_and_names_are_checked() -> None:
    for build in (
        lambda: nn.GatedGraphConv(0),
        lambda: nn.GraphNetwork(0),
        lambda: nn.GraphNetwork(4, rounds=0),
    ):
        with pytest.raises(ChainruleError, match="E102"):
            build()
    with pytest.raises(ChainruleError, match="E101"):
        nn.GraphNetwork(4, activation="rely")
    with pytest.raises(ChainruleError, match="E101"):
        applied(nn.GatedGraphConv(1), **graph(0))
