"""In NumPy, what the kernels do that are written in the words of the processor: products, dots, windows,
scores, rows, and rows by their number.

Their writers unroll tiles, pack panels and mask the ends of rows. Here the same blocks are read and the same
numbers computed, by the definition. ``source`` runs these functions in the kernels' places.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from chainrule.engines.native.codegen.masked_vectors import SIZE

Run = Callable[[int], None]
_TEXT = re.compile(
    r"(product|dots|weigh|weighed|resample|softmax|log_softmax|logsumexp|\w+_rows|\w+_lines) of (float\d\d)"
    r"(?: by (tables|strides))?(?:,.* taps (\d+))?(?:,.*)?"
)

_COLUMNS = re.compile(r"(softmax|log_softmax|logsumexp) of columns of (float\d\d)")
_FETCH = re.compile(r"(take_rows|one_hot) of (\w+) by (\w+)")


@cache
def plain(text: str) -> Run | None:
    """What a kernel does, by the text it was compiled from; ``None`` where this room has no word for it."""
    fetched = _FETCH.fullmatch(text)
    if fetched is not None:
        run, words = (_take_rows, 10) if fetched[1] == "take_rows" else (_one_hot, 7)
        return lambda block: run(np.dtype(fetched[2]), np.dtype(fetched[3]), _words(block, words))
    columns = _COLUMNS.fullmatch(text)
    if columns is not None:
        return lambda block: _scores_of_columns(Memory(columns[2]), _words(block, 8), columns[1])
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    name, kind, by, taps = found.groups()
    if name == "weigh":
        return lambda block: _weigh(Memory(kind), _words(block, 15), int(taps))
    if name == "weighed":
        return lambda block: _weighed(Memory(kind), _words(block, 16))
    if name == "resample":
        return lambda block: _resample(Memory(kind), _words(block, 12))
    if name == "product":
        return lambda block: _product(Memory(kind), _words(block, 16), by == "tables")
    if name == "dots":
        return lambda block: _dots(Memory(kind), _words(block, 14))
    if name.endswith(("_rows", "_lines")):
        return lambda block: _joined(Memory(kind), _words(block, 9), name.partition("_")[0])
    return lambda block: _scores(Memory(kind), _words(block, 5), name)


class Memory:
    """Numbers of one kind wherever they lie.

    Args:
        kind: of the numbers.
    """

    def __init__(self, kind: str) -> None:
        self.kind, self.size = np.dtype(kind), SIZE[kind]

    def around(self, address: int, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The numbers from the first to the last place, and the places counted from the first."""
        low, high = int(places.min()), int(places.max())
        return array_at(address + low * self.size, self.kind, (high - low + 1,), (self.size,)), places - low

    def read(self, address: int, places: np.ndarray) -> np.ndarray:
        """The numbers so many places behind an address."""
        if not places.size:
            return np.zeros(places.shape, self.kind)
        numbers, behind = self.around(address, places)
        return numbers[behind]

    def write(self, address: int, places: np.ndarray, values: np.ndarray, adds: bool) -> None:
        """Write numbers there, or add them one after the other: places may be the same."""
        if places.size:
            numbers, behind = self.around(address, places)
            if not adds:
                numbers[behind] = values
            else:
                np.add.at(numbers, behind, values)


