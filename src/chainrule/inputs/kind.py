"""The record of a kind of input, and what it returns.

Commands on a model and a file have no case for any kind: they call the methods of the kind that recognizes
the model. Most methods have a default for kinds whose rows have one prediction each.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from chainrule.data import Finding, Table
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import ReadOptions
from chainrule.errors import TrainingError, UsageError, fact, nearest
from chainrule.messages import join_facts
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.robustness import is_unlike, refusing_gate

if TYPE_CHECKING:
    from chainrule.attribution.attribution import Attribution

ARRAYS = ".npz"
TARGET = "y"  # the column of targets in a table of texts, molecules or names of files


@frozen(eq=False)
class Output:
    """Predictions in the form of a kind.

    Args:
        columns: arrays by name, or a frame, such as one with a row for each box.
        file: where they are written; ``None``: to the standard output.
        is_by_row: whether there is one for each row, which is printed beside the columns of the table.
        notice: a sentence for the user; empty for none.
    """

    columns: Mapping[str, np.ndarray] | pl.DataFrame
    file: str | None = None
    is_by_row: bool = False
    notice: str = ""


@frozen(eq=False)
class Evaluation:
    """Metrics of a kind that has its own.

    Args:
        scores: by title; empty if there are none.
        notes: sentences below them.
    """

    scores: Mapping[str, float]
    notes: tuple[str, ...] = ()


class InputKind(ABC):
    """A kind of input. A subclass is a record of what a model stores about it.

    A kind that stores something in a model has ``facts``; other kinds are recognized by the network and have
    a larger ``priority``: of several that recognize a model, the one with the smallest applies.
    """

    name: ClassVar[str]
    priority: ClassVar[int] = 0
    needs_targets: ClassVar[bool] = False  # whether a row cannot be explained without a target
    keeps_columns: ClassVar[bool] = True  # whether predictions may be printed beside the columns of a table
    names_unlike: ClassVar[bool] = True  # whether a row unlike the training has the class "unknown"
    skips_damaged: ClassVar[bool] = True  # whether the other rows can be read where one is damaged

    @classmethod
    @abstractmethod
    def of(cls, model: Model) -> Self | None:
        """Return how a model reads this kind; ``None`` if it does not.

        Facts of a model come from a file and are checked.
        """

    def open(self, model: Model, data: Any, reading: ReadOptions) -> Table | None:
        """Return the rows of a file or a folder before they are encoded, each by itself.

        Args:
            model: recognized by this kind.
            data: the file or folder; for a kind that reads a table of texts also a frame.
            reading: how a table is read.

        Returns:
            a table of texts or of names of files; ``None`` for a kind that has its own ``read``, and if
            ``data`` is of another kind.
        """
        return None

    def text_columns(self, model: Model) -> tuple[str, ...]:
        """Return the columns of a row of texts, such as one that a user types; empty: a row is no text.

        Args:
            model: recognized by this kind.
        """
        return ()

    def encode(self, model: Model, table: Table) -> InputRows:
        """Return the encoded rows of a table that ``open`` returned, or that has the ``text_columns``.

        Args:
            model: recognized by this kind.
            table: some of its rows.

        Raises:
            DataError: a row that cannot be encoded; its position is named.
        """
        raise TypeError(f"{type(self).__name__} has no encode")

    def read(
        self, model: Model, data: Any, reading: ReadOptions, damaged: str = "refuse"
    ) -> InputRows | None:
        """Read and encode the rows of a file or a folder; by default by ``open`` and ``encode``.

        Args:
            model: recognized by this kind.
            data: the file or folder; for a kind that reads a table of texts also a frame.
            reading: how a table is read.
            damaged: ``"skip"`` leaves out images that cannot be decoded.

        Returns:
            the rows, or ``None`` if ``data`` is of another kind.
        """
        table = self.open(model, data, reading)
        return None if table is None else self.encode(model, table)

    @abstractmethod
    def expected(self, model: Model, run: str) -> tuple[str, str]:
        """Return what the model reads, and a command or a call that works, for an error.

        Args:
            model: recognized by this kind.
            run: the run folder or the model file.
        """

    def target_place(self, rows: InputRows, data: str) -> str:
        """Return where the targets of such rows are read, for an error: by default a call that saves them."""
        file = data if is_archive(data) else f"rows{ARRAYS}"
        return save_call(file, (*(rows.x if isinstance(rows.x, dict) else ("x",)), "y"))

    @property
    def facts(self) -> dict[str, Any]:
        """What a model file stores about the kind, by key."""
        return {}

    def attach(self, model: Model) -> None:
        """Record in a trained model how its inputs are read, so that commands read files for it.

        Args:
            model: a trained model, which is changed.
        """
        model.adopt(replace(model.state, facts={**model.facts, **self.facts}))

    def options(self) -> str:
        """Return the options of ``chainrule predict`` that apply, for an error; empty if all do."""
        return ""

    def output(self, model: Model, rows: InputRows, out: str | None) -> Output | None:
        """Return the predictions in the form of the kind; ``None``: each row has a label or a value.

        Args:
            model: recognized by this kind.
            rows: as ``read`` returns them.
            out: the file or folder for them; ``None``: the standard output.
        """
        return None

    def unlike(self, model: Model, x: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return whether each row is unlike those of the training, (N,), by the gate of the model.

        Args:
            model: recognized by this kind.
            x: encoded rows by input name.
        """
        gate = refusing_gate(model.state)
        if gate is None:
            return np.zeros(len(next(iter(x.values()))), bool)
        return is_unlike(model.state, gate, x)

    @property
    def has_own_output(self) -> bool:
        """Whether all rows have predictions in the form of the kind."""
        return type(self).output is not InputKind.output

    def spelled(self, values: np.ndarray) -> np.ndarray:
        """Return predictions as they are printed."""
        return values

    def evaluation(self, model: Model, rows: InputRows, metrics: Sequence[str]) -> Evaluation | None:
        """Return the metrics of the kind; ``None``: those of the model's task.

        Args:
            model: recognized by this kind.
            rows: as ``read`` returns them.
            metrics: names of requested metrics.
        """
        return None

    def without_targets(self, rows: InputRows, run: str, data: str) -> UsageError:
        """Return the error for rows without the targets that a command needs."""
        return UsageError(
            "E122", where=data, expected=fact("a label or a value"), fix=self.target_place(rows, data)
        )

    def attribution_target(self, model: Model, row: InputRows) -> Any:
        """Return the output that is explained by default; ``None``: the predicted one.

        Args:
            model: recognized by this kind.
            row: one row.
        """
        return None

    def named_target(self, model: Model, row: InputRows, text: str) -> Any:
        """Return the output that a text names in the terms of the kind; ``None``: it names none.

        Args:
            model: recognized by this kind.
            row: one row.
            text: as passed to ``--target``.
        """
        return None

    def relabel(self, attribution: Attribution, row: InputRows) -> Attribution:
        """Return an attribution in the terms of the kind: atoms, characters, names of items.

        Args:
            attribution: by input of the network.
            row: the explained row.
        """
        return attribution


