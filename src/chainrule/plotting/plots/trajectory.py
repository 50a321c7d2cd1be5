"""Trajectory of a training on the loss surface, in the plane of its two principal directions.

In random directions a trajectory would look like a point, because it is nearly orthogonal to almost all
directions of a high-dimensional space. Therefore the plane is spanned by the first two principal components
of the differences to the final weights.

Reference: Li, Xu, Taylor, Studer and Goldstein (2018), Visualizing the loss landscape of neural nets
(NeurIPS), section 7.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.errors import UsageError, fact
from chainrule.plotting.figure import Plot
from chainrule.plotting.plot_card import PlotCard
from chainrule.plotting.plots.loss_landscape import Arrays, draw_contours, loss_slice
from chainrule.plotting.samples import network_of, rows_of
from chainrule.plotting.style import RED, axes
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.checkpoint import model_file
from chainrule.train.model_state import ModelState

MARGIN = 0.25  # margin around the trajectory, relative to its size


def principal_plane(stops: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the two principal directions (2, P) of steps (n, P), coordinates (n, 2), and variance shares
    (2,).

    Computed from the n x n Gram matrix of the few steps, not from the P x P matrix of the weights.

    Example:
        >>> along, places, shares = principal_plane(np.array([[3.0, 4.0, 0.0], [6.0, 8.0, 0.0]]))
        >>> np.abs(places[:, 0]).round(6).tolist(), shares.round(6).tolist()
        ([5.0, 10.0], [1.0, 0.0])
    """
    squares, vectors = np.linalg.eigh(stops @ stops.T)
    largest = np.argsort(squares)[::-1][:2]
    lengths = np.sqrt(np.maximum(squares[largest], 0.0))
    directions = np.zeros((2, stops.shape[1]))
    for i, (column, length) in enumerate(zip(largest, lengths, strict=True)):
        if length > 1e-9 * lengths[0]:
            directions[i] = vectors[:, column] @ stops / length
    shares = np.pad(lengths**2, (0, 2))[:2] / max(float((stops**2).sum()), np.finfo(float).tiny)
    return directions, stops @ directions.T, shares


def draw(
    model: ModelState, x: Any, y: Any, checkpoints: Sequence[Any], *, points: int = 21, rows: int = 256
) -> Plot:
    """Draw the trajectory of a training on the loss surface, from the recorded to the current weights.

    Args:
        model: a trained model.
        x, y: rows with targets, as for ``evaluate``.
        checkpoints: the recorded weights in order: model files as written by
            ``cr.Checkpoint("models/{epoch:03d}.safetensors")``, or parameters by path.
        points: the number of grid points along each direction.
        rows: the maximum number of rows used.

    Cost: ``points`` squared times the forward pass of ``rows`` rows.

    Raises:
        UsageError E102: fewer than two recorded states, states of another network, or fewer than 3 points.
        FileError: a file is missing or damaged.
    """
    network_of(model, "trajectory")
    last = {path: value.astype(np.float64) for path, value in model.parameters.items()}
    if len(checkpoints) < 2 or not 3 <= points <= 200:
        raise _refusal(
            fact("two recorded states or more, 3 <= points <= 200"),
            f"{len(checkpoints)} states, points={points}",
        )
    steps = np.array([_flat(_parameters(stop), last) for stop in checkpoints])
    directions_found, coordinates, shares = principal_plane(steps)
    edges = [_range(coordinates[:, i], points) for i in range(2)]
    directions = [_by_path(direction, last) for direction in directions_found]
    rows_used = rows_of(model, x, y, "trajectory").spread(rows)
    loss_slice_ = loss_slice(rows_used, (directions[0], directions[1]), (edges[0], edges[1]))
    labels = [plot_text("component", n=i + 1, share=float(shares[i])) for i in range(2)]
    figure, frame = axes(plot_text("trajectory"), labels, (6.4, 5.2))
    draw_contours(figure, frame, loss_slice_)
    trajectory = np.concatenate([coordinates, [[0.0, 0.0]]])
    frame.plot(*trajectory.T, "-o", color="white", markersize=3, linewidth=1.2)
    frame.plot(0, 0, "o", color=RED, markeredgecolor="white", markersize=8, label=plot_text("current"))
    frame.legend(loc="best", fontsize=8, frameon=True)
    low, high = loss_slice_.range
    text = f"{len(checkpoints)} + 1: {shares[0]:.1%} + {shares[1]:.1%}; {low:.4g} … {high:.4g}"
    return Plot("trajectory", plot_text("trajectory"), figure, settings.lang, text)


def _parameters(state: Any) -> Mapping[str, Any]:
    """Return the parameters of a recorded state, loaded if it is a file."""
    return model_file.load(state).parameters if isinstance(state, str | os.PathLike) else state


def _flat(state: Mapping[str, Any], last: Arrays) -> np.ndarray:
    """Return a recorded state as a flat difference to the final weights.

    Raises:
        UsageError E102: it belongs to another network.
    """
    shapes = {path: np.shape(state[path]) for path in last if path in state}
    if shapes != {path: value.shape for path, value in last.items()}:
        raise _refusal(fact("the parameters of this network"), ", ".join(state))
    return np.concatenate([(np.asarray(state[path]) - value).reshape(-1) for path, value in last.items()])


def _by_path(direction: np.ndarray, like: Arrays) -> Arrays:
    """Split a flat direction into parameters."""
    ends = np.cumsum([value.size for value in like.values()])[:-1]
    parts = zip(np.split(direction, ends), like.items(), strict=True)
    return {path: part.reshape(value.shape) for part, (path, value) in parts}


def _range(coordinates: np.ndarray, points: int) -> np.ndarray:
    """Return the grid along a direction: trajectory, current weights and a margin."""
    low, high = min(0.0, float(coordinates.min())), max(0.0, float(coordinates.max()))
    margin = MARGIN * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, points)


def _refusal(expected: str, received: str) -> UsageError:
    where = "plot.trajectory"
    name = fact("checkpoints or points")
    fix = 'checkpoints=sorted(Path("models").glob("*.safetensors"))'
    return UsageError("E102", where=where, name=name, expected=expected, received=received[:120], fix=fix)


TRAJECTORY = PlotCard("trajectory", draw, "x, y, checkpoints")
