"""The trials of a search: a training each, scored on rows that did not influence it.

A trial of an ensemble is scored by its out-of-fold predictions, one of a single network on the validation
rows.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from chainrule.data import PreparedData, Table
from chainrule.data.tables.prepared_data import PreparedRows
from chainrule.errors import TrainingError
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.tabular.evaluation import model_output, to_scores
from chainrule.tabular.options import Options
from chainrule.tabular.search.space import NETWORK, SearchSpace, Settings, ensemble_space
from chainrule.tabular.training import EventRecorder
from chainrule.tabular.training_plan import TrainingPlan, is_ensemble, plan_of, prepare_data

METRIC = {"classification": "log_loss", "regression": "rmse"}


@frozen(eq=False)
class Problem:
    """What every trial of a search is trained and scored on.

    Args:
        base: the options of every trial.
        prepared: the rows.
    """

    base: Options
    prepared: PreparedData
    space: SearchSpace

    @staticmethod
    def of(base: Options, table: Table | None = None, test: Table | None = None) -> Problem:
        """Read and prepare the rows of a search; an ensemble is searched if one would be trained.

        Args:
            base: the options of every trial; without test rows a part of the rows measures the search.
            table, test: the rows and test rows, if they are not in the files of the options.
        """
        if not base.split and not base.test and test is None:
            base = replace(base, split="random")  # of an ensemble, too
        prepared = prepare_data(base, table, test)
        if is_ensemble(base, len(prepared.preparation.shape) > 1):
            return Problem(base, prepared, ensemble_space(len(prepared.training.y)))
        return Problem(base, prepared, NETWORK)

    @property
    def metric(self) -> str:
        """The name of the score; lower is better."""
        return METRIC[self.prepared.task.kind]

    def plan(self, settings: Settings) -> TrainingPlan:
        """Return the training that a trial stands for."""
        return plan_of(self.space.options(self.base, settings), self.prepared)

    def trained(self, settings: Settings) -> Model:
        """Return the trained model of a trial; raises ``KeyboardInterrupt`` if it was interrupted."""
        plan = self.plan(settings)
        model, rows, recorder = plan.model(), self.prepared.training, EventRecorder()
        named = plan.fit_options()
        named["callbacks"] = [*named["callbacks"], recorder]
        model.fit(rows.x, self.prepared.labels(rows), **named, probes=False, doctor=False, verbose=False)
        if recorder.was_interrupted:
            raise KeyboardInterrupt
        return model

    def score(self, settings: Settings) -> float:
        """Return the score of a trial on rows outside its training; infinite if the training fails."""
        try:
            model = self.trained(settings)
        except TrainingError as error:
            if error.code != "E501":
                raise
            return math.inf
        score = self.validation_score(model, settings)
        return score if math.isfinite(score) else math.inf

    def validation_score(self, model: Model, settings: Settings) -> float:
        """Return the score on validation rows; those of an ensemble are predicted out of fold."""
        held_out = self.plan(settings).held_out(model)
        return self._score(model, held_out.rows, held_out.output)

    def test_score(self, model: Model) -> float:
        """Return the score on the test rows."""
        rows = self.prepared.test
        return self._score(model, rows, model_output(model, rows.x))

    def _score(self, model: Model, rows: PreparedRows, output: np.ndarray) -> float:
        scores = to_scores(model, rows.y, {"net": output}, rows.weights)
        return scores.metrics("net", [self.metric])[self.metric]
