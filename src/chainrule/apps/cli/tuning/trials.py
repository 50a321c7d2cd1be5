"""Trials: one network each, trained on the training rows and scored on the validation rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

from chainrule.apps.cli.options import Options
from chainrule.apps.cli.run_writer import EventRecorder
from chainrule.apps.cli.table_of_options import prepare_data
from chainrule.apps.cli.training_plan import plan_of
from chainrule.apps.cli.tuning.search_space import DEFAULTS, options_of
from chainrule.data import PreparedData
from chainrule.errors import TrainingError
from chainrule.model import Model

Settings = Mapping[str, float]
_worker: dict[str, tuple[Options, PreparedData]] = {}  # of a worker process: the options and the rows


def score_of(settings: Settings, base: Options, prepared: PreparedData) -> float:
    """The lowest validation loss of a trial; infinite if its training fails.

    Args:
        settings: those of the trial.
        base: the options of the command.
        prepared: the rows.
    """
    try:
        model = trained(settings, base, prepared)
    except TrainingError as error:
        if error.code != "E501":
            raise
        return math.inf
    return min(math.inf if row["val_loss"] is None else row["val_loss"] for row in model.history)


def trained(settings: Settings, base: Options, prepared: PreparedData) -> Model:
    """The trained network of a trial; the arguments are those of ``score_of``.

    Raises:
        KeyboardInterrupt: the user interrupted the training.
    """
    plan = plan_of(options_of(base, settings), prepared)
    model, rows, recorder = plan.model(), prepared.training, EventRecorder()
    named = plan.fit_options()
    named["callbacks"] = [*named["callbacks"], recorder]
    model.fit(rows.x, prepared.labels(rows), **named, probes=False, doctor=False, verbose=False)
    if recorder.was_interrupted:
        raise KeyboardInterrupt
    return model


def losses(model: Model, prepared: PreparedData) -> tuple[float, float]:
    """The loss of a model on the validation rows and on the test rows."""
    parts = [(rows, prepared.labels(rows)) for rows in (prepared.validation, prepared.test)]
    validation, test = (model.evaluate(rows.x, y, rows.weights)["loss"] for rows, y in parts)
    return validation, test


class Evaluator:
    """Computes the scores of trials, in their order.

    Args:
        base: the options of the command.
        prepared: the rows.
        pool: worker processes; ``None``: this process computes.
    """

    def __init__(self, base: Options, prepared: PreparedData, pool: ProcessPoolExecutor | None) -> None:
        self._base, self._prepared, self._pool = base, prepared, pool

    def scores(self, trials: Sequence[Settings]) -> Iterator[float]:
        """The score of each trial."""
        if self._pool is not None:
            yield from self._pool.map(_score_in_worker, trials)
            return
        for settings in trials:
            yield score_of(settings, self._base, self._prepared)


@contextmanager
def evaluator(base: Options, prepared: PreparedData, workers: int) -> Iterator[Evaluator]:
    """An evaluator with this number of processes."""
    if workers == 1:
        yield Evaluator(base, prepared, None)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, (base,)) as pool:
        yield Evaluator(base, prepared, pool)


def _start_worker(base: Options) -> None:
    """Read the rows once for all trials of a worker process."""
    _worker["search"] = base, prepare_data(options_of(base, DEFAULTS))


def _score_in_worker(settings: Settings) -> float:
    return score_of(settings, *_worker["search"])
