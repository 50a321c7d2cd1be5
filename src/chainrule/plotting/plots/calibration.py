"""Reliability diagram: accuracy over confidence."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.metrics import Predictions, score
from chainrule.plotting.figure import Plot
from chainrule.plotting.plot_card import PlotCard
from chainrule.plotting.samples import Decide, evaluate_rows, rows_of
from chainrule.plotting.style import BLUE, GRAY, RED, axes
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.model_state import ModelState

BINS = 15  # as in the metric ``calibration_error``


@frozen(eq=False)
class Reliability:
    """Predictions by confidence bin.

    Args:
        counts: (bins,) the number of predictions in each bin.
        confidence, accuracy: (bins,) mean confidence and share of correct predictions; NaN in an empty bin.
        ece: the expected calibration error, the mean gap between the two weighted by the counts.
    """

    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    ece: float


def reliability(predictions: Predictions) -> Reliability:
    """Sort predictions into bins of confidence.

    Example:
        >>> p = np.array([[0.8, 0.2], [0.8, 0.2], [0.3, 0.7]])
        >>> result = reliability(Predictions(np.array([0, 1, 1]), p, None, "classification"))
        >>> result.counts[[10, 11]].tolist(), result.accuracy[[10, 11]].tolist(), round(result.ece, 3)
        ([1, 2], [1.0, 0.5], 0.3)
    """
    confidence = predictions.prediction.max(axis=1).astype(np.float64)
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    with np.errstate(invalid="ignore"):
        means = [
            np.bincount(bins, part, BINS) / counts
            for part in (confidence, predictions.predicted == predictions.actual)
        ]
    ece = score(predictions, ["calibration_error"])["calibration_error"]
    return Reliability(counts, means[0], means[1], float(ece))


def draw(model: ModelState, x: Any, y: Any = None, *, decide: Decide | None = None) -> Plot:
    """Draw a reliability diagram: a bar of the accuracy for each bin of confidence, and the gap between them.

    Args:
        model: a classifier.
        x, y: rows with targets, as for ``evaluate``.
        decide: from the probabilities of the network, (N, K), the drawn ones and the predicted classes, (N,),
            which are not drawn: a bin has the likeliest class.

    Raises:
        UsageError E560: no classes. UsageError E564: targets are missing.

    Reference: Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks (ICML).
    """
    rows = rows_of(model, x, y, "calibration")
    evaluated = evaluate_rows(rows, "calibration", ("classification",), decide)
    result = reliability(evaluated.predictions)
    title = plot_text("calibration", ece=result.ece)
    figure, frame = axes(title, (plot_text("confidence"), plot_text("right")), (5.2, 5.2))
    centers, occupied = (np.arange(BINS) + 0.5) / BINS, result.counts > 0
    frame.bar(centers[occupied], result.accuracy[occupied], 0.92 / BINS, color=BLUE, label=plot_text("right"))
    gaps = [
        np.minimum(result.confidence, result.accuracy)[occupied],
        np.abs(result.confidence - result.accuracy)[occupied],
    ]
    low = centers[occupied]
    label = plot_text("gap")
    frame.bar(
        low, gaps[1], 0.92 / BINS, gaps[0], color="none", edgecolor=RED, hatch="///", linewidth=0, label=label
    )
    frame.plot([0, 1], [0, 1], color=GRAY, linestyle="--", label=plot_text("perfect"))
    lowest = max(0.0, float(centers[occupied].min()) - 1 / BINS)
    frame.set_xlim(min(lowest, 0.5), 1.0)
    frame.set_ylim(0, 1.12)
    for center, count in zip(centers[occupied], result.counts[occupied], strict=True):
        frame.text(center, 1.02, f"{count:,}", ha="center", va="bottom", fontsize=7, rotation=90, color=GRAY)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    lines = [f"{plot_text('confidence')}  {plot_text('right')}  {plot_text('axis_rows')}"]
    rows = zip(result.confidence[occupied], result.accuracy[occupied], result.counts[occupied], strict=True)
    lines += [f"{confidence:10.3f}  {accuracy:10.3f}  {count:,}" for confidence, accuracy, count in rows]
    return Plot("calibration", title, figure, settings.lang, "\n".join(lines))


CALIBRATION = PlotCard("calibration", draw, "x, y", is_evaluation=True)