def array_at(address: int, kind: np.dtype, shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    """The numbers in memory at an address; strides in bytes."""
    words: dict[str, Any] = {
        "data": (address, False),
        "typestr": kind.str,
        "shape": shape,
        "strides": strides,
    }
    return np.asarray(SimpleNamespace(__array_interface__={**words, "version": 3}))


def _words(block: int, count: int) -> list[int]:
    """The words of a block."""
    return _table(block, count).tolist()


def _table(address: int, count: int) -> np.ndarray:
    return array_at(address, np.dtype(np.int64), (count,), (8,))


def _take_rows(kind: np.dtype, index: np.dtype, words: list[int]) -> None:
    """Y[i] = table[index[i]]; see ``fetch``."""
    many, width, table, rows, stride, indices, step, y, flag, first = words
    found = array_at(indices, index, (many,), (step * index.itemsize,)).astype(np.int64)
    source = array_at(table, kind, (rows, width), (stride * kind.itemsize, kind.itemsize))
    target = array_at(y, kind, (many, width), (width * kind.itemsize, kind.itemsize))
    inside = _inside(found, rows, flag, first)
    target[inside] = source[found[inside]]


def _one_hot(kind: np.dtype, index: np.dtype, words: list[int]) -> None:
    """A 1 at each index, among zeros; see ``fetch``."""
    many, depth, indices, step, y, flag, first = words
    found = array_at(indices, index, (many,), (step * index.itemsize,)).astype(np.int64)
    target = array_at(y, kind, (many, depth), (depth * kind.itemsize, kind.itemsize))
    inside, target[...] = _inside(found, depth, flag, first), 0
    target[np.flatnonzero(inside), found[inside]] = 1


def _inside(found: np.ndarray, rows: int, flag: int, first: int) -> np.ndarray:
    """Which indices are in their table; the flag says which is the last that is not."""
    inside = (found >= 0) & (found < rows)
    if not inside.all():
        told = _table(flag, 1)
        told[0] = max(int(told[0]), 1 + first + int(np.flatnonzero(~inside)[-1]))
    return inside


def _product(memory: Memory, words: list[int], by_table: bool) -> None:
    """C = A B, many times; see ``product``."""
    many, m, n, k, a, a_step, a_row, a_column, b, b_step, b_row, b_column, c, c_step, c_row, how = words

    def places(where: int, count: int) -> np.ndarray:
        return _table(where, count) if by_table else where * np.arange(count)

    left = places(a_row, m)[:, None] + places(a_column, k)  # (m, k)
    right = places(b_row, k)[:, None] + b_column * np.arange(n)  # (k, n)
    target = places(c_row, m)[:, None] + np.arange(n)  # (m, n)
    stays = how > 1 or (not by_table and c_step == 0)
    for s in range(many):
        x, y, z = (int(places(step, many)[s]) for step in (a_step, b_step, c_step))
        made = memory.read(a, left + x) @ memory.read(b, right + y)
        memory.write(c, target + z, made, how % 2 == 1 or (stays and s > 0))


def _dots(memory: Memory, words: list[int]) -> None:
    """C[i, j] = the sum over places s and numbers p of A[i; s; p] B[j; s; p]; see ``dots``."""
    positions, m, n, k, a, a_row, a_place, b, b_column, b_place, c, c_row, c_column, adds = words
    near = np.arange(k)
    left = _table(a_row, m)[:, None, None] + _table(a_place, positions)[:, None] + near  # (m, s, k)
    right = _table(b_column, n)[:, None, None] + _table(b_place, positions)[:, None] + near  # (n, s, k)
    target = c_row * np.arange(m)[:, None] + c_column * np.arange(n)  # (m, n)
    made = np.einsum("isp,jsp->ij", memory.read(a, left), memory.read(b, right))
    memory.write(c, target, made, adds != 0)


def _weigh(memory: Memory, words: list[int], taps: int) -> None:
    """Y[s, place, c] = the sum over taps of W[tap, c] X[s, what the tap reads, c]; see ``depth``."""
    n, rows, columns, channels, side, *places, w, y, y_step, y_row, y_column, _ = words
    weights = memory.read(w, np.arange(taps * channels)).reshape(taps, channels).repeat(side, 1)
    read = _read(memory, places, (n, rows, columns, taps, channels * side))
    to = y_step * np.arange(n)[:, None, None] + _table(y_row, rows)[:, None] + y_column * np.arange(columns)
    memory.write(y, to[..., None] + np.arange(channels * side), (read * weights).sum(3), adds=False)


def _weighed(memory: Memory, words: list[int]) -> None:
    """Sums[tap, number] += the sum over places of G[place, number] X[what the tap reads, number]."""
    n, rows, columns, taps, width, *places, g, g_step, g_row, g_column, sums, far, _ = words
    read = _read(memory, places, (n, rows, columns, taps, width))
    at = g_step * np.arange(n)[:, None, None] + _table(g_row, rows)[:, None] + g_column * np.arange(columns)
    slopes = memory.read(g, at[..., None, None] + np.arange(width))  # (n, rows, columns, 1, width)
    target = far * np.arange(taps)[:, None] + np.arange(width)
    memory.write(sums, target, (read * slopes).sum((0, 1, 2)), adds=True)


def _read(memory: Memory, places: list[int], shape: tuple[int, ...]) -> np.ndarray:
    """What every tap of every place reads, 0 where there is nothing: (n, rows, columns, taps, numbers)."""
    (x, step, x_row, x_column), (n, rows, columns, taps, width) = places, shape
    outer, inner = (
        _table(at, many * taps).reshape(many, taps) for at, many in ((x_row, rows), (x_column, columns))
    )
    far = outer[:, None] + inner  # (rows, columns, taps)
    at = step * np.arange(n)[:, None, None, None] + np.maximum(far, 0)
    return np.where((far < 0)[..., None], 0, memory.read(x, at[..., None] + np.arange(width)))


def _resample(memory: Memory, words: list[int]) -> None:
    """Y[s, i] = the sum over the taps of i of weight times X[s, cell]; see ``resample``."""
    n, count, width, x, x_step, x_cell, y, y_step, y_cell, begins, cells, weights = words
    starts, near = _table(begins, count + 1), np.arange(width)
    made, outer = np.zeros((n, count, width), memory.kind), np.arange(n)[:, None]
    for i in range(count):
        for t in range(starts[i], starts[i + 1]):
            (weight,), cell = memory.read(weights, np.array([t])), _table(cells, t + 1)[t]
            made[:, i] += weight * memory.read(x, outer * x_step + cell * x_cell + near)
    memory.write(y, outer[..., None] * y_step + y_cell * np.arange(count)[:, None] + near, made, adds=False)


def _joined(memory: Memory, words: list[int], way: str) -> None:
    """For each place r numbers made one; see ``rows``."""
    n, r, c, x, outer, row, column, y, adds = words
    places = outer * np.arange(n)[:, None, None] + row * np.arange(r)[:, None] + column * np.arange(c)
    begin = {"sum": 0.0, "max": -np.inf, "min": np.inf}[way]
    join = {"sum": np.add, "max": np.maximum, "min": np.minimum}[way]
    made = join.reduce(memory.read(x, places), 1, initial=begin)
    memory.write(y, np.arange(made.size).reshape(made.shape), made, way == "sum" and adds != 0)


def _scores(memory: Memory, words: list[int], way: str) -> None:
    """Softmax and its kin of each row; see ``score``."""
    rows, k, x, step, y = words
    scores = memory.read(x, step * np.arange(rows)[:, None] + np.arange(k))  # (rows, k)
    made = _normalized(scores, way, memory.kind)
    memory.write(y, np.arange(made.size).reshape(made.shape), made, adds=False)


def _scores_of_columns(memory: Memory, words: list[int], way: str) -> None:
    """Softmax and its kin along the middle axis; see ``score_columns``."""
    n, k, c, x, outer, middle, inner, y = words
    places = (
        outer * np.arange(n)[:, None, None] + inner * np.arange(c)[:, None] + middle * np.arange(k)
    )  # (n, c, k)
    made = np.swapaxes(_normalized(memory.read(x, places), way, memory.kind), 1, 2)
    memory.write(y, np.arange(made.size).reshape(made.shape), made, adds=False)


def _normalized(scores: np.ndarray, way: str, kind: np.dtype) -> np.ndarray:
    """Softmax, its logarithm or logsumexp along the last axis, which stays."""
    top = scores.max(-1, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0).astype(kind)
    raised = np.exp(scores - top)
    total = raised.sum(-1, keepdims=True)
    if way == "softmax":
        return raised / total
    return (scores - top) - np.log(total) if way == "log_softmax" else top + np.log(total)
