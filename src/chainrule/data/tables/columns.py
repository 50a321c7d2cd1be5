"""Column kinds: number, category, yes/no, image, or a kind that is not used as an input, with the reason.

The kinds:

- ``number``, ``category``, ``yes_no``, ``date``, ``time``, ``duration``, ``text``, ``image`` become inputs;
- ``id``, ``constant``, ``empty`` are not used, each with a sentence that states why.

A kind is inferred from the values alone, in the order of ``_infer``; the user's ``kinds`` take precedence. A
text among numbers is the one case that is refused rather than decided: where 90 of 100 cells are numbers, the
others are more often mistakes than categories, and a wrong guess would be silent. Between that and half, the
column is a category or text with a warning (``doubts``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.data.cells.conventions import ambiguity
from chainrule.data.cells.missing import drop_missing_words
from chainrule.data.cells.missing_words import are_few_integers, with_missing_words, words_among_numbers
from chainrule.data.cells.number_notation import HALF, analyze, has_codes, level_texts, number_text, numbers
from chainrule.data.cells.typed_columns import MOSTLY
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.dates import (
    DateRange,
    date_doubts,
    describe_dates,
    has_compact_dates,
    moment_kind,
    read_durations,
    read_times,
)
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.spellings import yes_no_pair
from chainrule.data.tables.statistics import range_statistics
from chainrule.data.tables.table import Table, require_table, require_usable
from chainrule.errors import DataError, Message, alternatives, fact, nearest
from chainrule.records import frozen
from chainrule.validation import unknown

# Columns of texts that look like numbers for the most part: read, refused or reported, never silently text.
#
# With at least 90 % numbers, the other cells are mistakes: an error names them. With at least half, or where
# units are mixed, the column remains a column of words, and a warning shows what it contains.

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
    """Return the reading of a column of texts if a sample of it contains numbers, else None."""
    step = max(1, len(present) // SAMPLE)
    has_digit = present.gather_every(step).str.contains(r"\p{Nd}")  # one call, for wide tables of words
    if int(has_digit.sum()) < RARE * len(has_digit):
        return None
    if read_numbers(present.gather_every(step), is_lenient=False).share < RARE:
        return None
    return read_numbers(present, is_lenient=False)


def number_doubts(name: str, reading: NumberReading) -> tuple[Finding, ...]:
    """Return the warning about a column of words that contains numbers."""
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
    """Return the warning about texts without missing cells of which most are a number with its error or
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


USED = ("number", "category", "yes_no", "image", "date", "time", "duration", "text")
KINDS = (*USED, "constant", "id", "empty")
LEVEL_LIMIT = 50  # levels of a category with their own feature; more levels of several words are texts
FEW_IDS = 20  # rows from which different texts in all of them are ids
FEW_ROWS = 10_000  # up to which NumPy counts distinct numbers faster than polars
ID_NAME = re.compile(
    r"^(?:.*[a-z]I[dD]|(?i:id|.*[_\s-]id|index|row|row.?(?:no|nr|number)|uuid|guid|unnamed.*)|编号|序号)$"
)


@frozen
class Column:
    """A column of a table with its kind and statistics.

    Args:
        name: name in the table.
        kind: one of ``KINDS``.
        reason: why it has that kind.
        rows, missing: number of cells, and how many of them are missing.
        minimum, mean, std, maximum: of a number, else None.
        dates: the range of dates, and the order of day and month.
        levels: values of a category or yes/no with their counts, most frequent first.
        is_target: whether this is the column to predict.
        doubts: warnings about its kind.
    """

    name: str
    kind: str
    reason: Finding
    rows: int
    missing: int
    minimum: float | None = None
    mean: float | None = None
    std: float | None = None
    maximum: float | None = None
    dates: DateRange | None = None
    levels: tuple[tuple[str, int], ...] = ()
    is_target: bool = False
    doubts: tuple[Finding, ...] = ()

    @property
    def is_input(self) -> bool:
        """Whether the column is an input of the network."""
        return self.kind in USED and not self.is_target

    @property
    def notice(self) -> Finding | None:
        """The notice that the column is not used, or how its dates are read; None if there is none."""
        if self.is_input and self.dates is not None and self.dates.evidence == "assumed":
            return Finding(f"assumed_{self.dates.order}_first", "warning", {"column": self.name})
        if self.is_input or self.is_target:
            return None
        return Finding("left_out", "info", {"column": self.name, "reason": self.reason.message})


