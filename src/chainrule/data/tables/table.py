"""A table: named columns of equal length, its source, and a fingerprint of its values.

The fingerprint is computed from *values*, not from the bytes of a file: an integer is the same number in a
CSV file, a Parquet file and a NumPy array. Numbers are hashed as float64 (with -0 as 0 and one bit pattern
for missing values), everything else as UTF-8 text with its length, which distinguishes ("ab", "c") from ("a",
"bc").
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping
from dataclasses import field, replace

import numpy as np

from chainrule.data.cells.number_notation import EXACT, FEW, Notation, level_texts
from chainrule.data.readers.lazy_polars import pl, require_threads
from chainrule.data.tables.findings import Finding
from chainrule.errors import DataError, alternatives, fact
from chainrule.memoization import cached_property
from chainrule.records import frozen
from chainrule.validation import wrong_type

# The distinct texts of a column, and for each row which of them it has.
#
# What is true of a text is computed once for each distinct one, and not for each row:
#
#     cells  red blue red null    distinct  blue null red    index  2 0 2 1


@frozen(eq=False)
class Levels:
    """The distinct cells of a column as the texts of categories.

    Args:
        texts: (K,) for each distinct cell the text of its category (see ``level_texts``); several cells may
            have the same text.
        index: (N,) which of them a row has.

    Example:
        >>> levels = Levels.of(pl.Series(["red", None, "red"]))
        >>> levels.texts.gather(levels.index).to_list(), levels.counts.tolist()
        (['red', None, 'red'], [2, 1])
    """

    texts: pl.Series
    index: np.ndarray

    @staticmethod
    def of(cells: pl.Series) -> Levels:
        """Return the levels of the cells of a column."""
        if len(cells) <= FEW:  # an operation on a column would start threads
            numbers: dict[object, int] = {}
            index = [numbers.setdefault(cell, len(numbers)) for cell in cells.to_list()]
            return Levels(
                level_texts(pl.Series(cells.name, list(numbers), dtype=cells.dtype)),
                np.array(index, np.int64),
            )
        distinct = cells.unique()
        numbers_of = pl.Series(np.arange(len(distinct), dtype=np.min_scalar_type(len(distinct))))
        index = cells.replace_strict(distinct, numbers_of, return_dtype=numbers_of.dtype)
        return Levels(level_texts(distinct), index.to_numpy())

    @cached_property
    def counts(self) -> np.ndarray:
        """(K,) the number of rows of each text."""
        return np.bincount(self.index, minlength=len(self.texts))

    @cached_property
    def is_missing(self) -> np.ndarray:
        """(K,) whether the text is null."""
        return self.texts.is_null().to_numpy()


@frozen(eq=False)
class Table:
    """Columns of data with their names.

    Args:
        frame: a polars frame whose columns are numbers, booleans, texts or dates; missing values are null.
        source: a name for messages, such as ``"cars.csv"``.
        target: the default column to predict, as of the named data sets.
        lines: for a text file, the physical line (from 1) on which each row begins.
        images: the pixels of image columns, (N, H, W, C) bytes; in the frame such a column contains the
            names.
        notices: messages about the reading for the user, such as skipped files.
        originals: the texts of columns of numbers that were read from another notation (``$5``).
        notations: how the columns of numbers in texts were written.
        day_first: whether 05/11/2020 is in November, where the user sets it.
        declared: columns that are declared as categories, whatever their cells are.
        missing_words: by column, ``""`` for all, the cells that were read as missing because the user states
            it, or because they are few words among numbers.
        unusable: columns of lists and other content that cannot be inputs, with that content; they are not
            in the frame, and refused unless they are left out.

    Example:
        >>> table = Table(pl.DataFrame({"age": [31, 47], "sick": ["no", "yes"]}), "ages")
        >>> table.rows, table.columns, table.place(1)
        (2, ('age', 'sick'), 'row 2 of ages')
    """

    frame: pl.DataFrame
    source: str = "table"
    target: str | None = None
    lines: np.ndarray | None = field(default=None, repr=False)
    images: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)
    notices: tuple[Finding, ...] = ()
    originals: Mapping[str, pl.Series] = field(default_factory=dict, repr=False)
    notations: Mapping[str, Notation] = field(default_factory=dict, repr=False)
    day_first: bool | None = None
    declared: frozenset[str] = frozenset()
    unusable: Mapping[str, str] = field(default_factory=dict, repr=False)
    missing_words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        return self.frame._repr_html_()

    @property
    def rows(self) -> int:
        return self.frame.height

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.frame.columns)

    def line_of(self, row: int) -> int | None:
        """Return the physical line of the file on which a row (from 0) begins; None if there are no lines.

        Args:
            row: the number of the row, from 0.
        """
        return None if self.lines is None else int(self.lines[row])

    def place(self, row: int) -> str:
        """Return the position of a row (from 0) as text: its line in the file, else its number from 1.

        Args:
            row: the number of the row, from 0.
        """
        line = self.line_of(row)
        return (
            fact("row {row} of {source}", row=row + 1, source=self.source)
            if line is None
            else fact("{file} line {line}", file=self.source, line=line)
        )

    def take(self, index: np.ndarray) -> Table:
        """Return the table of the rows in ``index``, in that order.

        Args:
            index: row numbers from 0.
        """
        lines = None if self.lines is None else self.lines[index]
        images = {name: pixels[index] for name, pixels in self.images.items()}
        rows = np.asarray(index, np.int64)
        originals = {name: texts[rows] for name, texts in self.originals.items()}
        return replace(self, frame=self.frame[rows], lines=lines, images=images, originals=originals)

    def words(self, name: str) -> pl.Series:
        """Return the cells of a column of categories as they were written: ``$5`` instead of 5.

        Args:
            name: the name of the column.
        """
        return self.originals.get(name, self.frame[name])

    def levels(self, name: str) -> Levels:
        """Return the distinct texts of a column, computed once.

        Args:
            name: the name of the column.
        """
        if name not in self._levels:
            self._levels[name] = Levels.of(self.words(name))
        return self._levels[name]

    @cached_property
    def _levels(self) -> dict[str, Levels]:
        return {}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of names and values, equal for equal values in any file format."""
        digest = hashlib.sha256(f"{self.rows} rows".encode())
        for column in self.frame.get_columns():
            name = column.name.encode()
            digest.update(len(name).to_bytes(8, "little") + name)
            _feed(digest, column)
            if column.name in self.images:
                pixels = self.images[column.name]
                digest.update(f"{pixels.shape}".encode() + np.ascontiguousarray(pixels).tobytes())
        return digest.hexdigest()

    def __repr__(self) -> str:
        return f"Table({self.source}: {self.rows} rows, {len(self.columns)} columns)"


