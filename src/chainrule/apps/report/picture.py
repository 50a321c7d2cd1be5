"""Pictures for the page, as SVG text without a word in them: what they show is said in the page, in two
languages.

Text stays text (numbers at the axes), drawn with the reader's own fonts. Equal data gives equal bytes: no
date, no random names.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

BLUE, ORANGE, GREEN, GREY = "#2563a8", "#d1660f", "#2b8a3e", "#868e96"
POINTS = 2000  # of a scatter picture at most: more only hide each other


def curves(lines: Sequence[tuple[Sequence[float], str]], best: int | None) -> str:
    """Lines over the epochs.

    Args:
        lines: values and colour of each.
        best: the epoch whose weights were kept; marked.
    """

    def draw(axes: Axes) -> None:
        for values, colour in lines:
            axes.plot(
                range(1, len(values) + 1),
                values,
                color=colour,
                linewidth=1.6,
                marker="." if len(values) < 3 else "",
            )
        if best:
            axes.axvline(best, color=GREY, linewidth=1, linestyle="--")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))

    return _svg(draw, f"curves{len(lines)}{lines[0][1]}")


def against(true: np.ndarray, predicted: np.ndarray) -> str:
    """Predicted values over true ones, with the line where both are equal."""

    def draw(axes: Axes) -> None:
        low, high = float(min(true.min(), predicted.min())), float(max(true.max(), predicted.max()))
        axes.plot([low, high], [low, high], color=GREY, linewidth=1, linestyle="--")
        axes.scatter(true[:POINTS], predicted[:POINTS], s=14, color=BLUE, alpha=0.6, linewidths=0)

    return _svg(draw, "against")


def residuals(errors: np.ndarray) -> str:
    """How often each error occurs."""

    def draw(axes: Axes) -> None:
        axes.hist(errors, bins=min(40, max(5, len(errors) // 5)), color=BLUE, alpha=0.8)
        axes.axvline(0.0, color=GREY, linewidth=1, linestyle="--")

    return _svg(draw, "residuals")


def _svg(draw: Callable[[Axes], None], name: str) -> str:
    """The text of a picture, ready to stand in a page.

    Args:
        draw: puts the lines in.
        name: sets the names inside this picture apart from those of the page's other pictures.
    """
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.family": "sans-serif"}):
        figure = Figure(figsize=(5.6, 3.2), layout="tight")
        axes = figure.add_subplot()
        axes.grid(color="#e9ecef", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        text = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    inside = text.getvalue()[text.getvalue().index("<svg") :]
    inside = re.sub(r"<metadata>.*?</metadata>", "", inside, flags=re.DOTALL)
    inside = re.sub(
        r'\sxmlns(:xlink)?="[^"]*"', "", inside
    )  # a page needs none, and no address should be in it
    return re.sub(
        r'width="[^"]*pt" height="[^"]*pt"|height="[^"]*pt" width="[^"]*pt"', 'role="img"', inside, count=1
    )