def describe(
    table: Table, target: str | None = None, kinds: Mapping[str, str] | None = None
) -> tuple[Column, ...]:
    """Infer the kind of each column, in the order of the table.

    Args:
        table: the result of ``read_table``.
        target: the column to predict; by default that of the table, if it has one.
        kinds: kinds set by the user, by column: ``{"zip": "category"}``.

    Raises:
        UsageError: E101 for an unknown kind.
        DataError: E311 texts in a number column; E312 an infinity; E313 an unknown column; E320 a target that
            is missing in every row.

    Example:
        >>> table = Table(pl.DataFrame({"age": [31, 47], "smokes": ["no", "yes"]}))
        >>> [(column.name, column.kind) for column in describe(table)]
        [('age', 'number'), ('smokes', 'yes_no')]
    """
    require_table(table)
    require_usable(table)
    target = table.target if target is None else target
    kinds = kinds or {}
    if target:
        require_columns(table, target, argument="target")
    require_columns(table, *kinds)
    choices = [kind for kind in KINDS if kind != "image"]  # whether a column is an image cannot be chosen
    for kind in map(str, kinds.values()):
        if kind not in choices:
            raise unknown("kinds", kind, choices, "{}")
    faults = Faults(kinds)
    columns = tuple(_describe(table, name, name == target, kinds.get(name), faults) for name in table.columns)
    faults.raise_any()
    return columns


def require_columns(table: Table, *names: str, argument: str = "") -> None:
    """Raise E313 for all names that are not columns of the table, each with the closest column.

    Args:
        table: the table.
        names: names of columns.
        argument: to which a single name was passed.
    """
    known = set(table.columns)
    unknown = [name for name in names if name not in known]
    if unknown:
        similar = [nearest(str(name), table.columns) for name in unknown]
        columns = ", ".join(table.columns[:12]) + (", ..." if len(table.columns) > 12 else "")
        raise DataError(
            "E313",
            where=table.source,
            name='", "'.join(map(str, unknown)),
            expected=columns,
            received=", ".join(map(str, unknown)),
            fix=f'{argument}="{similar[0]}"' if argument and similar[0] else ", ".join(filter(None, similar)),
        )


_EMPTY = fact("leave the cell empty if it is missing")
_AS_CATEGORY = ('--category "{column}"', 'kinds={{"{column}": "category"}}')
_AS_MISSING = ('--missing "{value}"', 'read_table(..., missing="{value}")')
CELL_FACTS = {  # code -> expected, alternative fixes
    "E311": (fact("a number"), _EMPTY, *_AS_MISSING, *_AS_CATEGORY),
    "E312": (fact("a finite number"), _EMPTY, fact("drop the row")),
    "E332": (fact("a date, time or duration, as in the other rows"), _EMPTY, *_AS_CATEGORY),
    "E318": (fact("yes or no, true or false, 1 or 0"), _EMPTY),
}


class Faults:
    """Collection of invalid cells of all columns, so that one error can name them together.

    Args:
        kinds: the kinds set by the user; ``None`` where a column has the kind of the training.
    """

    def __init__(self, kinds: Mapping[str, str] | None = None) -> None:
        self.kinds = kinds
        self.cells: list[tuple[str, dict[str, Any]]] = []
        self.masks: list[tuple[str, str, np.ndarray]] = []  # code, column, which rows

    def add(self, code: str, table: Table, column: str, is_invalid: np.ndarray, others: str = "") -> None:
        """Add the invalid cells of a column, (N,), of which there is one at least."""
        self.masks.append((code, column, is_invalid))
        row, count = int(is_invalid.argmax()), int(is_invalid.sum())
        value = table.frame[column][row]
        where = fact('{place}, column "{column}"', place=table.place(row), column=column)
        note = fact('{place}: "{value}"', place=where, value=short_cell(value))
        if count > 1:
            note = fact(
                '{place}: "{value}" and {count} more', place=where, value=short_cell(value), count=count - 1
            )
        more = [fact('also in column "{column}": {values}', column=column, values=others)] if others else []
        place: dict[str, Any] = {"where": where, "value": short_cell(value), "column": column}
        facts = {**place, "note": note, "more": more}
        self.cells.append((code, facts))

    def add_all(self, code: str, table: Table, column: str, is_invalid: np.ndarray) -> None:
        """Add the invalid cells of a column, (N,), if there are any."""
        if is_invalid.any() and not any(facts["column"] == column for _, facts in self.cells):
            self.add(code, table, column, is_invalid)

    def raise_any(self) -> None:
        if not self.cells:
            return
        code, facts = self.cells[0]
        expected, *fixes = CELL_FACTS[code]
        column = facts["column"]
        kind = (self.kinds or {}).get(column)
        if self.kinds is None or kind:
            fixes = [fix for fix in fixes if fix not in _AS_CATEGORY]
        if kind:
            fixes.append(fact('do not set the kind "{kind}" of "{column}"', kind=kind, column=column))
        words = {"column": column, "value": facts["value"]}
        fixes = [fact(fix, **words) if fix in (*_AS_CATEGORY, *_AS_MISSING) else fix for fix in fixes]
        raise DataError(
            code,
            where=facts["where"],
            expected=expected,
            received=f'"{facts["value"]}"',
            notes=[*facts["more"], *(note for _, f in self.cells[1:20] for note in (f["note"], *f["more"]))],
            fix=self._fix(column, facts["value"], alternatives(*fixes)),
            value=facts["value"],
            column=column,
        )

    def _fix(self, column: str, value: str, fix: Message) -> Message:
        """Return the fix, with a training first if a trained model meets a code in a column of numbers."""
        if self.kinds is not None or not is_postal_code(value):
            return fix
        return codes_fix(f'train_table(..., category="{column}")', fix)