def require_usable(table: Table) -> None:
    """Refuse a table with columns of lists and other content that no input can have (E314)."""
    if table.unusable:
        raise unusable_columns(table.source, table.unusable)


def unusable_columns(source: str, contents: Mapping[str, str]) -> DataError:
    """Return the error for columns whose content no input can have, by column."""
    faults = [fact('"{name}" holds {content}', name=name, content=text) for name, text in contents.items()]
    options = " ".join(f"--drop {shlex.quote(name)}" for name in list(contents)[:5])
    expected = fact("numbers, texts, yes/no or dates")
    fix = alternatives(options, fact("leave these columns out before the table is read"))
    return DataError("E314", where=source, expected=expected, received=faults[0], notes=faults[1:20], fix=fix)


def _frame(table: Table) -> pl.DataFrame:
    require_threads()
    return vars(table)["frame"]


Table.frame = property(_frame)  # type: ignore[assignment]  # the value is in the record's __dict__


def is_exact(column: pl.Series) -> bool:
    """Return whether float64 represents every number of the column exactly."""
    if not column.dtype.is_integer() or column.is_empty():
        return True
    low, high = column.min(), column.max()
    return low is None or (int(low) >= -EXACT and int(high) <= EXACT)  # type: ignore[arg-type]


def _feed(digest: hashlib._Hash, column: pl.Series) -> None:
    if column.dtype.is_numeric() and is_exact(column):
        values = column.cast(pl.Float64).to_numpy().astype("<f8") + 0.0  # missing is NaN, -0 becomes 0
        values[np.isnan(values)] = np.nan
        digest.update(b"number" + values.tobytes())
        return
    texts = column.cast(pl.String)
    lengths = texts.str.len_bytes().cast(pl.Int64).fill_null(-1).to_numpy().astype("<i8")
    digest.update(b"text" + lengths.tobytes() + "".join(texts.drop_nulls().to_list()).encode())


def require_table(table: object) -> None:
    """Refuse data that is not a ``Table`` (E113): arrays, or data to be read first."""
    if not isinstance(table, Table):
        arrays = isinstance(table, np.ndarray | list | tuple)
        expected = fact("a table: cr.read_table of a file, a frame or a dict of columns")
        fix = "model.check(x, y)" if arrays else "cr.check(cr.read_table(table), target)"
        raise wrong_type(table, "table", "check", expected, fix)
