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
        rows = rows.reshape(self.count * self.structure.repeats(node), *self.structure.shape(node))
        if slack is not None:
            self.error += dot(*self._by_row(np.abs(rows), slack))
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
            self._add_constant(rows, offset)

    def _offset(self, node: Node, centers: list[np.ndarray | None]) -> np.ndarray | None:
        """The part of a linear node that does not depend on the data, for a batch of one."""
        structure = self.structure
        zeros = [
            np.zeros((structure.repeats(source), *structure.shape(source))) if center is None else center
            for source, center in zip(node.inputs, centers, strict=True)
        ]
        return structure.linear[node].offset(structure.card(node, 1), zeros, structure.flags(node))

    def _through_relaxation(self, node: Node, rows: np.ndarray) -> None:
        prepared = self.enclosure.prepared(node)
        positive = np.maximum(rows, 0.0)
        negative = rows - positive
        self._add_constant(positive, prepared.lower, is_by_box=True)
        self._add_constant(negative, prepared.upper, is_by_box=True)
        if prepared.spread is not None:
            positive, negative = prepared.spread(positive), prepared.spread(negative)
        for source, below, above in prepared.sources:
            coefficients = positive * self._of_rows(below)
            coefficients += negative * self._of_rows(above)
            self._add(source, coefficients)

    def _add(self, node: Node, rows: np.ndarray) -> None:
        """Add coefficients of a node."""
        if node in self._pending:
            rows = self._pending[node] + rows
            size = self.enclosure.intervals[node].magnitude
            self.error += 2.0 * UNIT * dot(*self._by_row(np.abs(rows), size))
        self._pending[node] = rows

    def _add_constant(self, rows: np.ndarray, values: np.ndarray, is_by_box: bool = False) -> None:
        """Add the products of coefficients and values; their rounding is part of slack or relaxation."""
        if is_by_box:
            self.constant += dot(*self._by_row(rows, values))
        else:
            self.constant += dot(rows.reshape(self.count, -1), values.reshape(1, -1))
        self.error += 4.0 * UNIT * np.abs(self.constant)

    def _of_rows(self, values: np.ndarray) -> np.ndarray:
        """The values of the box of each row, with the rows along the first axis."""
        repeats = max(len(values) // self._boxes_of(values), 1)
        if repeats == 1:
            return values[self.boxes]
        grouped = values.reshape(-1, repeats, *values.shape[1:])[self.boxes]
        return grouped.reshape(-1, *values.shape[1:])

    def _boxes_of(self, values: np.ndarray) -> int:
        return next(
            len(self.enclosure.intervals[n].lower) // self.structure.repeats(n)
            for n in self.structure.inputs.values()
        )

    def _by_row(self, rows: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients (R, size) and the values (R, size) of the box of each row."""
        selected = values.reshape(self._boxes_of(values), -1)[self.boxes]
        return rows.reshape(self.count, -1), selected

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
            if rows is None:
                continue
            factors[label] = rows = rows.reshape(self.count, -1)
            x = self.enclosure.intervals[node]
            center, radius = middle(x.lower, x.upper)
            size = np.abs(rows)
            lowest = dot(*self._by_row(rows, center)) - dot(*self._by_row(size, radius))
            value += np.fmax(lowest, self._on_ellipsoid(label, rows))
            self.error += gamma(self.structure.size(node)) * dot(*self._by_row(size, 2.0 * x.magnitude))
        error = (self.error + 8.0 * UNIT * (np.abs(value) + np.abs(self.constant))) * SAFETY + TINY
        return LinearBound(value - error, factors, self.constant - error)
