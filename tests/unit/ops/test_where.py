"""``where`` chooses bits: those of every value, for arrays of any size, dtype and memory layout."""

from __future__ import annotations

import numpy as np
import pytest

from case_loops import loop_over
from chainrule.ops.elementwise.comparison import MANY, Where

RNG = np.random.default_rng(0)
LAYOUTS = {
    "contiguous": lambda a: a,
    "transposed": lambda a: np.ascontiguousarray(a.T).T,
    "strided": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "repeated": lambda a: np.broadcast_to(a[0, 0], a.shape),
}


def of_random_bits(dtype: str, rows: int) -> np.ndarray:
    """An array of random bits: also NaN with any payload, infinities and both zeros."""
    size = np.dtype(dtype).itemsize
    bits = RNG.integers(0, 256, (rows, 8 * size), np.uint8)
    return bits % 2 == 0 if dtype == "bool" else bits.view(dtype)


@loop_over("rows", [3, MANY // 8, MANY // 4])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "int64", "bool"])
@loop_over("second", LAYOUTS)
@loop_over("first", LAYOUTS)
@loop_over("condition", LAYOUTS)
def test_every_bit_and_the_memory_layout_are_those_of_numpy(
    condition: str, first: str, second: str, dtype: str, rows: int
) -> None:
    a, b = LAYOUTS[first](of_random_bits(dtype, rows)), LAYOUTS[second](of_random_bits(dtype, rows))
    c = LAYOUTS[condition](RNG.random(a.shape) < 0.5)
    chosen, expected = Where().evaluate(c, a, b), np.where(c, a, b)
    assert (chosen.dtype, chosen.shape, chosen.strides) == (expected.dtype, expected.shape, expected.strides)
    assert chosen.tobytes() == expected.tobytes()
