"""From the cells of a text file to typed columns, in time that grows with the number of cells.

Calling polars some ten times for every column takes a millisecond a column, whatever its length, and building
each block's columns one by one grows with the square of the width. So a block of rows is one series of cells,
row after row, which is cleaned and tested by a few calls for all columns together:

    a,b,c
    1,x,      cells   1  x  null  2.5  y  7      plain numbers in every row: a, c
    2.5,y,7   columns a  b  c     a    b  c      a word in some row: b

A column of plain numbers alone, and one with a word in it, is decided by that; any other (dates, numbers with
separators, codes, yes/no) is left to ``number.typed``, whose rules these are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.number_parsing import (
    CODE,
    DECIMAL_COMMA,
    GROUPED,
    INFINITE,
    PLAIN,
    WHOLE,
    clean,
    typed,
)

NUMBER_LIKE = "|".join(f"(?:{pattern})" for pattern in (PLAIN, INFINITE, GROUPED, DECIMAL_COMMA))
LONG = 16  # digits from which a whole number may be beyond what a float tells apart


class Cells:
    """The cells of a table, added block by block.

    Args:
        names: of the columns.
        delimiter: of the file, as for ``typed``.

    Example:
        >>> cells = Cells(["a", "b"], ",")
        >>> cells.add([["1", "x"], ["2.5", "?"]])
        >>> [column.to_list() for column in cells.columns()]
        [[1.0, 2.5], ['x', None]]
    """

    def __init__(self, names: Sequence[str], delimiter: str) -> None:
        self.names, self.delimiter, self.width = list(names), delimiter, len(names)
        self.rows = 0
        self._blocks: list[pl.Series] = []
        # Of each column, (width,): whether ...
        self._present = np.zeros(self.width, bool)  # a cell is there
        self._missing = np.zeros(self.width, bool)  # a cell is missing
        self._plain = np.ones(self.width, bool)  # all cells are numbers in plain notation
        self._whole = np.ones(self.width, bool)  # all cells are whole numbers
        self._code = np.zeros(self.width, bool)  # a cell may be a code
        self._word = np.zeros(self.width, bool)  # a cell is neither like a number nor true or false

    def add(self, records: Sequence[Sequence[str]]) -> None:
        """Add rows, each with a cell for every column."""
        texts = clean(pl.Series(list(chain.from_iterable(records)), dtype=pl.String))
        self._blocks.append(texts)
        self.rows += len(records)
        gone = texts.is_null().to_numpy()
        plain, whole, code = (_matches(texts, pattern) for pattern in (PLAIN, WHOLE, CODE))
        code |= whole & (texts.str.len_chars() >= LONG).fill_null(value=False).to_numpy()
        self._present |= self._any(~gone)
        self._missing |= self._any(gone)
        self._plain &= ~self._any(~plain & ~gone)
        self._whole &= ~self._any(~whole & ~gone)
        self._code |= self._any(code)
        odd = np.flatnonzero(~plain & ~gone)
        if len(odd):
            rest = texts.gather(odd)
            like = rest.str.contains(NUMBER_LIKE) | rest.str.to_lowercase().is_in(["true", "false"])
            self._word[odd[~like.to_numpy()] % self.width] = True

    def _any(self, cells: np.ndarray) -> np.ndarray:
        return np.logical_or.reduce(cells.reshape(-1, self.width), axis=0)

    def columns(self) -> list[pl.Series]:
        """The columns in their order, each as ``typed(clean(column))`` makes it."""
        is_number = self._present & self._plain & ~self._code
        numbers = iter(self._numbers(is_number))
        texts = pl.concat(self._blocks, rechunk=True) if not is_number.all() else None
        self._blocks.clear()
        columns = []
        for i, name in enumerate(self.names):
            if is_number[i] or texts is None:
                columns.append(next(numbers).alias(name))
                continue
            column = texts.gather_every(self.width, i).alias(name)
            columns.append(column if self._word[i] else typed(column, self.delimiter))
        return columns

    def _numbers(self, chosen: np.ndarray) -> Iterable[pl.Series]:
        """The columns of plain numbers, whole ones as whole numbers."""
        places = np.flatnonzero(chosen)
        values = np.empty((self.rows, len(places)), order="F")
        start = 0
        for texts in self._blocks if len(places) else ():
            rows = len(texts) // self.width
            cells = texts.filter(pl.Series(np.tile(chosen, rows))) if not chosen.all() else texts
            numbers = cells.str.strip_prefix("+").cast(pl.Float64, strict=False)
            values[start : start + rows] = numbers.to_numpy().reshape(rows, -1)
            start += rows
        return (_number(values[:, k], self._whole[i], self._missing[i]) for k, i in enumerate(places))


def _matches(texts: pl.Series, pattern: str) -> np.ndarray:
    return texts.str.contains(pattern).fill_null(value=False).to_numpy().copy()


def _number(values: np.ndarray, is_whole: bool, has_gaps: bool) -> pl.Series:
    """A column of numbers, NaN where one is missing; whole ones are below 10**15, which a float keeps."""
    if not has_gaps:
        return pl.Series(values.astype(np.int64) if is_whole else values)
    column = pl.Series(values).fill_nan(None)
    return column.cast(pl.Int64) if is_whole else column
