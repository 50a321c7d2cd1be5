"""A table understood, split and prepared: everything a training needs to know of its data.

The test rows are set aside here, before anything is learned, and come out again once, when the finished net
is judged.
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
from chainrule.records import frozen


@frozen(eq=False)
class Part:
    """Prepared rows: inputs (N, F) or (N, H, W, C), and class numbers or standardized values (N,)."""

    x: np.ndarray
    y: np.ndarray

    @property
    def flat(self) -> np.ndarray:
        """The inputs as one list of numbers for each row, (N, F): what the simple rivals learn from."""
        return self.x.reshape(len(self.x), -1)  # (N, H, W, C) -> (N, H * W * C)


@frozen(eq=False)
class Study:
    """What was understood of a table.

    Args:
        table: the rows that have a target.
        columns: what each column is.
        task: what is to be learned.
        parts: which rows train, validate and judge.
        preparation: from cells to numbers, learned on the training rows.
    """

    table: Table
    columns: tuple[Column, ...]
    task: Task
    parts: Split
    preparation: Preparation

    @staticmethod
    def of(options: Options) -> Study:
        """Read and understand the data.

        Raises:
            DataError: what the data room refuses.
        """
        table = without(_read(options), options.drop)
        target = options.target or table.target
        columns = describe(table, target, options.kinds)
        task = choose_task(table, target, options.task or None, columns)
        rows = table.take(task.rows)
        labels = (
            rows.frame[task.target].cast(str).to_numpy() if task.is_classification else np.zeros(rows.rows)
        )
        parts = split(labels, options.seed, stratify=task.is_classification)
        preparation = Preparation.fit(rows.take(parts.train), columns, task.target, task)
        return Study(rows, columns, task, parts, preparation)

    @cached_property
    def training(self) -> Part:
        """The rows to learn from."""
        return self._part(self.parts.train)

    @cached_property
    def validation(self) -> Part:
        """The rows that say when to stop."""
        return self._part(self.parts.validation)

    @property
    def known(self) -> Part:
        """All rows but the held-out ones."""
        return self._part(np.concatenate([self.parts.train, self.parts.validation]))

    @cached_property
    def test(self) -> Part:
        """The held-out fifth."""
        return self._part(self.parts.test)

    @property
    def outputs(self) -> int:
        """How many numbers the net gives: one for values and for yes or no, else one for each class."""
        return len(self.preparation.labels) if len(self.preparation.labels) > 2 else 1

    @property
    def loss(self) -> str:
        """The loss that suits the task, by name."""
        if not self.task.is_classification:
            return "mse"
        return "cross_entropy" if self.outputs > 1 else "binary_cross_entropy"

    @property
    def notices(self) -> list[Finding]:
        """What a person should be told: columns and rows left out, classes too thin."""
        left_out = [column.notice for column in self.columns if column.notice is not None]
        return [*self.table.notices, *self.task.notices, *left_out, *self.parts.notices]

    def _part(self, rows: np.ndarray) -> Part:
        table = self.table.take(rows)
        return Part(self.preparation.inputs(table), self.preparation.targets(table))


def _read(options: Options) -> Table:
    """The data; a folder of images in the size that was asked for."""
    if not os.path.isdir(options.data):
        return read_table(options.data)
    return read_images(options.data, options.size or None, damaged=options.damaged)


def without(table: Table, columns: tuple[str, ...]) -> Table:
    """The table without some columns.

    Raises:
        DataError E313: a column that is not there; the nearest is offered.
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
