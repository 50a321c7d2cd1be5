"""The task of a target column: classification or regression.

Inferred from the target column. Integers can be either: 0, 1, 2 in a thousand rows are classes, ages are
numbers; so few distinct values (at most 10, or at most 20 and a twentieth of the rows), each at least twice
on average, are considered classes. The argument ``kind`` overrides it. Counts (five or more different
integers, of which one occurs once) are numbers. A class with a single row is left out: it can be in the
training or in the test, not in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from chainrule.data.cells.number_notation import level_texts, numbers
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.columns import (
    Column,
    Faults,
    count_levels,
    describe,
    number_cells,
    require_columns,
)
from chainrule.data.tables.findings import Finding, is_on_command_line
from chainrule.data.tables.spellings import YES_NO, key_of_level
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, UsageError, fact
from chainrule.messages import Message
from chainrule.records import frozen
from chainrule.validation import unknown

TASKS = ("classification", "regression")
RARER = 1 / 3  # the share of a class of two up to which it is the positive one
_POSITIVE = "positive negative|pos neg|positiv negativ|positif négatif|+ -|+ −|阳性 阴性".split("|")
MEANINGS = YES_NO | {word: v for pair in _POSITIVE for word, v in zip(pair.split(), (1.0, 0.0), strict=True)}
"""1.0 for words such as "yes" and "positive", 0.0 for their opposites."""
CANDIDATES = 8  # columns from the last that are tried as another target
COUNTS = 5  # different integers from which a target with a value that occurs once is a count


@frozen
class Head:
    """What a network predicts for a target column.

    Args:
        outputs: its number of outputs: one for values and for two classes, otherwise one per class.
        labels: the classes, of which some may not occur in the rows; ``None``: values.
    """

    outputs: int
    loss: Literal["mse", "cross_entropy", "binary_cross_entropy"]
    labels: tuple[Any, ...] | None = None

    @staticmethod
    def of(labels: Sequence[Any]) -> Head:
        """Derive outputs and loss from the classes of a target; without any, one value is predicted.

        Example:
            >>> Head.of(()).loss, Head.of(("no", "yes")).outputs, Head.of((1, 2, 3)).loss
            ('mse', 1, 'cross_entropy')
        """
        if not labels:
            return Head(1, "mse")
        if len(labels) == 2:
            return Head(1, "binary_cross_entropy", tuple(labels))
        return Head(len(labels), "cross_entropy", tuple(labels))


@frozen(eq=False)
class Task:
    """What a model learns to predict from a table.

    Args:
        kind: ``"classification"`` or ``"regression"``.
        target: the column to predict.
        labels: the classes, as text, integer or boolean, sorted; of two with a positive one, this is the
            second; empty for regression.
        rows: the numbers of the rows that have a target.
        reason: why this kind.
        notices: messages for the user, such as rows left out.
    """

    kind: str
    target: str
    labels: tuple[Any, ...]
    rows: np.ndarray
    reason: Finding
    notices: tuple[Finding, ...] = ()

    @property
    def is_classification(self) -> bool:
        return self.kind == "classification"


def choose_task(
    table: Table,
    target: str | None = None,
    kind: str | None = None,
    columns: Sequence[Column] | None = None,
    *,
    positive: str | None = None,
) -> Task:
    """Choose between classification and regression for a target column.

    Args:
        table: the complete table.
        target: the column to predict; by default that of the table.
        kind: ``"classification"`` or ``"regression"`` to override the inference.
        columns: the result of ``describe``, if available.
        positive: the positive one of two classes; ``""``: chosen by ``positive_class``; ``None``: the second
            in order.

    Raises:
        UsageError: E101 for an unknown kind or class; E611 a positive class of another number of classes.
        DataError: E313 an unknown target; E319 no target; E321 one class; E322 a class with one row; E323 a
            constant target; E324 texts where numbers are required, or too many values for classes.

    Example:
        >>> table = Table(pl.DataFrame({"x": [1.5, 2.0, 0.5, 3.0], "y": ["b", "a", "b", "a"]}))
        >>> task = choose_task(table, "y")
        >>> task.kind, task.labels
        ('classification', ('a', 'b'))
    """
    target = table.target if target is None else target
    if kind is not None and kind not in TASKS:
        raise unknown("task", kind, TASKS, "{}")
    if target is None:
        fix = f'target="{table.columns[-1]}"'
        columns_text = ", ".join(table.columns[:12]) + (", ..." if len(table.columns) > 12 else "")
        expected = fact("one of: {names}", names=columns_text)
        raise DataError("E319", where=table.source, expected=expected, received=fact("none"), fix=fix)
    require_columns(table, target, argument="target")
    try:
        return _task_of(table, target, kind, columns, positive)
    except DataError as error:
        error.fix = error.fix or _other_target(table, target)
        raise


def _other_target(table: Table, target: str) -> str:
    """Return the fix of a target that cannot be learned: another column, or other rows if none can be."""
    for name in reversed(table.columns[-CANDIDATES:]):
        with suppress(DataError):
            if name != target and _task_of(table, name, None, None, None):
                return f'target="{name}"'
    return fact("add rows with other values of the target")


def _task_of(
    table: Table, target: str, kind: str | None, columns: Sequence[Column] | None, positive: str | None
) -> Task:
    """Return the task of a target; see ``choose_task``."""
    described = describe(table, target) if columns is None else columns
    column = next(column for column in described if column.name == target)
    rows = np.flatnonzero(table.frame[target].is_not_null().to_numpy())
    notices = ()
    if len(rows) < table.rows:
        notices = (Finding("target_missing", "warning", {"count": table.rows - len(rows)}),)
    if kind is None and column.kind == "number" and (label := _single_count(table, column)):
        notices += (Finding("count_target", "info", {"column": target, "label": label}),)
        kind = "regression"
    if (kind or _infer(table, column)) == "classification":
        return _with_positive(_classification(table, column, rows, notices), table, positive)
    if positive:
        raise _not_two_classes("regression")
    return _regression(table, target, rows, notices)


def _infer(table: Table, column: Column) -> str:
    if column.kind in ("yes_no", "category"):
        return "classification"
    cells = table.frame[column.name].drop_nulls()
    distinct = cells.n_unique()
    if column.kind == "number":
        values = numbers(cells)
        is_integral = bool((values == values.floor()).all())
        has_few_values = distinct <= 10 or (distinct <= 20 and distinct <= 0.05 * len(cells))
        return (
            "classification"
            if is_integral and has_few_values and distinct * 2 <= len(cells)
            else "regression"
        )
    if column.kind in ("text", "id", "date") and distinct > 20 and distinct * 2 > len(cells):
        raise DataError(
            "E324",
            where=fact('{place}, column "{column}"', place=table.source, column=column.name),
            column=column.name,
            expected=fact("numbers, or classes with several rows each"),
            received=fact("{count} different values in {rows} rows", count=distinct, rows=len(cells)),
        )
    return "classification"


def _single_count(table: Table, column: Column) -> str:
    """Return a value that occurs once in a target of counts, else ``""``."""
    if _infer(table, column) == "regression":
        return ""
    counts = count_levels(table.frame[column.name].drop_nulls())
    return counts[-1][0] if len(counts) >= COUNTS and counts[-1][1] == 1 else ""


def _classification(table: Table, column: Column, rows: np.ndarray, notices: tuple[Finding, ...]) -> Task:
    cells = table.frame[column.name].drop_nulls()
    counts = count_levels(cells)
    where = fact('{place}, column "{column}"', place=table.source, column=column.name)
    if len(counts) == 1:
        received = fact('"{value}" in all {rows} rows', value=counts[0][0], rows=len(cells))
        raise DataError("E321", where=where, expected=fact("at least 2 classes"), received=received)
    single = [level for level, count in counts if count == 1]
    labels = ", ".join(single[:10]) + (", ..." if len(single) > 10 else "")
    if single and len(counts) - len(single) >= 2:
        facts = {"labels": labels, "count": len(single)}
        notices = (*notices, Finding("single_row_classes", "warning", facts))
        is_single = level_texts(table.frame[column.name]).is_in(single).fill_null(value=False).to_numpy()
        rows = rows[~is_single[rows]]
        cells = table.frame[column.name].gather(rows)
    elif single:
        numeric = cells.dtype.is_numeric()
        expected = fact("at least 2 rows per class")
        fix = 'task="regression"' if numeric else fact("add rows of that class, or leave the class out")
        raise DataError("E322", where=where, label=labels, expected=expected, received=fact("1 row"), fix=fix)
    reason = Finding("target_levels", facts={"levels": cells.n_unique()})
    return Task("classification", column.name, labels_of(cells), rows, reason, notices)


def _regression(table: Table, target: str, rows: np.ndarray, notices: tuple[Finding, ...]) -> Task:
    cells = table.frame[target]
    values = numbers(cells.cast(pl.String) if cells.dtype.is_temporal() else cells)
    where = fact('{place}, column "{column}"', place=table.source, column=target)
    if not values.count():
        received = f'"{cells.drop_nulls()[0]}"'
        fix = "--task classification"
        raise DataError(
            "E324", where=where, column=target, expected=fact("numbers"), received=received, fix=fix
        )
    faults = Faults({})
    number_cells(table, target, faults)
    faults.raise_any()
    distinct = values.drop_nulls().n_unique()
    if distinct == 1:
        received = fact("{value:g} in all {rows} rows", value=values.drop_nulls()[0], rows=values.count())
        raise DataError("E323", where=where, expected=fact("at least 2 different numbers"), received=received)
    reason = Finding("target_numbers", facts={"levels": distinct})
    return Task("regression", target, (), rows, reason, notices)


def _with_positive(task: Task, table: Table, positive: str | None) -> Task:
    """Return the task with the positive class as the second of two labels, and a notice of a default."""
    if positive is None:
        return task
    if len(task.labels) != 2:
        if positive:
            raise _not_two_classes(fact("{count} classes", count=len(task.labels)))
        return task
    if positive:
        known = {key_of_level(str(label)): label for label in task.labels}
        if key_of_level(positive) not in known:
            where = fact('{place}, column "{column}"', place=table.source, column=task.target)
            fix = '--positive "{}"' if is_on_command_line() else 'positive="{}"'
            raise unknown(where, positive, list(map(str, task.labels)), fix)
        chosen = known[key_of_level(positive)]
        return replace(task, labels=tuple(sorted(task.labels, key=lambda label: label == chosen)))
    codes = label_values(table.frame[task.target].gather(task.rows))
    counts = tuple(int((codes == label).sum()) for label in task.labels)
    chosen, reason = positive_class(task.labels, counts)
    other, label = sorted(task.labels, key=lambda label: label == chosen)
    notices = task.notices
    if task.labels not in ((0, 1), (False, True)):
        facts = {"label": str(label), "reason": reason}
        notices = (*notices, Finding("positive_class", "info", facts))
    return replace(task, labels=(other, label), notices=notices)


def positive_class(labels: Sequence[Any], counts: Sequence[int]) -> tuple[Any, Message]:
    """Return the positive one of two classes, and why: the word for yes, the rarer class, or the second.

    Args:
        labels: both classes, sorted.
        counts: the number of rows of each.

    Example:
        >>> positive_class(("ja", "nein"), (5, 5))[0], positive_class(("fraud", "ok"), (8, 992))[0]
        ('ja', 'fraud')
    """
    if not isinstance(labels[0], str):
        return labels[1], fact("it is the larger of the two values")
    meanings = [MEANINGS.get(label.casefold()) for label in labels]
    if None not in meanings and meanings[0] != meanings[1]:
        return labels[meanings.index(1.0)], fact("it is the word for yes")
    rare = int(counts[1] < counts[0])
    if counts[rare] <= RARER * sum(counts):
        return labels[rare], fact("it is the rarer class ({count} rows)", count=counts[rare])
    return labels[1], fact("it is the second in order, and both classes are frequent")


def _not_two_classes(received: Message | str) -> UsageError:
    where = "--positive" if is_on_command_line() else "positive"
    return UsageError("E611", where=where, expected=fact("two classes"), received=received)


def labels_of(cells: pl.Series) -> tuple[Any, ...]:
    """Return the distinct values as Python labels, sorted: booleans, integers, else texts.

    Example:
        >>> labels_of(pl.Series([2.0, 1.0, 2.0])), labels_of(pl.Series(["b", "a"]))
        ((1, 2), ('a', 'b'))
    """
    distinct = label_values(cells).unique().drop_nulls()
    return tuple(sorted(distinct.to_list()))


def label_values(cells: pl.Series) -> pl.Series:
    """Return each cell as its label's value; integral floats become integers, other floats texts."""
    if cells.dtype.is_float():
        present = cells.drop_nulls()
        is_integral = bool((present == present.floor()).all()) and bool((present.abs() < 2**53).all())
        return cells.cast(pl.Int64) if is_integral else cells.cast(pl.String)
    if cells.dtype == pl.Boolean or cells.dtype.is_integer():
        return cells
    return cells.cast(pl.String)
