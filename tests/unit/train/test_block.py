"""A block of arrays has their values in one allocation, and does not write zeros that it has already."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from chainrule.train.shared_parameters import Block

NUMBERS = {"zero": 0.0, "negative_zero": -0.0, "number": 2.5, "nan": np.nan}


@pytest.mark.parametrize("shape", [(), (1,), (3, 4), (0, 3)], ids=str)
@pytest.mark.parametrize("name", NUMBERS)
def test_repeated_numbers_keep_their_bits(name: str, shape: tuple[int, ...]) -> None:
    number = np.float32(NUMBERS[name])
    for array in (np.broadcast_to(number, shape), np.full(shape, number)):
        block = Block({"a": array, "b": np.ones(5, np.float32), "c": np.zeros((), np.float64)})
        assert block.arrays["a"].tobytes() == array.tobytes()
        assert block.arrays["a"].shape == shape
        assert block.arrays["b"].tolist() == [1.0] * 5
        assert [entry.dtype.name for entry in block.blocks] == ["float32", "float64"]


def test_a_block_of_repeated_numbers_is_the_only_allocation() -> None:
    slots = {name: np.broadcast_to(np.float32(0.0), (1000, 500)) for name in "mv"}
    tracemalloc.start()
    try:
        block = Block(slots)
        assert tracemalloc.get_traced_memory()[1] < block.nbytes + 20_000
    finally:
        tracemalloc.stop()
