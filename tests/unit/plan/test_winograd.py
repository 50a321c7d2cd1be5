"""Winograd convolution: the transforms are those of the paper, and results equal the reference engine."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.gradient import grad
from chainrule.graph import Graph, input_node
from chainrule.plan.plan import plan
from chainrule.plan.rules import winograd
from chainrule.plan.rules.winograd import LinearTransform
from thread_races import assert_no_races

# Lavin and Gray (2016), section 4.1, F(4 x 4, 3 x 3).
A_T = [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
B_T = [
    [4, 0, -5, 0, 1, 0],
    [0, -4, -4, 1, 1, 0],
    [0, 4, -4, -1, 1, 0],
    [0, -2, -1, 2, 1, 0],
    [0, 2, -1, -2, 1, 0],
    [0, 4, 0, -5, 0, 1],
]
G = [
    [1 / 4, 0, 0],
    [-1 / 6, -1 / 6, -1 / 6],
    [-1 / 6, 1 / 6, -1 / 6],
    [1 / 24, 1 / 12, 1 / 6],
    [1 / 24, -1 / 12, 1 / 6],
    [0, 0, 1],
]
TRANSFORMS = {
    "input": (winograd.INPUT_TRANSFORM, B_T),
    "output": (winograd.OUTPUT_TRANSFORM, A_T),
    "output transposed": (winograd.OUTPUT_TRANSFORM_TRANSPOSED, np.transpose(A_T)),
    "weight": (winograd.WEIGHT_TRANSFORM, G),
    "weight transposed": (winograd.WEIGHT_TRANSFORM_TRANSPOSED, np.transpose(G)),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_the_steps_of_a_transform_equal_its_matrix(name: str) -> None:
    transform, matrix = TRANSFORMS[name]
    np.testing.assert_allclose(transform.matrix, matrix, atol=1e-15)
    np.testing.assert_allclose(transform.squared().matrix, np.kron(matrix, matrix), atol=1e-15)


def test_a_tile_equals_the_correlation() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal(6), rng.standard_normal(3)
    result = winograd.OUTPUT_TRANSFORM.matrix @ (
        (winograd.WEIGHT_TRANSFORM.matrix @ w) * (winograd.INPUT_TRANSFORM.matrix @ x)
    )
    np.testing.assert_allclose(result, np.correlate(x, w, "valid"), rtol=1e-12)


def convolution_graph(
    size: tuple[int, int], channels: tuple[int, int], pad: tuple[int, int], dtype: str
) -> Graph:
    """A convolution, and its gradients by the image and the weights."""
    x = input_node("x", (None, *size, channels[0]), dtype)
    w = input_node("w", (channels[1], 3, 3, channels[0]), dtype)
    images = cr.tanh(x)  # images inside a network
    y = cr.convolution(images, w, padding=(pad, pad))
    by_image, by_weights = grad(cr.square(y).sum(), [x, w])
    return Graph({"twice": y + y, "by_image": by_image, "by_weights": by_weights})


def kinds(graph: Graph, batch: int) -> set[str]:
    return {task.kind for task in plan(graph, {"B": batch}).tasks}


SIZES = ((4, 4), (7, 9), (8, 12), (13, 5))  # with 8 samples the channels are innermost, with 19 the samples
CASES = list(itertools.product(SIZES, ((16, 24), (40, 16)), ((1, 1), (0, 0), (2, 1), (0, 2)), (8, 19)))


@pytest.mark.parametrize(("size", "channels", "pad", "batch"), CASES[::3])
def test_results_match_the_reference_engine(size: Any, channels: Any, pad: Any, batch: int) -> None:
    if min(size) + sum(pad) < 6 and size != (4, 4):
        pad = (1, 1)
    graph = convolution_graph(size, channels, pad, "float32")
    rng = np.random.default_rng(1)
    arrays = {
        name: rng.standard_normal([batch if not isinstance(n, int) else n for n in node.shape]).astype("f4")
        for name, node in graph.inputs.items()
    }
    wide = {name: array.astype("f8") for name, array in arrays.items()}
    true = cr.compile(convolution_graph(size, channels, pad, "float64"), engine="reference").run(wide)
    results = cr.compile(graph, engine="native").run(arrays)
    for name, value in results.items():
        scale = np.abs(true[name]).max()
        error = float(np.abs(value - true[name]).max() / scale)
        assert error <= 1e-5, name
    assert assert_no_races(plan(graph, {"B": batch}), arrays), "nothing is divided"


def test_winograd_is_used_only_where_it_is_faster() -> None:
    assert "linear_transform" in kinds(convolution_graph((8, 8), (16, 16), (1, 1), "float32"), 8)
    assert "linear_transform" not in kinds(convolution_graph((8, 8), (16, 16), (1, 1), "float64"), 8), (
        "float64 keeps its accuracy"
    )
    assert "linear_transform" not in kinds(convolution_graph((8, 8), (8, 16), (1, 1), "float32"), 8), (
        "too few channels"
    )
    assert "linear_transform" not in kinds(convolution_graph((2, 2), (16, 16), (1, 1), "float32"), 8), (
        "tiles mostly over the edge"
    )
    assert "linear_transform" not in kinds(convolution_graph((8, 8), (16, 16), (1, 1), "float32"), 3), (
        "too few positions"
    )


def test_a_transform_lists_its_factors() -> None:
    transform = LinearTransform(2, (((1.0, 0), (-3.0, 1)), ((3.0, 0),)), (2, 3))
    assert transform.factors == (3.0,)
    assert transform.squared().inputs == 4
