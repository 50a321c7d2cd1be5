"""One backward pass: linear functions of a node become linear functions of the inputs below them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np

from chainrule.bounds.interval import SAFETY, TINY, UNIT, Interval, dot, gamma, middle
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
        margin: of relu, what a coefficient of 1 of its argument may be wrong by; else ``None``.
    """

    sources: tuple[tuple[Node, np.ndarray, np.ndarray], ...]
    lower: np.ndarray
    upper: np.ndarray
    spread: Callable[[np.ndarray], np.ndarray] | None
    margin: np.ndarray | None = None


@frozen(eq=False)
class Multipliers:
    """Numbers that a pass may choose freely: every choice gives a bound, the best one the tightest.

    Args:
        alphas: for relu nodes the slope of the line below, from 0 to 1, where the argument may have both
            signs (R, size).
        penalties: for arguments of relu the coefficient that is added, for the sign that a part of the box
            has: at most 0 where it is 0 or above, at least 0 where it is 0 or below, else 0 (R, size).

    Reference: Wang, Zhang, Xu, Lin, Jana, Hsieh and Kolter (2021), Beta-CROWN: efficient bound propagation
    with per-neuron split constraints for neural network robustness verification (NeurIPS), equations 4 and 6.
    """

    alphas: Mapping[Node, np.ndarray]
    penalties: Mapping[Node, np.ndarray]


NONE = Multipliers({}, {})


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
    """The part of an enclosure that a pass needs."""

    structure: Structure
    count: int
    intervals: dict[Node, Interval]
    ellipsoids: Mapping[str, tuple[np.ndarray, np.ndarray]]

    def prepared(self, node: Node) -> Prepared: ...

    def repeated(self, count: int, known: Mapping[Node, Interval], last: Node) -> Enclosed: ...


class BackwardPass:
    """A pass for rows of coefficients.

    Args:
        enclosure: bounds of all nodes before the first one.
        boxes: the index of the box of each row, (R,).
        multipliers: slopes and penalties.
        is_recorded: whether the coefficients of all nodes are kept in ``rows``, as ``relaxed_values`` needs.
    """

    def __init__(
        self,
        enclosure: Enclosed,
        boxes: np.ndarray,
        multipliers: Multipliers = NONE,
        is_recorded: bool = False,
    ) -> None:
        self.multipliers, self.is_recorded = multipliers, is_recorded
        self.rows: dict[Node, np.ndarray] = {}
        self.enclosure, self.structure = enclosure, enclosure.structure
        self.boxes, self.count = boxes, len(boxes)
        self.constant = np.zeros(self.count)
        self.error = np.zeros(self.count)
        self._pending: dict[Node, np.ndarray] = {}

    def run(self, node: Node, rows: np.ndarray) -> LinearBound:
        """Return the bounds of ``rows`` times a node; see ``Enclosure.linear_bound``."""
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
            if self.is_recorded:
                self.rows[earlier] = coefficients
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
            by_row, offset = structure.by_sample(node, rows, self.count), structure.by_sample(node, offset, 1)
            if not np.isfinite(offset).all():  # the padding of max pooling, whose coefficient is 0
                offset = np.where(by_row == 0, 0.0, offset)
            self._add_constant(dot(by_row, offset))

    def _offset(self, node: Node, centers: list[np.ndarray | None]) -> np.ndarray | None:
        """Return the part of a linear node that does not depend on the data, for a batch of one."""
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
        alphas = self.multipliers.alphas.get(node)
        if alphas is None:
            self._add_constant(self._products(node, positive, prepared.lower))
        self._add_constant(self._products(node, negative, prepared.upper))
        if prepared.spread is not None:
            positive, negative = prepared.spread(positive), prepared.spread(negative)
        for source, below, above in prepared.sources:
            factors = self.of_rows(source, below)
            if alphas is not None:
                factors = self.sloped(source, factors, alphas)
            lower = positive * factors
            if alphas is not None:  # a line below relu goes through 0
                assert prepared.margin is not None
                self._add_constant(-self._products(source, lower, prepared.margin))
            self._add(source, lower + negative * self.of_rows(source, above))
            if source in self.multipliers.penalties:
                self._penalize(source, self.multipliers.penalties[source])

    def sloped(self, source: Node, factors: np.ndarray, alphas: np.ndarray) -> np.ndarray:
        """Return slopes of lines below relu: the chosen ones where the sign of the argument is not known."""
        x = self.enclosure.intervals[source]
        is_open = self.of_rows(source, (x.lower < 0) & (x.upper > 0))
        return np.where(is_open, self.structure.from_samples(source, alphas), factors)

    def _penalize(self, source: Node, penalties: np.ndarray) -> None:
        """Add coefficients of an argument; what they multiply is 0 or below on the part of the box."""
        x, rows = self.enclosure.intervals[source], self.structure.from_samples(source, penalties)
        self._add(source, rows)
        error = 4.0 * UNIT * x.magnitude + TINY + (0.0 if x.slack is None else x.slack)
        self.error += self._products(source, np.abs(rows), error)

    def _add(self, node: Node, rows: np.ndarray) -> None:
        if node in self._pending:
            rows = self._pending[node] + rows
            size = self.enclosure.intervals[node].magnitude
            self.error += 2.0 * UNIT * self._products(node, np.abs(rows), size)
        self._pending[node] = rows

    def _add_constant(self, constants: np.ndarray) -> None:
        """Add a constant of each row; its rounding is part of slack or relaxation."""
        self.constant += constants
        self.error += 4.0 * UNIT * np.abs(self.constant)

    def of_rows(self, node: Node, values: np.ndarray) -> np.ndarray:
        """Return the values of a node for the box of each row."""
        return self.structure.of_samples(node, values, self.boxes, self.enclosure.count)

    def _products(self, node: Node, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the sum of coefficients times values of a node, for the box of each row: (R,)."""
        by_box = self.structure.by_sample(node, values, self.enclosure.count)
        return dot(self.structure.by_sample(node, rows, self.count), by_box[self.boxes])

    def minimizer(self, label: str, rows: np.ndarray) -> np.ndarray:
        """Return where the linear function with these coefficients of an input is smallest, (R, size)."""
        x = self.enclosure.intervals[self.structure.inputs[label]]
        lower, upper = (
            self.structure.by_sample(self.structure.inputs[label], end, self.enclosure.count)[self.boxes]
            for end in (x.lower, x.upper)
        )
        ellipsoid = self.enclosure.ellipsoids.get(label)
        if ellipsoid is None:
            return np.where(rows > 0, lower, upper)
        center, axes = (part[self.boxes] for part in ellipsoid)
        scaled = rows * axes
        length = np.sqrt(np.vecdot(scaled, scaled))[:, None]
        return np.clip(center - scaled * axes / np.maximum(length, TINY), lower, upper)

    def _on_ellipsoid(self, label: str, rows: np.ndarray) -> np.ndarray | float:
        """Return the minima of linear functions of an input over its ellipsoid; NaN if it has none."""
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
