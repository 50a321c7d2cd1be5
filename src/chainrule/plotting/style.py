"""Figures, colors and fonts; the only module that imports matplotlib.

Figures are created without ``pyplot``, so there is no global state and no window. The matplotlib settings
apply only while a figure is created and saved. The colors are those of Okabe and Ito, which are
distinguishable with any kind of color blindness; amounts use the colormap cividis, signed amounts run from
orange over white to purple.

Reference: Okabe and Ito (2008), Color universal design; Nuñez, Anderton and Renslow (2018), Optimizing
colormaps with consideration for color vision deficiency (PLOS ONE).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from importlib import import_module
from math import ceil
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from chainrule import optional_dependency
from chainrule.plotting import font

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
COLORS = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY, "#000000", "#999999")
LINES = ("-", "--", "-.", ":")  # line styles, used when the colors repeat
GRAY, DARK = "#868e96", "#343a40"
AMOUNT, SIGNED = "cividis", "PuOr"
_IN_DARK = ("axes.labelcolor", "text.color", "axes.titlecolor", "xtick.color", "ytick.color")
_OFF = "text.parse_math axes.spines.top axes.spines.right axes.formatter.use_mathtext legend.frameon"
_STYLE = {
    **dict.fromkeys(_IN_DARK, DARK),
    **dict.fromkeys(_OFF.split(), False),
    **dict.fromkeys(("figure.constrained_layout.h_pad", "figure.constrained_layout.w_pad"), 0.08),
    "font.size": 10,
    "axes.titlesize": 11,
    "figure.titlesize": 12,
    "figure.dpi": 100,
    "axes.edgecolor": GRAY,
    "axes.unicode_minus": True,
    "axes.formatter.limits": (-4, 5),
    "svg.hashsalt": "chainrule",
    "svg.fonttype": "path",
    "image.interpolation": "nearest",
}


class Blank:
    """A figure or a part of it that draws nothing: every attribute and every call of it is blank."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *arguments: Any, **options: Any) -> Blank:
        return self

    def __getitem__(self, index: Any) -> Blank:
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter(())


_is_text = ContextVar("whether only the texts of plots are used", default=False)


@contextmanager
def text_only() -> Iterator[None]:
    """Create plots for their texts inside a ``with`` block: without matplotlib, their figures are blank."""
    token = _is_text.set(True)
    try:
        yield
    finally:
        _is_text.reset(token)


def is_text_only() -> bool:
    """Return whether only the texts of plots are used, which need no fonts."""
    return _is_text.get()


def is_blank() -> bool:
    """Return whether figures are blank: only texts are used, and matplotlib is not installed."""
    if not _is_text.get():
        return False
    try:
        _matplotlib()
    except ImportError:
        return True
    return False


@contextmanager
def style() -> Iterator[None]:
    """Apply the settings of all plots inside a ``with`` block.

    Raises:
        DataError E350: matplotlib is not installed.
    """
    if is_blank():
        yield
        return
    try:
        matplotlib = _matplotlib()
    except ImportError as cause:
        raise optional_dependency.missing("plots", "model.plot") from cause
    with matplotlib.rc_context({**_defaults(matplotlib), **_STYLE, "font.family": font.families()}):
        yield


def _matplotlib() -> Any:
    """Import matplotlib, ignoring an ``MPLBACKEND`` that names no backend, since figures have none."""
    if sys.modules.get("matplotlib") is not None:
        return sys.modules["matplotlib"]
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        matplotlib = import_module("matplotlib")
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend:
        with suppress(ValueError):
            matplotlib.rcParams["backend"] = backend
    return matplotlib


def _defaults(matplotlib: Any) -> dict[str, Any]:
    """Return the default settings, without those of a ``matplotlibrc`` in the working folder.

    That file may belong to another user, and ``text.usetex`` in it would start programs.
    """
    own = ("backend", "backend_fallback", "interactive")  # of the process: figures have none
    return {name: value for name, value in matplotlib.rcParamsDefault.items() if name not in own}


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of this size in inches, with constrained layout."""
    if is_blank():
        return cast("Figure", Blank())
    return import_module("matplotlib.figure").Figure((width, height), layout="constrained")


def axes(title: str, labels: Sequence[str], size: tuple[float, float]) -> tuple[Figure, Axes]:
    """Return a figure with one pair of axes.

    Args:
        labels: the labels of the x and y axes.
        size: the size in inches.
    """
    figure = new_figure(*size)
    frame = figure.add_subplot()
    frame.set_title(title, pad=10)
    frame.set_xlabel(labels[0])
    frame.set_ylabel(labels[1])
    return figure, frame


def grid(title: str, count: int, columns: int, cell: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """Return a figure with ``count`` subplots, row by row.

    Args:
        columns: the maximum number of columns.
        cell: width and height of a subplot in inches.
    """
    columns_used = min(columns, count)
    rows_used = ceil(count / columns_used)
    figure = new_figure(max(4.2, columns_used * cell[0]), rows_used * cell[1] + 0.6)
    figure.suptitle(title)
    return figure, [figure.add_subplot(rows_used, columns_used, i + 1) for i in range(count)]


def hide_axes(frame: Axes) -> None:
    """Hide ticks and spines of axes."""
    frame.set_xticks([])
    frame.set_yticks([])
    for spine in frame.spines.values():
        spine.set_visible(False)


def integer_ticks(frame: Axes) -> None:
    """Use a few integer ticks on the x axis."""
    locator: Any = frame.xaxis.get_major_locator()
    locator.set_params(integer=True, nbins=6)


def add_colorbar(figure: Figure, mappable: Any, frames: Any, label: str) -> None:
    """Add a color bar beside axes."""
    bar = figure.colorbar(mappable, ax=frames, shrink=0.85, pad=0.02)
    bar.set_label(label)
    bar.outline.set_visible(False)


def line_style(i: int) -> dict[str, str]:
    """Return color and style of the i-th line; the first thirty differ."""
    return {"color": COLORS[i % len(COLORS)], "linestyle": LINES[i // len(COLORS) % len(LINES)]}


def evenly_spaced(count: int, max_count: int) -> list[int]:
    """Return at most ``max_count`` evenly spaced indices below ``count``, including the first and the last.

    Example:
        >>> evenly_spaced(3, 9), evenly_spaced(10, 4)
        ([0, 1, 2], [0, 3, 6, 9])
    """
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, max_count))})
