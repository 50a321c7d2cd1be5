"""Everything that the report, the model card and the end of a training are written from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.data import PreparedData
from chainrule.data.tables.encoders import Pixels
from chainrule.errors import UsageError, fact
from chainrule.memoization import cached_property
from chainrule.model import Model
from chainrule.page.page import Items
from chainrule.records import frozen
from chainrule.robustness.attack_result import AttackResult
from chainrule.robustness.table_attacks import allowed_changes
from chainrule.tabular.comparison import Scores
from chainrule.tabular.evaluation import Result, metric_names, results_of
from chainrule.tabular.intervals_after_training import MeasuredIntervals
from chainrule.tabular.option_names import place
from chainrule.tabular.options import Options
from chainrule.tabular.predicted_columns import threshold_option
from chainrule.tabular.report.column_importance_and_effects import (
    ColumnEffect,
    ColumnImportance,
    column_effects,
    column_importance,
)
from chainrule.tabular.report.evaluation_rows import EvaluationRows
from chainrule.tabular.texts import both_texts
from chainrule.tabular.threshold import DecisionThreshold
from chainrule.tabular.training_plan import TrainingPlan
from chainrule.texts import LANGUAGES

# The accuracy of a classifier under attack, as a section of the report.

MAX_ROWS = 300  # attacked, evenly spaced


@frozen(eq=False)
class RobustAccuracy:
    """An attack on rows of a training.

    Args:
        part: which rows: ``"validation"``, ``"test"`` or ``"training"``.
    """

    result: AttackResult
    part: str

    @property
    def section(self) -> list[tuple[str, str]]:
        """The sentences of the report in both languages."""
        note = both_texts(f"robust_rows_{self.part}")
        pages = [replace(self.result, lang=lang).page() for lang in LANGUAGES]
        items = [next(part for part in page.sections[0].parts if isinstance(part, Items)) for page in pages]
        return [note, *zip(*(part.texts for part in items), strict=True)]


def refuse_robustness(options: Options, prepared: PreparedData) -> None:
    """Refuse a radius that cannot be attacked, before the training (E102)."""
    if not options.robustness:
        return
    expected, received = "", f"{options.robustness:g}"
    first = prepared.preparation.encodings[0]
    if not prepared.task.is_classification:
        expected, received = fact("classes"), prepared.task.kind
    elif isinstance(first, Pixels):
        expected = "0 to 1" if options.robustness > 1 else ""
    elif not allowed_changes(prepared.preparation, prepared.table, options.robustness, None, {}):
        expected, received = fact("columns of numbers or categories"), fact("none")
    if expected:
        raise UsageError(
            "E102", where=place("robustness"), name="robustness", expected=expected, received=received
        )


def robust_accuracy(model: Model, plan: TrainingPlan) -> RobustAccuracy | None:
    """Attack rows of a training with the radius of its options; ``None`` if they have none.

    The rows are validation rows; of an ensemble, which has none of its own, test rows, or else training rows.
    """
    radius, prepared = plan.options.robustness, plan.prepared
    if not radius:
        return None
    parts, table = prepared.parts, prepared.table
    part, rows = "validation", parts.validation
    if not len(rows):
        part, rows, table = "test", parts.test, prepared.tested
    if not len(rows):
        part, rows, table = "training", parts.train, prepared.table
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(MAX_ROWS, len(rows))).round().astype(np.int64))
    attack: Any = model.attack(table.take(rows[chosen]), radius=radius, **threshold_option(model))
    return RobustAccuracy(attack, part)


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
        threshold: of two classes, if the options request one.
    """

    model: Model
    plan: TrainingPlan
    scores: Scores
    rows: EvaluationRows
    importance: ColumnImportance | None
    effects: Sequence[ColumnEffect]
    robustness: RobustAccuracy | None = None
    intervals: MeasuredIntervals | None = None
    threshold: DecisionThreshold | None = None

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
    model: Model,
    plan: TrainingPlan,
    scores: Scores,
    intervals: MeasuredIntervals | None = None,
    threshold: DecisionThreshold | None = None,
) -> Analysis:
    """Measure the importance of the columns and the dependence of the predictions on them."""
    prepared, rows = plan.prepared, EvaluationRows.of(model, plan.scored)
    limit = threshold_option(model).get("threshold")
    importance = column_importance(rows, prepared.preparation, limit)
    strongest = importance.strongest if importance else ()
    effects = column_effects(rows, prepared.preparation, strongest) if strongest else []
    robustness = robust_accuracy(model, plan)
    return Analysis(model, plan, scores, rows, importance, effects, robustness, intervals, threshold)
