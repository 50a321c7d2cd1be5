"""Resampling equals the reference engine for every memory layout."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.engines import evaluate
from chainrule.graph import Graph, Node, input_node
from chainrule.ops import functional as F
from chainrule.plan.plan import plan

TAPS = [[(0, 0.5), (3, -1.0)], [], [(1, 2.0)], [(c, 0.1 * c) for c in range(5)], [(4, 1.0), (4, 0.25)]]


def agree(y: Node, arrays: dict[str, np.ndarray]) -> None:
    expected, result = (evaluate(y, arrays, engine) for engine in ("reference", "native"))
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


@settings(max_examples=40)
@given(st.permutations(range(4)), st.integers(0, 3), st.sampled_from([1, 3, 17]), st.booleans())
def test_resampling_with_axes_in_any_memory_order(
    permutation: list[int], axis: int, length: int, is_cut: bool
) -> None:
    lengths = {0: length, 1: 5, 2: 3, 3: 2}
    shape = tuple(lengths[i] for i in permutation)
    x = input_node("x", (*shape[:3], 2 * shape[3]) if is_cut else shape, "float32")
    view = x[..., ::2] if is_cut else x
    transposed = F.transpose(view, np.argsort(permutation).tolist())  # (long, 5, 3, 2)
    taps = [[(cell % lengths[axis], weight) for cell, weight in cell_taps] for cell_taps in TAPS]
    y = F.resample(transposed, axis, taps)
    size = np.prod([n for n in x.shape if isinstance(n, int)])
    agree(y, {"x": np.linspace(-2, 3, int(size), dtype="float32").reshape(x.shape)})


@pytest.mark.parametrize(
    "shape", [(2, 5, 64), (2, 5, 63), (1, 5, 200), (300, 5), (5, 1), (0, 5, 8), (2, 5, 0)]
)
def test_resampling_rows_of_any_length(shape: tuple[int, ...]) -> None:
    axis = shape.index(5)
    x = input_node("x", shape, "float32")
    y = F.resample(x, axis, TAPS)
    (gradient,) = cr.grad((y * y).sum(), [x])
    arrays = {"x": np.linspace(-1, 1, int(np.prod(shape)), dtype="float32").reshape(shape)}
    agree(y, arrays)
    agree(gradient, arrays)


def test_a_broadcast_input_is_copied_first() -> None:
    x = input_node("x", (5, 1), "float64")
    agree(F.resample(F.broadcast_to(x, (5, 40)), 0, TAPS), {"x": np.arange(5.0)[:, None]})


@pytest.mark.parametrize("shape", [(16, 5, 80), (1, 5, 40_000), (1, 5_000, 8)])
def test_bits_do_not_depend_on_the_number_of_threads(shape: tuple[int, ...]) -> None:
    x = input_node("x", shape, "float32")
    taps = [[(i, 0.3), ((i + 1) % shape[1], 0.7)] for i in range(shape[1])]
    y = F.resample(F.tanh(x), 1, taps)
    array = np.random.default_rng(0).normal(size=shape).astype("float32")
    results = []
    for threads in (1, 2, 3):
        with cr.settings.using(threads=threads):
            results.append(evaluate(y, {"x": array}, "native").tobytes())
    assert len(set(results)) == 1


def test_an_image_between_convolutions_is_not_copied() -> None:
    """With samples innermost, the sums use the layout as it is."""
    x, w = input_node("x", (None, 8, 8, 4), "float32"), input_node("w", (4, 3, 3, 4), "float32")
    y = F.convolution(x, w)
    for axis in (1, 2):
        y = F.resample(y, axis, [[(i // 2, 0.75), (max(i // 2 - 1, 0), 0.25)] for i in range(12)])
    y = F.convolution(y, w)
    tasks = plan(Graph({"y": y}), {"B": 32}).tasks
    between = [task.kind for task in tasks if task.nodes[0].op.name == "resample"]
    assert between == ["resample", "resample"]
