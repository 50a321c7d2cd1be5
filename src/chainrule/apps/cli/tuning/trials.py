"""Trials: a training each, scored on rows that did not influence it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

import numpy as np

from chainrule.apps.cli.tuning.search_space import NETWORK, SearchSpace, ensemble_space
from chainrule.data import PreparedData
from chainrule.data.tables.prepared_data import PreparedRows
from chainrule.errors import TrainingError
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.tabular.evaluation import model_output, to_scores
from chainrule.tabular.options import Options
from chainrule.tabular.plan import TrainingPlan, is_ensemble, plan_of, prepare_data
from chainrule.tabular.training import EventRecorder

METRIC = {"classification": "log_loss", "regression": "rmse"}
Settings = Mapping[str, float]
_worker: dict[str, Problem] = {}  # of a worker process


@frozen(eq=False)
class Problem:
    """What every trial of a search is trained and scored on.

    Args:
        base: the options of the command.
        prepared: the rows.
        space: the settings.
    """

    base: Options
    prepared: PreparedData
    space: SearchSpace

    @staticmethod
    def of(base: Options) -> Problem:
        """Read and prepare the rows of a command; an ensemble is searched if one would be trained."""
        prepared = prepare_data(base)
        if is_ensemble(base, len(prepared.preparation.shape) > 1):
            return Problem(base, prepared, ensemble_space(len(prepared.training.y)))
        return Problem(base, prepared, NETWORK)

    @property
    def metric(self) -> str:
        """The name of the score; lower is better."""
        return METRIC[self.prepared.task.kind]

    def plan(self, settings: Settings) -> TrainingPlan:
        """The training that a trial stands for."""
        return plan_of(self.space.options(self.base, settings), self.prepared)

    def trained(self, settings: Settings) -> Model:
        """The trained model of a trial.

        Raises:
            KeyboardInterrupt: the user interrupted the training.
        """
        plan = self.plan(settings)
        model, rows, recorder = plan.model(), self.prepared.training, EventRecorder()
        named = plan.fit_options()
        named["callbacks"] = [*named["callbacks"], recorder]
        model.fit(rows.x, self.prepared.labels(rows), **named, probes=False, doctor=False, verbose=False)
        if recorder.was_interrupted:
            raise KeyboardInterrupt
        return model

    def score(self, settings: Settings) -> float:
        """The score of a trial on rows outside its training; infinite if the training fails."""
        try:
            model = self.trained(settings)
        except TrainingError as error:
            if error.code != "E501":
                raise
            return math.inf
        score = self.validation_score(model, settings)
        return score if math.isfinite(score) else math.inf

    def validation_score(self, model: Model, settings: Settings) -> float:
        """The score on validation rows; those of an ensemble are predicted by members trained on others."""
        held_out = self.plan(settings).held_out(model)
        return self._score(model, held_out.rows, held_out.output)

    def test_score(self, model: Model) -> float:
        """The score on the test rows."""
        rows = self.prepared.test
        return self._score(model, rows, model_output(model, rows.x))

    def _score(self, model: Model, rows: PreparedRows, output: np.ndarray) -> float:
        scores = to_scores(model, rows.y, {"net": output}, rows.weights)
        return scores.metrics("net", [self.metric])[self.metric]


class Evaluator:
    """Computes the scores of trials, in their order.

    Args:
        problem: what the trials are scored on.
        pool: worker processes; ``None``: this process computes.
    """

    def __init__(self, problem: Problem, pool: ProcessPoolExecutor | None) -> None:
        self._problem, self._pool = problem, pool

    def scores(self, trials: Sequence[Settings]) -> Iterator[float]:
        """The score of each trial."""
        if self._pool is not None:
            yield from self._pool.map(_score_in_worker, trials)
            return
        for settings in trials:
            yield self._problem.score(settings)


@contextmanager
def evaluator(problem: Problem, workers: int) -> Iterator[Evaluator]:
    """An evaluator with this number of processes."""
    if workers == 1:
        yield Evaluator(problem, None)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, (problem.base,)) as pool:
        yield Evaluator(problem, pool)


def _start_worker(base: Options) -> None:
    """Read the rows once for all trials of a worker process."""
    _worker["problem"] = Problem.of(base)


def _score_in_worker(settings: Settings) -> float:
    return _worker["problem"].score(settings)