def codes_fix(command: str, option: object) -> Message:
    """Return the fix for codes in a column of numbers: a training, or the option for the model at hand."""
    return fact("{command}, since these are codes; with this model {option}", command=command, option=option)


def _describe(table: Table, name: str, is_target: bool, requested: str | None, faults: Faults) -> Column:
    cells = table.frame[name]
    kind, reason = _infer(table, cells, requested, is_target, faults)
    if requested is not None:
        kind, reason = requested, Finding("requested")
    column = Column(name, kind, reason, table.rows, cells.null_count(), is_target=is_target)
    is_inferred = requested is None and name not in table.declared
    if is_inferred and kind in ("category", "text", "id") and cells.dtype == pl.String:
        present = cells.drop_nulls()
        reading = read_likely_numbers(present)
        is_code = reading is None or has_codes(present) or _has_postal_codes(present)
        doubts = () if is_code or reading is None else number_doubts(name, reading)
        column = replace(column, doubts=doubts or several_numbers(present) or date_doubts(present))
        if kind == "id" and column.doubts:  # it is not left out because it identifies rows
            column = replace(column, reason=Finding("unread_values", facts=reason.facts))
    if is_target and cells.null_count() == table.rows:
        where = fact('{place}, column "{column}"', place=table.source, column=name)
        raise DataError("E320", where=where, column=name, received=fact("no value"))
    if kind == "number":
        values = number_cells(table, name, faults)
        notation = table.notations.get(name)
        if notation is not None and notation.is_assumed:
            column = replace(column, doubts=(*column.doubts, *ambiguity(table, name)))
        return replace(column, **range_statistics(present_numbers(values)))
    if kind == "date":
        return _with_dates(column, table, faults)
    if kind in ("time", "duration"):
        values = (read_times if kind == "time" else read_durations)(table.words(name))
        faults.add_all("E332", table, name, cells.is_not_null().to_numpy() & ~np.isfinite(values))
        return replace(column, **range_statistics(values)) if kind == "duration" else column
    if kind in ("category", "yes_no", "constant"):
        return replace(column, levels=count_levels(table.words(name)))
    return column


def _with_dates(column: Column, table: Table, faults: Faults) -> Column:
    """Return a column of dates with their range and the order of day and month."""
    dates, is_invalid = describe_dates(table.words(column.name), table.day_first)
    faults.add_all("E332", table, column.name, is_invalid)
    if table.day_first not in (None, dates.is_day_first) and dates.evidence == "days":
        facts = {"column": column.name, "order": fact("day") if dates.is_day_first else fact("month")}
        column = replace(column, doubts=(*column.doubts, Finding("other_order", "warning", facts)))
    reason = column.reason
    if reason.code == "dates" and dates.order:
        reason = Finding(f"dates_{dates.order}_first", facts=reason.facts)
    return replace(column, reason=reason, dates=dates)


