"""Paper, colours and letters: the one place that opens matplotlib.

A figure is made without ``pyplot``: nothing is remembered between pictures, no window opens, and a picture
that nobody holds is gone. Its settings hold while it is made and while it is written, and for nobody else.
Colours are those of Okabe and Ito, which people with any kind of colour blindness can tell apart; amounts go
from dark to light (cividis), amounts with a sign from blue over white to orange.

Reference: Okabe and Ito (2008), Color universal design; Nuñez, Anderton and Renslow (2018), Optimizing
colormaps with consideration for color vision deficiency (PLOS ONE).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.data.readers import optional_dependency
from chainrule.plotting import font

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
COLOURS = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY, "#000000", "#999999")
LINES = ("-", "--", "-.", ":")  # the second sign by which lines are told apart, when colours begin anew
GREY, PALE, DARK = "#868e96", "#e9ecef", "#343a40"
AMOUNT, SIGNED = "cividis", "PuOr"
_STYLE = {
    "font.size": 10, "axes.titlesize": 11, "figure.titlesize": 12, "text.parse_math": False,
    "axes.edgecolor": GREY, "axes.labelcolor": DARK, "text.color": DARK, "axes.titlecolor": DARK,
    "xtick.color": DARK, "ytick.color": DARK, "axes.spines.top": False, "axes.spines.right": False,
    "axes.unicode_minus": True, "axes.formatter.limits": (-4, 5), "axes.formatter.use_mathtext": False,
    "figure.constrained_layout.h_pad": 0.08, "figure.constrained_layout.w_pad": 0.08,
    "legend.frameon": False, "svg.hashsalt": "chainrule", "svg.fonttype": "path", "figure.dpi": 100,
    "image.interpolation": "nearest",
}  # fmt: skip


@contextmanager
def style() -> Iterator[None]:
    """The settings of every picture, inside a ``with`` block only.

    Fails:
        DataError E350: matplotlib is not installed.
    """
    try:
        matplotlib: Any = import_module("matplotlib")
    except ImportError as cause:
        raise optional_dependency.missing("pictures", "model.plot") from cause
    with matplotlib.rc_context({**_STYLE, "font.family": font.families()}):
        yield


def paper(width: float, height: float) -> Figure:
    """An empty figure of this size in inches, whose parts make room for one another."""
    return import_module("matplotlib.figure").Figure((width, height), layout="constrained")


def axes(title: str, says: Sequence[str], size: tuple[float, float]) -> tuple[Figure, Axes]:
    """A figure with one frame.

    Args:
        title: above it.
        says: what its axes are, to the right and upwards.
        size: of the whole, in inches.
    """
    figure = paper(*size)
    frame = figure.add_subplot()
    frame.set_title(title, pad=10)
    frame.set_xlabel(says[0])
    frame.set_ylabel(says[1])
    return figure, frame


def grid(title: str, count: int, columns: int, cell: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """A figure with a frame for each of ``count`` things, row by row.

    Args:
        title: above all of them.
        count: how many.
        columns: in a row at most.
        cell: width and height of each in inches.
    """
    wide = min(columns, count)
    high = ceil(count / wide)
    figure = paper(max(4.2, wide * cell[0]), high * cell[1] + 0.6)
    figure.suptitle(title)
    return figure, [figure.add_subplot(high, wide, i + 1) for i in range(count)]


def bare(frame: Axes) -> None:
    """Take the numbers and lines around a frame away: what it shows has no axes."""
    frame.set_xticks([])
    frame.set_yticks([])
    for spine in frame.spines.values():
        spine.set_visible(False)


def whole_numbers(frame: Axes) -> None:
    """Let the marks below a frame be whole numbers, and few."""
    locator: Any = frame.xaxis.get_major_locator()
    locator.set_params(integer=True, nbins=6)


def scale(figure: Figure, drawn: Any, frames: Any, says: str) -> None:
    """A bar beside frames that says which colour is which number."""
    bar = figure.colorbar(drawn, ax=frames, shrink=0.85, pad=0.02)
    bar.set_label(says)
    bar.outline.set_visible(False)


def look(i: int) -> dict[str, str]:
    """Colour and kind of the i-th line, no two alike among the first thirty."""
    return {"color": COLOURS[i % len(COLOURS)], "linestyle": LINES[i // len(COLOURS) % len(LINES)]}


def spread(count: int, most: int) -> list[int]:
    """At most ``most`` of ``count`` numbers, evenly, the first and the last among them.

    Example:
        >>> spread(3, 9), spread(10, 4)
        ([0, 1, 2], [0, 3, 6, 9])
    """
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, most))})
