"""The training that a run folder records: its options, its rows, and the same training on other rows."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from chainrule.apps.cli.config_file import CONFIG, read_config
from chainrule.apps.cli.model_output import model_output
from chainrule.apps.cli.options import Options, quoted
from chainrule.apps.cli.table_of_options import prepare_data
from chainrule.apps.cli.training_plan import TrainingPlan, plan_of
from chainrule.data import PreparedData
from chainrule.data.tables.split import Split
from chainrule.errors import UsageError, fact
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.store import RunFolder

NO_ROWS = np.zeros(0, np.int64)


@frozen(eq=False)
class RecordedTraining:
    """The options and the prepared rows of a training by ``chainrule train``."""

    options: Options
    prepared: PreparedData

    @property
    def plan(self) -> TrainingPlan:
        """What the training did with its rows."""
        return plan_of(self.options, self.prepared)

    @property
    def has_own_test(self) -> bool:
        """Whether test rows are a part of the table of the training rows."""
        return self.prepared.tested is self.prepared.table and len(self.prepared.parts.test) > 0

    def on(self, prepared: PreparedData, seed: int) -> TrainingPlan:
        """The same training of other rows, with a seed that depends on the number ``seed``."""
        other = (self.options.seed + 1 + seed) % 2**63
        return plan_of(replace(self.options, seed=other), prepared)

    def pooled(self) -> PreparedData:
        """The data with the test rows of its table after the training rows, and without a test."""
        parts = self.prepared.parts
        rows = np.concatenate([parts.train, parts.test]) if self.has_own_test else parts.train
        split = Split(rows, parts.validation, NO_ROWS, parts.notices)
        return replace(self.prepared, parts=split, tested=self.prepared.table)


def is_recorded(run: str) -> bool:
    """Whether a RUN is a folder with the options of its training."""
    return os.path.isdir(run) and os.path.isfile(Path(run) / CONFIG)


def is_repeatable(run: str) -> bool:
    """Whether a RUN records a training that can be repeated: not of a model file, and not a private one."""
    return is_recorded(run) and not read_config(RunFolder.open(run))[0].epsilon


def recorded_training(run: str, data: str | None = None) -> RecordedTraining:
    """Read the options of a RUN and the rows of its training.

    Args:
        run: the run folder.
        data: the table of the training, where it is not at its place any more.

    Raises:
        UsageError E613: other rows. Others as ``read_config`` and ``prepare_data``.
    """
    options, fingerprint = read_config(RunFolder.open(run))
    if data is not None:
        options = replace(options, data=data)
    prepared = prepare_data(options)
    if prepared.fingerprint != fingerprint:
        raise UsageError(
            "E613", where=options.data, expected=fact("the rows of the training of {run}", run=run),
            received=fact("{count} other rows", count=prepared.table.rows),
            fix=f"chainrule show {quoted(run)}",
        )  # fmt: skip
    return RecordedTraining(options, prepared)


def output_by_label(model: Model, prepared: PreparedData, x: np.ndarray) -> np.ndarray:
    """The output of a model with one column for each class of the preparation, (N, K); values (N, 1)."""
    output = model_output(model, x)
    names = prepared.preparation.labels
    if not names or len(model.labels) == len(names):
        return output
    columns = [names.index(label) for label in model.labels]
    full = np.zeros((len(output), len(names)))
    full[:, columns] = output[:, : len(columns)]
    return full
