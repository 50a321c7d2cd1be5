"""Search for counterexamples: random inputs, corners, and projected gradient descent.

A counterexample is only accepted if the property is violated both by the network as it runs, in its own
dtype, and in exact arithmetic: by bounds, or where a condition is met with equality, by fractions.

Reference: Madry, Makelov, Schmidt, Tsipras and Vladu (2018), Towards deep learning models resistant to
adversarial attacks (ICLR).
"""

from __future__ import annotations

import numpy as np

from chainrule.bounds.exact_values import MAX_PRODUCTS, exact_outputs, products
from chainrule.bounds.requirement import Case
from chainrule.bounds.subject import Subject
from chainrule.records import frozen

SAMPLES, STARTS, STEPS = 4096, 32, 50


@frozen(eq=False)
class Counterexample:
    """An input that violates a property.

    Args:
        x: the input, flat, in the dtype of the network.
        y: the outputs that the network computes for it.
    """

    x: np.ndarray
    y: np.ndarray


class Falsifier:
    """Checks inputs and searches for counterexamples of a case.

    Args:
        subject: the network.
        case: the box and the conditions of a violation.
    """

    def __init__(self, subject: Subject, case: Case) -> None:
        self.subject, self.case = subject, case
        self.remaining_products = MAX_PRODUCTS

    def search(self, seed: int = 0) -> Counterexample | None:
        """Return a counterexample that is easy to find, if there is one."""
        rng = np.random.default_rng(seed)
        lower, upper = self.case.box
        samples = max(min(SAMPLES, 2**22 // max(lower.size, 1)), STARTS)
        x = lower + (upper - lower) * rng.random((samples, lower.size))
        worst = self._excess(x)
        counterexample = self.check(x[np.argsort(worst)[:8]])
        if counterexample is not None or not self.case.limits:
            return counterexample
        best = x[np.argsort(worst)[: STARTS // 2]]
        return self.check(self._descended(np.concatenate([best, x[: STARTS // 2]])))

    def check(self, x: np.ndarray) -> Counterexample | None:
        """Return the first of some inputs, rounded to the dtype of the network, that is a violation."""
        inside = self._rounded_inside(x)
        y = self.subject.run(inside)
        with np.errstate(all="ignore"):
            violates = (y.astype(np.float64) @ self.case.coefficients.T <= self.case.lowered).all(1)
        for i in np.flatnonzero(violates):
            if self.case.contains(inside[i]) and self._is_proven(inside[i]):
                return Counterexample(inside[i], y[i])
        return None

    def _excess(self, x: np.ndarray) -> np.ndarray:
        y = self.subject.run(x).astype(np.float64)
        return (y @ self.case.coefficients.T - self.case.lowered).max(1, initial=-np.inf)

    def _rounded_inside(self, x: np.ndarray) -> np.ndarray:
        """The inputs in the dtype of the network, moved by one unit in the last place if outside."""
        lower, upper = self.case.box
        dtype = np.dtype(self.subject.input.dtype)
        rounded = np.clip(x, lower, upper).astype(dtype)
        rounded = np.where(rounded > upper, np.nextafter(rounded, dtype.type(-np.inf)), rounded)
        return np.where(rounded < lower, np.nextafter(rounded, dtype.type(np.inf)), rounded)

    def _is_proven(self, x: np.ndarray) -> bool:
        """Whether the conditions are true in exact arithmetic."""
        return self._is_bounded(x) or self._is_exactly_true(x)

    def _is_exactly_true(self, x: np.ndarray) -> bool:
        """Whether the conditions are true of exact values, which decide what bounds cannot: equality."""
        cost = products(self.subject)
        if cost > self.remaining_products:
            return False
        self.remaining_products -= cost
        y = exact_outputs(self.subject, x)
        return y is not None and self.case.is_met(y)

    def _is_bounded(self, x: np.ndarray) -> bool:
        """Whether the conditions are true of bounds."""
        point = x[None].astype(np.float64)
        exact = self.subject.exact
        enclosure = exact.enclosure(point, point, is_tightened=False)
        rows = -self.case.coefficients
        minimum = enclosure.linear_bound(exact.structure.output, rows, np.zeros(len(rows), int)).value
        return bool((-minimum <= self.case.lowered).all())

    def _descended(self, x: np.ndarray) -> np.ndarray:
        """The inputs after projected gradient descent on the largest excess; the best ones first."""
        lower, upper = self.case.box
        descent = self.subject.descent(self.case.coefficients, self.case.lowered)
        best, minimum = x, np.full(len(x), np.inf)
        for step in range(STEPS):
            worst, gradient = descent(x)
            is_better = worst < minimum
            best, minimum = np.where(is_better[:, None], x, best), np.where(is_better, worst, minimum)
            if (minimum <= 0).any():
                break
            step_size = 0.25 * (upper - lower) * (1.0 - step / STEPS)
            x = np.clip(x - step_size * np.sign(gradient), lower, upper)
        return best[np.argsort(minimum)]
