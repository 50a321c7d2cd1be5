"""The way of a training over the loss: where the weights were, in the plane the way lies in most.

Random directions show what the loss is like around a net; the way of a training is nearly at a right angle to
them, as to nearly all directions of a large space, and would look like a point. So the plane is laid through
the way itself: its two main directions, by principal components of the steps back from the last weights.

Reference: Li, Xu, Taylor, Studer and Goldstein (2018), Visualizing the loss landscape of neural nets
(NeurIPS), section 7.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.errors import UsageError
from chainrule.plotting.figure import Picture
from chainrule.plotting.plot_card import Kind
from chainrule.plotting.plots.landscape import Arrays, cut, levels
from chainrule.plotting.samples import network_of, rows_of
from chainrule.plotting.style import RED, axes
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.checkpoint import model_file
from chainrule.train.model_state import ModelState

ROOM = 0.25  # around the way, of its own size


def plane(stops: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The two main directions of steps (n, P): the directions (2, P), where each step lies (n, 2), and the
    share of the squares along each.

    Found by the n x n products of the steps, which are few, and not by the P x P ones of the weights.

    Example:
        >>> along, places, shares = plane(np.array([[3.0, 4.0, 0.0], [6.0, 8.0, 0.0]]))
        >>> np.abs(places[:, 0]).round(6).tolist(), shares.round(6).tolist()
        ([5.0, 10.0], [1.0, 0.0])
    """
    squares, turned = np.linalg.eigh(stops @ stops.T)
    largest = np.argsort(squares)[::-1][:2]
    lengths = np.sqrt(np.maximum(squares[largest], 0.0))
    along = np.zeros((2, stops.shape[1]))
    for i, (column, length) in enumerate(zip(largest, lengths, strict=True)):
        if length > 1e-9 * lengths[0]:
            along[i] = turned[:, column] @ stops / length
    shares = np.pad(lengths**2, (0, 2))[:2] / max(float((stops**2).sum()), np.finfo(float).tiny)
    return along, stops @ along.T, shares


def draw(
    model: ModelState, x: Any, y: Any, course: Sequence[Any], *, points: int = 21, rows: int = 256
) -> Picture:
    """The way of a training over the loss, from stop to stop to the present weights.

    Args:
        model: a trained one.
        x, y: rows with known answers, as for ``evaluate``.
        course: where the weights were: model files as ``cr.Checkpoint("models/{epoch:03d}.safetensors")``
            writes them, in their order, or parameters by path.
        points: places along each direction.
        rows: how many of the rows are used at most.

    Cost: ``points`` squared times the forward pass of ``rows`` rows.

    Fails:
        UsageError E102: fewer than two stops, or stops of another net; fewer than 3 points.
        FileError: a file is missing or damaged.
    """
    network_of(model, "course")
    last = {path: value.astype(np.float64) for path, value in model.parameters.items()}
    if len(course) < 2 or not 3 <= points <= 200:
        raise _refusal("two stops or more, 3 <= points <= 200", f"{len(course)} stops, points={points}")
    steps = np.array([_flat(_parameters(stop), last) for stop in course])
    along, places, shares = plane(steps)
    edges = [_range(places[:, i], points) for i in range(2)]
    directions = [_by_path(direction, last) for direction in along]
    seen = rows_of(model, x, y, "course").some(rows)
    found = cut(model, seen, (directions[0], directions[1]), (edges[0], edges[1]))
    says = [plot_text("component", n=i + 1, share=float(shares[i])) for i in range(2)]
    figure, frame = axes(plot_text("course"), says, (6.4, 5.2))
    levels(figure, frame, found)
    way = np.concatenate([places, [[0.0, 0.0]]])
    frame.plot(*way.T, "-o", color="white", markersize=3, linewidth=1.2)
    frame.plot(0, 0, "o", color=RED, markeredgecolor="white", markersize=8, label=plot_text("current"))
    frame.legend(loc="best", fontsize=8, frameon=True)
    low, high = found.range
    told = f"{len(course)} + 1: {shares[0]:.1%} + {shares[1]:.1%}; {low:.4g} … {high:.4g}"
    return Picture("course", plot_text("course"), figure, settings.lang, told)


def _parameters(stop: Any) -> Mapping[str, Any]:
    """The parameters at a stop, of a file or as they are."""
    return model_file.load(stop).parameters if isinstance(stop, str | os.PathLike) else stop


def _flat(stop: Mapping[str, Any], last: Arrays) -> np.ndarray:
    """A stop as one step from the last weights.

    Fails:
        UsageError E102: it belongs to another net.
    """
    shapes = {path: np.shape(stop[path]) for path in last if path in stop}
    if shapes != {path: value.shape for path, value in last.items()}:
        raise _refusal("the parameters of this net", ", ".join(stop))
    return np.concatenate([(np.asarray(stop[path]) - value).reshape(-1) for path, value in last.items()])


def _by_path(direction: np.ndarray, like: Arrays) -> Arrays:
    """A direction taken apart again, parameter by parameter."""
    ends = np.cumsum([value.size for value in like.values()])[:-1]
    parts = zip(np.split(direction, ends), like.items(), strict=True)
    return {path: part.reshape(value.shape) for part, (path, value) in parts}


def _range(places: np.ndarray, points: int) -> np.ndarray:
    """Where a direction is looked at: all the way, the present weights, and some room."""
    low, high = min(0.0, float(places.min())), max(0.0, float(places.max()))
    room = ROOM * (high - low) or 1.0
    return np.linspace(low - room, high + room, points)


def _refusal(expected: str, received: str) -> UsageError:
    return UsageError(
        "E102", where="plot.course", name="course or points", expected=expected, received=received[:120],
        fix='course=sorted(Path("models").glob("*.safetensors"))',
    )  # fmt: skip


COURSE = Kind("course", draw, "x, y, course")
