"""Values of a network in exact arithmetic, for networks of sums, products and comparisons.

Bounds are rounded outward, so they cannot decide a condition that is met with equality: ``y <= 0`` where y is
exactly 0. Floating-point numbers are fractions, and sums, products, maxima and rearrangements of fractions
are fractions, so a network with relu has an exact value at a point. Operations such as ``exp`` have none.

The operations are evaluated by NumPy on arrays of ``Exact``, which also converts the constants of an
operation, such as the zeros of a padding, to fractions.

Example: relu(x) - 0.1 x with 0.1 of float32 at x = 1 is 1 - 13421773 / 2^27.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, cast

import numpy as np

from chainrule.bounds.evaluation import evaluated
from chainrule.bounds.structure import Structure
from chainrule.bounds.subject import Subject
from chainrule.graph import Constant, Input, Node
from chainrule.ops.operation_card import Card

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
