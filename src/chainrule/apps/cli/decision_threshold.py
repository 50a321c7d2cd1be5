"""The threshold of two classes: chosen for a training, stored with the model, used by ``predict``."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.apps.cli.options import Options
from chainrule.apps.cli.training_plan import TrainingPlan
from chainrule.errors import UsageError, fact
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.tabular.comparison import Scores
from chainrule.tabular.threshold import (
    RULES,
    Cost,
    Decisions,
    ThresholdCurve,
    best_threshold,
    cross_fitted,
)
from chainrule.train.evaluation.metric import Predictions

FACT = "threshold"  # in the facts of a model
DEFAULT = 0.5
HIGHEST = 2.0  # a threshold above every probability predicts no row as positive


@frozen
class DecisionThreshold:
    """A threshold with its result on rows that did not choose it.

    Args:
        value: rows with a probability of at least this are predicted as the positive class.
        rule: ``"f1"``, ``"youden"`` or ``"cost"``.
        cost: of the errors, ``"FP:FN"``; empty if the rule is another.
        label: the positive class.
        chosen: the result of thresholds chosen in this way.
        default: the result of the threshold 0.5 on the same rows.
    """

    value: float
    rule: str
    cost: str
    label: Any
    chosen: Decisions
    default: Decisions

    @property
    def fact(self) -> dict[str, Any]:
        """The entry in the facts of the model."""
        return {"value": self.value, "rule": self.rule, **({"cost": self.cost} if self.cost else {})}


def require_two_classes(options: Options, classes: int) -> None:
    """Refuse a threshold for another task.

    Raises:
        UsageError E611: there are not exactly two classes.
    """
    if (options.threshold or options.cost) and classes != 2:
        raise UsageError(
            "E611",
            where="--cost" if options.cost else "--threshold",
            expected=fact("two classes"),
            received=fact("{count} classes", count=classes) if classes else "regression",
        )


def choose(plan: TrainingPlan, model: Model, scores: Scores) -> DecisionThreshold | None:
    """Choose the threshold that the options request; ``None``: they request none.

    That of a cost follows from the cost, if the probabilities are right: a row is predicted as positive where
    this costs less on average. Another one is chosen on rows: in cross-validation on the scored ones, and its
    result is that of thresholds chosen on four fifths of them for the other fifth; otherwise on other rows.

    Reference: Elkan (2001), The foundations of cost-sensitive learning, IJCAI, section 2.
    """
    options = plan.options
    if not (options.threshold or options.cost):
        return None
    rule = "cost" if options.cost else options.threshold
    cost = Cost.parse(options.cost) if options.cost else None
    scored = scores.predictions()
    y, p = scored.target, scored.prediction[:, 1].astype(np.float64)
    if cost is not None:
        value = cost.threshold
        decided = p >= value
    elif plan.is_cross_validated:
        value = best_threshold(_curve(scored), rule).value
        decided = cross_fitted(y, p, rule, None, scored.weights, options.seed)
    else:
        rows, output = plan.held_out(model)
        held_out = Predictions(rows.y, output, rows.weights, "classification")
        value = best_threshold(_curve(held_out), rule).value if len(rows.y) else DEFAULT
        decided = p >= value
    return _compared(value, rule, options.cost, scores, decided)


def _compared(value: float, rule: str, cost: str, scores: Scores, decided: np.ndarray) -> DecisionThreshold:
    rows = scores.predictions()
    known, p = Cost.parse(cost) if cost else None, rows.prediction[:, 1].astype(np.float64)
    results = (Decisions.of(rows.target, d, known, rows.weights) for d in (decided, p >= DEFAULT))
    return DecisionThreshold(value, rule, cost, scores.labels[1], *results)


def stored_decision(model: Model, scores: Scores) -> DecisionThreshold | None:
    """The result of a model's threshold on other rows; ``None`` if the model has none."""
    value = stored_threshold(model)
    if value is None:
        return None
    record = model.facts[FACT]
    rule, cost = record.get("rule"), record.get("cost", "")
    try:
        Cost.parse(cost if isinstance(cost, str) else "")
    except UsageError:
        cost = ""
    if rule not in RULES or (rule == "cost") != bool(cost):
        return None
    p = scores.predictions().prediction[:, 1].astype(np.float64)
    return _compared(value, rule, cost, scores, p >= value)


def _curve(predictions: Predictions) -> ThresholdCurve:
    return ThresholdCurve.of(predictions.target, predictions.prediction[:, 1], predictions.weights)


def stored_threshold(model: Model) -> float | None:
    """The threshold in the facts of a model of two classes; ``None`` if there is none."""
    record = model.facts.get(FACT)
    value = record.get("value") if isinstance(record, dict) else None
    is_valid = isinstance(value, float) and 0 <= value <= HIGHEST
    return value if is_valid and len(model.labels or ()) == 2 else None


def decided_labels(model: Model, probabilities: np.ndarray, threshold: float) -> np.ndarray:
    """The labels of rows by a threshold.

    Args:
        model: of two classes.
        probabilities: (N, 2).
        threshold: for the second class; compared in float64, since a stored one can lie between two adjacent
            numbers of float32.
    """
    labels = np.array(list(model.labels), dtype=object)
    return labels[(probabilities[:, 1].astype(np.float64) >= threshold).astype(int)]
