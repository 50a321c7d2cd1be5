"""Reductions equal NumPy's for every memory layout and any axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from chainrule.engines import native
from chainrule.graph import Graph, Node, input_node
from chainrule.ops import functional as F

NUMPY = {"sum": np.sum, "max": np.max, "min": np.min}
AXES = st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True).map(lambda axes: tuple(sorted(axes)))
SHAPES = st.tuples(*[st.sampled_from((1, 2, 3, 9, 20))] * 4)


def run(node: Node, **arrays: np.ndarray) -> np.ndarray:
    return native.Program(Graph({"y": node})).run(arrays)["y"]


@hypothesis_settings(deadline=None, max_examples=25)
@given(SHAPES, st.permutations(range(4)), AXES, st.sampled_from(tuple(NUMPY)), st.booleans())
def test_reductions_over_any_axes_of_any_memory_layout(
    shape: tuple[int, ...], order: list[int], axes: tuple[int, ...], name: str, keepdims: bool
) -> None:
    x = np.random.default_rng(0).standard_normal(shape)
    transposed = F.transpose(input_node("x", shape, "float64"), tuple(order))
    result = run(getattr(F, name)(transposed, axes, keepdims), x=x)
    np.testing.assert_allclose(
        result, NUMPY[name](x.transpose(order), axes, keepdims=keepdims), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("name", ["max", "min", "argmax"])
def test_max_min_argmax_of_special_values(name: str, axis: int, dtype: str) -> None:
    rng = np.random.default_rng(1)
    x = rng.choice([-np.inf, -2.5, -1e-45, -0.0, 0.0, 1e-45, 3.0, np.inf], (7, 6, 33)).astype(dtype)
    x[rng.random(x.shape) < 0.02] = np.nan
    x[rng.random(x.shape) < 0.02] = -np.float64(np.nan)
    result = run(getattr(F, name)(input_node("x", x.shape, dtype), axis), x=x)
    reduction: Any = getattr(np, name)
    np.testing.assert_array_equal(result, reduction(x, axis))


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("name", ["max", "min"])
def test_max_and_min_of_integers(name: str, dtype: str) -> None:
    info = np.iinfo(dtype)
    x = np.array([[info.min, 5, info.max], [-5, 0, 7]], dtype)
    result = run(getattr(F, name)(input_node("x", x.shape, dtype), 1), x=x)
    np.testing.assert_array_equal(result, getattr(np, name)(x, 1))
