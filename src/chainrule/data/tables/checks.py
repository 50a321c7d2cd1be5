"""What a look at the data can tell before a network is trained on it.

Each rule is a few lines that count something and compare it with a threshold from practice
(``threshold.py``); a finding carries its numbers, so a reader can judge it. Rules look at the first ``ROWS``
rows at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.number_parsing import level_texts, number_text
from chainrule.data.tables.check_thresholds import (
    DUPLICATES,
    IMBALANCE,
    MOSTLY_MISSING,
    OFFSET_RATIO,
    ROWS,
    SCALE_RATIO,
    TARGET_STD,
)
from chainrule.data.tables.columns import Column, count_distinct, describe, known_column
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.table import Table
from chainrule.data.tables.task import Task, choose_task

_GRAVITY = {"error": 0, "warning": 1, "info": 2}


def check(table: Table, target: str | None = None, kinds: Mapping[str, str] | None = None) -> list[Finding]:
    """Look for what commonly goes wrong, the gravest first.

    Args:
        table: what ``read_table`` gave.
        target: the column to predict; by default the table's own.
        kinds: kinds decided by a person, as in ``describe``.

    Fails:
        what ``describe`` and ``choose_task`` refuse.

    Example:
        >>> table = Table(pl.DataFrame({"x": [1, 2, 3, 4] * 9, "y": ["a", "b", "a", "b"] * 9}))
        >>> [(finding.code, finding.severity) for finding in check(table, "y")]
        [('leak', 'warning'), ('duplicates', 'warning')]
    """
    columns = describe(table, target, kinds)
    task = choose_task(table, target, None, columns)
    known_column(table, task.target)
    sample = table.take(task.rows[:ROWS])
    findings = [
        *task.notices,
        *_leaks(sample, columns, task),
        *_duplicates(sample),
        *_balance(sample, task),
        *_label_numbers(task),
        *_scales(columns),
        *_target_scale(columns, task),
        *_useless(columns),
    ]
    return sorted(findings, key=lambda finding: _GRAVITY[finding.severity])


def _leaks(sample: Table, columns: tuple[Column, ...], task: Task) -> Iterator[Finding]:
    """Columns that equal the target, or whose every value goes with one target value only."""
    target = level_texts(sample.frame[task.target]).alias("target")
    for column in columns:
        if not column.is_input or _is_unlike(sample.frame[column.name], target):
            continue
        texts = level_texts(sample.frame[column.name]).alias("column")
        if texts.equals(target, check_names=False, null_equal=True):
            yield Finding("copy_of_target", "error", {"column": column.name})
            continue
        pairs = pl.DataFrame([texts, target]).unique()
        levels = texts.n_unique()
        repeated = levels * 2 <= sample.rows  # a value seen once tells nothing about leaking
        if repeated and levels > 1 and pairs.height == levels:
            yield Finding("leak", "warning", {"column": column.name, "levels": levels})


def _is_unlike(cells: pl.Series, target: pl.Series) -> bool:
    """Whether a column of numbers is surely neither a copy of the target nor repeats its values.

    It spares the texts of every number of a wide table.
    """
    if not cells.dtype.is_float() or count_distinct(cells) * 2 <= len(cells):
        return False
    first = cells[0]
    return (None if first is None else number_text(first)) != target[0]


def _duplicates(sample: Table) -> Iterator[Finding]:
    count = sample.rows - sample.frame.n_unique()
    share = count / sample.rows
    if share > DUPLICATES:
        yield Finding("duplicates", "warning", {"count": count, "share": share})


def _balance(sample: Table, task: Task) -> Iterator[Finding]:
    if not task.is_classification:
        return
    counts = sample.frame[task.target].value_counts(sort=True)
    names, sizes = counts[task.target].to_list(), counts["count"].to_list()
    if sizes[0] / sizes[-1] > IMBALANCE:
        facts = {"large": names[0], "small": names[-1], "ratio": sizes[0] / sizes[-1]}
        yield Finding("imbalance", "warning", facts)


def _label_numbers(task: Task) -> Iterator[Finding]:
    labels = task.labels
    if not labels or type(labels[0]) is not int:
        return
    low, high = labels[0], labels[-1]
    if len(labels) == high - low + 1:
        if low == 1:
            yield Finding("labels_from_one", "info", {"high": high, "last": high - 1})
        return
    if high - low < 10 * len(labels):
        gaps = sorted(set(range(low, high + 1)) - set(labels))
        shown = ", ".join(map(str, gaps[:5])) + (", ..." if len(gaps) > 5 else "")
        yield Finding("label_gap", "warning", {"low": low, "high": high, "missing": shown})


def _scales(columns: tuple[Column, ...]) -> Iterator[Finding]:
    """Inputs of very different spread, or far from 0; the preparation mends both, raw arrays keep them."""
    numbers = [column for column in columns if column.is_input and column.kind == "number" and column.std]
    if not numbers:
        return
    large, small = max(numbers, key=_std), min(numbers, key=_std)
    with np.errstate(over="ignore"):
        ratio = float(np.float64(_std(large)) / _std(small))
    if ratio > SCALE_RATIO:
        yield Finding("scale_gap", "info", {"large": large.name, "small": small.name, "ratio": ratio})
    offsets = [(abs(column.mean or 0.0) / _std(column), column.name) for column in numbers]
    far = [pair for pair in offsets if pair[0] > OFFSET_RATIO]
    if far:
        ratio, name = max(far)
        yield Finding("far_from_zero", "info", {"column": name, "ratio": ratio, "count": len(far)})


def _std(column: Column) -> float:
    return column.std or 0.0


def _target_scale(columns: tuple[Column, ...], task: Task) -> Iterator[Finding]:
    std = next((_std(column) for column in columns if column.is_target), 0.0)
    if not task.is_classification and std > TARGET_STD:
        yield Finding("target_scale", "info", {"std": std})


def _useless(columns: tuple[Column, ...]) -> Iterator[Finding]:
    for column in columns:
        if column.is_target:
            continue
        facts = {"column": column.name, **column.reason.facts}
        if column.kind == "constant":
            yield Finding("constant", "warning", facts)
        elif column.kind == "id":
            yield Finding("id_like", "warning", facts)
        elif column.missing > MOSTLY_MISSING * column.rows:
            share = column.missing / column.rows
            yield Finding("mostly_missing", "warning", {"column": column.name, "share": share})
