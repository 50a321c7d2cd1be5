"""Maps from the probabilities of a classifier to calibrated ones.

A modern network is often more certain than it is right. A map is fitted on rows that the network was not
trained on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np

from chainrule.graph import Node, constant
from chainrule.ops import functional as F
from chainrule.records import frozen

LOW, HIGH = 0.02, 50.0  # range of the temperature
TINY = 1e-12  # probabilities below have no logarithm worth keeping
MAX_KNOTS = 100_000  # of all classes, in a file


class ProbabilityMap(Protocol):
    """The interface of a map."""

    name: ClassVar[str]

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        """Calibrate probabilities, (N, K) -> (N, K)."""
        ...

    def node(self, probabilities: Node) -> Node:
        """Return the map as a graph of float32 or float64, for exported files: (B, K) -> (B, K)."""
        ...

    @property
    def fact(self) -> dict[str, Any]:
        """The map as plain data."""
        ...


@frozen(eq=False)
class Identity:
    """The map that changes nothing, where no other one lowers the log-loss."""

    name: ClassVar[str] = "identity"

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        return np.asarray(probabilities, np.float64)

    def node(self, probabilities: Node) -> Node:
        return probabilities

    @property
    def fact(self) -> dict[str, Any]:
        return {"method": self.name}


@frozen(eq=False)
class Temperature:
    """A division of the log-probabilities by one number; the predicted class stays the same.

    Formula: q_k = p_k^(1/T) / sum_j p_j^(1/T), which is softmax(z / T) for p = softmax(z).

    Args:
        value: T; above 1 the probabilities become less certain.

    Example:
        >>> Temperature(2.0)(np.array([[0.8, 0.2]])).round(4).tolist()
        [[0.6667, 0.3333]]

    Reference: Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks (ICML),
    section 4.2.
    """

    name: ClassVar[str] = "temperature"
    value: float

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        logs = _logs(probabilities) / self.value  # (N, K)
        return np.exp(logs - np.logaddexp.reduce(logs, axis=1, keepdims=True))

    def node(self, probabilities: Node) -> Node:
        return F.softmax(F.log(F.maximum(probabilities, TINY)) / self.value, 1)

    @property
    def fact(self) -> dict[str, Any]:
        return {"method": self.name, "value": self.value}

    @staticmethod
    def fitted(probabilities: np.ndarray, y: np.ndarray) -> Temperature:
        """Return the temperature with the lowest log-loss, and with a normal prior of log T, mean 0 and
        variance 1.

        The prior counts as little as one row. Without it, the temperature of rows whose predictions are all
        right would fall to 0, and the first wrong one would have no probability.

        Args:
            probabilities: (N, K).
            y: (N,) class indices.
        """
        from scipy.optimize import minimize_scalar  # noqa: PLC0415  # slow, and not needed to predict

        logs, rows = _logs(probabilities), np.arange(len(y))

        def loss(log_value: float) -> float:
            scaled = logs / math.exp(log_value)
            likelihood = np.sum(np.logaddexp.reduce(scaled, axis=1) - scaled[rows, y])
            return float(likelihood + 0.5 * log_value**2)

        result: Any = minimize_scalar(loss, bounds=(math.log(LOW), math.log(HIGH)), method="bounded")
        return Temperature(float(math.exp(result.x)))


@frozen(eq=False)
class Isotonic:
    """An increasing function of the probability of each class.

    Each class is compared with all others by an isotonic regression, whose values are joined by lines; the
    results are divided by their sum. It follows any shape, needs more rows than a temperature (about a
    thousand), and may change the predicted class.

    Args:
        knots: of each class the probabilities and their images, both increasing.

    Reference: Zadrozny and Elkan (2002), Transforming classifier scores into accurate multiclass probability
    estimates (KDD).
    """

    name: ClassVar[str] = "isotonic"
    knots: tuple[tuple[np.ndarray, np.ndarray], ...]

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        p = np.asarray(probabilities, np.float64)
        if p.shape[1] == 2:
            second = np.interp(p[:, 1], *self.knots[1])
            return np.stack([1 - second, second], axis=1)
        mapped = np.stack([np.interp(p[:, k], *self.knots[k]) for k in range(p.shape[1])], axis=1)
        total = mapped.sum(axis=1, keepdims=True)
        return np.where(total > 0, mapped / np.where(total > 0, total, 1.0), p)

    def node(self, probabilities: Node) -> Node:
        """Return the lines between knots as a sum of ramps, none of which falls, so that nothing cancels."""
        p, count = probabilities, len(self.knots)
        if count == 2:
            second = _ramps(p[:, 1:], self.knots[1:])
            return F.concatenate([1.0 - second, second], 1)
        mapped = _ramps(p, self.knots)
        total = F.sum(mapped, 1, keepdims=True)
        return F.where(total > 0.0, mapped / F.where(total > 0.0, total, 1.0), p)

    @property
    def fact(self) -> dict[str, Any]:
        return {"method": self.name, "knots": [[part.tolist() for part in pair] for pair in self.knots]}

    @staticmethod
    def fitted(probabilities: np.ndarray, y: np.ndarray) -> Isotonic:
        """Return the functions with the smallest squared errors; arguments as in ``Temperature.fitted``."""
        from scipy.optimize import isotonic_regression  # noqa: PLC0415  # as above

        knots = []
        for k in range(probabilities.shape[1]):
            p, rows, counts = np.unique(
                probabilities[:, k].astype(np.float64), return_inverse=True, return_counts=True
            )
            means = np.bincount(rows, y == k, len(p)) / counts  # of rows with equal probabilities
            fitted = isotonic_regression(means, weights=counts).x
            is_end = np.ones(len(p), bool)  # inside a constant block no knot is needed
            is_end[1:-1] = (fitted[1:-1] != fitted[:-2]) | (fitted[1:-1] != fitted[2:])
            low = 1.0 / (len(y) + 2)  # no finite number of rows shows that a probability is 0
            knots.append((p[is_end], np.clip(fitted[is_end], low, 1.0 - low)))
        return Isotonic(tuple(knots))


MAPS: Mapping[str, type[Temperature] | type[Isotonic]] = {kind.name: kind for kind in (Temperature, Isotonic)}


def map_of(fact: Any, classes: int) -> ProbabilityMap | None:
    """Return the map of plain data from a model file; ``None`` if it is none for this number of classes."""
    if not isinstance(fact, Mapping):
        return None
    value, knots = fact.get("value"), fact.get("knots")
    if fact.get("method") == Identity.name:
        return Identity()
    if fact.get("method") == Temperature.name:
        return Temperature(value) if type(value) is float and LOW / 2 <= value <= HIGH * 2 else None
    if fact.get("method") != Isotonic.name or not isinstance(knots, list) or len(knots) != classes:
        return None
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in knots):
        return None
    if sum(len(part) for pair in knots for part in pair if isinstance(part, list)) > MAX_KNOTS:
        return None
    pairs = [tuple(_increasing(part) for part in pair) for pair in knots]
    if any(a is None or b is None or len(a) != len(b) for a, b in pairs):
        return None
    return Isotonic(tuple(pairs))  # type: ignore[arg-type]


def _increasing(values: Any) -> np.ndarray | None:
    """Return values of a file as probabilities that increase; ``None`` if they do not."""
    if not isinstance(values, list) or not values or not all(type(v) in (int, float) for v in values):
        return None
    array = np.array(values, np.float64)
    is_valid = np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1
    return array if is_valid and (np.diff(array) >= 0).all() else None


def _ramps(p: Node, knots: Sequence[tuple[np.ndarray, np.ndarray]]) -> Node:
    """Return the linear interpolation of each column between its knots: (B, K) -> (B, K)."""
    count = max(len(x) for x, _ in knots)
    (start, rise), width = np.zeros((2, len(knots), count)), np.ones((len(knots), count))
    for k, (x, y) in enumerate(knots):
        size = len(x) - 1
        start[k, :size], rise[k, :size] = x[:-1], np.diff(y)
        width[k, :size] = np.maximum(np.diff(x), np.finfo(np.float32).tiny)
    first = np.array([y[0] for _, y in knots])
    parts = [constant(array.astype(p.dtype)) for array in (start, width, rise, first)]
    ramps = F.clip((F.expand_dims(p, -1) - parts[0]) / parts[1], 0.0, 1.0)  # (B, K, M)
    return F.sum(ramps * parts[2], -1) + parts[3]


def _logs(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(np.asarray(probabilities, np.float64), TINY))
