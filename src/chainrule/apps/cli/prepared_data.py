"""A table with its columns, task, split and preparation, as a training needs it.

The test rows are separated before anything is fitted, and used once, to evaluate the trained model.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cached_property

import numpy as np

from chainrule.apps.cli.options import Options
from chainrule.data import (
    Column,
    Finding,
    Preparation,
    Split,
    Table,
    Task,
    choose_task,
    describe,
    read_images,
    read_table,
    split,
)
from chainrule.errors import DataError, nearest
from chainrule.model_arguments import LossName
from chainrule.records import frozen


@frozen(eq=False)
class Part:
    """Prepared rows: inputs (N, F) or (N, H, W, C), and class numbers or standardized values (N,)."""

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
    """

    table: Table
    columns: tuple[Column, ...]
    task: Task
    parts: Split
    preparation: Preparation

    @staticmethod
    def of(options: Options) -> PreparedData:
        """Read and prepare the data of a training.

        Raises:
            DataError: as the functions of ``chainrule.data``.
        """
        table = drop_columns(_read(options), options.drop)
        target = options.target or table.target
        columns = describe(table, target, options.kinds)
        task = choose_task(table, target, options.task or None, columns)
        rows = table.take(task.rows)
        labels = (
            rows.frame[task.target].cast(str).to_numpy() if task.is_classification else np.zeros(rows.rows)
        )
        parts = split(labels, options.seed, stratify=task.is_classification)
        preparation = Preparation.fit(rows.take(parts.train), columns, task.target, task)
        return PreparedData(rows, columns, task, parts, preparation)

    @cached_property
    def training(self) -> Part:
        """The training rows."""
        return self._part(self.parts.train)

    @cached_property
    def validation(self) -> Part:
        """The validation rows."""
        return self._part(self.parts.validation)

    @property
    def training_and_validation(self) -> Part:
        """The training and validation rows, from which the baselines are fitted."""
        return self._part(np.concatenate([self.parts.train, self.parts.validation]))

    @cached_property
    def test(self) -> Part:
        """The test rows."""
        return self._part(self.parts.test)

    @property
    def outputs(self) -> int:
        """The number of outputs: one for values and for two classes, otherwise one per class."""
        return len(self.preparation.labels) if len(self.preparation.labels) > 2 else 1

    @property
    def loss(self) -> LossName:
        """The name of the loss for the task."""
        if not self.task.is_classification:
            return "mse"
        return "cross_entropy" if self.outputs > 1 else "binary_cross_entropy"

    @property
    def notices(self) -> list[Finding]:
        """Notices for the user: unused columns and rows, classes with few rows."""
        left_out = [column.notice for column in self.columns if column.notice is not None]
        return [*self.table.notices, *self.task.notices, *left_out, *self.parts.notices]

    def labels(self, part: Part) -> np.ndarray:
        """The targets of a part as labels, or as standardized values."""
        return np.array(self.preparation.labels)[part.y] if self.task.is_classification else part.y

    def _part(self, rows: np.ndarray) -> Part:
        table = self.table.take(rows)
        return Part(self.preparation.inputs(table), self.preparation.targets(table))


def _read(options: Options) -> Table:
    """Read a table, or a folder of images with the size of the options."""
    if not os.path.isdir(options.data):
        return read_table(options.data)
    return read_images(options.data, options.size or None, damaged=options.damaged)


def drop_columns(table: Table, columns: tuple[str, ...]) -> Table:
    """The table without some columns.

    Raises:
        DataError E313: an unknown column; the error suggests the closest name.
    """
    unknown = [name for name in columns if name not in table.columns]
    if unknown:
        raise DataError(
            "E313",
            where="--drop",
            name='", "'.join(unknown),
            expected=", ".join(table.columns[:12]),
            fix=nearest(unknown[0], table.columns),
        )
    return replace(table, frame=table.frame.drop(columns))
