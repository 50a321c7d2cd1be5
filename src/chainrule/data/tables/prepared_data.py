"""A table with its columns, task, split and preparation: what a training needs to know of its data.

The command line and ``Model.fit`` use the same steps: describe the columns, choose the task, leave out the
rows without a target, split, fit the preparation on the training rows, encode the rows of each part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from chainrule.data.cells.typed_columns import limit
from chainrule.data.tables.columns import (
    Column,
    Faults,
    describe,
    number_cells,
    read_missing_words,
    require_columns,
    short_cell,
)
from chainrule.data.tables.encoders import Category, Texts
from chainrule.data.tables.findings import SEVERITY, Finding
from chainrule.data.tables.fitted_preparation import Preparation
from chainrule.data.tables.folds import row_digests
from chainrule.data.tables.random_split import FRACTIONS, Split
from chainrule.data.tables.spellings import merge_spellings
from chainrule.data.tables.suspicious_columns import suspicions
from chainrule.data.tables.table import Table
from chainrule.data.tables.task import Head, Task, choose_task
from chainrule.data.tables.time_and_group_split import RANDOM, Division, divide
from chainrule.errors import DataError, fact
from chainrule.memoization import cached_property
from chainrule.records import frozen

# Row weights from a column of a table.


def row_weights(table: Table, name: str) -> np.ndarray:
    """Return the weight of each row from a column, (N,) float64.

    Args:
        name: the column; a row of weight 2 counts as two rows, one of weight 0 is ignored.

    Raises:
        DataError: E313 no such column; E334 a weight that is missing, negative, infinite or no number, or
            only zeros.

    Example:
        >>> from chainrule.data import read_table
        >>> row_weights(read_table({"w": [1, 0, 2.5]}), "w").tolist()
        [1.0, 0.0, 2.5]
    """
    require_columns(table, name)
    weights = number_cells(table, name, Faults()).fill_null(float("nan")).to_numpy()
    is_valid = (weights >= 0) & np.isfinite(weights)
    if is_valid.all() and weights.sum() > 0:
        return weights
    row = int(np.argmin(is_valid))
    value = table.frame[name][row]
    place = table.source if is_valid.all() else table.place(row)
    where = fact('{place}, column "{column}"', place=place, column=name)
    expected = fact("a number of at least 0 in every row, not all 0")
    received = fact("no value") if value is None else f'"{short_cell(value)}"'
    fix = fact("correct the weight, or set it to 0 to ignore the row")
    raise DataError("E334", where=where, column=name, expected=expected, received=received, fix=fix)


@frozen(eq=False)
class PreparedRows:
    """Encoded rows: inputs (N, F) or (N, H, W, C), class indices or standardized values (N,), row weights."""

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None = None

    @property
    def flat(self) -> np.ndarray:
        """The inputs as (N, F), for the baselines."""
        return self.x.reshape(len(self.x), -1)  # (N, H, W, C) -> (N, H * W * C)

    def take(self, rows: np.ndarray) -> PreparedRows:
        """Return the rows with these numbers, (n,).

        Args:
            rows: row numbers from 0, (n,).
        """
        weights = None if self.weights is None else self.weights[rows]
        return PreparedRows(self.x[rows], self.y[rows], weights)

    def followed_by(self, others: PreparedRows) -> PreparedRows:
        """Return these rows and the others of the same table below them.

        Args:
            others: rows of the same preparation.
        """
        weights = None
        if self.weights is not None and others.weights is not None:
            weights = np.concatenate([self.weights, others.weights])
        return PreparedRows(np.concatenate([self.x, others.x]), np.concatenate([self.y, others.y]), weights)


@frozen(eq=False)
class PreparedData:
    """A table that is ready for training.

    Args:
        table: the rows that have a target.
        columns: the columns with their kinds.
        task: the task and its target.
        parts: the split into training, validation and test rows.
        preparation: converts cells to numbers; fitted on the training rows.
        tested: the table of the test rows: ``table`` itself, or another one.
        weight: the column of the row weights, or empty.
        doubts: findings about columns that look like copies of the target, ids, or missing values, and about
            test rows of another table that are also training rows.
    """

    table: Table
    columns: tuple[Column, ...]
    task: Task
    parts: Split
    preparation: Preparation
    tested: Table
    weight: str = ""
    doubts: tuple[Finding, ...] = ()

    @staticmethod
    def of(
        table: Table,
        target: str | None = None,
        *,
        task: str | None = None,
        kinds: Mapping[str, str] | None = None,
        seed: int = 0,
        fractions: tuple[float, float, float] = FRACTIONS,
        division: Division = RANDOM,
        test: Table | None = None,
        ids: Sequence[str] = (),
        weight: str = "",
        positive: str | None = None,
    ) -> PreparedData:
        """Prepare a table.

        Args:
            table: the rows.
            target: the column to predict; ``None``: the target that the table defines.
            task: ``"classification"`` or ``"regression"``; ``None``: by the column.
            kinds: the kinds of columns where the user sets them.
            seed: of the split.
            fractions: of training, validation and test rows; ``(1.0, 0.0, 0.0)``: no split. With ``test``,
                training and validation rows share ``table`` in the ratio of the first two.
            division: at random, by time or by group.
            test: a table of test rows.
            ids: columns that identify rows; not inputs.
            weight: a column of row weights; not an input.
            positive: the positive one of two classes, as for ``choose_task``.

        Raises:
            DataError: as ``describe``, ``choose_task``, ``divide``, ``row_weights`` and ``Preparation.fit``;
                as ``Preparation.apply`` and ``targets`` for the test table.

        Example:
            >>> from chainrule.data import read_table
            >>> table = read_table({"size": [1.0, 2.0, 3.0] * 6, "large": ["no", "no", "yes"] * 6})
            >>> prepared = PreparedData.of(table, "large")
            >>> prepared.parts.sizes, prepared.training.x.shape, prepared.preparation.labels
            ((12, 3, 3), (12, 1), ('no', 'yes'))
        """
        target = table.target if target is None else target
        table = read_missing_words(merge_spellings(table), kinds)
        roles = {**dict.fromkeys(ids, "row_ids"), weight: "row_weights"}
        if division.way == "group":
            roles[division.column] = "row_groups"
        roles = {name: role for name, role in roles.items() if name}
        columns = _with_roles(describe(table, target, {**(kinds or {}), **dict.fromkeys(roles, "id")}), roles)
        chosen = choose_task(table, target, task, columns, positive=positive)
        rows = table.take(chosen.rows)
        if test is not None:
            fractions = (fractions[0] / sum(fractions[:2]), fractions[1] / sum(fractions[:2]), 0.0)
        parts = divide(rows, chosen, columns, division, seed, fractions)
        preparation = Preparation.fit(rows.take(parts.train), columns, chosen.target, chosen)
        if weight:
            row_weights(rows, weight)  # refuses invalid weights before the training
        doubts = tuple(suspicions(rows, columns, chosen))
        prepared = PreparedData(rows, columns, chosen, parts, preparation, rows, weight, doubts)
        return prepared if test is None else _with_test(prepared, test)

    @cached_property
    def training(self) -> PreparedRows:
        """The training rows."""
        return self._encoded(self.parts.train)

    @cached_property
    def validation(self) -> PreparedRows:
        """The validation rows."""
        return self._encoded(self.parts.validation)

    @property
    def training_and_validation(self) -> PreparedRows:
        """The training and validation rows, on which the baselines are fitted."""
        return self.training.followed_by(self.validation) if len(self.parts.validation) else self.training

    @cached_property
    def test(self) -> PreparedRows:
        """The test rows."""
        return self._encoded(self.parts.test, self.tested)

    @property
    def test_rows(self) -> Table:
        """The cells of the test rows."""
        return self.tested.take(self.parts.test)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of all rows, those of a separate test table included."""
        own = self.table.fingerprint
        if self.tested is self.table:
            return own
        return hashlib.sha256(f"{own} {self.tested.fingerprint}".encode()).hexdigest()

    @property
    def head(self) -> Head:
        """Outputs and loss of a network for the task."""
        return Head.of(self.preparation.labels)

    @property
    def notices(self) -> list[Finding]:
        """Notices for the user: unused columns and rows, classes with few rows."""
        left_out = [column.notice for column in self.columns if column.notice is not None]
        doubts = [doubt for column in self.columns for doubt in column.doubts]
        cut = [e.notice for e in self.preparation.encodings if isinstance(e, Category | Texts) and e.notice]
        notices = [*self.table.notices, *self.task.notices, *self.doubts, *doubts, *left_out, *cut]
        return sorted(limit([*notices, *self.parts.notices]), key=lambda notice: SEVERITY[notice.severity])

    def labels(self, rows: PreparedRows) -> np.ndarray:
        """Return the targets of rows as labels, or as standardized values.

        Args:
            rows: rows of this data.
        """
        return np.array(self.preparation.labels)[rows.y] if self.task.is_classification else rows.y

    def _encoded(self, rows: np.ndarray, source: Table | None = None) -> PreparedRows:
        table = (self.table if source is None else source).take(rows)
        weights = row_weights(table, self.weight) if self.weight and len(rows) else None
        return PreparedRows(self.preparation.inputs(table), self.preparation.targets(table), weights)