def _infer(
    table: Table, cells: pl.Series, requested: str | None, is_target: bool, faults: Faults
) -> tuple[str, Finding]:
    if cells.name in table.images:
        count, height, width, channels = table.images[cells.name].shape
        facts = {"count": count, "height": height, "width": width, "channels": channels}
        return "image", Finding("pictures", facts=facts)
    present = cells.drop_nulls() if cells.null_count() else cells
    count = len(present)
    if not count:
        return "empty", Finding("all_missing", facts={"count": table.rows})
    distinct = count_distinct(present)
    example = short_cell(present[0])
    if distinct == 1 and count == table.rows and not is_target:
        return "constant", Finding("one_value", facts={"example": example})
    if cells.name in table.declared:
        is_id = not is_target and distinct == table.rows and count >= FEW_IDS
        facts: dict[str, object] = {"example": example} if is_id else {"levels": distinct}
        return (
            ("id", Finding("names_rows", facts=facts))
            if is_id
            else ("category", Finding("declared", facts=facts))
        )
    if cells.dtype.is_temporal():
        return "date", Finding("dates", facts={"count": count, "example": example})
    # 0 and 1 among the inputs are numbers: a later table may contain a 2.
    pair = yes_no_pair(present, distinct) if is_target or not cells.dtype.is_numeric() else None
    if pair:
        return "yes_no", Finding("two_values", facts={"no": pair[0], "yes": pair[1]})
    if cells.dtype.is_numeric():
        return _infer_number(table, present, distinct, is_target)
    return _infer_text(table, cells, requested, is_target, faults)


def _infer_number(table: Table, present: pl.Series, distinct: int, is_target: bool) -> tuple[str, Finding]:
    example = short_cell(present[0])
    if has_compact_dates(present):
        return "date", Finding("dates", facts={"count": len(present), "example": example})
    if not is_target and distinct == table.rows and _names_rows(present, table.frame.width):
        return "id", Finding("names_rows", facts={"example": example})
    return "number", Finding("numbers", facts={"count": len(present)})


def _names_rows(present: pl.Series, width: int) -> bool:
    """Return whether numbers identify rows: integers in a column named like an id, or counting the rows."""
    values = present.to_numpy()
    if len(values) < 2 or (values != np.floor(values)).any() or np.isinf(values).any():
        return False
    counts = len(values) >= 20 and width > 2 and bool((np.diff(values) == 1).all()) and values[0] in (0, 1)
    return counts or (len(values) >= 5 and bool(ID_NAME.match(present.name)))


def _infer_text(
    table: Table, cells: pl.Series, requested: str | None, is_target: bool, faults: Faults
) -> tuple[str, Finding]:
    present = cells.drop_nulls()
    count, distinct, example = len(present), present.n_unique(), short_cell(present[0])
    codes = has_codes(present)
    moment = moment_kind(present, MOSTLY)
    if moment == "date" or (moment and not is_target):
        return moment, Finding(f"{moment}s", facts={"count": count, "example": example})
    reading = None if codes else read_likely_numbers(present)
    if reading is not None and reading.share == 1 and has_compact_dates(present):
        return "date", Finding("dates", facts={"count": count, "example": example})
    if reading is not None and reading.share == 1 and not reading.fault:
        values = reading.values.alias(present.name)
        if not is_target and distinct == table.rows and _names_rows(values, table.frame.width):
            return "id", Finding("names_rows", facts={"example": example})
        return "number", Finding("numbers_as_text", facts={"count": count})
    if _has_postal_codes(present):
        return "category", Finding("codes", facts={"example": example})
    is_ordinal = (
        reading is not None and bool(words_among_numbers(reading.odd)) and are_few_integers(reading.values)
    )
    if reading is not None and reading.is_mostly_numbers and requested is None and not is_ordinal:
        _add_texts(table, cells.name, read_numbers(cells, is_lenient=False), faults)
        return "number", Finding("numbers", facts={"count": count})
    if not is_target and distinct == table.rows and count >= FEW_IDS and not _has_words(present):
        return "id", Finding("names_rows", facts={"example": example})
    if (distinct > 20 and distinct * 2 > count) or (distinct > LEVEL_LIMIT and _has_words(present)):
        return "text", Finding("free_text", facts={"levels": distinct, "count": count})
    if codes:
        return "category", Finding("codes", facts={"example": example})
    return "category", Finding("few_levels", facts={"levels": distinct, "count": count})


