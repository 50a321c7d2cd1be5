"""Columns of texts that look like numbers for the most part: read, refused or reported, never silently text.

With at least 90 % numbers, the other cells are mistakes: an error names them. With at least half, or where
units are mixed, the column remains a column of words, and a warning shows what it contains.
"""

from __future__ import annotations

from chainrule.data.cells.missing import drop_missing_words
from chainrule.data.cells.notation import HALF, analyze
from chainrule.data.cells.typed_columns import MOSTLY
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.number_parsing import numbers
from chainrule.data.tables.findings import Finding
from chainrule.records import frozen

SAMPLE = 1000  # cells that decide whether a column is examined further
RARE = 0.2  # share of numbers in the sample below which it is not
LISTED = 5
_WITH_ERROR = r"[-+]?[0-9][0-9.,]*\s*(?:±|\+/-|\+-|[(\[])\s*[-+]?[0-9]"
_PAIR = r"[(\[]?\s*[-+]?[0-9]+\.[0-9]+\s*[,;]\s*[-+]?[0-9]+\.[0-9]+\s*[)\]]?$"  # 47.37, 8.54
SEVERAL = rf"^(?:{_WITH_ERROR}|{_PAIR})"


@frozen(eq=False)
class NumberReading:
    """The numbers in a column of texts.

    Args:
        values: float64, null where a cell is missing or no number.
        odd: the cells that are neither missing nor numbers, null elsewhere.
        share: the share of numbers among the present cells.
        fault: as in ``Analysis``.
    """

    values: pl.Series
    odd: pl.Series
    share: float
    fault: str = ""

    @property
    def is_mostly_numbers(self) -> bool:
        """Whether other cells are considered mistakes."""
        return self.share >= MOSTLY and not self.fault


def read_numbers(cells: pl.Series, is_lenient: bool = True) -> NumberReading:
    """Read a column of texts as numbers.

    Args:
        cells: the texts, null where missing.
        is_lenient: as in ``analyze``.

    Example:
        >>> reading = read_numbers(pl.Series(["$5", "6", "none", "free"]))
        >>> reading.values.to_list(), reading.odd.to_list()
        ([5.0, 6.0, None, None], [None, None, None, 'free'])
    """
    values = numbers(cells)
    if values.null_count() == cells.null_count():
        return NumberReading(values, cells.clear(len(cells)), 1.0)
    texts = drop_missing_words(cells)
    analysis = analyze(texts, is_lenient=is_lenient)
    values = analysis.values.fill_null(values)  # infinities
    odd = texts.to_frame().select(pl.when(values.is_null()).then(pl.first())).to_series().alias(cells.name)
    return NumberReading(
        values.alias(cells.name), odd, values.count() / max(texts.count(), 1), analysis.fault
    )


def read_likely_numbers(present: pl.Series) -> NumberReading | None:
    """The reading of a column of texts if a sample of it contains numbers, else None."""
    step = max(1, len(present) // SAMPLE)
    has_digit = present.gather_every(step).str.contains(r"\p{Nd}")  # one call, for wide tables of words
    if int(has_digit.sum()) < RARE * len(has_digit):
        return None
    if read_numbers(present.gather_every(step), is_lenient=False).share < RARE:
        return None
    return read_numbers(present, is_lenient=False)


def number_doubts(name: str, reading: NumberReading) -> tuple[Finding, ...]:
    """The warning about a column of words that contains numbers."""
    values, odd = reading.values, reading.odd.drop_nulls()
    if reading.share < HALF or (odd.is_empty() and not reading.fault):
        return ()
    if reading.share >= MOSTLY and reading.fault:
        return (Finding(f"mixed_{reading.fault}", "warning", {"column": name, "count": values.count()}),)
    counts = odd.value_counts(sort=True)
    words = counts[odd.name].to_list()
    listed = [f'"{str(word)[:40]}"' for word in words[:LISTED]] + (["..."] if len(words) > LISTED else [])
    facts = {"column": name, "share": reading.share, "words": ", ".join(listed)}
    return (Finding("mostly_numbers", "warning", facts),)


def several_numbers(present: pl.Series) -> tuple[Finding, ...]:
    """The warning about texts without missing cells of which most are a number with its error or
    interval, or two coordinates.

    Example:
        >>> several_numbers(pl.Series("dose", ["1.5 ± 0.2", "2.5 ± 0.1"]))[0].facts["example"]
        '1.5 ± 0.2'
    """
    matches = present.gather_every(max(1, len(present) // SAMPLE)).str.contains(SEVERAL)
    if not len(matches) or int(matches.sum()) < MOSTLY * len(matches):
        return ()
    facts = {"column": present.name, "example": str(present[0])[:40]}
    return (Finding("several_numbers", "warning", facts),)
