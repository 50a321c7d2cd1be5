"""Typed columns from the cells of a text file, in time linear in the number of cells.

The cells of a block of rows are one series of texts, row after row:

    a,b,c
    1,x,      cells   1  x  null  2.5  y  7      plain numbers in every row: a, c
    2.5,y,7   columns a  b  c     a    b  c      a word in some row: b

They are tested in one of two ways, with the same result:

- a block of many rows is divided into columns (``cell_columns.py``). Integers are recognized by converting
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

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import accumulate, chain, groupby
from operator import methodcaller
from typing import Any, Protocol

import numpy as np

from chainrule.data.cells import missing
from chainrule.data.cells.number_notation import CODE as CODE_PATTERN
from chainrule.data.cells.number_notation import (
    EXPONENT_CODE,
    GROUPED_POINT,
    INFINITE,
    INTEGER,
    PARTS,
    PLAIN,
    Notation,
    ascii_numbers,
    unwrap_formulas,
)
from chainrule.data.cells.typed_columns import TypedColumn, decimal_mark, examine, finish
from chainrule.data.readers.lazy_polars import pl
from chainrule.records import frozen

# Blocks of lines without quotes, which are divided into fields at once.
#
# A record without a quote is its line divided at the delimiter. Where a block of lines has no quote, no blank
# line and the same number of fields in each, all of its cells are found by one search for delimiters, several
# times as fast as by Python's ``csv``; any other block is parsed record by record.


@frozen(eq=False)
class PlainBlock:
    """Rows of a text table as one text.

    Args:
        start: the physical line of the first row; each row is one line.
        text: the cells, row after row, with a delimiter between two of them.
    """

    start: int
    rows: int
    text: str

    def records(self, delimiter: str) -> list[tuple[int, list[str]]]:
        """Return the rows with their lines."""
        cells = self.text.split(delimiter)
        width = len(cells) // self.rows
        return [(self.start + i, cells[width * i : width * (i + 1)]) for i in range(self.rows)]


def plain_block(
    start: int, text: str, delimiter: str, header: Sequence[str], width: int
) -> PlainBlock | None:
    r"""Return a block of lines, or ``None`` if it must be parsed record by record.

    Args:
        start: the physical line of the first one.
        text: complete lines with their ends.
        delimiter: one character.
        header: the header; a block that may contain it again is parsed.
        width: the number of fields of a row.

    Example:
        >>> plain_block(2, "1,x\n2,y\n", ",", ["a", "b"], 2).records(",")
        [(2, ['1', 'x']), (3, ['2', 'y'])]
        >>> plain_block(2, '1,x\n2,"y"\n', ",", ["a", "b"], 2) is None
        True
    """
    end = "\r\n" if text.endswith("\r\n") else "\n"
    rows = text.count("\n")
    is_plain = (
        width > 1
        and delimiter.isascii()
        and '"' not in text
        and text.endswith(end)
        and text.count("\r") == (rows if end == "\r\n" else 0)
        and text.count(end) == rows
        and not (header and delimiter.join(header) in text)
    )
    if not is_plain or not _is_regular(text.encode(), delimiter, rows, width):
        return None
    return PlainBlock(start, rows, text[: -len(end)].replace(end, delimiter))


def _is_regular(text: bytes, delimiter: str, rows: int, width: int) -> bool:
    """Return whether every line has the same number of fields; all ends are those of lines."""
    characters = np.frombuffer(text, np.uint8)
    places = np.flatnonzero((characters == ord("\n")) | (characters == ord(delimiter)))
    # There are as many ends of lines as rows, so that all other separators are delimiters.
    return len(places) == rows * width and bool((characters[places[width - 1 :: width]] == ord("\n")).all())


# Properties of cells by which the type of their column is decided.

LONG = 16  # digits from which float64 may not represent an integer exactly
PRESENT = 0  # some cell is certainly not missing
MISSING = 1  # some cell is missing
MAYBE = 2  # some cell is one that is missing in some columns
OTHER = 3  # some cell is neither missing nor a number in plain notation
DECIMAL = 4  # some cell is a number but not an integer
CODE = 5  # some cell may be a code
WORD = 6  # some cell is neither number-like nor true or false
POINT = 7  # some cell is a number that shows the point as the decimal mark: 0.5, not 1.234
COUNT = 8  # of properties


def cell_properties(
    texts: pl.Series, owner: np.ndarray, words: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the properties of the columns, (``COUNT``, width), and the numbers of the missing cells.

    Args:
        texts: the cells without spaces around them, in any order.
        owner: (N,) the column of each cell.
        words: (width,) columns that need not be tested for words.

    Returns:
        ``None`` if cells have to be unwrapped first by ``unwrap_formulas``.

    Example:
        >>> owner, words = np.array([0, 1, 0, 1]), np.zeros(2, bool)
        >>> properties, missing = cell_properties(pl.Series(["1", "x", "2.5", ""]), owner, words)
        >>> properties[DECIMAL].tolist(), properties[WORD].tolist(), missing.tolist()
        ([True, False], [False, True], [3])
    """
    properties = np.zeros((COUNT, len(words)), bool)
    if texts.is_empty():
        return properties, np.zeros(0, np.int64)
    plain, integral = _matches(texts, PLAIN), _matches(texts, INTEGER)
    code = integral & (texts.str.len_bytes() >= LONG).to_numpy()  # an integer has one byte for each digit
    candidates = np.flatnonzero(integral | _matches(texts, "E", is_literal=True))
    code[candidates] |= _matches(texts.gather(candidates), f"{CODE_PATTERN}|{EXPONENT_CODE}")
    other = np.flatnonzero(~plain)
    lower = texts.gather(other).str.to_lowercase()
    # The mark may also be elsewhere in a cell.
    if _matches(lower, '="', is_literal=True).any() and not unwrap_formulas(texts).equals(texts):
        return None
    is_missing, maybe = lower.is_in(missing.ALWAYS).to_numpy(), lower.is_in(missing.MAYBE).to_numpy()
    is_other = other[~is_missing & ~maybe]
    unknown = is_other[~words[owner[is_other]]]
    if len(unknown):
        like = ascii_numbers(texts.gather(unknown)).str.contains(f"{PARTS}|{INFINITE}|(?i)^(?:true|false)$")
        properties[WORD, owner[unknown[~like.to_numpy()]]] = True
    cells = {
        PRESENT: plain,
        MISSING: other[is_missing],
        MAYBE: other[maybe],
        OTHER: is_other,
        DECIMAL: plain & ~integral,
        CODE: code,
    }
    for index, places in cells.items():
        properties[index, owner[places]] = True
    properties[PRESENT] |= properties[OTHER]
    properties[POINT] = _shows_point(texts, owner, np.flatnonzero(plain & ~integral), len(words))
    return properties, other[is_missing]


