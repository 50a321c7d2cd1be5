"""A table with its columns, task, split and preparation: what a training needs to know of its data.

The command line and ``Model.fit`` use the same steps: describe the columns, choose the task, leave out the
rows without a target, split, fit the preparation on the training rows, encode the rows of each part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from chainrule.data.cells.typed_columns import limit
from chainrule.data.tables.columns import Column, describe
from chainrule.data.tables.findings import SEVERITY, Finding
from chainrule.data.tables.preparation import Preparation
from chainrule.data.tables.spellings import merge_spellings
from chainrule.data.tables.split import FRACTIONS, Split, split
from chainrule.data.tables.suspicions import suspicions
from chainrule.data.tables.table import Table
from chainrule.data.tables.task import Task, choose_task
from chainrule.memo import cached_property
from chainrule.records import frozen


@frozen(eq=False)
class PreparedRows:
    """Encoded rows: inputs (N, F) or (N, H, W, C), and class indices or standardized values (N,)."""

    x: np.ndarray
    y: np.ndarray

    @property
    def flat(self) -> np.ndarray:
        """The inputs as (N, F), for the baselines."""
        return self.x.reshape(len(self.x), -1)  # (N, H, W, C) -> (N, H * W * C)


@frozen(eq=False)
class PreparedData:
    """A table that is ready for training.

    Args:
        table: the rows that have a target.
        columns: the columns with their kinds.
        task: the task and its target.
        parts: the split into training, validation and test rows.
        preparation: converts cells to numbers; fitted on the training rows.
        doubts: findings about columns that look like copies of the target, ids, or missing values.
    """

    table: Table
    columns: tuple[Column, ...]
    task: Task
    parts: Split
    preparation: Preparation
    doubts: tuple[Finding, ...] = ()

    @staticmethod
    def of(
        table: Table, target: str | None = None, *, task: str | None = None,
        kinds: Mapping[str, str] | None = None, seed: int = 0,
        fractions: tuple[float, float, float] = FRACTIONS,
    ) -> PreparedData:  # fmt: skip
        """Prepare a table.

        Args:
            table: the rows.
            target: the column to predict; ``None``: the target that the table defines.
            task: ``"classification"`` or ``"regression"``; ``None``: by the column.
            kinds: the kinds of columns where the user sets them.
            seed: of the split.
            fractions: of training, validation and test rows; ``(1.0, 0.0, 0.0)``: no split.

        Raises:
            DataError: as ``describe``, ``choose_task``, ``split`` and ``Preparation.fit``.

        Example:
            >>> from chainrule.data import read_table
            >>> table = read_table({"size": [1.0, 2.0, 3.0] * 6, "large": ["no", "no", "yes"] * 6})
            >>> prepared = PreparedData.of(table, "large")
            >>> prepared.parts.sizes, prepared.training.x.shape, prepared.preparation.labels
            ((12, 3, 3), (12, 1), ('no', 'yes'))
        """
        target = table.target if target is None else target
        table = merge_spellings(table)
        columns = describe(table, target, kinds)
        chosen = choose_task(table, target, task, columns)
        rows = table.take(chosen.rows)
        parts = _split(rows, chosen, seed, fractions)
        preparation = Preparation.fit(rows.take(parts.train), columns, chosen.target, chosen)
        doubts = tuple(suspicions(rows, columns, chosen))
        return PreparedData(rows, columns, chosen, parts, preparation, doubts)

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
        return self._encoded(np.concatenate([self.parts.train, self.parts.validation]))

    @cached_property
    def test(self) -> PreparedRows:
        """The test rows."""
        return self._encoded(self.parts.test)

    @property
    def outputs(self) -> int:
        """The number of outputs: one for values and for two classes, otherwise one per class."""
        return len(self.preparation.labels) if len(self.preparation.labels) > 2 else 1

    @property
    def loss(self) -> Literal["mse", "cross_entropy", "binary_cross_entropy"]:
        """The name of the loss for the task."""
        if not self.task.is_classification:
            return "mse"
        return "cross_entropy" if self.outputs > 1 else "binary_cross_entropy"

    @property
    def notices(self) -> list[Finding]:
        """Notices for the user: unused columns and rows, classes with few rows."""
        left_out = [column.notice for column in self.columns if column.notice is not None]
        doubts = [doubt for column in self.columns for doubt in column.doubts]
        notices = [*self.table.notices, *self.task.notices, *self.doubts, *doubts, *left_out]
        return sorted(limit([*notices, *self.parts.notices]), key=lambda notice: SEVERITY[notice.severity])

    def labels(self, rows: PreparedRows) -> np.ndarray:
        """The targets of rows as labels, or as standardized values."""
        return np.array(self.preparation.labels)[rows.y] if self.task.is_classification else rows.y

    def _encoded(self, rows: np.ndarray) -> PreparedRows:
        table = self.table.take(rows)
        return PreparedRows(self.preparation.inputs(table), self.preparation.targets(table))


def _split(rows: Table, task: Task, seed: int, fractions: tuple[float, float, float]) -> Split:
    """The split of the rows that have a target; by classes where there are any."""
    if fractions == (1.0, 0.0, 0.0):
        none = np.zeros(0, np.int64)
        return Split(np.arange(rows.rows), none, none)
    is_class = task.is_classification
    labels = rows.frame[task.target].cast(str).to_numpy() if is_class else np.zeros(rows.rows)
    return split(labels, seed, fractions, stratify=is_class)
