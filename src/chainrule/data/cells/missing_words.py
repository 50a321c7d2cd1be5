"""Words for a missing value that the user states, or that are few words among the numbers of a column.

``missing.py`` lists the spellings that every table may have. Programs and reports have others: ``n/v``,
``ausst.``, ``refused``. In a column of which nine of ten cells are numbers, other cells are mistakes in
general, and are refused (E311). Words that repeat are none: at most ``MAX_WORDS`` different ones, without a
digit and of at most ``MAX_LENGTH`` characters, each in at least two cells, are read as missing, and a notice
names them. A column of few different integers (grades 9 to 12 and ``other``) is a category instead.

A preparation stores the words of its training, so that a single later row is read in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.table import Table

MAX_WORDS = 3
MAX_LENGTH = 20
LIMITS = (  # words for a number that is too large or too small, which is more than that it is missing
    "low mid medium high max min over under above below more less overflow underflow ovl ovf ol or inf full "
    "saturated free hoch niedrig mittel gratis 高 低"
).split()
FEW_INTEGERS = 12  # different integers up to which a column with words is a category


def words_among_numbers(odd: pl.Series) -> tuple[str, ...]:
    """Return the words that mean a missing value; none if one of the cells is something else.

    Args:
        odd: the cells of a column of numbers that are no numbers, null elsewhere.

    Example:
        >>> words_among_numbers(pl.Series([None, "n/v", "N/V", "refused", "refused"]))
        ('n/v', 'refused')
        >>> words_among_numbers(pl.Series(["n/v", "n/v", "12a"])), words_among_numbers(pl.Series(["hihg"]))
        ((), ())
    """
    counts = odd.drop_nulls().str.to_lowercase().value_counts()
    words, numbers = counts[odd.name].to_list(), counts["count"].to_list()
    if any(word.strip("<> ") in LIMITS for word in words):
        return ()
    is_word = [
        len(word) <= MAX_LENGTH and not any(c.isdigit() or c == "\u221e" for c in word) for word in words
    ]
    if not words or len(words) > MAX_WORDS or min(numbers) < 2 or not all(is_word):
        return ()
    return tuple(sorted(words))


def are_few_integers(values: pl.Series) -> bool:
    """Return whether the numbers of a column are few different integers, as codes and grades are."""
    present = values.drop_nulls()
    return bool((present == present.floor()).all()) and present.n_unique() <= FEW_INTEGERS


def with_missing_words(table: Table, words: Mapping[str, tuple[str, ...]]) -> Table:
    """Return the table without the cells that mean a missing value.

    Args:
        words: by column, ``""`` for all columns; compared without case. A number also means the cells of
            numbers that are equal to it.

    Example:
        >>> from chainrule.data import read_table
        >>> table = read_table({"age": [31.0, -999.0], "city": ["n/v", "Ulm"]})
        >>> with_missing_words(table, {"": ("N/V", "-999")}).frame.rows()
        [(31.0, None), (None, 'Ulm')]
    """
    columns, notices = [], []
    for cells in table.frame.get_columns():
        own = (*words.get("", ()), *words.get(cells.name, ()))
        is_missing = _are(cells, own) if own and cells.name not in table.images else None
        if is_missing is None or not is_missing.any():
            continue
        columns.append(cells.to_frame().select(pl.when(~is_missing).then(pl.first())).to_series())
        distinct = cells.filter(is_missing).cast(pl.String).unique().sort().to_list()
        facts = {"column": cells.name, "count": int(is_missing.sum()), "words": '", "'.join(distinct[:5])}
        notices.append(Finding("missing_words", "info", facts))
    known = {
        name: tuple(dict.fromkeys((*table.missing_words.get(name, ()), *own))) for name, own in words.items()
    }
    return replace(
        table,
        frame=table.frame.with_columns(columns) if columns else table.frame,
        originals={n: c for n, c in table.originals.items() if n not in {column.name for column in columns}},
        notices=(*table.notices, *notices),
        missing_words={**table.missing_words, **known},
    )


def _are(cells: pl.Series, words: tuple[str, ...]) -> pl.Series | None:
    """Return whether each cell is one of the words; ``None`` for dates and other cells."""
    if cells.dtype == pl.String:
        chosen = [word.strip().lower() for word in words]
        return cells.str.strip_chars().str.to_lowercase().is_in(chosen).fill_null(value=False)
    if cells.dtype.is_numeric():
        numbers = [number for word in words if (number := _number(word)) is not None]
        return cells.cast(pl.Float64).is_in(numbers).fill_null(value=False)
    return None


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