def read_missing_words(table: Table, kinds: Mapping[str, str] | None = None) -> Table:
    """Return the table without the words for a missing value in its columns of numbers, which a notice names.

    Args:
        kinds: the kinds of columns where the user sets them.

    Example:
        >>> table = Table(pl.DataFrame({"age": [str(i) for i in range(40)] + ["n/v", "n/v"]}))
        >>> read_missing_words(table).frame["age"].null_count()
        2
    """
    words: dict[str, tuple[str, ...]] = {}
    for cells in table.frame.get_columns():
        is_text = (
            cells.dtype == pl.String and cells.name not in table.images and cells.name not in table.declared
        )
        if (
            not is_text
            or (kinds or {}).get(cells.name, "number") != "number"
            or cells.null_count() == len(cells)
        ):
            continue
        own = _missing_words_of(cells)
        if own:
            words[cells.name] = own
    return with_missing_words(table, words) if words else table


def _missing_words_of(cells: pl.Series) -> tuple[str, ...]:
    """Return the words for a missing value in a column of texts; none if it is no column of numbers."""
    present = cells.drop_nulls()
    reading = None if has_codes(present) else read_likely_numbers(present)
    if (
        reading is None
        or not reading.is_mostly_numbers
        or reading.share == 1
        or are_few_integers(reading.values)
    ):
        return ()
    return words_among_numbers(reading.odd)


POSTAL = (r"^[0-9]{5}-[0-9]{4}$", r"^[0-9]{5}$")  # a ZIP code with and without the last four digits


def _has_postal_codes(present: pl.Series) -> bool:
    """Return whether a column contains ZIP codes, of which some have nine digits."""
    are_long, are_short = (present.str.contains(pattern) for pattern in POSTAL)
    return bool(are_long.any()) and bool((are_long | are_short).all())


def is_postal_code(cell: object) -> bool:
    """Return whether a cell is a ZIP code of nine digits, as ``10001-1234``."""
    return re.match(POSTAL[0], str(cell)) is not None


def number_cells(table: Table, name: str, faults: Faults) -> pl.Series:
    """Return the column as float64, null where missing; texts and infinities are added to ``faults``."""
    cells = table.frame[name]
    is_text = cells.dtype == pl.String or cells.dtype.is_temporal()
    reading = read_numbers(cells.cast(pl.String)) if is_text else None
    values = cells.cast(pl.Float64) if reading is None else reading.values
    if reading is not None and reading.odd.count() and not any(f["column"] == name for _, f in faults.cells):
        _add_texts(table, name, reading, faults)
    infinite = np.isinf(values.to_numpy())  # missing cells are NaN in the array
    if infinite.any():
        faults.add("E312", table, name, infinite)
    return values


def present_numbers(values: pl.Series) -> np.ndarray:
    """Return the numbers of a column without missing values."""
    return (values.drop_nulls() if values.null_count() else values).to_numpy()


def count_distinct(present: pl.Series) -> int:
    """Return the number of distinct values of a column; for short numeric columns without polars' threads."""
    if len(present) > FEW_ROWS or not present.dtype.is_float():
        return present.n_unique()
    values, _ = np.unique(present.to_numpy(), return_counts=True)  # without counts, it imports numpy.ma
    return len(values)


def _add_texts(table: Table, name: str, reading: NumberReading, faults: Faults) -> None:
    """Add the cells that are not numbers: the first with its place, the most frequent others as texts."""
    strange = reading.odd.is_not_null().to_numpy()
    row = int(strange.argmax())
    words = [word for word, _ in count_levels(reading.odd) if word != reading.odd[row]]
    listed = [f'"{short_cell(word)}"' for word in words[:LISTED]] + (["..."] if len(words) > LISTED else [])
    faults.add("E311", table, name, strange, ", ".join(listed))


def count_levels(cells: pl.Series) -> tuple[tuple[str, int], ...]:
    """Return the texts of a column with their counts, most frequent first, ties in text order."""
    texts = level_texts(cells.drop_nulls())
    counts = texts.value_counts()
    pairs = zip(counts[texts.name].to_list(), counts["count"].to_list(), strict=True)
    return tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


def _has_words(present: pl.Series) -> bool:
    """Return whether more than half of the texts have at least three words."""
    return int((present.str.count_matches(r"\s") >= 2).sum()) * 2 > len(present)


def short_cell(value: object) -> str:
    """Return a cell as text, of at most 40 characters."""
    text = (
        number_text(value)
        if isinstance(value, float) and value == value and abs(value) < 1e300
        else str(value)
    )
    return text if len(text) <= 40 else text[:37] + "..."
