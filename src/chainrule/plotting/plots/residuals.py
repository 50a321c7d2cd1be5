"""Regression: predicted over true values, and the distribution of the errors."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.plotting.figure import Plot
from chainrule.plotting.plot_card import PlotCard
from chainrule.plotting.samples import evaluate_rows, rows_of
from chainrule.plotting.style import BLUE, GRAY, grid
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.model_state import ModelState

MAX_POINTS = 3000  # maximum number of points; more would overlap


def draw(model: ModelState, x: Any, y: Any = None) -> Plot:
    """Draw predicted over true values with the identity line, and a histogram of the errors.

    Args:
        model: a regressor; all values of several outputs are shown together.
        x, y: rows with targets, as for ``evaluate``.

    Raises:
        UsageError E560: the model is not a regressor. UsageError E564: targets are missing.
    """
    evaluated = evaluate_rows(rows_of(model, x, y, "residuals"), "residuals", ("regression",)).predictions
    true, predicted = (
        part.astype(np.float64).reshape(-1) for part in (evaluated.target, evaluated.prediction)
    )
    errors = predicted - true
    figure, (left, right) = grid(plot_text("residuals"), 2, 2, (4.2, 3.8))
    indices = np.linspace(0, len(true) - 1, min(MAX_POINTS, len(true))).round().astype(int)
    left.scatter(true[indices], predicted[indices], s=12, color=BLUE, alpha=0.5, linewidths=0)
    ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
    left.plot(ends, ends, color=GRAY, linestyle="--", label=plot_text("equal"))
    left.legend(loc="upper left", fontsize=8)
    left.set_xlabel(plot_text("true_value"))
    left.set_ylabel(plot_text("predicted_value"))
    right.hist(errors, bins=min(40, max(5, len(errors) // 5)), color=BLUE)
    right.axvline(0.0, color=GRAY, linestyle="--")
    right.set_xlabel(plot_text("error"))
    right.set_ylabel(plot_text("axis_rows"))
    r2 = 1 - (errors**2).sum() / max(((true - true.mean()) ** 2).sum(), np.finfo(float).tiny)
    text = f"R2 {r2:.4f}  RMSE {np.sqrt((errors**2).mean()):.4g}  MAE {np.abs(errors).mean():.4g}"
    return Plot("residuals", plot_text("residuals"), figure, settings.lang, text)


RESIDUALS = PlotCard("residuals", draw, "x, y", is_evaluation=True)
