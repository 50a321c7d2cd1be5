"""What every threshold between yes and no would give: the ROC curve, and precision over recall."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.escaping import printable
from chainrule.plotting.figure import Picture
from chainrule.plotting.font import drawable
from chainrule.plotting.plot_card import Kind
from chainrule.plotting.samples import Judged, judged, rows_of, unsuited
from chainrule.plotting.style import GREY, axes, look
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.model_state import ModelState

TASKS = ("classification", "multilabel")
MOST = 12  # classes with a curve of their own; of more, those of the smallest areas are shown


def rates(is_yes: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many of the others, and how many of the class, lie at or above each threshold, from (0, 0) on.

    Args:
        is_yes: (N,) whether a row is of the class.
        scores: (N,) the larger, the surer.

    Example:
        >>> rates(np.array([True, False, True]), np.array([0.9, 0.5, 0.5]))
        (array([0., 0., 1.]), array([0., 1., 2.]))
    """
    falling = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[falling])), len(scores) - 1)  # ties are one threshold
    found = [np.cumsum(part[falling].astype(float))[ends] for part in (~is_yes, is_yes)]
    return np.concatenate([[0.0], found[0]]), np.concatenate([[0.0], found[1]])


def roc(model: ModelState, x: Any, y: Any = None) -> Picture:
    """For every threshold: the share of a class that is found, over the share of the others taken for it.

    With several classes there is a curve for each against the rest.

    Args:
        model: a classifier.
        x, y: rows with known answers, as for ``evaluate``.

    Fails:
        UsageError E560: no classes. UsageError E564: no answers are given.
    """
    seen = judged(model, rows_of(model, x, y, "roc"), "roc", TASKS)
    curves = []
    for label, is_yes, scores in _problems(seen, "roc"):
        false, true = (part / max(part[-1], 1.0) for part in rates(is_yes, scores))
        curves.append((float(np.trapezoid(true, false)), label, false, true))
    figure, frame = axes(
        plot_text("roc"), (plot_text("false_positive"), plot_text("true_positive")), (5.6, 5.0)
    )
    frame.plot([0, 1], [0, 1], color=GREY, linestyle=":", label=plot_text("chance"))
    text = _lines(frame, curves, "area", "default")
    return Picture("roc", plot_text("roc"), figure, settings.lang, text)


def precision_recall(model: ModelState, x: Any, y: Any = None) -> Picture:
    """For every threshold: how many of those said to be of a class are, over the share of it that is found.

    The better picture where a class is rare: the many others, rightly left alone, do not count.

    Args:
        model: a classifier.
        x, y: rows with known answers, as for ``evaluate``.

    Fails:
        UsageError E560: no classes. UsageError E564: no answers are given.
    """
    seen = judged(model, rows_of(model, x, y, "precision_recall"), "precision_recall", TASKS)
    curves = []
    for label, is_yes, scores in _problems(seen, "precision_recall"):
        false, true = rates(is_yes, scores)
        precision = np.concatenate([[1.0], true[1:] / (true[1:] + false[1:])])
        recall = true / max(true[-1], 1.0)
        curves.append((float((np.diff(recall) * precision[1:]).sum()), label, recall, precision))
    figure, frame = axes(
        plot_text("precision_recall"), (plot_text("recall"), plot_text("precision")), (5.6, 5.0)
    )
    text = _lines(frame, curves, "average", "steps-pre")
    return Picture("precision_recall", plot_text("precision_recall"), figure, settings.lang, text)


def _problems(seen: Judged, kind: str) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Yes/no questions, each with the name of what is looked for; those that rows answer both ways."""
    problems = seen.answers.problems
    if len(problems) == 1:
        names = [seen.labels[-1]]
    elif seen.answers.task == "classification":
        names = [seen.labels[k] for k in seen.answers.present]
    else:
        names = list(seen.labels)
    found = [(name, yes, scores) for name, (yes, scores) in zip(names, problems, strict=True)]
    found = [each for each in found if each[1].any() and not each[1].all()]
    if not found:
        unsuited(kind, "rows of two classes or more", "rows of one class")
    return found


def _lines(frame: Any, curves: list[Any], words: str, drawn: str) -> str:
    """Draw the curves, the least good ones first; the same in letters."""
    chosen = sorted(curves, key=lambda curve: curve[0])[:MOST]
    for i, (area, label, x, y) in enumerate(chosen):
        name = plot_text(words, label=drawable(label, 20), area=area)
        frame.plot(x, y, label=name, drawstyle=drawn, **look(i))
    frame.set_xlim(-0.02, 1.02)
    frame.set_ylim(-0.02, 1.04)
    frame.legend(loc="best", fontsize=8)
    told = [plot_text(words, label=printable(label), area=area) for area, label, _, _ in chosen]
    if len(chosen) < len(curves):
        told.append(plot_text("shown", shown=len(chosen), all=len(curves)))
    return "\n".join(told)


ROC = Kind("roc", roc, "x, y", is_judged=True)
PRECISION_RECALL = Kind("precision_recall", precision_recall, "x, y", is_judged=True)
