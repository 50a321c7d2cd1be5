"""Search for counterexamples: random inputs, corners, and projected gradient descent.

A counterexample is only accepted if the property is violated both by the network as it runs, in its own
dtype, and in exact arithmetic: by bounds, or where a condition is met with equality, by fractions.

Reference: Madry, Makelov, Schmidt, Tsipras and Vladu (2018), Towards deep learning models resistant to
adversarial attacks (ICLR).

Values of a network in exact arithmetic, for networks of sums, products and comparisons.

Bounds are rounded outward, so they cannot decide a condition that is met with equality: ``y <= 0`` where y is
exactly 0. Floating-point numbers are fractions, and sums, products, maxima and rearrangements of fractions
are fractions, so a network with relu has an exact value at a point. Operations such as ``exp`` have none.

The operations are evaluated by NumPy on arrays of ``Exact``, which also converts the constants of an
operation, such as the zeros of a padding, to fractions.

Example: relu(x) - 0.1 x with 0.1 of float32 at x = 1 is 1 - 13421773 / 2^27.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, cast

import numpy as np

from chainrule.bounds.evaluation import evaluated
from chainrule.bounds.requirement import Case
from chainrule.bounds.structure import Structure
from chainrule.bounds.verified_network import Descent, Subject
from chainrule.graph import Constant, Input, Node
from chainrule.memoization import cached_property
from chainrule.ops.operation_card import Card
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


# Numbers whose arithmetic is exact, as elements of NumPy arrays.


class Exact:
    """A fraction whose arithmetic with floating-point numbers is exact, too.

    A ``Fraction`` plus a float is a rounded float; here the float is converted to the fraction that it is.

    Args:
        value: the fraction.

    Example:
        >>> (Exact(Fraction(1, 3)) + 0.5).value
        Fraction(5, 6)
    """

    __slots__ = ("value",)

    def __init__(self, value: Fraction) -> None:
        self.value = value

    def __add__(self, other: Any) -> Exact:
        return Exact(self.value + fraction_of(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Exact:
        return Exact(self.value - fraction_of(other))

    def __rsub__(self, other: Any) -> Exact:
        return Exact(fraction_of(other) - self.value)

    def __mul__(self, other: Any) -> Exact:
        return Exact(self.value * fraction_of(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Exact:
        return Exact(self.value / fraction_of(other))

    def __rtruediv__(self, other: Any) -> Exact:
        return Exact(fraction_of(other) / self.value)

    def __neg__(self) -> Exact:
        return Exact(-self.value)

    def __abs__(self) -> Exact:
        return Exact(abs(self.value))

    def __floor__(self) -> int:
        return math.floor(self.value)

    def __lt__(self, other: Any) -> bool:
        return self.value < fraction_of(other)

    def __le__(self, other: Any) -> bool:
        return self.value <= fraction_of(other)

    def __gt__(self, other: Any) -> bool:
        return self.value > fraction_of(other)

    def __ge__(self, other: Any) -> bool:
        return self.value >= fraction_of(other)

    def __eq__(self, other: object) -> bool:
        return self.value == fraction_of(other)

    def __hash__(self) -> int:
        return hash(self.value)


def fraction_of(value: Any) -> Fraction:
    """Return the fraction that a finite number is.

    Raises:
        ValueError, OverflowError: NaN, or infinity.

    Example:
        >>> fraction_of(0.75)
        Fraction(3, 4)
    """
    if isinstance(value, Exact):
        return value.value
    return Fraction(value) if isinstance(value, int | Fraction) else Fraction(float(value))


def exact_array(array: np.ndarray) -> np.ndarray:
    """Return numbers as ``Exact``, in an array of objects.

    Raises:
        ValueError, OverflowError: NaN, or infinity.
    """
    exact = np.empty(array.shape, object)
    exact.reshape(-1)[:] = [Exact(fraction_of(value)) for value in array.reshape(-1).tolist()]
    return exact


MAX_PRODUCTS = 200_000  # of fractions, in all evaluations of a search: a few seconds
RATIONAL = set(
    (
        "abs add broadcast cast clip concatenate convolution convolution_input divide equal extent floor "
        "fold gather greater greater_equal less less_equal logical_and logical_not logical_or matmul max "
        "maximum min minimum multiply negative not_equal one_hot pad patches prod relu reshape sign slice "
        "square stop_gradient subtract sum transpose where"
    ).split()
)


def exact_outputs(subject: Subject, x: np.ndarray) -> list[Fraction] | None:
    """Return the outputs for one flat input in exact arithmetic.

    Args:
        x: (inputs,) finite numbers.

    Returns:
        the outputs; ``None`` if an operation has no exact value, or if the network is large.

    Example:
        >>> from chainrule.graph import input_node
        >>> from chainrule.ops import functional as F
        >>> x = input_node("x", (None, 2), "float32")
        >>> exact_outputs(Subject(F.relu(x) * 0.5, {}), np.array([-1.0, 3.0]))
        [Fraction(0, 1), Fraction(3, 2)]
    """
    structure = subject.structure
    if any(node.op.name not in RATIONAL for node in structure.nodes if node.inputs):
        return None
    if products(subject) > MAX_PRODUCTS:
        return None
    values: dict[Node, np.ndarray] = {}
    try:
        for node in structure.nodes:
            values[node] = _value(subject, node, x, values)
        return [fraction_of(value) for value in values[structure.output].reshape(-1).tolist()]
    except (ValueError, OverflowError, ZeroDivisionError):  # NaN, infinity, or a quotient that is neither
        return None


def products(subject: Subject) -> int:
    """Return about how many products of fractions one evaluation needs."""
    return sum(_products(subject.structure, node) for node in subject.structure.nodes)


def _value(subject: Subject, node: Node, x: np.ndarray, values: dict[Node, np.ndarray]) -> np.ndarray:
    """Return the value of a node: ``Exact`` for floating-point numbers, others as they are."""
    structure = subject.structure
    if isinstance(node.op, Input):
        is_data = node.op.label == subject.label
        array = x.reshape(1, *subject.shape) if is_data else subject.arrays[node.op.label]
    elif isinstance(node.op, Constant):
        array = node.op.array
    elif node.op.name == "extent" and node in structure.fixed:  # of a sample: depends on shapes alone
        array = structure.fixed[node].lower
    else:
        card, inputs = cast("Card", structure.card(node, 1)), [values[source] for source in node.inputs]
        array = inputs[0] if _keeps_numbers(node) else np.asarray(evaluated(card, inputs))
    return exact_array(array) if node.spec.is_float else array


def _keeps_numbers(node: Node) -> bool:
    """Return whether a node converts numbers to floating-point numbers, which changes nothing here."""
    return node.op.name == "cast" and node.spec.is_float


def _products(structure: Structure, node: Node) -> int:
    """Return about how many products of fractions the value of a node needs."""
    size = structure.size(node)
    if node not in structure.variable or node.op.name not in ("matmul", "convolution", "convolution_input"):
        return size
    weight = node.inputs[-1]
    return size * max(structure.size(weight) // max(structure.shape(weight, 1)[-1], 1), 1)
