"""Nets without a wide layer, whose samples lie innermost: trainings and answers are those of the law."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.graph import Graph, input_node
from chainrule.plan.passes.memory_layout import FROM, THIN, thin
from chainrule.plan.plan import plan
from thread_races import assert_no_races

UNITS = st.integers(1, THIN)
LOSSES = {"mse": 1, "binary_cross_entropy": 1, "cross_entropy": 3}
ACTIVATIONS = ("sigmoid", "relu", "tanh", "softmax", "gelu", "linear")


def data(rows: int, width: int, loss: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(rows)
    x = rng.normal(size=(rows, width))
    y = rng.normal(size=(rows, 1)) if loss == "mse" else rng.integers(0, max(2, LOSSES[loss]), rows)
    return x, y


@settings(max_examples=25)
@given(
    st.lists(st.tuples(UNITS, st.sampled_from(ACTIVATIONS)), min_size=0, max_size=3),
    UNITS,
    st.sampled_from(list(LOSSES)),
    st.sampled_from((FROM, 2 * FROM + 3, 150)),
    st.booleans(),
)
def test_trainings_end_where_the_law_ends(
    layers: list[tuple[int, str]], width: int, loss: str, batch: int, has_norm: bool
) -> None:
    x, y = data(160, width, loss)
    ended: dict[str, Any] = {}
    for engine in ("native", "reference"):
        net = [cr.Dense(units, activation) for units, activation in layers]
        net += [cr.BatchNorm()] if has_norm else []
        model = cr.Model(
            cr.Sequential(*net, cr.Dense(LOSSES[loss])), loss, cr.Adam(0.02), engine=engine, dtype="float64"
        )
        model.fit(x, y, epochs=2, batch_size=batch, seed=1, verbose=False)
        ended[engine] = {**model.parameters(), "answers": np.asarray(model(x))}
    for path, value in ended["reference"].items():
        np.testing.assert_allclose(ended["native"][path], value, rtol=1e-8, atol=1e-10, err_msg=path)


def graph_of(*units: int) -> Graph:
    value = input_node("x", (None, units[0]), "float64")
    for i, (n, m) in enumerate(pairwise(units)):
        value = cr.tanh(value @ input_node(f"w{i}", (n, m), "float64") + input_node(f"b{i}", (m,), "float64"))
    return Graph({"y": cr.mean(cr.square(value), 1)})


@pytest.mark.parametrize(
    ("units", "batch", "is_thin"),
    [
        ((2, 3, 1), FROM, True),
        ((2, 3, 1), FROM - 1, False),
        ((2, THIN + 1, 1), FROM, False),
        ((9, 2), 99, False),
    ],
)
def test_samples_lie_innermost_where_no_layer_is_wide(
    units: tuple[int, ...], batch: int, is_thin: bool
) -> None:
    graph = graph_of(*units)
    assert bool(thin(graph, {"B": batch})) == is_thin
    kinds = [task.kind for task in plan(graph, {"B": batch}).tasks]
    assert ("matmul" in kinds) != is_thin
    assert ("taps" in kinds) == is_thin


def test_lanes_do_not_meet() -> None:
    graph, rng = graph_of(3, 5, 2), np.random.default_rng(0)
    sizes = {"B": 40}
    arrays = {
        label: rng.normal(size=[n if isinstance(n, int) else 40 for n in node.shape])
        for label, node in graph.inputs.items()
    }
    assert assert_no_races(plan(graph, sizes), arrays)
