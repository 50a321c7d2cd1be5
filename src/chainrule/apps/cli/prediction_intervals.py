"""Prediction intervals of a regression: measured in the training and stored with the model."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.apps.cli.run_writer import groups_in, split_group, to_scores
from chainrule.apps.cli.training_plan import TrainingPlan
from chainrule.errors import UsageError, fact, nearest
from chainrule.model import Model
from chainrule.train.evaluation.conformal import half_width
from chainrule.train.evaluation.scores import Scores

FACT = "half_widths"  # in the facts of a model
LEVELS = (0.5, 0.8, 0.9, 0.95)
LOWER, UPPER = "lower", "upper"  # columns of the output


def held_out_scores(plan: TrainingPlan, model: Model, scores: Scores) -> Scores | None:
    """The scores of rows outside the training: the scored ones in cross-validation, else others.

    Returns:
        ``None`` if there are none.
    """
    if plan.is_cross_validated:
        return scores
    rows, output = plan.held_out(model)
    if not len(rows.y):
        return None
    own = to_scores(model, rows.y, {"net": output}, rows.weights)
    return replace(own, groups=groups_in(plan.held_out_table, split_group(plan)))


def half_widths(scores: Scores | None) -> dict[str, float]:
    """The half width of the intervals of each level that the rows suffice for; empty for classes.

    Args:
        scores: of rows outside the training.
    """
    if scores is None or scores.task != "regression":
        return {}
    residuals = (scores.target - scores.outputs["net"])[:, 0]
    widths = {f"{level:g}": half_width(residuals, level, scores.weights, scores.groups) for level in LEVELS}
    return {level: width for level, width in widths.items() if math.isfinite(width)}


def interval_columns(model: Model, predicted: np.ndarray, level: float) -> dict[str, np.ndarray]:
    """The ends of the intervals of rows.

    Args:
        model: a regression.
        predicted: (N,) predictions.
        level: the probability that an interval contains the value; one of ``LEVELS``.

    Raises:
        UsageError E101: another level, or one that the model has no width for.
    """
    record = model.facts.get(FACT)
    known = (
        {name: width for name, width in record.items() if _is_width(width)}
        if isinstance(record, dict)
        else {}
    )
    if f"{level:g}" not in known:
        names = [name for name in map("{:g}".format, LEVELS) if name in known]
        raise UsageError(
            "E101",
            where="--interval",
            name=f"{level:g}",
            expected=", ".join(names) or fact("a regression trained on a table with enough rows"),
            received=f"{level:g}",
            fix=f"--interval {nearest(f'{level:g}', names) or names[-1]}" if names else "",
        )
    width = known[f"{level:g}"]
    return {LOWER: predicted - width, UPPER: predicted + width}


def _is_width(width: Any) -> bool:
    return type(width) is float and math.isfinite(width) and width >= 0
