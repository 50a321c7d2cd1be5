"""Typed columns from the cells of a text file, in time linear in the number of cells.

Calling polars about ten times per column takes a millisecond per column, whatever its length, and building
the columns of each block one by one is quadratic in the width. Therefore, a block of rows is one series of
cells, row after row, which is cleaned and tested by a few calls for all columns together:

    a,b,c
    1,x,      cells   1  x  null  2.5  y  7      plain numbers in every row: a, c
    2.5,y,7   columns a  b  c     a    b  c      a word in some row: b

A column of plain numbers only, and one that contains a word, are decided by that; any other column (dates,
numbers with separators, codes, yes/no) is passed to ``number_parsing.typed``, which defines these rules.
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
    INTEGER,
    PLAIN,
    clean,
    typed,
)

NUMBER_LIKE = "|".join(f"(?:{pattern})" for pattern in (PLAIN, INFINITE, GROUPED, DECIMAL_COMMA))
LONG = 16  # digits from which float64 may not represent an integer exactly


class Cells:
    """Accumulates the cells of a table block by block.

    Args:
        names: names of the columns.
        delimiter: delimiter of the file, as for ``typed``.

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
        # For each column, (width,):
        self._present = np.zeros(self.width, bool)  # whether a cell is not missing
        self._missing = np.zeros(self.width, bool)  # whether a cell is missing
        self._plain = np.ones(self.width, bool)  # whether all cells are numbers in plain notation
        self._integral = np.ones(self.width, bool)  # whether all cells are integers
        self._code = np.zeros(self.width, bool)  # whether a cell may be a code
        self._word = np.zeros(self.width, bool)  # whether a cell is neither number-like nor true or false

    def add(self, records: Sequence[Sequence[str]]) -> None:
        """Add rows, each with a cell for every column."""
        texts = clean(pl.Series(list(chain.from_iterable(records)), dtype=pl.String))
        self._blocks.append(texts)
        self.rows += len(records)
        missing = texts.is_null().to_numpy()
        plain, integral, code = (_matches(texts, pattern) for pattern in (PLAIN, INTEGER, CODE))
        code |= integral & (texts.str.len_chars() >= LONG).fill_null(value=False).to_numpy()
        self._present |= self._any(~missing)
        self._missing |= self._any(missing)
        self._plain &= ~self._any(~plain & ~missing)
        self._integral &= ~self._any(~integral & ~missing)
        self._code |= self._any(code)
        other = np.flatnonzero(~plain & ~missing)
        if len(other):
            rest = texts.gather(other)
            like = rest.str.contains(NUMBER_LIKE) | rest.str.to_lowercase().is_in(["true", "false"])
            self._word[other[~like.to_numpy()] % self.width] = True

    def _any(self, cells: np.ndarray) -> np.ndarray:
        return np.logical_or.reduce(cells.reshape(-1, self.width), axis=0)

    def columns(self) -> list[pl.Series]:
        """The columns in order, each as ``typed(clean(column))`` returns it."""
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
        """The columns of plain numbers; integral ones as integers."""
        indices = np.flatnonzero(chosen)
        values = np.empty((self.rows, len(indices)), order="F")
        start = 0
        for texts in self._blocks if len(indices) else ():
            rows = len(texts) // self.width
            cells = texts.filter(pl.Series(np.tile(chosen, rows))) if not chosen.all() else texts
            numbers = cells.str.strip_prefix("+").cast(pl.Float64, strict=False)
            values[start : start + rows] = numbers.to_numpy().reshape(rows, -1)
            start += rows
        return (_number(values[:, k], self._integral[i], self._missing[i]) for k, i in enumerate(indices))


def _matches(texts: pl.Series, pattern: str) -> np.ndarray:
    return texts.str.contains(pattern).fill_null(value=False).to_numpy().copy()


def _number(values: np.ndarray, is_integral: bool, has_gaps: bool) -> pl.Series:
    """A column of numbers, NaN where missing; integral values are below 10**15, which float64 represents."""
    if not has_gaps:
        return pl.Series(values.astype(np.int64) if is_integral else values)
    column = pl.Series(values).fill_nan(None)
    return column.cast(pl.Int64) if is_integral else column
