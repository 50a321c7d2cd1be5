"""Confusion matrix: how often each class is predicted as each class."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.errors import fact
from chainrule.plotting.figure import Plot
from chainrule.plotting.font import printable_label
from chainrule.plotting.plot_card import PlotCard
from chainrule.plotting.samples import Decide, evaluate_rows, rows_of, unsupported_model
from chainrule.plotting.style import AMOUNT, add_colorbar, axes
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.model_state import ModelState

MAX_CLASSES = 40  # maximum number of classes
MAX_LABELED = 16  # maximum number of classes with counts in the cells


def draw(model: ModelState, x: Any, y: Any = None, *, decide: Decide | None = None) -> Plot:
    """Draw a confusion matrix: rows are true classes, columns are predicted classes.

    Args:
        model: a classifier.
        x, y: rows with targets, as for ``evaluate``.
        decide: from the probabilities of the network, (N, K), the drawn ones and the predicted classes, (N,);
            by default these probabilities and the likeliest class.

    Raises:
        UsageError E560: no classes, or more than 40. UsageError E564: targets are missing.
    """
    evaluated = evaluate_rows(
        rows_of(model, x, y, "confusion_matrix"), "confusion_matrix", ("classification",), decide
    )
    count = len(evaluated.labels)
    if count > MAX_CLASSES:
        unsupported_model(
            "confusion_matrix", fact("{limit} classes at most", limit=MAX_CLASSES), f"{count} classes"
        )
    counts = np.zeros((count, count), int)
    np.add.at(counts, (evaluated.predictions.actual, evaluated.classes), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    labels = [printable_label(label, 14) for label in evaluated.labels]
    side = min(9.0, max(4.0, 1.6 + 0.5 * count))
    figure, frame = axes(
        plot_text("confusion_matrix"), (plot_text("predicted"), plot_text("true")), (side + 0.8, side)
    )
    image = frame.imshow(shares, cmap=AMOUNT, vmin=0, vmax=1)
    is_narrow = max(map(len, labels)) * 0.1 > (side - 1.6) / count  # widths of a label and a cell in inches
    frame.set_xticks(range(count), labels, rotation=90 if is_narrow else 0)
    frame.set_yticks(range(count), labels)
    if count <= MAX_LABELED:
        for i, j in np.ndindex(count, count):
            color = "black" if shares[i, j] > 0.55 else "white"
            frame.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", color=color, fontsize=9)
    add_colorbar(figure, image, frame, plot_text("share_of_row"))
    return Plot(
        "confusion_matrix", plot_text("confusion_matrix"), figure, settings.lang, table(labels, counts)
    )


def table(labels: list[str], counts: np.ndarray) -> str:
    """Return the matrix as text.

    Example:
        >>> print(table(["no", "yes"], np.array([[9, 1], [0, 12]])))
              no  yes
        no     9    1
        yes    0   12
    """
    width = max(len(label) for label in [*labels, f"{counts.max():,}"]) + 2
    head = " " * width + "".join(f"{label:>{width}}" for label in labels)
    rows = [
        f"{label:<{width}}" + "".join(f"{n:>{width},}" for n in row)
        for label, row in zip(labels, counts.tolist(), strict=True)
    ]
    return "\n".join([head, *rows])


CONFUSION_MATRIX = PlotCard("confusion_matrix", draw, "x, y", is_evaluation=True)
