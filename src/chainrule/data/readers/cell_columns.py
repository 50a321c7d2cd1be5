"""Typed columns from the cells of a text file, in time linear in the number of cells.

Calling polars about ten times per column takes a millisecond per column, whatever its length, and building
the columns of each block one by one is quadratic in the width. Therefore, a block of rows is one series of
cells, row after row, which is cleaned and tested by a few calls for all columns together:

    a,b,c
    1,x,      cells   1  x  null  2.5  y  7      plain numbers in every row: a, c
    2.5,y,7   columns a  b  c     a    b  c      a word in some row: b

A column of plain numbers only, and one that contains a word, are decided by that; any other column (dates,
numbers in other notations, codes, yes/no) is passed to ``typed_columns.py``, which defines these rules.

Blocks do not depend on each other and are tested by as many threads as polars has, since polars computes
without holding the interpreter lock. Their results are combined in any order: a column has a property if it
has it in one of the blocks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import accumulate, chain

import numpy as np

from chainrule.data.cells.characters import unwrap_formulas
from chainrule.data.cells.missing import ALWAYS, MAYBE
from chainrule.data.cells.notation import PARTS, ascii_numbers
from chainrule.data.cells.typed_columns import TypedColumn, decimal_mark, examine, finish
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.number_parsing import CODE, EXPONENT_CODE, INFINITE, INTEGER, PLAIN
from chainrule.data.readers.text.plain_block import PlainBlock
from chainrule.records import frozen

LONG = 16  # digits from which float64 may not represent an integer exactly
SPACES = " \t\n\x0b\x0c\r"  # the spaces of ASCII


@frozen(eq=False)
class _Block:
    """The cells of complete rows with the properties of each column, (width,) each.

    Args:
        texts: the cells without spaces around them, row after row; null where a cell is missing.
        present: whether a cell is certainly not missing.
        missing: whether a cell is missing.
        maybe: whether a cell is one that is missing in some columns.
        other: whether a cell is neither missing nor a number in plain notation.
        decimal: whether a cell is a number but not an integer.
        code: whether a cell may be a code.
        word: whether a cell is neither number-like nor true or false.
    """

    texts: pl.Series
    present: np.ndarray
    missing: np.ndarray
    maybe: np.ndarray
    other: np.ndarray
    decimal: np.ndarray
    code: np.ndarray
    word: np.ndarray


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
        self._blocks: list[pl.Series] = []
        self._pending: deque[Future[_Block]] = deque()
        self._pool: ThreadPoolExecutor | None = None  # from the second block on
        nothing = np.zeros(self.width, bool)
        self._present, self._missing, self._maybe = nothing.copy(), nothing.copy(), nothing.copy()
        self._other, self._decimal, self._code = nothing.copy(), nothing.copy(), nothing.copy()
        self._word = nothing

    def add(self, records: Sequence[Sequence[str]]) -> None:
        """Add rows, each with a cell for every column."""
        self._add(lambda: pl.Series(list(chain.from_iterable(records)), dtype=pl.String).str.strip_chars())

    def add_block(self, block: PlainBlock) -> None:
        """Add the rows of a block, each with a cell for every column."""
        self._add(lambda: _divided(block.text, self.delimiter))

    def _add(self, texts: Callable[[], pl.Series]) -> None:
        """Test the cells of complete rows, in this thread or in another one."""
        words = self._word.copy()
        threads = pl.thread_pool_size()
        if threads == 1 or not (self._blocks or self._pending):
            self._combine(_examined(texts(), words))
            return
        self._pool = self._pool or ThreadPoolExecutor(threads)
        self._pending.append(self._pool.submit(lambda: _examined(texts(), words)))
        if len(self._pending) > 2 * threads:  # the text of waiting blocks stays small
            self._combine(self._pending.popleft().result())

    def _combine(self, block: _Block) -> None:
        self._blocks.append(block.texts)
        self._present |= block.present
        self._missing |= block.missing
        self._maybe |= block.maybe
        self._other |= block.other
        self._decimal |= block.decimal
        self._code |= block.code
        self._word |= block.word

    def _finish(self) -> None:
        """Wait for all blocks."""
        while self._pending:
            self._combine(self._pending.popleft().result())

    def columns(self) -> list[TypedColumn]:
        """The columns in order, as ``type_texts`` returns them."""
        self._finish()
        is_number = self._present & ~self._other & ~self._code & ~self._maybe
        is_word = self._word & ~self._maybe
        texts = pl.concat(self._blocks, rechunk=True) if self._blocks else pl.Series(dtype=pl.String)

        def column(i: int) -> pl.Series:
            return texts.gather_every(self.width, i).alias(self.names[i])

        examined = {i: examine(column(i)) for i in np.flatnonzero(~is_number & ~is_word).tolist()}
        if self.delimiter == ";" or any("," in entry.marks for entry in examined.values()):
            points = np.flatnonzero(is_number & self._decimal).tolist()  # may be grouped by points
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
        if not len(indices):
            return []
        ends = list(accumulate(len(texts) // self.width for texts in self._blocks))
        values = np.empty((ends[-1], len(indices)), order="F")

        def convert(block: int) -> None:
            rows = len(self._blocks[block]) // self.width
            values[ends[block] - rows : ends[block]] = _values(self._blocks[block], chosen)

        for _ in (self._pool.map if self._pool else map)(convert, range(len(ends))):
            pass
        return [_number(values[:, k], not self._decimal[i], self._missing[i]) for k, i in enumerate(indices)]


def _divided(text: str, delimiter: str) -> pl.Series:
    """The cells of a text, without spaces around them."""
    cells = pl.Series([text]).str.split(delimiter)[0]
    has_spaces = not text.isascii() or any(space in text for space in SPACES)
    return cells.str.strip_chars() if has_spaces else cells


def _examined(texts: pl.Series, words: np.ndarray) -> _Block:
    """Test the cells of complete rows, row after row.

    Args:
        texts: the cells without spaces around them.
        words: (width,) columns that need not be tested for words.
    """
    width = len(words)
    plain, integral = _matches(texts, PLAIN), _matches(texts, INTEGER)
    code = integral & (texts.str.len_bytes() >= LONG).to_numpy()  # an integer has one byte for each digit
    candidates = np.flatnonzero(integral | _matches(texts, "E", is_literal=True))
    code[candidates] |= _matches(texts.gather(candidates), f"{CODE}|{EXPONENT_CODE}")
    other = np.flatnonzero(~plain)
    lower = texts.gather(other).str.to_lowercase()
    if _matches(lower, '="', is_literal=True).any():
        unwrapped = unwrap_formulas(texts)
        if not unwrapped.equals(texts):  # the mark may also be elsewhere in a cell
            return _examined(unwrapped, words)
    missing, maybe = lower.is_in(ALWAYS).to_numpy(), lower.is_in(MAYBE).to_numpy()
    if missing.any():
        texts = texts.scatter(other[missing], None)
    word, is_other = np.zeros(width, bool), other[~missing & ~maybe]
    unknown = is_other[~words[is_other % width]]
    if len(unknown):
        like = ascii_numbers(texts.gather(unknown)).str.contains(f"{PARTS}|{INFINITE}|(?i)^(?:true|false)$")
        word[unknown[~like.to_numpy()] % width] = True
    others = _columns(is_other, width)
    return _Block(
        texts, _any(plain, width) | others, _columns(other[missing], width), _columns(other[maybe], width),
        others, _any(plain & ~integral, width), _any(code, width), word,
    )  # fmt: skip


def _any(cells: np.ndarray, width: int) -> np.ndarray:
    """Whether a property of cells is true in some row of each column, (width,)."""
    return np.logical_or.reduce(cells.reshape(-1, width), axis=0)


def _columns(cells: np.ndarray, width: int) -> np.ndarray:
    """Whether a column has one of the cells with these numbers, (width,)."""
    is_column = np.zeros(width, bool)
    is_column[cells % width] = True
    return is_column


def _matches(texts: pl.Series, pattern: str, is_literal: bool = False) -> np.ndarray:
    return texts.str.contains(pattern, literal=is_literal).fill_null(value=False).to_numpy()


def _values(texts: pl.Series, chosen: np.ndarray) -> np.ndarray:
    """The numbers of the chosen columns of a block, (rows, columns); NaN where a cell is missing."""
    rows = len(texts) // len(chosen)
    cells = texts if chosen.all() else texts.filter(pl.Series(np.tile(chosen, rows)))
    numbers = cells.cast(pl.Float64, strict=False)
    signed = numbers.is_null() & cells.is_not_null()
    if signed.any():  # +1
        numbers = cells.str.strip_prefix("+").cast(pl.Float64, strict=False)
    return numbers.to_numpy().reshape(rows, -1)


def _number(values: np.ndarray, is_integral: bool, has_gaps: bool) -> pl.Series:
    """A column of numbers, NaN where missing; integral values are below 10**15, which float64 represents."""
    if not has_gaps:
        return pl.Series(values.astype(np.int64) if is_integral else values)
    column = pl.Series(values).fill_nan(None)
    return column.cast(pl.Int64) if is_integral else column