def _with_roles(columns: tuple[Column, ...], roles: Mapping[str, str]) -> tuple[Column, ...]:
    """Return the columns with the reasons why some are not inputs."""
    return tuple(
        replace(column, reason=Finding(roles[column.name])) if column.name in roles else column
        for column in columns
    )


def _with_test(prepared: PreparedData, test: Table) -> PreparedData:
    """Return the data with the rows of another table as test rows; all their cells are validated."""
    preparation, parts = prepared.preparation, prepared.parts
    preparation.apply(test)
    require_columns(test, preparation.target)
    tested = test.take(np.flatnonzero(test.frame[preparation.target].is_not_null().to_numpy()))
    if not tested.rows:
        expected = fact("at least 1 row per part")
        received = fact("no row with a target")
        fix = fact("add the targets, or leave out --test")
        raise DataError("E331", where=test.source, expected=expected, received=received, fix=fix)
    preparation.targets(tested)
    if prepared.weight:
        row_weights(tested, prepared.weight)
    names = (*preparation.columns, preparation.target)
    known = int(np.isin(row_digests(tested, names), row_digests(prepared.table, names)).sum())
    doubts = [Finding("test_known", "warning", {"count": known, "rows": tested.rows})] if known else []
    parts = Split(parts.train, parts.validation, np.arange(tested.rows), parts.notices)
    return replace(prepared, parts=parts, tested=tested, doubts=(*prepared.doubts, *doubts))