def _shows_point(texts: pl.Series, owner: np.ndarray, decimals: np.ndarray, width: int) -> np.ndarray:
    """Return which columns, (width,), have a number with a point that does not separate thousands.

    The first number of a column usually shows it; all numbers are tested in the other columns only.
    """
    shows = np.zeros(width, bool)
    _, first = np.unique(owner[decimals], return_index=True)
    for chosen in (decimals[first], decimals):
        cells = chosen[~shows[owner[chosen]]]
        numbers = texts.gather(cells)
        has_point = _matches(numbers, ".", is_literal=True) & ~_matches(numbers, GROUPED_POINT)
        shows[owner[cells[has_point]]] = True
    return shows


def _matches(texts: pl.Series, pattern: str, is_literal: bool = False) -> np.ndarray:
    return texts.str.contains(pattern, literal=is_literal).fill_null(value=False).to_numpy()


# Blocks of rows of a text file: their cells are tested, by columns or all together, and then joined.

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
        errors: the number of cells with an error of a spreadsheet, by column and error.
    """

    cells: pl.Series | list[pl.Series]
    properties: np.ndarray
    errors: Counter[tuple[int, str]]


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
    properties, gaps = tested
    errors: Counter[tuple[int, str]] = Counter()
    if missing.error_counts(texts.gather(gaps)):
        for i in np.unique(gaps % len(words)).tolist():
            errors.update(_errors(texts.gather(gaps[gaps % len(words) == i]), i))
    return Block(texts.scatter(gaps, None) if len(gaps) else texts, properties, errors)


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
    properties, gaps = tested
    properties[PRESENT] |= [numbers is not None for numbers in integers]
    errors: Counter[tuple[int, str]] = Counter()
    if missing.error_counts(cells.gather(gaps)):
        for i in np.unique(owner[gaps]).tolist():
            errors.update(_errors(columns[i], i))
    counts = np.bincount(owner[gaps], minlength=width)
    for i, numbers in enumerate(integers):
        if numbers is not None and counts[i] == len(rest[i]):
            columns[i] = numbers
        elif counts[i]:
            columns[i] = _without(columns[i], cells.gather(gaps[owner[gaps] == i]))
    return Block(columns, properties, errors)


def _errors(cells: pl.Series, column: int) -> dict[tuple[int, str], int]:
    return {(column, error): count for error, count in missing.error_counts(cells).items()}


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
            yield RowBlocks([block.cells for block in group], width)  # type: ignore[misc]


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


class RowBlocks:
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
        self._errors: Counter[tuple[int, str]] = Counter()

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
        self._errors.update(block.errors)

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

    def errors(self) -> dict[tuple[str, str], int]:
        """Return the number of cells with an error of a spreadsheet, by column and error."""
        self._finish()
        return {(self.names[i], error): count for (i, error), count in sorted(self._errors.items())}

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
