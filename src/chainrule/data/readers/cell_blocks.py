"""Blocks of rows of a text file: their cells are tested, by columns or all together, and then joined."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, groupby
from typing import Any, Protocol

import numpy as np

from chainrule.data.cells.number_notation import unwrap_formulas
from chainrule.data.readers.cell_properties import PRESENT, cell_properties
from chainrule.data.readers.lazy_polars import pl
from chainrule.records import frozen

MANY_ROWS = 1000  # from which a block is divided into columns
LARGEST = 10**15 - 1  # integers up to it are no codes
SAMPLED = 200  # first cells, by which the way to test a column is chosen

Map = Callable[[Callable[[int], None], Iterable[int]], Iterable[None]]


@frozen(eq=False)
class Block:
    """The cells of complete rows, null where a cell is missing, with the properties of each column.

    Args:
        cells: texts row after row, or a series for each column: texts, or integers whose texts are those of
            the file.
        properties: (``COUNT``, width), as of ``cell_properties``.
    """

    cells: pl.Series | list[pl.Series]
    properties: np.ndarray


def examine_cells(texts: pl.Series, words: np.ndarray) -> Block:
    """Test the cells of complete rows, texts without spaces around them, which are not used again.

    ``words`` (width,) are columns that need not be tested for words.
    """
    width = len(words)
    rows = len(texts) // width
    block = _by_columns(texts, words) if rows >= MANY_ROWS else _together(texts, words, rows)
    return block or examine_cells(unwrap_formulas(texts), words)


def _together(texts: pl.Series, words: np.ndarray, rows: int) -> Block | None:
    """Return the block with its cells row after row; ``None`` if there are cells to unwrap."""
    tested = cell_properties(texts, np.tile(np.arange(len(words)), rows), words)
    if tested is None:
        return None
    properties, missing = tested
    return Block(texts.scatter(missing, None) if len(missing) else texts, properties)


def _by_columns(texts: pl.Series, words: np.ndarray) -> Block | None:
    """Return the block with a series for each column; ``None`` if there are cells to unwrap."""
    width = len(words)
    columns = [texts.gather_every(width, i) for i in range(width)]
    integers, rest = map(list, zip(*map(_integers, columns), strict=True))
    owner = np.repeat(np.arange(width), [len(cells) for cells in rest])
    cells = pl.concat(rest)
    tested = cell_properties(cells, owner, words)
    if tested is None:
        return None
    properties, missing = tested
    properties[PRESENT] |= [numbers is not None for numbers in integers]
    counts = np.bincount(owner[missing], minlength=width)
    for i, numbers in enumerate(integers):
        if numbers is not None and counts[i] == len(rest[i]):
            columns[i] = numbers
        elif counts[i]:
            columns[i] = _without(columns[i], cells.gather(missing[owner[missing] == i]))
    return Block(columns, properties)


def _integers(column: pl.Series) -> tuple[pl.Series | None, pl.Series]:
    """Return the integers of a column, if it has any that are as programs write them, and the other cells.

    Of other columns, each distinct cell is returned once.
    """
    sample = column.head(SAMPLED)
    if 2 * sample.cast(pl.Int64, strict=False).null_count() <= len(sample):
        numbers = column.cast(pl.Int64, strict=False)
        gaps = numbers.null_count()
        ends: list[Any] = [numbers.min(), numbers.max()]
        if 2 * gaps <= len(column) and max(map(abs, ends)) <= LARGEST:
            texts = numbers.cast(pl.String)
            is_other = column.ne_missing(texts) if gaps else texts != column
            return numbers, column.filter(is_other).unique()
    is_repeated = 2 * sample.n_unique() <= len(sample)
    return None, column.unique() if is_repeated else column


def _without(column: pl.Series, missing: pl.Series) -> pl.Series:
    """Return a column with null in place of some texts."""
    cells = pl.first()
    is_missing = cells.is_in(missing.unique().to_list())
    return column.to_frame().select(pl.when(~is_missing).then(cells)).to_series()


class Segment(Protocol):
    """The cells of consecutive blocks."""

    def take_texts(self, i: int) -> pl.Series:
        """Return the texts of a column, which the segment does not keep."""
        ...

    def take_numbers(self, chosen: Sequence[int], is_integral: Sequence[bool], run: Map) -> list[pl.Series]:
        """Return the numbers of the chosen columns, which the segment does not keep."""
        ...


def segments_of(blocks: Sequence[Block], width: int) -> Iterator[Segment]:
    """Yield the blocks as segments; those with their cells row after row are joined."""
    for is_divided, group in groupby(blocks, lambda block: isinstance(block.cells, list)):
        if is_divided:
            yield from (Columns(list(block.cells)) for block in group)
        else:
            yield Rows([block.cells for block in group], width)  # type: ignore[misc]


class Columns:
    """A block that is divided into columns."""

    def __init__(self, cells: list[pl.Series]) -> None:
        self.cells: list[pl.Series | None] = [*cells]

    def take_texts(self, i: int) -> pl.Series:
        return self._take(i).cast(pl.String)

    def take_numbers(self, chosen: Sequence[int], is_integral: Sequence[bool], run: Map) -> list[pl.Series]:
        return [_as_numbers(self._take(i), integral) for i, integral in zip(chosen, is_integral, strict=True)]

    def _take(self, i: int) -> pl.Series:
        cells, self.cells[i] = self.cells[i], None
        assert cells is not None
        return cells


class Rows:
    """Consecutive blocks with their cells row after row."""

    def __init__(self, blocks: list[pl.Series], width: int) -> None:
        self.blocks, self.width = blocks, width
        self.texts = pl.concat(blocks, rechunk=True)

    def take_texts(self, i: int) -> pl.Series:
        return self.texts.gather_every(self.width, i)

    def take_numbers(self, chosen: Sequence[int], is_integral: Sequence[bool], run: Map) -> list[pl.Series]:
        is_chosen = np.zeros(self.width, bool)
        is_chosen[list(chosen)] = True
        ends = list(accumulate(len(texts) // self.width for texts in self.blocks))
        values = np.empty((ends[-1], len(chosen)), order="F")

        def convert(block: int) -> None:
            rows = len(self.blocks[block]) // self.width
            values[ends[block] - rows : ends[block]] = _values(self.blocks[block], is_chosen)

        for _ in run(convert, range(len(ends))):
            pass
        return [_number(values[:, k], integral) for k, integral in enumerate(is_integral)]


def _values(texts: pl.Series, chosen: np.ndarray) -> np.ndarray:
    """Return the numbers of the chosen columns of a block, (rows, columns); NaN where a cell is missing."""
    rows = len(texts) // len(chosen)
    cells = texts if chosen.all() else texts.filter(pl.Series(np.tile(chosen, rows)))
    return _as_numbers(cells, is_integral=False).to_numpy().reshape(rows, -1)


def _number(values: np.ndarray, is_integral: bool) -> pl.Series:
    """Return a column of numbers, NaN where missing; integral values are below 10**15, exact in float64."""
    if is_integral and not np.isnan(values).any():
        return pl.Series(values.astype(np.int64))
    column = pl.Series(values).fill_nan(None)
    return column.cast(pl.Int64) if is_integral else column


def _as_numbers(cells: pl.Series, is_integral: bool) -> pl.Series:
    """Return cells in plain notation as integers or as float64, null where a cell is missing."""
    if cells.dtype == pl.Int64:
        return cells if is_integral else cells.cast(pl.Float64)
    numbers = cells.cast(pl.Float64, strict=False)
    if numbers.null_count() > cells.null_count():  # +1
        numbers = cells.str.strip_prefix("+").cast(pl.Float64, strict=False)
    return numbers.cast(pl.Int64) if is_integral else numbers
