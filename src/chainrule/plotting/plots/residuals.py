"""Answers that are values: predicted beside true, and how often each error occurs."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.plotting.figure import Picture
from chainrule.plotting.plot_card import Kind
from chainrule.plotting.samples import judged, rows_of
from chainrule.plotting.style import BLUE, GREY, grid
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.model_state import ModelState

POINTS = 3000  # more only hide each other


def draw(model: ModelState, x: Any, y: Any = None) -> Picture:
    """Predicted over true values with the line where both are equal, and how often each error occurs.

    Args:
        model: a regressor; of one that gives several values, all are shown.
        x, y: rows with known answers, as for ``evaluate``.

    Fails:
        UsageError E560: no values. UsageError E564: no answers are given.
    """
    seen = judged(model, rows_of(model, x, y, "residuals"), "residuals", ("regression",)).answers
    true, predicted = (part.astype(np.float64).reshape(-1) for part in (seen.target, seen.answer))
    errors = predicted - true
    figure, (left, right) = grid(plot_text("residuals"), 2, 2, (4.2, 3.8))
    taken = np.linspace(0, len(true) - 1, min(POINTS, len(true))).round().astype(int)
    left.scatter(true[taken], predicted[taken], s=12, color=BLUE, alpha=0.5, linewidths=0)
    ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
    left.plot(ends, ends, color=GREY, linestyle="--", label=plot_text("equal"))
    left.legend(loc="upper left", fontsize=8)
    left.set_xlabel(plot_text("true_value"))
    left.set_ylabel(plot_text("predicted_value"))
    right.hist(errors, bins=min(40, max(5, len(errors) // 5)), color=BLUE)
    right.axvline(0.0, color=GREY, linestyle="--")
    right.set_xlabel(plot_text("error"))
    right.set_ylabel(plot_text("rows"))
    r2 = 1 - (errors**2).sum() / max(((true - true.mean()) ** 2).sum(), np.finfo(float).tiny)
    text = f"R2 {r2:.4f}  RMSE {np.sqrt((errors**2).mean()):.4g}  MAE {np.abs(errors).mean():.4g}"
    return Picture("residuals", plot_text("residuals"), figure, settings.lang, text)


RESIDUALS = Kind("residuals", draw, "x, y", is_judged=True)
