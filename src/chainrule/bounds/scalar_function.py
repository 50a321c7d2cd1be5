"""Linear bounds of a function of one number that is composed of several operations, such as GELU.

The interval of the argument is divided into cells. On each cell the rules of intervals enclose the function,
``f in [low, high]``; a line with slope ``s`` is below it if its intercept is at most ``low - s x`` on every
cell. So every activation that is a formula has linear bounds without a rule of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.bounds.interval import TINY, UNIT, Interval
from chainrule.bounds.rule import Relaxation
from chainrule.bounds.structure import Structure
from chainrule.graph import Node

CELLS = 32


def enclosed(structure: Structure, node: Node, x: Interval) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the cells of the argument and the bounds of the function on each.

    Args:
        structure: of the network.
        node: the value of the function; its root is the argument.
        x: bounds of the argument, (n, ...).

    Returns:
        the ends of the cells (CELLS + 1, n, ...), and lower and upper bounds of the function (CELLS, n, ...).
    """
    root, ends = structure.roots[node], _ends(x)
    count = x.lower.size // structure.size(root)
    low, high = (
        structure.from_samples(root, np.concatenate([structure.by_sample(root, e, count) for e in part]))
        for part in (np.minimum(ends[:-1], ends[1:]), np.maximum(ends[:-1], ends[1:]))
    )
    values = {root: Interval(low, high)}
    for step in structure.between(root, node):
        inputs = [values[s] if s in values else structure.fixed[s] for s in step.inputs]
        values[step] = structure.bounded(step, structure.card(step, CELLS * count), inputs)[0]

    def by_cell(values: np.ndarray) -> np.ndarray:
        rows = structure.by_sample(node, np.broadcast_to(values, low.shape), CELLS * count)
        return np.stack([structure.from_samples(node, part) for part in np.split(rows, CELLS)])

    return ends, by_cell(values[node].lower), by_cell(values[node].upper)


def _ends(x: Interval) -> np.ndarray:
    """Return the ends of the cells, among them 0 if it is inside: many activations have a corner there."""
    half = np.linspace(0.0, 1.0, CELLS // 2 + 1).reshape(-1, *[1] * x.lower.ndim)
    center = np.where((x.lower < 0) & (x.upper > 0), 0.0, 0.5 * x.lower + 0.5 * x.upper)
    left, right = x.lower + (center - x.lower) * half, center + (x.upper - center) * half
    ends = np.concatenate([left, right[1:]])
    ends[CELLS // 2], ends[0], ends[-1] = center, x.lower, x.upper
    return ends


def relax_function(ends: np.ndarray, low: np.ndarray, high: np.ndarray, x: Interval) -> Relaxation:
    """Return lines below and above the function; see ``enclosed`` for the arguments."""
    center = 0.5 * x.lower + 0.5 * x.upper
    lines = [_line(slope, ends, low, high, x) for slope in _directions(ends, low, high)]
    below = np.stack([slope * center + t for slope, t, _ in lines])
    above = np.stack([slope * center + t for slope, _, t in lines])
    first = np.argmax(np.where(np.isfinite(below), below, -np.inf), 0)[None]
    second = np.argmin(np.where(np.isfinite(above), above, np.inf), 0)[None]
    factors, lower, upper = (np.stack([line[i] for line in lines]) for i in range(3))

    def selected(array: np.ndarray, index: np.ndarray) -> np.ndarray:
        return np.take_along_axis(array, index, 0)[0]

    return Relaxation(
        (selected(factors, first),),
        (selected(factors, second),),
        selected(lower, first),
        selected(upper, second),
    )


def _directions(ends: np.ndarray, low: np.ndarray, high: np.ndarray) -> Sequence[np.ndarray]:
    """Return the slopes to try: chord, flat, and those of the first, the middle and the last cells."""
    middle = 0.5 * low + 0.5 * high
    factors = []
    for first, last in ((0, -1), (0, 1), (CELLS // 2 - 1, CELLS // 2), (-2, -1)):
        with np.errstate(all="ignore"):
            slope = (middle[last] - middle[first]) / (
                0.5 * (ends[1:][last] + ends[:-1][last]) - 0.5 * (ends[1:][first] + ends[:-1][first])
            )
        factors.append(np.where(np.isfinite(slope), slope, 0.0))
    return [*factors, np.zeros_like(factors[0])]


def _line(
    slope: np.ndarray, ends: np.ndarray, low: np.ndarray, high: np.ndarray, x: Interval
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the slope, and the intercepts of the lines with it below and above the function."""
    products = slope * ends
    maximum, minimum = np.maximum(products[:-1], products[1:]), np.minimum(products[:-1], products[1:])
    error = 8.0 * UNIT * (np.maximum(np.abs(low), np.abs(high)).max(0) + np.abs(slope) * x.magnitude) + TINY
    return slope, (low - maximum).min(0) - error, (high - minimum).max(0) + error
