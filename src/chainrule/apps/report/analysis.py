"""Everything that the report, the model card and the end of a training are written from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.apps.cli.options import Options
from chainrule.apps.cli.run_writer import Result, metric_names, results_of
from chainrule.apps.report.column_effects import ColumnEffect, column_effects
from chainrule.apps.report.column_importance import ColumnImportance, column_importance
from chainrule.apps.report.evaluation_rows import EvaluationRows
from chainrule.data import PreparedData
from chainrule.memo import cached_property
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.train.evaluation.scores import Scores


@frozen(eq=False)
class Analysis:
    """A trained model with its evaluation.

    Args:
        model: the trained model.
        options: options of the training.
        prepared: the data.
        scores: of the model and the baselines on the evaluation rows.
        rows: rows that the model did not learn from, with their predictions.
        importance: of the columns; ``None`` where it cannot be measured.
        effects: the partial dependence on the most important columns.
    """

    model: Model
    options: Options
    prepared: PreparedData
    scores: Scores
    rows: EvaluationRows
    importance: ColumnImportance | None
    effects: Sequence[ColumnEffect]

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
    model: Model, options: Options, prepared: PreparedData, scores: Scores, rows: EvaluationRows
) -> Analysis:
    """Measure the importance of the columns and the dependence of the predictions on them."""
    importance = column_importance(rows, prepared.preparation)
    strongest = importance.strongest if importance else ()
    effects = column_effects(rows, prepared.preparation, strongest) if strongest else []
    return Analysis(model, options, prepared, scores, rows, importance, effects)
