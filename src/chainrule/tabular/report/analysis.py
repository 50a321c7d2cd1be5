"""Everything that the report, the model card and the end of a training are written from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.data import PreparedData
from chainrule.memo import cached_property
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.tabular.comparison import Scores
from chainrule.tabular.evaluation import Result, metric_names, results_of
from chainrule.tabular.intervals import MeasuredIntervals
from chainrule.tabular.options import Options
from chainrule.tabular.plan import TrainingPlan
from chainrule.tabular.report.column_effects import ColumnEffect, column_effects
from chainrule.tabular.report.column_importance import ColumnImportance, column_importance
from chainrule.tabular.report.evaluation_rows import EvaluationRows
from chainrule.tabular.report.robust_accuracy import RobustAccuracy, robust_accuracy


@frozen(eq=False)
class Analysis:
    """A trained model with its evaluation.

    Args:
        plan: the training: its options, its data, and the use of the rows.
        scores: of the model and the baselines on the evaluation rows.
        rows: rows that the model did not learn from, with their predictions.
        importance: of the columns; ``None`` where it cannot be measured.
        robustness: the accuracy under attack, if the options request it.
        effects: the partial dependence on the most important columns.
        intervals: of a regression, if there are rows for them.
    """

    model: Model
    plan: TrainingPlan
    scores: Scores
    rows: EvaluationRows
    importance: ColumnImportance | None
    effects: Sequence[ColumnEffect]
    robustness: RobustAccuracy | None = None
    intervals: MeasuredIntervals | None = None

    @property
    def options(self) -> Options:
        """The options of the training."""
        return self.plan.options

    @property
    def prepared(self) -> PreparedData:
        """The data."""
        return self.plan.prepared

    @cached_property
    def results(self) -> list[Result]:
        """The metrics of the model, first, and of the baselines."""
        return results_of(self.scores, metric_names(self.prepared.task.kind, self.options.metric))

    @property
    def labels(self) -> tuple[object, ...]:
        """The classes; empty for a regression."""
        return self.prepared.preparation.labels

    @property
    def class_counts(self) -> np.ndarray:
        """The number of evaluation rows of each class."""
        return np.bincount(self.rows.y, minlength=len(self.labels)) if self.labels else np.zeros(0, int)


def analyze(
    model: Model, plan: TrainingPlan, scores: Scores, intervals: MeasuredIntervals | None = None
) -> Analysis:
    """Measure the importance of the columns and the dependence of the predictions on them."""
    prepared, rows = plan.prepared, EvaluationRows.of(model, plan.scored)
    importance = column_importance(rows, prepared.preparation)
    strongest = importance.strongest if importance else ()
    effects = column_effects(rows, prepared.preparation, strongest) if strongest else []
    robustness = robust_accuracy(model, plan)
    return Analysis(model, plan, scores, rows, importance, effects, robustness, intervals)
