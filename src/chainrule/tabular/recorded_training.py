"""The training that a run folder records: its options, its rows, and the same training on other rows."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from chainrule.auditing.membership import (
    Candidates,
    MembershipResult,
    Trainer,
    attack_membership,
    closeness,
    fit_statistic,
)
from chainrule.auditing.one_training_audit import (
    OneRunResult,
    bound_by_scores,
    random_coins,
    refuse_canaries,
    refuse_claim,
    wrong_labels,
)
from chainrule.data import PreparedData, Table
from chainrule.data.tables.prepared_data import PreparedRows
from chainrule.data.tables.random_split import Split
from chainrule.errors import FileError, UsageError, fact
from chainrule.escaping import quoted
from chainrule.model import Model
from chainrule.prng import fold, key_of, permutation
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.step_explanation.replayed_step import Replay
from chainrule.store import RunFolder
from chainrule.tabular.evaluation import model_output
from chainrule.tabular.options import Options
from chainrule.tabular.run_folder import CONFIG, HISTORY, model_file, read_config
from chainrule.tabular.texts import text_of
from chainrule.tabular.training_plan import TrainingPlan, plan_of, prepare_data
from chainrule.tabular.training_status import Notify
from chainrule.train.checkpoint.model_file import load as load_state

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
        fix = f'model.replay({step}, x, y, run="{run}")'
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


CANARIES = 500  # by default, at most one half of the rows
_STREAM = 0x43414E43  # "CANC"


def membership_of(
    model: Model, training: RecordedTraining, others: Table | None, shadows: int, seed: int, notify: Notify
) -> MembershipResult:
    """Return how well rows of the training are distinguished from test rows or from other rows.

    Args:
        others: rows that were not used in it; ``None``: its test rows. Without any, a model trained on a half
            of the rows is attacked in its place.
        seed: of the halves and trainings.
        notify: receives a line before each training.
    """
    prepared = training.prepared
    rows = prepared.training
    x, y, test, trainable = rows.x, rows.y, prepared.test, None
    if others is not None:
        preparation = prepared.preparation
        test = PreparedRows(preparation.inputs(others), preparation.targets(others))
    if len(test.y):
        x, y = np.concatenate([x, test.x]), np.concatenate([y, test.y])
    is_member = np.arange(len(y)) < len(rows.y)
    if others is not None or not training.has_own_test:
        trainable = None if is_member.all() else is_member
    if is_member.all() and shadows < 2:
        where = "chainrule audit"
        expected = fact("--shadows 2 or more, or --others FILE: the model was trained on all rows")
        raise UsageError(
            "E601", where=where, option="--shadows", received=shadows, fix="--shadows 8", expected=expected
        )
    candidates = Candidates(y, is_member, prepared.task.is_classification, trainable)
    output = None if is_member.all() else output_by_label(model, prepared, x)
    count = shadows + (output is None)
    result = attack_membership(
        output,
        candidates,
        _trainer(training, x, count, notify),
        shadows=shadows,
        seed=seed,
        lang=settings.lang,
    )
    return result.with_numbers(_numbers(training, len(y)))


def _numbers(training: RecordedTraining, count: int) -> list[int]:
    """Return the row numbers in the file of the training; 0 for rows of another file."""
    prepared = training.prepared
    own = [prepared.parts.train, *([prepared.parts.test] if training.has_own_test else [])]
    numbers = (np.asarray(prepared.task.rows)[np.concatenate(own)] + 1).tolist()[:count]
    return [*numbers, *[0] * (count - len(numbers))]


def _trainer(training: RecordedTraining, x: np.ndarray, count: int, notify: Notify) -> Trainer:
    """Return a function that trains models as the recorded one was; it returns outputs for all rows."""
    pooled, report = training.pooled(), _progress(count, notify)

    def train(rows: np.ndarray, seed: int) -> np.ndarray:
        report()
        return output_by_label(training.on(pooled, seed).trained_on(rows), training.prepared, x)

    return train


def _progress(count: int, notify: Notify) -> Callable[[], None]:
    """Return a function that reports the number of its call."""
    numbers = iter(range(1, count + 1))

    def report() -> None:
        notify(text_of("audit_training").format(number=next(numbers, count), count=count))

    return report


def canary_audit(
    training: RecordedTraining,
    canaries: int | None,
    delta: float,
    claim: float | None,
    seed: int,
    notify: Notify,
) -> OneRunResult:
    """Return a lower bound of epsilon, from a training in which coins decide on wrongly labeled rows.

    Args:
        canaries: the number of these rows; ``None``: 500, or one half of the rows.
        delta, claim: of the privacy that is claimed.
        seed: of the choice of rows and labels.
        notify: receives a line before each training.
    """
    prepared = training.prepared
    rows = len(prepared.parts.train)
    number = min(CANARIES, rows // 2) if canaries is None else canaries
    refuse_canaries(number, rows)
    refuse_claim(number, delta, claim)
    chosen = permutation(fold(key_of(seed), _STREAM), rows)[:number]
    changed = with_wrong_targets(prepared, chosen, seed)
    coins, report = random_coins(number), _progress(2, notify)
    plain = np.setdiff1d(np.arange(rows), chosen)
    canary_rows, is_classification = changed.training.take(chosen), prepared.task.is_classification
    fits = []
    for used in (plain, np.sort(np.concatenate([plain, chosen[coins]]))):
        report()
        output = output_by_label(training.on(changed, seed).trained_on(used), prepared, canary_rows.x)
        statistic = fit_statistic(output, canary_rows.y, is_classification)
        fits.append(closeness(statistic, is_classification))
    return bound_by_scores(fits[1] - fits[0], coins, delta=delta, claim=claim, lang=settings.lang)


def with_wrong_targets(prepared: PreparedData, chosen: np.ndarray, seed: int) -> PreparedData:
    """Return the data without a test, and ``chosen`` training rows with the target of other ones of these."""
    parts, table, y = prepared.parts, prepared.table, prepared.training.y
    places = parts.train[chosen]
    if prepared.task.is_classification:
        present, first = np.unique(y, return_index=True)
        sources = parts.train[first[np.searchsorted(present, wrong_labels(y[chosen], seed))]]
    else:
        order = permutation(fold(key_of(seed), _STREAM, 1), len(chosen))
        sources = np.empty_like(places)
        sources[order] = places[np.roll(order, 1)]
    index = np.arange(table.rows)
    index[places] = sources
    name = prepared.task.target
    frame = table.frame.with_columns(table.frame[name].gather(index))
    originals = {column: texts for column, texts in table.originals.items() if column != name}
    table = replace(table, frame=frame, originals=originals)
    split = replace(parts, test=np.zeros(0, np.int64))
    return replace(prepared, table=table, tested=table, parts=split)
