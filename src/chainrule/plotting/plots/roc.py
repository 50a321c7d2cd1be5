"""ROC curve and precision-recall curve of classifiers."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.errors import fact
from chainrule.escaping import printable
from chainrule.plotting.figure import Plot
from chainrule.plotting.font import printable_label
from chainrule.plotting.plot_card import PlotCard
from chainrule.plotting.samples import Decide, EvaluatedRows, evaluate_rows, rows_of, unsupported_model
from chainrule.plotting.style import GRAY, axes, line_style
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.model_state import ModelState

TASKS = ("classification", "multilabel")
MAX_CURVES = 12  # maximum number of curves; of more classes, those with the smallest areas are shown


def positive_counts(is_positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the false and true positive counts at each threshold, starting at (0, 0).

    Args:
        is_positive: (N,) whether a row is of the class.
        scores: (N,) scores, larger for the class.

    Example:
        >>> positive_counts(np.array([True, False, True]), np.array([0.9, 0.5, 0.5]))
        (array([0., 0., 1.]), array([0., 1., 2.]))
    """
    descending = np.argsort(-scores, kind="stable")
    ends = np.append(
        np.flatnonzero(np.diff(scores[descending])), len(scores) - 1
    )  # equal scores are one threshold
    counts = [np.cumsum(part[descending].astype(float))[ends] for part in (~is_positive, is_positive)]
    return np.concatenate([[0.0], counts[0]]), np.concatenate([[0.0], counts[1]])


def roc(model: ModelState, x: Any, y: Any = None, *, decide: Decide | None = None) -> Plot:
    """Draw the ROC curve: true positive rate over false positive rate.

    With several classes, one curve per class against the rest.

    Args:
        model: a classifier.
        x, y: rows with targets, as for ``evaluate``.
        decide: from the probabilities of the network, (N, K), the drawn ones and the predicted classes, (N,);
            by default these probabilities. The curve has every threshold.

    Raises:
        UsageError E560: the model is not a classifier. UsageError E564: targets are missing.
    """
    evaluated = evaluate_rows(rows_of(model, x, y, "roc"), "roc", TASKS, decide)
    curves = []
    for label, is_positive, scores in _problems(evaluated, "roc"):
        false, true = (part / max(part[-1], 1.0) for part in positive_counts(is_positive, scores))
        curves.append((float(np.trapezoid(true, false)), label, false, true))
    figure, frame = axes(
        plot_text("roc"), (plot_text("false_positive"), plot_text("true_positive")), (5.6, 5.0)
    )
    frame.plot([0, 1], [0, 1], color=GRAY, linestyle=":", label=plot_text("chance"))
    text = _lines(frame, curves, "area", "default")
    return Plot("roc", plot_text("roc"), figure, settings.lang, text)


def precision_recall(model: ModelState, x: Any, y: Any = None, *, decide: Decide | None = None) -> Plot:
    """Draw the precision-recall curve: precision over recall.

    More informative than the ROC curve for a rare class, because true negatives do not count.

    Args:
        model: a classifier.
        x, y: rows with targets, as for ``evaluate``.
        decide: from the probabilities of the network, (N, K), the drawn ones and the predicted classes, (N,);
            by default these probabilities. The curve has every threshold.

    Raises:
        UsageError E560: the model is not a classifier. UsageError E564: targets are missing.
    """
    evaluated = evaluate_rows(rows_of(model, x, y, "precision_recall"), "precision_recall", TASKS, decide)
    curves = []
    for label, is_positive, scores in _problems(evaluated, "precision_recall"):
        false, true = positive_counts(is_positive, scores)
        precision = np.concatenate([[1.0], true[1:] / (true[1:] + false[1:])])
        recall = true / max(true[-1], 1.0)
        curves.append((float((np.diff(recall) * precision[1:]).sum()), label, recall, precision))
    figure, frame = axes(
        plot_text("precision_recall"), (plot_text("recall"), plot_text("precision")), (5.6, 5.0)
    )
    text = _lines(frame, curves, "average", "steps-pre")
    return Plot("precision_recall", plot_text("precision_recall"), figure, settings.lang, text)


def _problems(evaluated: EvaluatedRows, kind: str) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return the binary problems (label, positives, scores) that have positive and negative rows."""
    problems = evaluated.predictions.binary_problems
    if len(problems) == 1:
        names = [evaluated.labels[-1]]
    elif evaluated.predictions.task == "classification":
        names = [evaluated.labels[k] for k in evaluated.predictions.present]
    else:
        names = list(evaluated.labels)
    mixed = [(name, yes, scores) for name, (yes, scores) in zip(names, problems, strict=True)]
    mixed = [problem for problem in mixed if problem[1].any() and not problem[1].all()]
    if not mixed:
        unsupported_model(kind, fact("rows of two classes or more"), fact("rows of one class"))
    return mixed


def _lines(frame: Any, curves: list[Any], text_key: str, draw_style: str) -> str:
    """Draw the curves with the smallest areas first, and return them as text."""
    drawn_curves = sorted(curves, key=lambda curve: curve[0])[:MAX_CURVES]
    for i, (area, label, x, y) in enumerate(drawn_curves):
        name = plot_text(text_key, label=printable_label(label, 20), area=area)
        frame.plot(x, y, label=name, drawstyle=draw_style, **line_style(i))
    frame.set_xlim(-0.02, 1.02)
    frame.set_ylim(-0.02, 1.04)
    frame.legend(loc="best", fontsize=8)
    lines = [plot_text(text_key, label=printable(label), area=area) for area, label, _, _ in drawn_curves]
    if len(drawn_curves) < len(curves):
        lines.append(plot_text("shown", shown=len(drawn_curves), all=len(curves)))
    return "\n".join(lines)


ROC = PlotCard("roc", roc, "x, y", is_evaluation=True)
PRECISION_RECALL = PlotCard("precision_recall", precision_recall, "x, y", is_evaluation=True)
