"""Numbers whose arithmetic is exact, as elements of NumPy arrays."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np


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
