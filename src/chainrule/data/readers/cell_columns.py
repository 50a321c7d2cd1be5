"""Typed columns from the cells of a text file, in time linear in the number of cells.

The cells of a block of rows are one series of texts, row after row:

    a,b,c
    1,x,      cells   1  x  null  2.5  y  7      plain numbers in every row: a, c
    2.5,y,7   columns a  b  c     a    b  c      a word in some row: b

They are tested in one of two ways, with the same result:

- a block of many rows is divided into columns (``cell_blocks.py``). Integers are recognized by converting
  them to numbers and back, and of other columns each distinct text is tested once;
- in a block of few rows, of a table of thousands of columns, all cells are tested by a few calls for all
  columns together, since calling polars about ten times per column takes a millisecond per column, whatever
  its length.

A column of plain numbers only, and one that contains a word, are decided by that; any other column (dates,
numbers in other notations, codes, yes/no) is passed to ``typed_columns.py``, which defines these rules.

Blocks do not depend on each other and are tested by as many threads as polars has, since polars computes
without holding the interpreter lock. Their results are combined in any order: a column has a property if it
has it in one of the blocks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from operator import methodcaller

import numpy as np

from chainrule.data.cells.number_notation import Notation
from chainrule.data.cells.typed_columns import TypedColumn, decimal_mark, examine, finish
from chainrule.data.readers.cell_blocks import Block, Columns, Segment, examine_cells, segments_of
from chainrule.data.readers.cell_properties import CODE, COUNT, DECIMAL, MAYBE, OTHER, POINT, PRESENT, WORD
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.text.plain_block import PlainBlock

POINTS = Notation(evidence="shown")
SPACES = " \t\n\x0b\x0c\r"  # the spaces of ASCII


class Cells:
    """Accumulator of the cells of a table, block by block.

    Args:
        delimiter: delimiter of the file, as for ``type_texts``.

    Example:
        >>> cells = Cells(["a", "b"], ",")
        >>> cells.add([["1", "x"], ["2.5", "?"]])
        >>> [column.values.to_list() for column in cells.columns()]
        [[1.0, 2.5], ['x', None]]
    """

    def __init__(self, names: Sequence[str], delimiter: str) -> None:
        self.names, self.delimiter, self.width = list(names), delimiter, len(names)
        self._blocks: list[Block] = []
        self._pending: deque[Future[Block]] = deque()
        self._pool: ThreadPoolExecutor | None = None  # from the second block on
        self._properties = np.zeros((COUNT, self.width), bool)

    def add(self, records: Sequence[Sequence[str]]) -> None:
        """Add rows, each with a cell for every column."""
        self._add(lambda: pl.Series(list(chain.from_iterable(records)), dtype=pl.String).str.strip_chars())

    def add_block(self, block: PlainBlock) -> None:
        """Add the rows of a block, each with a cell for every column."""
        self._add(lambda: _divided(block.text, self.delimiter))

    def _add(self, texts: Callable[[], pl.Series]) -> None:
        """Test the cells of complete rows, in this thread or in another one."""
        words = self._properties[WORD].copy()
        threads = pl.thread_pool_size()
        if threads == 1 or not (self._blocks or self._pending):
            self._combine(examine_cells(texts(), words))
            return
        self._pool = self._pool or ThreadPoolExecutor(threads)
        self._pending.append(self._pool.submit(lambda: examine_cells(texts(), words)))
        if len(self._pending) > 2 * threads:  # the text of waiting blocks stays small
            self._combine(self._pending.popleft().result())

    def _combine(self, block: Block) -> None:
        self._blocks.append(block)
        self._properties |= block.properties

    def _finish(self) -> None:
        """Wait for all blocks."""
        while self._pending:
            self._combine(self._pending.popleft().result())

    def columns(self) -> list[TypedColumn]:
        """Return the columns in order, as ``type_texts`` returns them."""
        self._finish()
        has = self._properties
        is_number = has[PRESENT] & ~has[OTHER] & ~has[CODE] & ~has[MAYBE]
        is_word = has[WORD] & ~has[MAYBE]
        segments = list(segments_of(self._blocks, self.width))
        self._blocks.clear()

        def column(i: int) -> pl.Series:
            texts = [segment.take_texts(i) for segment in segments]
            return _concatenated(texts, pl.String()).alias(self.names[i])

        examined = {i: examine(column(i)) for i in np.flatnonzero(~is_number & ~is_word).tolist()}
        unclear = np.flatnonzero(is_number & has[DECIMAL] & ~has[POINT]).tolist()  # may be grouped by points
        examined |= {i: examine(column(i)) for i in unclear}
        is_number[unclear] = False
        mark = decimal_mark(examined.values(), self.delimiter, bool((is_number & has[POINT]).any()))
        numbers = iter(self._numbers(segments, np.flatnonzero(is_number)))
        return [
            TypedColumn(next(numbers).alias(name), notation=POINTS if has[POINT, i] else None)
            if is_number[i]
            else finish(examined[i], mark)
            if i in examined
            else TypedColumn(column(i))
            for i, name in enumerate(self.names)
        ]

    def _numbers(self, segments: Sequence[Segment], chosen: np.ndarray) -> Iterator[pl.Series]:
        """Return the columns of plain numbers; integral ones as integers."""
        is_integral = (~self._properties[DECIMAL, chosen]).tolist()
        run = self._pool.map if self._pool else map
        is_divided = all(isinstance(segment, Columns) for segment in segments)  # else a segment uses the pool
        convert = methodcaller("take_numbers", chosen.tolist(), is_integral, map if is_divided else run)
        parts = (run if is_divided else map)(convert, segments)
        return (_concatenated(pieces, pl.Float64()) for pieces in zip(*parts, strict=True))


def _concatenated(parts: Sequence[pl.Series], dtype: pl.DataType) -> pl.Series:
    """Return the parts of a column as one series; an empty one of this type if there are none."""
    return pl.concat(parts, rechunk=True) if parts else pl.Series(dtype=dtype)


def _divided(text: str, delimiter: str) -> pl.Series:
    """Return the cells of a text, without spaces around them."""
    cells = pl.Series([text]).str.split(delimiter)[0]
    has_spaces = not text.isascii() or any(space in text for space in SPACES)
    return cells.str.strip_chars() if has_spaces else cells