@frozen(eq=False)
class LeftOut:
    """Rows that cannot be encoded, among the others.

    Args:
        table: all rows.
        index: (n,) those that are encoded.
        reasons: for each row of the table why it is left out, ``None`` if it is not.
    """

    table: Table
    index: np.ndarray
    reasons: tuple[str | None, ...]

    @property
    def count(self) -> int:
        """How many rows are left out."""
        return self.table.rows - len(self.index)


@frozen(eq=False)
class InputRows:
    """Rows for a model.

    Args:
        kind: that read them.
        x: a table, or arrays by input name.
        y: targets, by name if there are several outputs; ``None`` if the file contains none, and for a table,
            which contains the target.
        count: number of rows.
        cells: the table that ``x`` was encoded from, or the names of files; ``None`` for arrays.
        parts: what else the kind needs of each row: an array, or a record with a method ``take``.
        notices: findings about the rows.
        left_out: damaged rows beside these; ``None`` if there are none.
    """

    kind: InputKind
    x: Any
    y: Any
    count: int
    cells: Table | None = None
    parts: Any = None
    notices: tuple[Finding, ...] = ()
    left_out: LeftOut | None = None

    @property
    def table(self) -> Table | None:
        """The table whose cells are printed beside predictions; ``None`` for arrays."""
        return self.x if isinstance(self.x, Table) else self.cells

    def take(self, index: np.ndarray) -> InputRows:
        """Return the rows in ``index``, in that order."""
        if isinstance(self.x, Table):
            return replace(self, x=self.x.take(index), count=len(index))
        x, y, cells, parts = (_take(part, index) for part in (self.x, self.y, self.cells, self.parts))
        return replace(self, x=x, y=y, count=len(index), cells=cells, parts=parts)

    def row(self, row: int) -> InputRows:
        """Return the row with number ``row``, from 1; without a target if that is not a number.

        Raises:
            UsageError E606: there is no such row.
        """
        if not 1 <= row <= self.count:
            raise UsageError(
                "E606",
                where="--row",
                row=row,
                expected=fact("1 to {last}", last=self.count),
                received=row,
                fix="--row 1",
            )
        one = self.take(np.array([row - 1]))
        is_known = not isinstance(one.y, np.ndarray) or one.y.dtype.kind != "f" or not np.isnan(one.y).all()
        return one if is_known else replace(one, y=None)


