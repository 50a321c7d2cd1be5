"""Risk-coverage curve: the error of a classifier if only its most certain predictions are used."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.metrics.abstention import RiskCoverage, risk_coverage
from chainrule.plotting.figure import Plot
from chainrule.plotting.plot_card import PlotCard
from chainrule.plotting.samples import Decide, evaluate_rows, rows_of
from chainrule.plotting.style import BLUE, GRAY, axes
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.model_state import ModelState

COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.5, 0.3, 0.1)  # of the text


def ideal_risk(curve: RiskCoverage) -> np.ndarray:
    """Return the risk at each coverage if every error were less certain than every correct prediction.

    Example:
        >>> p, y = np.array([[0.9, 0.1], [0.8, 0.2]]), np.array([1, 0])
        >>> ideal_risk(risk_coverage(p, y)).tolist()
        [0.0, 0.5]
    """
    count = len(curve.risk)
    errors = round(float(curve.risk[-1]) * count)
    decided = np.arange(1, count + 1)
    return np.maximum(0, decided - (count - errors)) / decided


def draw(model: ModelState, x: Any, y: Any = None, *, decide: Decide | None = None) -> Plot:
    """Draw the risk-coverage curve: share of errors over share of decided rows, the most certain first.

    The dashed curve is that of an ideal order: all errors last.

    Args:
        model: a classifier.
        x, y: rows with targets, as for ``evaluate``.
        decide: from the probabilities of the network, (N, K), the drawn ones and the predicted classes, (N,);
            by default these probabilities and the likeliest class.

    Raises:
        UsageError E560: no classes. UsageError E564: targets are missing.

    Reference: El-Yaniv and Wiener (2010), On the foundations of noise-free selective classification, JMLR 11.
    """
    rows = rows_of(model, x, y, "risk_coverage")
    evaluated = evaluate_rows(rows, "risk_coverage", ("classification",), decide)
    predictions = evaluated.predictions
    curve = risk_coverage(predictions.prediction, predictions.actual, evaluated.classes)
    title = plot_text("risk_coverage", area=curve.area)
    figure, frame = axes(title, (plot_text("coverage"), plot_text("risk")), (5.6, 4.4))
    frame.plot(curve.coverage, curve.risk, color=BLUE, label=plot_text("risk_of_model"))
    frame.plot(curve.coverage, ideal_risk(curve), color=GRAY, linestyle="--", label=plot_text("ideal_order"))
    frame.set_xlim(0, 1)
    frame.set_ylim(0, max(0.02, 1.1 * float(curve.risk.max())))
    figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    lines = [f"{plot_text('coverage')}  {plot_text('threshold')}  {plot_text('risk')}"]
    for coverage in COVERAGES:
        confidence, risk = curve.at(coverage)
        lines.append(f"{coverage:8.0%}  {confidence:10.3f}  {risk:8.2%}")
    return Plot("risk_coverage", title, figure, settings.lang, "\n".join(lines))


RISK_COVERAGE = PlotCard("risk_coverage", draw, "x, y", is_evaluation=True)
