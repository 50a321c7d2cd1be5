"""One backward pass: linear functions of a node become linear functions of the inputs below them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np

from chainrule.bounds.interval import Interval
from chainrule.bounds.rounding import SAFETY, TINY, UNIT, dot, gamma, middle
from chainrule.bounds.structure import BATCH_NAME, Structure
from chainrule.graph import Node
from chainrule.records import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping


@frozen(eq=False)
class Prepared:
    """A relaxation whose constants contain all rounding errors.

    Args:
        sources: nodes with the factors below and above.
        lower, upper: the constants.
        spread: see ``Relaxation``.
    """

    sources: tuple[tuple[Node, np.ndarray, np.ndarray], ...]
    lower: np.ndarray
    upper: np.ndarray
    spread: Callable[[np.ndarray], np.ndarray] | None


@frozen(eq=False)
class LinearBound:
    """Linear functions of the inputs, ``factors * x + constant``, and their minima over the boxes.

    Args:
        value: the minima, (R,); NaN where there is no bound.
        factors: coefficients of each input by label, (R, size of the input).
        constant: (R,); rounding errors are subtracted.
    """

    value: np.ndarray
    factors: Mapping[str, np.ndarray]
    constant: np.ndarray


class Enclosed(Protocol):
    """What a pass needs of an enclosure."""

    structure: Structure
    count: int
    intervals: dict[Node, Interval]
    ellipsoids: Mapping[str, tuple[np.ndarray, np.ndarray]]

    def prepared(self, node: Node) -> Prepared: ...


class BackwardPass:
    """A pass for rows of coefficients.

    Args:
        enclosure: bounds of all nodes before the first one.
        boxes: the index of the box of each row, (R,).
    """

    def __init__(self, enclosure: Enclosed, boxes: np.ndarray) -> None:
        self.enclosure, self.structure = enclosure, enclosure.structure
        self.boxes, self.count = boxes, len(boxes)
        self.constant = np.zeros(self.count)
        self.error = np.zeros(self.count)
        self._pending: dict[Node, np.ndarray] = {}

    def run(self, node: Node, rows: np.ndarray) -> LinearBound:
        """The bounds of ``rows`` times a node; see ``Enclosure.linear_bound``."""
        slack = self.enclosure.intervals[node].slack
        rows = self.structure.from_samples(node, rows)
        if slack is not None:
            self.error += self._products(node, np.abs(rows), slack)
        self._pending[node] = rows
        nodes = self.structure.nodes
        for earlier in reversed(nodes[: nodes.index(node) + 1]):
            coefficients = None if not earlier.inputs else self._pending.pop(earlier, None)
            if coefficients is None:
                continue
            if earlier in self.structure.linear:
                self._through_linear(earlier, coefficients)
            else:
                self._through_relaxation(earlier, coefficients)
        return self._result()

    def _through_linear(self, node: Node, rows: np.ndarray) -> None:
        structure, flags = self.structure, self.structure.flags(node)
        intervals = [self.enclosure.intervals[source] for source in node.inputs]
        centers = [
            None if is_variable else x.lower if x.lower is x.upper else middle(x.lower, x.upper)[0]
            for x, is_variable in zip(intervals, flags, strict=True)
        ]
        sizes = {**structure.sizes, BATCH_NAME: self.count}
        pulled = structure.transposed[node](rows, centers, sizes)
        for i, coefficients in zip(structure.transposed[node].targets, pulled, strict=True):
            self._add(node.inputs[i], coefficients)
        offset = self._offset(node, centers)
        if offset is not None:
            by_row = self.structure.by_sample(node, rows, self.count)
            self._add_constant(dot(by_row, self.structure.by_sample(node, offset, 1)))

    def _offset(self, node: Node, centers: list[np.ndarray | None]) -> np.ndarray | None:
        """The part of a linear node that does not depend on the data, for a batch of one."""
        structure = self.structure
        zeros = [
            np.zeros(structure.shape(source, 1)) if center is None else center
            for source, center in zip(node.inputs, centers, strict=True)
        ]
        return structure.linear[node].offset(structure.card(node, 1), zeros, structure.flags(node))

    def _through_relaxation(self, node: Node, rows: np.ndarray) -> None:
        prepared = self.enclosure.prepared(node)
        positive = np.maximum(rows, 0.0)
        negative = rows - positive
        self._add_constant(self._products(node, positive, prepared.lower))
        self._add_constant(self._products(node, negative, prepared.upper))
        if prepared.spread is not None:
            positive, negative = prepared.spread(positive), prepared.spread(negative)
        for source, below, above in prepared.sources:
            coefficients = positive * self._of_rows(source, below)
            coefficients += negative * self._of_rows(source, above)
            self._add(source, coefficients)

    def _add(self, node: Node, rows: np.ndarray) -> None:
        """Add coefficients of a node."""
        if node in self._pending:
            rows = self._pending[node] + rows
            size = self.enclosure.intervals[node].magnitude
            self.error += 2.0 * UNIT * self._products(node, np.abs(rows), size)
        self._pending[node] = rows

    def _add_constant(self, constants: np.ndarray) -> None:
        """Add a constant of each row; its rounding is part of slack or relaxation."""
        self.constant += constants
        self.error += 4.0 * UNIT * np.abs(self.constant)

    def _of_rows(self, node: Node, values: np.ndarray) -> np.ndarray:
        """The values of a node for the box of each row."""
        return self.structure.of_samples(node, values, self.boxes, self.enclosure.count)

    def _products(self, node: Node, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
        """The sum of coefficients times values of a node, for the box of each row: (R,)."""
        by_box = self.structure.by_sample(node, values, self.enclosure.count)
        return dot(self.structure.by_sample(node, rows, self.count), by_box[self.boxes])

    def _on_ellipsoid(self, label: str, rows: np.ndarray) -> np.ndarray | float:
        """The minima of linear functions of an input over its ellipsoid; NaN if it has none."""
        ellipsoid = self.enclosure.ellipsoids.get(label)
        if ellipsoid is None:
            return np.nan
        center, axes = (part[self.boxes] for part in ellipsoid)
        scaled = rows * axes
        length, size = np.sqrt(np.vecdot(scaled, scaled)), np.vecdot(np.abs(rows), np.abs(center))
        return np.vecdot(rows, center) - length - 2.0 * gamma(rows.shape[1]) * (length + size)

    def _result(self) -> LinearBound:
        value, factors = self.constant.copy(), {}
        for label, node in self.structure.inputs.items():
            rows = self._pending.get(node)
            if rows is None:  # the bound is constant in this input
                factors[label] = np.zeros((self.count, self.structure.size(node)))
                continue
            factors[label] = self.structure.by_sample(node, rows, self.count)
            x = self.enclosure.intervals[node]
            center, radius = middle(x.lower, x.upper)
            size = np.abs(rows)
            lowest = self._products(node, rows, center) - self._products(node, size, radius)
            value += np.fmax(lowest, self._on_ellipsoid(label, factors[label]))
            self.error += 2.0 * gamma(self.structure.size(node)) * self._products(node, size, x.magnitude)
        error = (self.error + 8.0 * UNIT * (np.abs(value) + np.abs(self.constant))) * SAFETY + TINY
        return LinearBound(value - error, factors, self.constant - error)
