"""What the model of a RUN reveals about the rows of its training: the same training on other rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

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
from chainrule.errors import UsageError, fact
from chainrule.model import Model
from chainrule.prng import fold, key_of, permutation
from chainrule.settings import settings
from chainrule.tabular.recorded_training import RecordedTraining, output_by_label
from chainrule.tabular.texts import text_of
from chainrule.tabular.training_status import Notify

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
