"""Search for counterexamples: random inputs, corners, and projected gradient descent.

A counterexample is only accepted if the property is violated both by the network as it runs, in its own
dtype, and in exact arithmetic: by bounds, or where a condition is met with equality, by fractions.

Reference: Madry, Makelov, Schmidt, Tsipras and Vladu (2018), Towards deep learning models resistant to
adversarial attacks (ICLR).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainrule.bounds.exact_values import MAX_PRODUCTS, exact_outputs, products
from chainrule.bounds.requirement import Case
from chainrule.bounds.subject import Descent, Subject
from chainrule.memoization import cached_property
from chainrule.records import frozen

SAMPLES, STARTS, STEPS = 4096, 32, 50
DIRECTED, TURNS = 32, 3  # starts from extremes of a hidden value, and steps towards them
FURTHER = 8  # steps after the first violation, so that it is larger than rounding errors
MOMENTUM = 0.75
TINY = 1e-30  # keeps quotients finite where a gradient is 0


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
    """A check of inputs and a search for counterexamples of a case.

    Args:
        case: the box and the conditions of a violation.
        is_over: whether the time is over; a search then ends.
    """

    def __init__(self, subject: Subject, case: Case, is_over: Callable[[], bool] = lambda: False) -> None:
        self.subject, self.case, self._is_over = subject, case, is_over
        self.remaining_products = MAX_PRODUCTS
        self._lower, self._upper = case.inside(subject.input.dtype)
        self._width = self._upper.astype(np.float64) - self._lower

    @property
    def is_empty(self) -> bool:
        """Whether no number of the dtype of the network is within the bounds of some input."""
        return bool((self._lower > self._upper).any())

    def search(self, seed: int = 0) -> Counterexample | None:
        """Return a counterexample that is easy to find, if there is one."""
        if self.is_empty:
            return None
        rng = np.random.default_rng(seed)
        samples = self.subject.at_once(SAMPLES)
        x = self._inside(self._lower + self._width * rng.random((samples, self._lower.size)))
        worst = self._excess(x)
        counterexample = self.check(x[np.argsort(worst)[:8]])
        if counterexample is not None or not self.case.limits or self._is_over():
            return counterexample
        best = x[np.argsort(worst)[: STARTS // 2]]
        starts = np.concatenate([best, x[: STARTS // 2]])
        return self.check(self._descended(starts[: self.subject.at_once(STARTS)]))

    def directed(self, number: int) -> Counterexample | None:
        """Return a counterexample that descent reaches from inputs at which hidden values are extreme.

        Where the outputs are flat, as they are almost everywhere for a saturated network, most random inputs
        descend to the same point. Random directions of a hidden value differ more.

        Args:
            number: of this search; each starts from other inputs and takes the next hidden value.

        Reference: Tashiro, Song and Ermon (2020), Diversity can be transferred: output diversification for
        white- and black-box attacks (NeurIPS), there for the outputs.
        """
        if self.is_empty or not self.case.limits:
            return None
        rng, pulls = np.random.default_rng([1, number]), self.subject.pulls
        pull = pulls[number % len(pulls)]
        starts = self.subject.at_once(DIRECTED)
        x = self._inside(self._lower + self._width * rng.random((starts, self._lower.size)))
        direction = rng.normal(size=(starts, pull.size))
        for _ in range(TURNS):
            gradient = pull(x, direction)
            x = np.where(gradient > 0, self._upper, np.where(gradient < 0, self._lower, x))
        return self.check(self._descended(x))

    def near(self, x: np.ndarray) -> Counterexample | None:
        """Return a counterexample among some inputs, or one that descent reaches from them."""
        if self.is_empty or not self.case.limits:
            return self.check(x)
        x = x[: self.subject.at_once(len(x))]
        return self.check(self._descended(self._inside(x), STEPS // 5))

    def check(self, x: np.ndarray) -> Counterexample | None:
        """Return the first of some inputs, moved into the box in the dtype, that is a violation."""
        if self.is_empty:
            return None
        inside = self._inside(x)
        y = self._outputs(inside)
        with np.errstate(all="ignore"):
            excess = y.astype(np.float64) @ self.case.coefficients.T - self.case.lowered
        worst = excess.max(1, initial=-np.inf)
        marginal = None
        for i in np.argsort(worst):
            if self._is_over() or not worst[i] <= 0:
                break
            if not self.case.contains(inside[i]):
                continue
            if self._is_bounded(inside[i], self.subject):  # in every order of its sums
                return Counterexample(inside[i], y[i])
            if marginal is None and self._is_proven(inside[i]):
                marginal = Counterexample(inside[i], y[i])
        return marginal

    def _outputs(self, x: np.ndarray) -> np.ndarray:
        """Return the outputs for inputs, some at a time."""
        step = self.subject.at_once(len(x))
        return np.concatenate([self.subject.run(x[i : i + step]) for i in range(0, max(len(x), 1), step)])

    @cached_property
    def _descent(self) -> Descent:
        return self.subject.descent(self.case.coefficients, self.case.lowered)

    def _excess(self, x: np.ndarray) -> np.ndarray:
        y = self._outputs(x).astype(np.float64)
        return (y @ self.case.coefficients.T - self.case.lowered).max(1, initial=-np.inf)

    def _inside(self, x: np.ndarray) -> np.ndarray:
        """Return the nearest inputs in the dtype of the network that are in the box."""
        return np.clip(x.astype(self._lower.dtype), self._lower, self._upper)

    def _is_proven(self, x: np.ndarray) -> bool:
        """Return whether the conditions are true in exact arithmetic."""
        return self._is_bounded(x, self.subject.exact) or self._is_exactly_true(x)

    def _is_exactly_true(self, x: np.ndarray) -> bool:
        """Return whether the conditions are true of exact values, which decide equality; bounds cannot."""
        cost = products(self.subject)
        if cost > self.remaining_products:
            return False
        self.remaining_products -= cost
        y = exact_outputs(self.subject, x)
        return y is not None and self.case.is_met(y)

    def _is_bounded(self, x: np.ndarray, subject: Subject) -> bool:
        """Return whether the conditions are true of bounds."""
        point = x[None].astype(np.float64)
        enclosure = subject.enclosure(point, point, tightening=None)
        rows = -self.case.coefficients
        minimum = enclosure.linear_bound(subject.structure.output, rows, np.zeros(len(rows), int)).value
        return bool((-minimum <= self.case.lowered).all())

    def _descended(self, x: np.ndarray, steps: int = STEPS) -> np.ndarray:
        """Return the inputs after projected gradient descent on the largest excess; the best ones first."""
        best, minimum = x, np.full(len(x), np.inf)
        velocity, further = np.zeros(x.shape), FURTHER
        for step in range(steps):
            worst, gradient = self._descent(x)
            is_better = worst < minimum
            best, minimum = np.where(is_better[:, None], x, best), np.where(is_better, worst, minimum)
            further -= bool((minimum <= 0).any())
            if not further or self._is_over():
                break
            length = np.abs(gradient).mean(1, keepdims=True)
            velocity = MOMENTUM * velocity + np.nan_to_num(gradient / np.maximum(length, TINY))
            x = self._inside(x - 0.25 * self._width * (1.0 - step / steps) * np.sign(velocity))
        return best[np.argsort(minimum)]
