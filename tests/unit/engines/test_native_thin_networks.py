"""Narrow networks, whose samples are innermost: training and predictions match the reference engine."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.graph import Graph, input_node
from chainrule.plan.passes.axis_layout import MAX_NARROW_UNITS, MIN_INNER_SAMPLES, narrow_rows
from chainrule.plan.plan import plan
from thread_races import assert_no_races

UNITS = st.integers(1, MAX_NARROW_UNITS)
LOSSES = {"mse": 1, "binary_cross_entropy": 1, "cross_entropy": 3}
ACTIVATIONS = ("sigmoid", "relu", "tanh", "softmax", "gelu", "linear")


def data(rows: int, width: int, loss: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(rows)
    x = rng.normal(size=(rows, width))
    y = rng.normal(size=(rows, 1)) if loss == "mse" else rng.integers(0, max(2, LOSSES[loss]), rows)
    return x, y


@pytest.mark.long
@settings(max_examples=25)
@given(
    st.lists(st.tuples(UNITS, st.sampled_from(ACTIVATIONS)), min_size=0, max_size=3),
    UNITS,
    st.sampled_from(list(LOSSES)),
    st.sampled_from((MIN_INNER_SAMPLES, 2 * MIN_INNER_SAMPLES + 3, 150)),
    st.booleans(),
)
def test_training_matches_the_reference_engine(
    layers: list[tuple[int, str]], width: int, loss: str, batch: int, has_norm: bool
) -> None:
    x, y = data(160, width, loss)
    results: dict[str, Any] = {}
    for engine in ("native", "reference"):
        # Before batch normalization a bias has no effect: its gradient is rounding, which Adam would amplify.
        last = len(layers) - 1
        net = [
            cr.Dense(units, activation, bias=not (has_norm and i == last))
            for i, (units, activation) in enumerate(layers)
        ]
        net += [cr.BatchNorm()] if has_norm else []
        model = cr.Model(
            cr.Sequential(*net, cr.Dense(LOSSES[loss])), loss, cr.Adam(0.02), engine=engine, dtype="float64"
        )
        model.fit(x, y, epochs=2, batch_size=batch, seed=1, verbose=False)
        results[engine] = {**model.parameters(), "predictions": np.asarray(model(x))}
    for path, value in results["reference"].items():
        np.testing.assert_allclose(results["native"][path], value, rtol=1e-8, atol=1e-10, err_msg=path)


def graph_of(*units: int) -> Graph:
    value = input_node("x", (None, units[0]), "float64")
    for i, (n, m) in enumerate(pairwise(units)):
        value = cr.tanh(value @ input_node(f"w{i}", (n, m), "float64") + input_node(f"b{i}", (m,), "float64"))
    return Graph({"y": cr.mean(cr.square(value), 1)})


@pytest.mark.parametrize(
    ("units", "batch", "is_narrow"),
    [
        ((2, 3, 1), MIN_INNER_SAMPLES, True),
        ((2, 3, 1), MIN_INNER_SAMPLES - 1, False),
        ((2, MAX_NARROW_UNITS + 1, 1), MIN_INNER_SAMPLES, False),
        ((9, 2), 99, False),
    ],
)
def test_samples_are_innermost_if_no_layer_is_wide(
    units: tuple[int, ...], batch: int, is_narrow: bool
) -> None:
    graph = graph_of(*units)
    assert bool(narrow_rows(graph, {"B": batch})) == is_narrow
    kinds = [task.kind for task in plan(graph, {"B": batch}).tasks]
    assert ("matmul" in kinds) != is_narrow
    assert ("combine" in kinds) == is_narrow


def test_slices_write_disjoint_memory() -> None:
    graph, rng = graph_of(3, 5, 2), np.random.default_rng(0)
    sizes = {"B": 40}
    arrays = {
        label: rng.normal(size=[n if isinstance(n, int) else 40 for n in node.shape])
        for label, node in graph.inputs.items()
    }
    assert assert_no_races(plan(graph, sizes), arrays)
