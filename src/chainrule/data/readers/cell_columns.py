"""Typed columns from the cells of a text file, in time linear in the number of cells.

Calling polars about ten times per column takes a millisecond per column, whatever its length, and building
the columns of each block one by one is quadratic in the width. Therefore, a block of rows is one series of
cells, row after row, which is cleaned and tested by a few calls for all columns together:

    a,b,c
    1,x,      cells   1  x  null  2.5  y  7      plain numbers in every row: a, c
    2.5,y,7   columns a  b  c     a    b  c      a word in some row: b

A column of plain numbers only, and one that contains a word, are decided by that; any other column (dates,
numbers in other notations, codes, yes/no) is passed to ``typed_columns.py``, which defines these rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

from chainrule.data.cells.characters import to_ascii
from chainrule.data.cells.missing import ALWAYS, MAYBE
from chainrule.data.cells.notation import PARTS
from chainrule.data.cells.typed_columns import TypedColumn, decimal_mark, examine, finish
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.number_parsing import CODE, EXPONENT_CODE, INFINITE, INTEGER, PLAIN
from chainrule.data.readers.text.plain_block import PlainBlock

LONG = 16  # digits from which float64 may not represent an integer exactly


class Cells:
    """Accumulates the cells of a table block by block.

    Args:
        names: names of the columns.
        delimiter: delimiter of the file, as for ``type_texts``.

    Example:
        >>> cells = Cells(["a", "b"], ",")
        >>> cells.add([["1", "x"], ["2.5", "?"]])
        >>> [column.values.to_list() for column in cells.columns()]
        [[1.0, 2.5], ['x', None]]
    """

    def __init__(self, names: Sequence[str], delimiter: str) -> None:
        self.names, self.delimiter, self.width = list(names), delimiter, len(names)
        self.rows = 0
        self._blocks: list[pl.Series] = []
        # For each column, (width,):
        self._present = np.zeros(self.width, bool)  # whether a cell is certainly not missing
        self._missing = np.zeros(self.width, bool)  # whether a cell is missing
        self._maybe = np.zeros(self.width, bool)  # whether a cell is missing in some columns
        self._plain = np.ones(self.width, bool)  # whether all cells are numbers in plain notation
        self._integral = np.ones(self.width, bool)  # whether all cells are integers
        self._code = np.zeros(self.width, bool)  # whether a cell may be a code
        self._word = np.zeros(self.width, bool)  # whether a cell is neither number-like nor true or false

    def add(self, records: Sequence[Sequence[str]]) -> None:
        """Add rows, each with a cell for every column."""
        self._add(pl.Series(list(chain.from_iterable(records)), dtype=pl.String))

    def add_block(self, block: PlainBlock) -> None:
        """Add the rows of a block, each with a cell for every column."""
        self._add(pl.Series([block.text]).str.split(self.delimiter)[0])

    def _add(self, cells: pl.Series) -> None:
        """Add the cells of complete rows, row after row."""
        texts = cells.str.strip_chars()
        self.rows += len(texts) // self.width
        plain, integral, code = (_matches(texts, p) for p in (PLAIN, INTEGER, f"{CODE}|{EXPONENT_CODE}"))
        code |= integral & (texts.str.len_chars() >= LONG).to_numpy()
        other = np.flatnonzero(~plain)
        rest = texts.gather(other)
        lower = rest.str.to_lowercase()
        missing = lower.is_in(ALWAYS).to_numpy()
        maybe = lower.is_in(MAYBE).to_numpy()
        if missing.any():
            texts = texts.scatter(other[missing], None)
        self._blocks.append(texts)
        self._missing[other[missing] % self.width] = True
        self._maybe[other[maybe] % self.width] = True
        present, is_other = plain.copy(), other[~missing & ~maybe]
        present[is_other] = True
        self._present |= self._any(present)
        self._plain[is_other % self.width] = False
        self._integral &= ~self._any(plain & ~integral)
        self._code |= self._any(code)
        unknown = is_other[~self._word[is_other % self.width]]
        if len(unknown):
            like = to_ascii(texts.gather(unknown)).str.contains(f"{PARTS}|{INFINITE}|(?i)^(?:true|false)$")
            self._word[unknown[~like.to_numpy()] % self.width] = True

    def _any(self, cells: np.ndarray) -> np.ndarray:
        return np.logical_or.reduce(cells.reshape(-1, self.width), axis=0)

    def columns(self) -> list[TypedColumn]:
        """The columns in order, as ``type_texts`` returns them."""
        is_number = self._present & self._plain & ~self._code & ~self._maybe
        is_word = self._word & ~self._maybe
        texts = pl.concat(self._blocks, rechunk=True) if self._blocks else pl.Series(dtype=pl.String)

        def column(i: int) -> pl.Series:
            return texts.gather_every(self.width, i).alias(self.names[i])

        examined = {i: examine(column(i)) for i in np.flatnonzero(~is_number & ~is_word).tolist()}
        if self.delimiter == ";" or any("," in entry.marks for entry in examined.values()):
            points = np.flatnonzero(is_number & ~self._integral).tolist()  # may be grouped by points
            examined |= {i: examine(column(i)) for i in points}
            is_number[points] = False
        mark = decimal_mark(examined.values(), self.delimiter)
        numbers = iter(self._numbers(is_number))
        self._blocks.clear()
        return [
            TypedColumn(next(numbers).alias(name)) if is_number[i]
            else finish(examined[i], mark) if i in examined
            else TypedColumn(column(i))
            for i, name in enumerate(self.names)
        ]  # fmt: skip

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
        return [_number(values[:, k], self._integral[i], self._missing[i]) for k, i in enumerate(indices)]


def _matches(texts: pl.Series, pattern: str) -> np.ndarray:
    return texts.str.contains(pattern).fill_null(value=False).to_numpy().copy()


def _number(values: np.ndarray, is_integral: bool, has_gaps: bool) -> pl.Series:
    """A column of numbers, NaN where missing; integral values are below 10**15, which float64 represents."""
    if not has_gaps:
        return pl.Series(values.astype(np.int64) if is_integral else values)
    column = pl.Series(values).fill_nan(None)
    return column.cast(pl.Int64) if is_integral else column
