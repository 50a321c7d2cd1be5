"""The training that a run folder records: its options, its rows, and the same training on other rows."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from chainrule.data import PreparedData
from chainrule.data.tables.random_split import Split
from chainrule.errors import FileError, UsageError, fact
from chainrule.escaping import quoted
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.store import RunFolder
from chainrule.tabular.evaluation import model_output
from chainrule.tabular.options import Options
from chainrule.tabular.run_folder import CONFIG, HISTORY, model_file, read_config
from chainrule.tabular.training_plan import TrainingPlan, plan_of, prepare_data
from chainrule.train.checkpoint.model_file import load as load_state

if TYPE_CHECKING:
    from chainrule.step_explanation.replayed_step import Replay

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
        """Return the same training of other rows, with a seed that depends on the number ``seed``."""
        other = (self.options.seed + 1 + seed) % 2**63
        return plan_of(replace(self.options, seed=other), prepared)

    def pooled(self) -> PreparedData:
        """Return the data with the test rows of its table after the training rows, and without a test."""
        parts = self.prepared.parts
        rows = np.concatenate([parts.train, parts.test]) if self.has_own_test else parts.train
        split = Split(rows, parts.validation, NO_ROWS, parts.notices)
        return replace(self.prepared, parts=split, tested=self.prepared.table)


def is_recorded(run: str) -> bool:
    """Return whether a RUN is a folder with the options of its training."""
    return os.path.isdir(run) and os.path.isfile(Path(run) / CONFIG)


def recorded_runs(folder: str = "runs") -> list[str]:
    """Return the trainings in a folder that have a history, the newest first.

    Args:
        folder: as ``chainrule train`` makes it.
    """
    files = [path for path in Path(folder).glob(f"*/{HISTORY}") if is_recorded(str(path.parent))]
    return [str(path.parent) for path in sorted(files, key=lambda path: -path.stat().st_mtime_ns)]


def is_repeatable(run: str) -> bool:
    """Return whether a RUN records a training that can be repeated: of a folder, and not private."""
    return is_recorded(run) and not read_config(RunFolder.open(run))[0].epsilon


def recorded_training(run: str, data: str | None = None) -> RecordedTraining:
    """Read the options of a RUN and its rows, now in ``data`` (E613: other rows); see ``read_config``."""
    options, fingerprint = read_config(RunFolder.open(run))
    if data is not None:
        options = replace(options, data=data)
    prepared = prepare_data(options)
    if prepared.fingerprint != fingerprint:
        expected = fact("the rows of the training of {run}", run=run)
        received = fact("{count} other rows", count=prepared.table.rows)
        fix = f"chainrule show {quoted(run)}"
        raise UsageError("E613", where=options.data, expected=expected, received=received, fix=fix)
    return RecordedTraining(options, prepared)


def output_by_label(model: Model, prepared: PreparedData, x: np.ndarray) -> np.ndarray:
    """Return the output of a model with a column for each class of the preparation, (N, K); values (N, 1)."""
    output = model_output(model, x)
    names = prepared.preparation.labels
    if not names or len(model.labels) == len(names):
        return output
    columns = [names.index(label) for label in model.labels]
    full = np.zeros((len(output), len(names)))
    full[:, columns] = output[:, : len(columns)]
    return full


def replay(run: str, data: str, step: int) -> Replay:
    """Replay a step of the training of a RUN with all its values.

    Args:
        run: the run folder; it is only read.
        data: the training data, with the name used for training.
        step: number of the step, from 1.

    Raises:
        FileError E533: a model file alone, which does not contain the options of the training.
        UsageError E603: other data. E530: no such step. Others as ``Model.replay``.
    """
    if not os.path.isdir(run):
        expected = fact("the folder of a training")
        received = fact("a file") if os.path.exists(run) else fact("nothing")
        fix = f"chainrule explain {quoted(run)} DATA --row 1"
        raise FileError("E533", where=run, expected=expected, received=received, fix=fix)
    if os.path.isdir(Path(run) / "checkpoints") and not os.path.isfile(Path(run) / CONFIG):
        expected = fact("the folder of a training")
        received = fact("checkpoints of a training in Python")
        fix = fact("in Python: {code}", code=f'model.replay({step}, x, y, run="{run}")')
        raise FileError("E533", where=run, expected=expected, received=received, fix=fix)
    state = load_state(model_file(run))
    folder = RunFolder.open(run)
    options, fingerprint = read_config(folder)
    prepared = prepare_data(options) if data == options.data else None
    if prepared is None or prepared.fingerprint != fingerprint:
        received = data if prepared is None else fact("other rows in {data}", data=data)
        fix = f"chainrule explain {run} {quoted(options.data)} --step {step}"
        raise UsageError("E603", where="replay", expected=options.data, received=received, fix=fix)
    model = Model.of(replace(state, engine=options.engine or None))
    training, named = prepared.training, plan_of(options, prepared).fit_options()
    return model.replay(step, training.x, prepared.labels(training), **named, run=folder)
