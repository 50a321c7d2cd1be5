"""The reliability diagram: whether 0.9 is said where nine of ten are right."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.plotting.figure import Picture
from chainrule.plotting.plot_card import Kind
from chainrule.plotting.samples import judged, rows_of
from chainrule.plotting.style import BLUE, GREY, RED, axes
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.evaluation.metric import Answers, score
from chainrule.train.model_state import ModelState

BINS = 15  # of the metric ``calibration_error``


@frozen(eq=False)
class Reliability:
    """Answers by how sure they are.

    Args:
        counts: (bins,) how many answers were so sure.
        sure, right: (bins,) their mean confidence, and the share of them that is right; NaN in an empty bin.
        ece: the expected calibration error: the mean gap between the two, weighted by the counts.
    """

    counts: np.ndarray
    sure: np.ndarray
    right: np.ndarray
    ece: float


def reliability(answers: Answers) -> Reliability:
    """Answers in bins of confidence.

    Example:
        >>> p = np.array([[0.8, 0.2], [0.8, 0.2], [0.3, 0.7]])
        >>> found = reliability(Answers(np.array([0, 1, 1]), p, None, "classification"))
        >>> found.counts[[10, 11]].tolist(), found.right[[10, 11]].tolist(), round(found.ece, 3)
        ([1, 2], [1.0, 0.5], 0.3)
    """
    sure = answers.answer.max(axis=1).astype(np.float64)
    bins = np.clip(np.ceil(sure * BINS).astype(int) - 1, 0, BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(bins, part, BINS) / counts for part in (sure, answers.chosen == answers.wanted)]
    ece = score(answers, ["calibration_error"])["calibration_error"]
    return Reliability(counts, means[0], means[1], float(ece))


def draw(model: ModelState, x: Any, y: Any = None) -> Picture:
    """Whether the model is as often right as it is sure: a bar for each bin of confidence, and the gap.

    Args:
        model: a classifier.
        x, y: rows with known answers, as for ``evaluate``.

    Fails:
        UsageError E560: no classes. UsageError E564: no answers are given.

    Reference: Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks (ICML).
    """
    seen = judged(model, rows_of(model, x, y, "calibration"), "calibration", ("classification",))
    found = reliability(seen.answers)
    title = plot_text("calibration", ece=found.ece)
    figure, frame = axes(title, (plot_text("confidence"), plot_text("right")), (5.2, 5.2))
    centres, there = (np.arange(BINS) + 0.5) / BINS, found.counts > 0
    frame.bar(centres[there], found.right[there], 0.92 / BINS, color=BLUE, label=plot_text("right"))
    gaps = [np.minimum(found.sure, found.right)[there], np.abs(found.sure - found.right)[there]]
    frame.bar(centres[there], gaps[1], 0.92 / BINS, gaps[0], color="none", edgecolor=RED, hatch="///",
              linewidth=0, label=plot_text("gap"))  # fmt: skip
    frame.plot([0, 1], [0, 1], color=GREY, linestyle="--", label=plot_text("perfect"))
    least = max(0.0, float(centres[there].min()) - 1 / BINS)
    frame.set_xlim(min(least, 0.5), 1.0)
    frame.set_ylim(0, 1.12)
    for centre, count in zip(centres[there], found.counts[there], strict=True):
        frame.text(centre, 1.02, f"{count:,}", ha="center", va="bottom", fontsize=7, rotation=90, color=GREY)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    lines = [f"{plot_text('confidence')}  {plot_text('right')}  {plot_text('rows')}"]
    rows = zip(found.sure[there], found.right[there], found.counts[there], strict=True)
    lines += [f"{sure:10.3f}  {right:10.3f}  {count:,}" for sure, right, count in rows]
    return Picture("calibration", title, figure, settings.lang, "\n".join(lines))


CALIBRATION = Kind("calibration", draw, "x, y", is_judged=True)
