"""NumPy versions of the kernels: products, convolutions, softmax, reductions, gather, random numbers.

The generated code unrolls tiles, packs panels and masks the ends of rows; the functions here read the same
blocks and compute the same numbers by the definition. ``interpreter`` runs them in place of the kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from chainrule.engines.native.jit.kernel_source import KernelSource
from chainrule.ops.linear.bfloat16 import to_bfloat16
from chainrule.prng import normal, threefry, uniform

Run = Callable[[int], None]
SAMPLES = {"uniform": uniform, "normal": normal}  # random numbers, by their distribution


@cache
def numpy_kernel(source: KernelSource) -> Run | None:
    """Return the NumPy version of a kernel, or ``None`` if there is none."""
    build = _BUILDERS.get(source.name)
    return None if build is None else build(*source.arguments)


class Memory:
    """Numbers of one dtype at arbitrary addresses."""

    def __init__(self, dtype: str) -> None:
        self.dtype, self.size = np.dtype(dtype), np.dtype(dtype).itemsize

    def span(self, address: int, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers from the first to the last offset, and the offsets relative to the first."""
        low, high = int(offsets.min()), int(offsets.max())
        return array_at(address + low * self.size, self.dtype, (high - low + 1,), (self.size,)), offsets - low

    def read(self, address: int, offsets: np.ndarray) -> np.ndarray:
        """Return the numbers at ``offsets`` elements from an address."""
        if not offsets.size:
            return np.zeros(offsets.shape, self.dtype)
        numbers, relative = self.span(address, offsets)
        return numbers[relative]

    def write(self, address: int, offsets: np.ndarray, values: np.ndarray, adds: bool) -> None:
        """Write or add numbers one after the other; offsets may repeat."""
        if offsets.size:
            numbers, relative = self.span(address, offsets)
            if not adds:
                numbers[relative] = values
            else:
                np.add.at(numbers, relative, values)


class _RoundedMemory(Memory):
    """Numbers that are rounded to bfloat16 when they are read."""

    def read(self, address: int, offsets: np.ndarray) -> np.ndarray:
        return to_bfloat16(super().read(address, offsets))


