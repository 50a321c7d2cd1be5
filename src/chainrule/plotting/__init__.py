"""Plots of a model: its structure, weights, activations, training history and predictions.

Input: a model, and rows for plots that need them. Output: a ``Plot`` with a title and axis labels in English
or Chinese, which can be saved, displayed in a notebook and printed as text. Plots never train or change a
model.

    figure.py           ``Plot``: the result
    plot.py             ``model.plot``: the plots by name
    registry.py         ``PLOTS``: the cards of all plots by name
    style.py, font.py   figures, colors and fonts
    samples.py          encoded rows, predictions with targets, values of nodes
    network/            network diagrams: boxes, layout, SVG and text tree
    plots/              one file per plot

matplotlib is imported when the first plot is drawn; it belongs to the extra ``plots``. The plots of
``report.html`` do not need it (``apps/report``).
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(__name__, {"figure": "Plot", "plot": "PlotAccessor", "registry": "PLOTS"})
__getattr__, __dir__ = _LAZY.hooks
