"""The confusion matrix: how often each class is taken for each."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.plotting.figure import Picture
from chainrule.plotting.font import drawable
from chainrule.plotting.plot_card import Kind
from chainrule.plotting.samples import judged, rows_of, unsuited
from chainrule.plotting.style import AMOUNT, axes, scale
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.model_state import ModelState

MOST = 40  # classes of which a matrix can still be read
WRITTEN = 16  # classes up to which the counts stand in the cells


def draw(model: ModelState, x: Any, y: Any = None) -> Picture:
    """How often each class is taken for each: rows are true classes, columns answers.

    Args:
        model: a classifier.
        x, y: rows with known answers, as for ``evaluate``.

    Fails:
        UsageError E560: no classes, or more than 40. UsageError E564: no answers are given.
    """
    seen = judged(model, rows_of(model, x, y, "confusion"), "confusion", ("classification",))
    count = len(seen.labels)
    if count > MOST:
        unsuited("confusion", f"{MOST} classes at most", f"{count} classes")
    counts = np.zeros((count, count), int)
    np.add.at(counts, (seen.answers.wanted, seen.answers.chosen), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    labels = [drawable(label, 14) for label in seen.labels]
    side = min(9.0, max(4.0, 1.6 + 0.5 * count))
    figure, frame = axes(
        plot_text("confusion"), (plot_text("predicted"), plot_text("true")), (side + 0.8, side)
    )
    drawn = frame.imshow(shares, cmap=AMOUNT, vmin=0, vmax=1)
    is_narrow = max(map(len, labels)) * 0.1 > (side - 1.6) / count  # inches of a label and of a cell
    frame.set_xticks(range(count), labels, rotation=90 if is_narrow else 0)
    frame.set_yticks(range(count), labels)
    if count <= WRITTEN:
        for i, j in np.ndindex(count, count):
            colour = "black" if shares[i, j] > 0.55 else "white"
            frame.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", color=colour, fontsize=9)
    scale(figure, drawn, frame, plot_text("share_of_row"))
    return Picture("confusion", plot_text("confusion"), figure, settings.lang, table(labels, counts))


def table(labels: list[str], counts: np.ndarray) -> str:
    """The matrix in letters.

    Example:
        >>> print(table(["no", "yes"], np.array([[9, 1], [0, 12]])))
              no  yes
        no     9    1
        yes    0   12
    """
    width = max(len(label) for label in [*labels, f"{counts.max():,}"]) + 2
    head = " " * width + "".join(f"{label:>{width}}" for label in labels)
    rows = [f"{label:<{width}}" + "".join(f"{n:>{width},}" for n in row)
            for label, row in zip(labels, counts.tolist(), strict=True)]  # fmt: skip
    return "\n".join([head, *rows])


CONFUSION = Kind("confusion", draw, "x, y", is_judged=True)