def array_at(address: int, dtype: np.dtype, shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    """Return the numbers in memory at an address; strides in bytes."""
    words: dict[str, Any] = {
        "data": (address, False),
        "typestr": dtype.str,
        "shape": shape,
        "strides": strides,
    }
    return np.asarray(SimpleNamespace(__array_interface__={**words, "version": 3}))


def _words(block: int, count: int) -> list[int]:
    return _table(block, count).tolist()


def _table(address: int, count: int) -> np.ndarray:
    return array_at(address, np.dtype(np.int64), (count,), (8,))


def _take_rows(dtype: np.dtype, index: np.dtype, words: list[int]) -> None:
    """Compute Y[i] = table[index[i]]; see ``kernels.gather``."""
    count, width, table, rows, stride, indices, step, y, flag, first = words
    rows_read = array_at(indices, index, (count,), (step * index.itemsize,)).astype(np.int64)
    source = array_at(table, dtype, (rows, width), (stride * dtype.itemsize, dtype.itemsize))
    target = array_at(y, dtype, (count, width), (width * dtype.itemsize, dtype.itemsize))
    inside = _inside(rows_read, rows, flag, first)
    target[inside] = source[rows_read[inside]]


def _one_hot(dtype: np.dtype, index: np.dtype, words: list[int]) -> None:
    """Write a 1 at each index, among zeros; see ``kernels.gather``."""
    count, depth, indices, step, y, flag, first = words
    positions = array_at(indices, index, (count,), (step * index.itemsize,)).astype(np.int64)
    target = array_at(y, dtype, (count, depth), (depth * dtype.itemsize, dtype.itemsize))
    inside, target[...] = _inside(positions, depth, flag, first), 0
    target[np.flatnonzero(inside), positions[inside]] = 1


def _add_rows(dtype: np.dtype, index: np.dtype, words: list[int]) -> None:
    """Compute table[index[i]] += values[i]; see ``kernels.gather``."""
    count, width, values, rows, adds, indices, step, y, flag = words
    row_numbers = array_at(indices, index, (count,), (step * index.itemsize,)).astype(np.int64)
    steps = (width * dtype.itemsize, dtype.itemsize)
    table, source = array_at(y, dtype, (rows, width), steps), array_at(values, dtype, (count, width), steps)
    inside = _inside(row_numbers, rows, flag, 0)
    table[...] = table if adds else 0
    np.add.at(table, row_numbers[inside], source[inside])


def _inside(indices: np.ndarray, rows: int, flag: int, first: int) -> np.ndarray:
    """Return which indices are in their table; the flag receives the last position that is not."""
    inside = (indices >= 0) & (indices < rows)
    if not inside.all():
        flag_word = _table(flag, 1)
        flag_word[0] = max(int(flag_word[0]), 1 + first + int(np.flatnonzero(~inside)[-1]))
    return inside


def _product(memory: Memory, words: list[int], addressing: str) -> None:
    """Compute C = A B for a batch of products; see ``gemm.matmul``."""
    products, m, n, k, a, a_step, a_row, a_column, b, b_step, b_row, b_column, c, c_step, c_row, mode = words

    def positions(place: int, count: int, by_table: bool = addressing == "tables") -> np.ndarray:
        return _table(place, count) if by_table else place * np.arange(count)

    left = positions(a_row, m)[:, None] + positions(a_column, k)  # (m, k)
    right = positions(b_row, k)[:, None] + b_column * np.arange(n)  # (k, n)
    target = positions(c_row, m)[:, None] + np.arange(n)  # (m, n)
    has_starts = addressing != "strides"
    accumulates = mode > 1 or (not has_starts and c_step == 0)
    for s in range(products):
        x, y, z = (int(positions(step, products, has_starts)[s]) for step in (a_step, b_step, c_step))
        product = memory.read(a, left + x) @ memory.read(b, right + y)
        memory.write(c, target + z, product, mode % 2 == 1 or (accumulates and s > 0))


def _dots(memory: Memory, words: list[int]) -> None:
    """Compute C[i, j], the sum over s and p of A[i; s; p] B[j; s; p]; see ``gemm.dot_products``."""
    positions, m, n, k, a, a_row, a_place, b, b_column, b_place, c, c_row, c_column, adds = words
    range_k = np.arange(k)
    left = _table(a_row, m)[:, None, None] + _table(a_place, positions)[:, None] + range_k  # (m, s, k)
    right = _table(b_column, n)[:, None, None] + _table(b_place, positions)[:, None] + range_k  # (n, s, k)
    target = c_row * np.arange(m)[:, None] + c_column * np.arange(n)  # (m, n)
    products = np.einsum("isp,jsp->ij", memory.read(a, left), memory.read(b, right))
    memory.write(c, target, products, adds != 0)


def _depthwise(memory: Memory, words: list[int], taps: int) -> None:
    """Compute Y[s, position, c] = the sum over taps of W[tap, c] X[s, what the tap reads, c]."""
    n, rows, columns, channels, side, *tables, w, y, y_step, y_row, y_column, _ = words
    weights = memory.read(w, np.arange(taps * channels)).reshape(taps, channels).repeat(side, 1)
    read = _read(memory, tables, (n, rows, columns, taps, channels * side))
    to = y_step * np.arange(n)[:, None, None] + _table(y_row, rows)[:, None] + y_column * np.arange(columns)
    memory.write(y, to[..., None] + np.arange(channels * side), (read * weights).sum(3), adds=False)


def _depthwise_weight_gradient(memory: Memory, words: list[int]) -> None:
    """Add to Sums[tap, n] the sum over positions of G[position, n] X[what the tap reads, n]."""
    n, rows, columns, taps, width, *tables, g, g_step, g_row, g_column, sums, stride, _ = words
    read = _read(memory, tables, (n, rows, columns, taps, width))
    at = g_step * np.arange(n)[:, None, None] + _table(g_row, rows)[:, None] + g_column * np.arange(columns)
    gradients = memory.read(g, at[..., None, None] + np.arange(width))  # (n, rows, columns, 1, width)
    target = stride * np.arange(taps)[:, None] + np.arange(width)
    memory.write(sums, target, (read * gradients).sum((0, 1, 2)), adds=True)


def _read(memory: Memory, tables: list[int], shape: tuple[int, ...]) -> np.ndarray:
    """Return what every tap of every position reads, 0 for none: (n, rows, columns, taps, numbers)."""
    (x, step, x_row, x_column), (n, rows, columns, taps, width) = tables, shape
    outer, inner = (
        _table(at, count * taps).reshape(count, taps) for at, count in ((x_row, rows), (x_column, columns))
    )
    offset = outer[:, None] + inner  # (rows, columns, taps)
    at = step * np.arange(n)[:, None, None, None] + np.maximum(offset, 0)
    return np.where((offset < 0)[..., None], 0, memory.read(x, at[..., None] + np.arange(width)))


def _resample(memory: Memory, words: list[int]) -> None:
    """Compute Y[s, i] = the sum over the taps of i of weight times X[s, cell]; see ``codegen.resample``."""
    n, count, width, x, x_step, x_cell, y, y_step, y_cell, first_taps, cells, weights = words
    starts, range_width = _table(first_taps, count + 1), np.arange(width)
    result, outer = np.zeros((n, count, width), memory.dtype), np.arange(n)[:, None]
    for i in range(count):
        for t in range(starts[i], starts[i + 1]):
            (weight,), cell = memory.read(weights, np.array([t])), _table(cells, t + 1)[t]
            result[:, i] += weight * memory.read(x, outer * x_step + cell * x_cell + range_width)
    memory.write(
        y, outer[..., None] * y_step + y_cell * np.arange(count)[:, None] + range_width, result, adds=False
    )


def _reduction(memory: Memory, words: list[int], reduction: str) -> None:
    """Reduce r numbers to one for each outer index and column; see ``codegen.row_reduction``."""
    n, r, c, x, outer, row, column, y, adds = words
    offsets = outer * np.arange(n)[:, None, None] + row * np.arange(r)[:, None] + column * np.arange(c)
    initial = {"sum": 0.0, "max": -np.inf, "min": np.inf}[reduction]
    function = {"sum": np.add, "max": np.maximum, "min": np.minimum}[reduction]
    result = function.reduce(memory.read(x, offsets), 1, initial=initial)
    memory.write(y, np.arange(result.size).reshape(result.shape), result, reduction == "sum" and adds != 0)


def _reduction_of_rows(memory: Memory, words: list[int], reduction: str, sign: int = 1) -> None:
    """Reduce r numbers to one for each outer index and column; see ``kernels.reduction``."""
    n, r, c, x, outer, row, column, y, adds = words
    offsets = outer * np.arange(n)[:, None, None] + row * np.arange(r)[:, None] + column * np.arange(c)
    numbers, results = memory.read(x, offsets), memory
    if reduction == "argmax":
        result, results = numbers.argmax(1), Memory("int64")  # the first at a tie, or of a NaN
    elif reduction == "sum":
        result = np.add.reduce(numbers, 1, dtype=memory.dtype)
    else:
        result = numbers.max(1) if sign > 0 else numbers.min(1)
    results.write(y, np.arange(result.size).reshape(result.shape), result, reduction == "sum" and adds != 0)


def _random_numbers(memory: Memory, words: list[int], distribution: str) -> None:
    """Sample random numbers; see ``kernels.random``."""
    count, first, key, high, low, y = words
    stream = _stream(array_at(key, np.dtype(np.uint32), (2,), (4,)), high, low)
    memory.write(
        y, np.arange(count), SAMPLES[distribution](stream, count, memory.dtype.name, first), adds=False
    )


def _random_numbers_of_rows(memory: Memory, words: list[int], distribution: str) -> None:
    """Sample random numbers with one key for each row; see ``kernels.random``."""
    rows, width, keys, high, low, y = words
    table = array_at(keys, np.dtype(np.uint32), (rows, 2), (8, 4))
    for i, key in enumerate(table):
        numbers = SAMPLES[distribution](_stream(key, high, low), width, memory.dtype.name)
        memory.write(y, i * width + np.arange(width), numbers, adds=False)


def _stream(key: np.ndarray, high: int, low: int) -> np.ndarray:
    """Return the key of a stream of random numbers."""
    return np.array(threefry(key, *(np.array([word], np.uint32) for word in (high, low)))).ravel()


def _softmax_rows(memory: Memory, words: list[int], function: str) -> None:
    """Compute softmax, log_softmax or logsumexp of each row; see ``codegen.softmax_rows``."""
    rows, k, x, step, y = words
    scores = memory.read(x, step * np.arange(rows)[:, None] + np.arange(k))  # (rows, k)
    result = _normalized(scores, function, memory.dtype)
    memory.write(y, np.arange(result.size).reshape(result.shape), result, adds=False)


def _softmax_columns(memory: Memory, words: list[int], function: str) -> None:
    """Compute softmax, log_softmax or logsumexp along the middle axis; see ``codegen.softmax_columns``."""
    n, k, c, x, outer, middle, inner, y = words
    offsets = (
        outer * np.arange(n)[:, None, None] + inner * np.arange(c)[:, None] + middle * np.arange(k)
    )  # (n, c, k)
    result = np.swapaxes(_normalized(memory.read(x, offsets), function, memory.dtype), 1, 2)
    memory.write(y, np.arange(result.size).reshape(result.shape), result, adds=False)


def _normalized(scores: np.ndarray, function: str, dtype: np.dtype) -> np.ndarray:
    """Return softmax, its logarithm or logsumexp along the last axis, which is kept."""
    top = scores.max(-1, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0).astype(dtype)
    exponentials = np.exp(scores - top)
    total = exponentials.sum(-1, keepdims=True)
    if function == "softmax":
        return exponentials / total
    return (scores - top) - np.log(total) if function == "log_softmax" else top + np.log(total)


def _run_of_product(dtype: str, addressing: str, epilogue: object) -> Run | None:
    """Return the version of a matrix product; there is none for one with an epilogue."""
    if epilogue is not None:
        return None
    return lambda block: _product(Memory(dtype), _words(block, 16), addressing)


def _run_of_bfloat16_product(epilogue: object) -> Run | None:
    """Return the version of a product of rounded factors; there is none for one with an epilogue."""
    if epilogue is not None:
        return None
    return lambda block: _product(_RoundedMemory("float32"), _words(block, 16), "strides")


def _run_of_bfloat16_table_product() -> Run:
    """Return the version of a product by tables of rounded factors."""
    return lambda block: _product(_RoundedMemory("float32"), _words(block, 16), "tables")


def _run_of_dots(dtype: str, is_rounded: bool) -> Run:
    """Return the version of many dot products."""
    memory = _RoundedMemory(dtype) if is_rounded else Memory(dtype)
    return lambda block: _dots(memory, _words(block, 14))


def _run_of_gather(run: Callable[[np.dtype, np.dtype, list[int]], None], count: int) -> Callable[..., Run]:
    """Return the builder of a kernel that reads indices; ``count`` words are in its block."""
    return lambda dtype, index: lambda block: run(np.dtype(dtype), np.dtype(index), _words(block, count))


def _run_of(run: Callable[..., None], count: int) -> Callable[..., Run]:
    """Return the builder of a kernel of one dtype and further arguments."""
    return lambda dtype, *rest: lambda block: run(Memory(dtype), _words(block, count), *rest)


_BUILDERS: dict[str, Callable[..., Run | None]] = {
    "product": _run_of_product,
    "bfloat16_product": _run_of_bfloat16_product,
    "bfloat16_table_product": _run_of_bfloat16_table_product,
    "dots": _run_of_dots,
    "depthwise": _run_of(_depthwise, 15),
    "depthwise_gradient": _run_of(_depthwise_weight_gradient, 16),
    "resample": _run_of(_resample, 12),
    "softmax_rows": _run_of(_softmax_rows, 5),
    "softmax_columns": _run_of(_softmax_columns, 8),
    "reduced_rows": _run_of(_reduction, 9),
    "reduced_lines": _run_of(_reduction, 9),
    "take_rows": _run_of_gather(_take_rows, 10),
    "one_hot": _run_of_gather(_one_hot, 7),
    "add_rows": _run_of_gather(_add_rows, 9),
    "sum_rows": _run_of(lambda memory, words: _reduction_of_rows(memory, words, "sum"), 9),
    "extreme_rows": lambda dtype, sign: (
        lambda block: _reduction_of_rows(Memory(dtype), _words(block, 9), "extreme", sign)
    ),
    "argmax_rows": _run_of(lambda memory, words: _reduction_of_rows(memory, words, "argmax"), 9),
    "random_numbers": _run_of(_random_numbers, 6),
    "random_numbers_of_rows": _run_of(_random_numbers_of_rows, 6),
}
"""How kernels are computed, by the name of their source."""
