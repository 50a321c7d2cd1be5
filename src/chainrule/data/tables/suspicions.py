"""Columns to be looked at before a training: copies of the target, ids, counters, values that mean "missing".

A column that alone predicts the target is rarely a discovery: it was measured after the target, or computed
from it. Each finding names the column and its numbers; nothing is changed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from chainrule.data.cells.number_notation import level_texts, number_text, numbers
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.columns import ID_NAME, Column, count_distinct
from chainrule.data.tables.combinations import FEW, combination_of
from chainrule.data.tables.dates import DAY, iso_date, read_moments
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.table import Table
from chainrule.data.tables.task import Task

# Dates that mean "missing" or "until further notice": 9999-12-31, 1900-01-01.

DATES = tuple(
    (
        "0001-01-01 1753-01-01 1800-01-01 1899-12-30 1899-12-31 1900-01-01 1970-01-01 2099-12-31 2100-12-31 "
        "2999-12-31 9999-12-30 9999-12-31"
    ).split()
)
_GAP = 15 * 365 * DAY  # to all other dates


def sentinel_dates(sample: Table, inputs: Sequence[Column]) -> Iterator[Finding]:
    """Yield the findings about dates that are far from all others of their column."""
    for column in inputs:
        if column.dates is None:
            continue
        moments = read_moments(sample.frame[column.name], column.dates.is_day_first)
        days = moments.instant[moments.is_valid] // DAY
        distinct = np.unique(days)
        if len(distinct) < 3:
            continue
        for value, neighbor in ((distinct[0], distinct[1]), (distinct[-1], distinct[-2])):
            date = iso_date(int(value) * DAY)
            if date in DATES and abs(value - neighbor) * DAY >= _GAP:
                facts = {"column": column.name, "value": date, "count": int((days == value).sum())}
                yield Finding("sentinel_date", "warning", facts)


ROWS = 10_000  # rows that are examined
MAX_COLUMNS = 2000  # columns that are compared with the target
NEAR_AUC = 0.995  # area under the ROC curve of one column
NEAR_CORRELATION = 0.999
FEWEST = 10  # rows of each class from which a separation is no accident
STRONG = (-999_999, -99_999, -9_999, -999, 999, 9_999, 99_999, 999_999)
WEAK = (-99, -9, -1, 99)
APART = 5  # between negative codes and the smallest number
_ID_VALUE = r"^[A-Za-z]{0,4}[-_ ]?[0-9]{2,}$"


def suspicions(table: Table, columns: Sequence[Column], task: Task) -> list[Finding]:
    """Return the findings about the columns of a table.

    Args:
        table: the rows that have a target.
        columns: the result of ``describe``.
        task: the result of ``choose_task``.

    Example:
        >>> from chainrule.data import choose_task, describe, read_table
        >>> table = read_table({"x": [1, 2, 3, 4] * 9, "y": ["a", "b", "a", "b"] * 9})
        >>> [finding.code for finding in suspicions(table, describe(table, "y"), choose_task(table, "y"))]
        ['leak']
    """
    sample, inputs = _sample(table), _inputs(columns)
    findings = leaks(sample, columns, task)
    findings += _identifiers(sample, inputs)
    findings += _sentinels(sample, inputs)
    findings += sentinel_dates(sample, inputs)
    if sample is table:
        return findings
    return [replace(finding, sample=(sample.rows, table.rows)) for finding in findings]


def leaks(table: Table, columns: Sequence[Column], task: Task) -> list[Finding]:
    """Return findings about columns that predict the target too well, alone or together."""
    sample, inputs = _sample(table), _inputs(columns)
    findings: list[Finding] = []
    for rule in (_gaps, _copies, _near_copies, _combinations):  # a column is reported once
        reported = {finding.facts["column"] for finding in findings}
        findings += rule(sample, [column for column in inputs if column.name not in reported], task)
    return findings


def _sample(table: Table) -> Table:
    step = max(1, table.rows // ROWS)
    return table.take(np.arange(0, table.rows, step)) if step > 1 else table


def _inputs(columns: Sequence[Column]) -> list[Column]:
    return [column for column in columns if column.is_input and column.kind != "image"][:MAX_COLUMNS]


def _combinations(sample: Table, inputs: Sequence[Column], task: Task) -> Iterator[Finding]:
    """Yield a few columns of which the target is a sum, a product or another linear combination."""
    if task.is_classification:
        return
    columns = {column.name: _values(sample.frame[column.name], column) for column in inputs}
    known = {name: values for name, values in columns.items() if values is not None}
    combination = combination_of(known, numbers(sample.frame[task.target]).to_numpy())
    if combination is None:
        return
    facts = {
        "column": ", ".join(combination.columns[:FEW]),
        "target": task.target,
        "formula": combination.formula,
        "count": len(combination.columns),
        "r2": combination.r2,
    }
    code = "many_columns" if not combination.formula else "near_formula"
    yield Finding("formula" if combination.is_exact and combination.formula else code, "warning", facts)


def _copies(sample: Table, inputs: Sequence[Column], task: Task) -> Iterator[Finding]:
    """Yield columns that equal the target, or each of whose values occurs with only one target value."""
    target = level_texts(sample.frame[task.target]).alias("target")
    for column in inputs:
        if _is_unlike(sample.frame[column.name], target):
            continue
        texts = level_texts(sample.frame[column.name]).alias("column")
        if texts.equals(target, check_names=False, null_equal=True):
            yield Finding("copy_of_target", "error", {"column": column.name})
            continue
        levels = texts.n_unique()
        repeated = levels * 2 <= sample.rows  # a value that occurs once is no evidence of leakage
        if repeated and levels > 1 and pl.DataFrame([texts, target]).n_unique() == levels:
            yield Finding("leak", "warning", {"column": column.name, "levels": levels})


def _is_unlike(cells: pl.Series, target: pl.Series) -> bool:
    """Return whether a numeric column certainly neither copies the target nor repeats its values.

    Avoids formatting every number of a wide table.
    """
    if not cells.dtype.is_float() or count_distinct(cells) * 2 <= len(cells):
        return False
    first = cells[0]
    return (None if first is None else number_text(first)) != target[0]


def _classes(sample: Table, task: Task) -> tuple[np.ndarray, int]:
    """Return the class of each row as a number from 0, and the number of classes."""
    codes = level_texts(sample.frame[task.target]).rank("dense").to_numpy().astype(np.int64) - 1
    return codes, int(codes.max()) + 1


def _gaps(sample: Table, inputs: Sequence[Column], task: Task) -> Iterator[Finding]:
    """Yield columns whose missing cells alone predict two classes nearly without errors."""
    if len(task.labels) != 2:
        return
    codes, _ = _classes(sample, task)
    for column in inputs:
        if column.missing:
            missing = sample.frame[column.name].is_null().to_numpy().astype(np.float64)
            if _separation(missing, codes) >= NEAR_AUC:
                yield Finding("missing_reveals_target", "warning", {"column": column.name})


def _near_copies(sample: Table, inputs: Sequence[Column], task: Task) -> Iterator[Finding]:
    """Yield columns that alone predict the target nearly without errors."""
    if task.is_classification:
        codes, classes = _classes(sample, task)
    else:
        codes, classes = numbers(sample.frame[task.target]).to_numpy(), 0
    for column in inputs:
        values = _values(sample.frame[column.name], column)
        if values is None:
            continue
        x, y = values[np.isfinite(values)], codes[np.isfinite(values)]
        if _separation(x, y, classes) >= NEAR_AUC if classes else _is_near(x, y):
            yield Finding("near_copy", "warning", {"column": column.name})


def _values(cells: pl.Series, column: Column) -> np.ndarray | None:
    """Return a column of numbers as float64 with NaN where missing; None for other columns."""
    if cells.dtype.is_numeric() or cells.dtype == pl.Boolean or column.kind == "number":
        return numbers(cells).to_numpy()
    return None


def _separation(values: np.ndarray, codes: np.ndarray, classes: int = 2) -> float:
    """Return the area under the ROC curve of a column for two classes; for more, 1 if all are separate."""
    counts = np.bincount(codes, minlength=classes)
    if len(counts) > classes or counts.min() < FEWEST:
        return 0.0
    if classes > 2:
        groups = sorted((values[codes == k] for k in range(classes)), key=lambda group: group.min())
        return float(all(low.max() < high.min() for low, high in itertools.pairwise(groups)))
    ordered = np.sort(values)
    ranks = (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right") + 1) / 2
    area = (ranks[codes == 1].mean() - (counts[1] + 1) / 2) / counts[0]
    return float(max(area, 1 - area))


def _is_near(values: np.ndarray, target: np.ndarray) -> bool:
    """Return whether the target is nearly a linear function of a column, or exactly a monotonic one."""
    return _correlation(values, target) >= NEAR_CORRELATION or _is_monotonic(values, target)


def _is_monotonic(values: np.ndarray, target: np.ndarray) -> bool:
    order = np.lexsort((target, values))
    x, y = values[order], target[order]
    steps = np.diff(y)
    if len(np.unique(y)) < 2 * FEWEST or steps[np.diff(x) == 0].any():
        return False
    return bool((steps >= 0).all() or (steps <= 0).all())


def _correlation(values: np.ndarray, target: np.ndarray) -> float:
    """Return the absolute correlation of two columns."""
    if len(values) < 2 * FEWEST:
        return 0.0
    with np.errstate(all="ignore"):
        x, y = values - values.mean(), target - target.mean()
        size = float(np.sqrt((x * x).sum() * (y * y).sum()))
        return abs(float((x * y).sum())) / size if 0 < size < np.inf else 0.0


def _identifiers(sample: Table, inputs: Sequence[Column]) -> Iterator[Finding]:
    """Yield columns that count the rows, or that name groups of a few rows."""
    for column in inputs:
        if column.kind not in ("number", "category"):
            continue
        present = sample.frame[column.name].drop_nulls()
        distinct = count_distinct(present)
        if distinct < 2 * FEWEST:
            continue
        values = _values(present, column)
        is_whole = values is not None and bool((values == np.floor(values)).all())
        facts = {"column": column.name, "levels": distinct, "count": len(present)}
        if is_whole and values is not None and distinct == len(values) == np.ptp(values) + 1:
            yield Finding("counter", "warning", facts)
        elif distinct * 5 >= len(present) and (is_whole or values is None) and _is_id(present, column.kind):
            yield Finding("group_id", "warning", facts)


def _is_id(present: pl.Series, kind: str) -> bool:
    """Return whether values look like ids: by the name, their form, or equally many rows of each."""
    counts = present.value_counts()["count"]
    if ID_NAME.match(present.name) or (counts.min() == counts.max() and counts[0] > 1):
        return True
    return kind == "category" and present.dtype == pl.String and bool(present.str.contains(_ID_VALUE).all())


def _sentinels(sample: Table, inputs: Sequence[Column]) -> Iterator[Finding]:
    """Yield numbers such as -999 that are far from all others of their column."""
    for column in inputs:
        if column.kind != "number" or column.minimum is None or column.maximum is None:
            continue
        if column.minimum not in (*STRONG, *WEAK) and column.maximum not in (*STRONG, *WEAK):
            continue
        values = numbers(sample.frame[column.name]).drop_nulls().to_numpy()
        codes = _negative_codes(values)
        if codes:
            count, listed = int((values < 0).sum()), ", ".join(map(number_text, codes))
            yield Finding("sentinel", "warning", {"column": column.name, "value": listed, "count": count})
            continue
        for value in dict.fromkeys((column.minimum, column.maximum)):
            count = int((values == value).sum())
            if count > 1 and _is_sentinel(value, values[values != value]):
                text = number_text(value)
                yield Finding("sentinel", "warning", {"column": column.name, "value": text, "count": count})


def _negative_codes(values: np.ndarray) -> list[float]:
    """Return several numbers from -9 to -1 apart from all others, as the codes of surveys: -9 and -8."""
    codes, others = np.unique(values[values < 0]), np.unique(values[values >= 0])
    is_code = len(codes) > 1 and bool(np.isin(codes, range(-9, 0)).all())
    return codes.tolist() if is_code and len(others) >= FEWEST and others[0] - codes[-1] >= APART else []


def _is_sentinel(value: float, rest: np.ndarray) -> bool:
    """Return whether a number does not belong to the others of its column."""
    if value not in (*STRONG, *WEAK) or len(np.unique(rest)) < FEWEST // 2:
        return False
    low, high = float(rest.min()), float(rest.max())
    gap, width = (low - value if value < low else value - high), high - low
    if value in STRONG:
        return gap >= (0.05 if value < 0 else 1.0) * width
    return (value < 0 <= low and len(np.unique(rest)) >= FEWEST) or gap >= width