def _take(part: Any, index: np.ndarray) -> Any:
    """Return rows of an array, of a dict of arrays, of a record of rows, or of ``None``."""
    if isinstance(part, dict):
        return {name: array[index] for name, array in part.items()}
    if part is None or not hasattr(part, "take") or isinstance(part, np.ndarray):
        return None if part is None else part[index]
    return part.take(index)


def refuse_metrics(metrics: Sequence[str], own: str) -> None:
    """Refuse requested metrics of a kind that has its own (E601).

    Args:
        metrics: names of requested metrics.
        own: what is measured instead.
    """
    if metrics:
        raise UsageError(
            "E601",
            where="chainrule evaluate",
            option="--metric",
            expected=fact("{names}, without --metric", names=own),
            received=f"--metric {metrics[0]}",
            fix=fact("leave --metric out"),
        )


def is_archive(data: object) -> bool:
    """Return whether data are a file of arrays."""
    return isinstance(data, str) and data.endswith(ARRAYS)


def save_call(file: str, names: Sequence[str]) -> str:
    """Return the call that saves arrays to a file."""
    return f'np.savez("{file}", {", ".join(f"{name}={name}" for name in names)})'


def stored_probability(value: object, default: float) -> float:
    """Return a probability that a model stores; the default for another value."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else default


def other_kind(kind: InputKind, model: Model, run: str, data: str) -> UsageError:
    """Return the error for data that a model of this kind does not read."""
    expected, fix = kind.expected(model, run)
    return UsageError("E607", where=data, expected=expected, received=described(data), fix=fix)


def described(data: str) -> str:
    """Return what the user passed, in words."""
    return fact("a folder") if os.path.isdir(data) else Path(data).suffix or fact("a table")


def unknown_class(names: Sequence[str], text: str) -> TrainingError:
    """Return the error E544 of ``--target`` with a word that is no class of boxes or pixels."""
    return TrainingError(
        "E544",
        where="attribute, target",
        expected=fact("a class: {names}", names=join_facts(", ", names[:20], "list")),
        received=f'"{text[:80]}"',
        fix=f"--target {nearest(text, names) or names[0]}",
    )
