"""Whether more rows would help: trainings on parts of the rows, scored on the rows of the full training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from chainrule.apps.cli import screen
from chainrule.apps.cli.run_writer import to_predictions
from chainrule.apps.cli.texts import text_of
from chainrule.apps.cli.training_plan import TrainingPlan
from chainrule.settings import settings
from chainrule.tabular.comparison import LearningCurve, Scores, learning_curve, row_losses


def measure(plan: TrainingPlan, scores: Scores) -> LearningCurve | None:
    """The learning curve, if the options request it."""
    if not plan.options.learning_curve:
        return None
    training, scored = plan.prepared.training, plan.scored
    labels = training.y if plan.prepared.task.is_classification else None

    def losses_of(rows: np.ndarray) -> np.ndarray:
        model = plan.trained_on(rows)
        output = plan.output(model, scored.x, np.arange(len(scored.y)))
        predictions = to_predictions(model, scored.y, output)
        return row_losses(scores.task, predictions.target, predictions.prediction)

    curve = learning_curve(losses_of, len(training.y), scores.losses["net"], labels, plan.options.seed)
    return replace(curve, groups=scores.groups, weights=scores.weights)


def print_curve(curve: LearningCurve | None) -> None:
    """Print the loss of each number of training rows, and whether more would help."""
    if curve is None:
        return
    screen.heading(text_of("learning_heading"))
    rows = [(f"{count:,}", mean) for count, mean in zip(curve.rows, curve.means, strict=True)]
    screen.table([text_of("learning_rows"), text_of("loss")], rows, numbers=(0, 1))
    screen.line(curve.render(settings.lang))
