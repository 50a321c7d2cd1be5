"""Checks of the data before a network is trained on it.

Each rule is a few lines that count something and compare it with a threshold from practice
(``findings.py``); a finding contains its numbers, so that a reader can evaluate it. Rules inspect
only the first ``ROWS`` rows; a finding states the number of rows where there are more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from chainrule.data.tables.columns import Column, describe, read_missing_words, require_columns
from chainrule.data.tables.findings import (
    DUPLICATES,
    IMBALANCE,
    MOSTLY_MISSING,
    OFFSET_RATIO,
    ROWS,
    SCALE_RATIO,
    SEVERITY,
    TARGET_STD,
    Finding,
)
from chainrule.data.tables.repeated_rows import FACTOR, repeats, repeats_by_chance
from chainrule.data.tables.spellings import merge_spellings
from chainrule.data.tables.suspicious_columns import suspicions
from chainrule.data.tables.table import Table, require_table
from chainrule.data.tables.task import Task, choose_task

# Findings that the preparation of a table corrects.
STANDARDIZED = ("scale_gap", "far_from_zero", "target_scale")


def check(table: Table, target: str | None = None, kinds: Mapping[str, str] | None = None) -> list[Finding]:
    """Check the data for common problems; returns the findings, the most severe first.

    Args:
        table: the result of ``read_table``.
        target: the column to predict; by default that of the table.
        kinds: kinds set by the user, as in ``describe``.

    Raises:
        ChainruleError: as ``describe`` and ``choose_task``.

    Example:
        >>> from chainrule.data import read_table
        >>> table = read_table({"x": [1, 2, 3, 4] * 9, "y": ["a", "b", "a", "b"] * 9})
        >>> [(finding.code, finding.severity) for finding in check(table, "y")]
        [('leak', 'warning')]
    """
    return described_and_checked(table, target, kinds)[1]


def described_and_checked(
    table: Table, target: str | None = None, kinds: Mapping[str, str] | None = None
) -> tuple[tuple[Column, ...], list[Finding]]:
    """Return the columns of a table with one spelling for each level, and the findings of ``check``."""
    require_table(table)
    table = read_missing_words(merge_spellings(table))
    columns = describe(table, target, kinds)
    task = choose_task(table, target, None, columns)
    require_columns(table, task.target)
    sample = table.take(task.rows[:ROWS])
    findings = [
        *table.notices,
        *task.notices,
        *(doubt for column in columns for doubt in column.doubts),
        *_in_sample([*suspicions(sample, columns, task), *_duplicates(sample)], sample.rows, len(task.rows)),
        *_balance(table, task),
        *_label_numbers(task),
        *_scales(columns),
        *_target_scale(columns, task),
        *_useless(columns),
    ]
    return columns, sorted(findings, key=lambda finding: SEVERITY[finding.severity])


def _in_sample(findings: Sequence[Finding], rows: int, all_rows: int) -> Iterator[Finding]:
    """Yield findings that were measured on some of the rows."""
    for finding in findings:
        yield finding if rows == all_rows else replace(finding, sample=(rows, all_rows))


def _duplicates(sample: Table) -> Iterator[Finding]:
    count = repeats(sample.frame)
    share = count / sample.rows
    if share > DUPLICATES and count > FACTOR * repeats_by_chance(sample.frame):
        yield Finding("duplicates", "warning", {"count": count, "share": share})


def _balance(table: Table, task: Task) -> Iterator[Finding]:
    if not task.is_classification:
        return
    counts = table.frame[task.target].gather(task.rows).value_counts(sort=True)
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
        missing = ", ".join(map(str, gaps[:5])) + (", ..." if len(gaps) > 5 else "")
        yield Finding("label_gap", "warning", {"low": low, "high": high, "missing": missing})


def _scales(columns: tuple[Column, ...]) -> Iterator[Finding]:
    """Yield inputs of very different spread, or far from 0; the preparation corrects both."""
    numbers = [column for column in columns if column.is_input and column.kind == "number" and column.std]
    if not numbers:
        return
    widest, narrowest = max(numbers, key=_std), min(numbers, key=_std)
    with np.errstate(over="ignore"):
        ratio = float(np.float64(_std(widest)) / _std(narrowest))
    if ratio > SCALE_RATIO:
        yield Finding("scale_gap", "info", {"large": widest.name, "small": narrowest.name, "ratio": ratio})
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
        elif column.notice is not None:
            yield column.notice
