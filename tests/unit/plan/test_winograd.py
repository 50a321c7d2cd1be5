"""Convolution by tiles: the maps are what the papers say, and the results those of the law."""

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
from chainrule.plan.rules.linear_transform import Blend
from thread_races import assert_no_races

# Lavin and Gray (2016), section 4.1, F(4 x 4, 3 x 3).
A_T = [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
B_T = [
    [4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
    [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1],
]  # fmt: skip
G = [
    [1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6],
    [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1],
]  # fmt: skip
MAPS = {
    "spread": (winograd.SPREAD, B_T),
    "gather": (winograd.GATHER, A_T),
    "spread back": (winograd.SPREAD_BACK, np.transpose(A_T)),
    "weigh": (winograd.WEIGH, G),
    "weigh back": (winograd.WEIGH_BACK, np.transpose(G)),
}


@pytest.mark.parametrize("name", MAPS)
def test_the_steps_of_a_map_are_its_matrix(name: str) -> None:
    found, matrix = MAPS[name]
    np.testing.assert_allclose(found.matrix, matrix, atol=1e-15)
    np.testing.assert_allclose(found.squared().matrix, np.kron(matrix, matrix), atol=1e-15)


def test_a_tile_of_polynomials_is_multiplied() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal(6), rng.standard_normal(3)
    made = winograd.GATHER.matrix @ ((winograd.WEIGH.matrix @ w) * (winograd.SPREAD.matrix @ x))
    np.testing.assert_allclose(made, np.correlate(x, w, "valid"), rtol=1e-12)


def built(size: tuple[int, int], channels: tuple[int, int], pad: tuple[int, int], dtype: str) -> Graph:
    """A convolution, and its gradients by the image and the weights."""
    x = input_node("x", (None, *size, channels[0]), dtype)
    w = input_node("w", (channels[1], 3, 3, channels[0]), dtype)
    bent = cr.tanh(x)  # images in the middle of a net
    y = cr.convolution(bent, w, padding=(pad, pad))
    by_image, by_weights = grad(cr.square(y).sum(), [x, w])
    return Graph({"twice": y + y, "by_image": by_image, "by_weights": by_weights})


def kinds(graph: Graph, batch: int) -> set[str]:
    return {task.kind for task in plan(graph, {"B": batch}).tasks}


SIZES = ((4, 4), (7, 9), (8, 12), (13, 5))  # of 8 samples the channels lie innermost, of 19 the samples
CASES = list(itertools.product(SIZES, ((16, 24), (40, 16)), ((1, 1), (0, 0), (2, 1), (0, 2)), (8, 19)))


@pytest.mark.parametrize(("size", "channels", "pad", "batch"), CASES[::3])
def test_results_are_those_of_the_law(size: Any, channels: Any, pad: Any, batch: int) -> None:
    if min(size) + sum(pad) < 6 and size != (4, 4):
        pad = (1, 1)
    graph = built(size, channels, pad, "float32")
    rng = np.random.default_rng(1)
    arrays = {
        name: rng.standard_normal([batch if not isinstance(n, int) else n for n in node.shape]).astype("f4")
        for name, node in graph.inputs.items()
    }
    wide = {name: array.astype("f8") for name, array in arrays.items()}
    true = cr.compile(built(size, channels, pad, "float64"), engine="reference").run(wide)
    made = cr.compile(graph, engine="native").run(arrays)
    for name, value in made.items():
        scale = np.abs(true[name]).max()
        off = float(np.abs(value - true[name]).max() / scale)
        assert off <= 1e-5, name
    assert assert_no_races(plan(graph, {"B": batch}), arrays), "nothing is divided"


def test_it_is_used_where_it_pays_and_nowhere_else() -> None:
    assert "blend" in kinds(built((8, 8), (16, 16), (1, 1), "float32"), 8)
    assert "blend" not in kinds(built((8, 8), (16, 16), (1, 1), "float64"), 8), "float64 keeps its digits"
    assert "blend" not in kinds(built((8, 8), (8, 16), (1, 1), "float32"), 8), "too few channels"
    assert "blend" not in kinds(built((2, 2), (16, 16), (1, 1), "float32"), 8), "tiles mostly over the edge"
    assert "blend" not in kinds(built((8, 8), (16, 16), (1, 1), "float32"), 3), "too few places"


def test_a_blend_says_what_it_multiplies_by() -> None:
    found = Blend(2, (((1.0, 0), (-3.0, 1)), ((3.0, 0),)), (2, 3))
    assert found.factors == (3.0,)
    assert found.squared().inputs == 4
