"""Shapes and dtypes of values that are not computed yet.

A graph is built once and runs with batches of any size, so an axis length can be a ``Size``: a polynomial
with integer coefficients in named symbols, such as ``B``, ``2*B`` or ``B*T + 1``. Polynomials, unlike free
expressions, can be *compared*: ``B*4 + B*4`` equals ``8*B`` no matter how it was built, and a shape rule can
decide whether two axes are equal without a value for the batch size. Division must be exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import numpy as np

from chainrule.records import frozen

Monomial: TypeAlias = tuple[str, ...]  # sorted symbols, repeated for powers: ("B", "T") is B*T
Axis: TypeAlias = "int | Size"
Shape: TypeAlias = "tuple[Axis, ...]"

DTYPES = ("bool", "int32", "int64", "uint32", "float32", "float64")
FLOATS = ("float32", "float64")
INTEGERS = ("int32", "int64", "uint32")


@frozen
class Size:
    """A symbolic axis length: a polynomial in named symbols, known when the graph runs.

    Args:
        terms: pairs of a monomial and its coefficient, sorted, without zero coefficients. Build sizes with
            ``Size.symbol`` and arithmetic instead of passing terms.

    Example:
        >>> B = Size.symbol("B")
        >>> B * 4 + B * 4, (B * 12) // 3, B - B
        (8*B, 4*B, 0)
    """

    terms: tuple[tuple[Monomial, int], ...]

    @staticmethod
    def symbol(name: str) -> Size:
        """Return the size that consists of the symbol ``name``."""
        return Size((((name,), 1),))

    def __add__(self, other: Axis) -> Axis:
        return _collect([*self.terms, *_terms(other)])

    def __sub__(self, other: Axis) -> Axis:
        return self + other * -1

    def __rsub__(self, other: int) -> Axis:
        return self * -1 + other

    def __mul__(self, other: Axis) -> Axis:
        pairs = [(_join(m, n), a * b) for m, a in self.terms for n, b in _terms(other)]
        return _collect(pairs)

    __radd__ = __add__
    __rmul__ = __mul__

    def __floordiv__(self, other: Axis) -> Axis:
        """Divide exactly by a single term; raises ``ValueError`` if there is a remainder."""
        divisor = _terms(other)
        if len(divisor) != 1 or divisor[0][1] == 0:
            raise ValueError(f"{self} cannot be divided by {other}")
        (monomial, coefficient), quotient = divisor[0], []
        for m, a in self.terms:
            rest = list(m)
            for symbol in monomial:
                if symbol not in rest:
                    raise ValueError(f"{self} cannot be divided by {other}")
                rest.remove(symbol)
            if a % coefficient:
                raise ValueError(f"{self} cannot be divided by {other}")
            quotient.append((tuple(rest), a // coefficient))
        return _collect(quotient)

    def __rfloordiv__(self, other: int) -> Axis:
        raise ValueError(f"{other} cannot be divided by {self}")

    def at(self, sizes: Mapping[str, int]) -> int:
        """Return the value of the polynomial with the symbols' values in ``sizes``."""
        return sum(c * math.prod(sizes[s] for s in m) for m, c in self.terms)

    def __str__(self) -> str:
        parts = []
        for monomial, coefficient in self.terms:
            sign = "-" if coefficient < 0 else ""
            factors = [str(abs(coefficient))] if abs(coefficient) != 1 or not monomial else []
            parts.append(sign + "*".join([*factors, *monomial]))
        return " + ".join(parts).replace("+ -", "- ")

    __repr__ = __str__


def _terms(axis: Axis) -> tuple[tuple[Monomial, int], ...]:
    return axis.terms if isinstance(axis, Size) else (((), int(axis)),)


def _join(a: Monomial, b: Monomial) -> Monomial:
    return tuple(sorted(a + b))


def _collect(pairs: Iterable[tuple[Monomial, int]]) -> Axis:
    """Sum the coefficients of equal monomials; a polynomial without symbols becomes a plain int."""
    total: dict[Monomial, int] = {}
    for monomial, coefficient in pairs:
        total[monomial] = total.get(monomial, 0) + coefficient
    terms = tuple(sorted((m, c) for m, c in total.items() if c))
    if not terms:
        return 0
    return terms[0][1] if len(terms) == 1 and terms[0][0] == () else Size(terms)


def size_at(axis: Axis, sizes: Mapping[str, int]) -> int:
    """Return the value of an axis length, fixed or symbolic."""
    return axis.at(sizes) if isinstance(axis, Size) else axis


def bound(shape: Iterable[Axis]) -> tuple[int, ...]:
    """Return the axis lengths of a shape without symbols, as integers."""
    return tuple(size_at(axis, {}) for axis in shape)


def count(shape: Iterable[Axis]) -> Axis:
    """Return the number of elements of a value with this shape."""
    total: Axis = 1
    for axis in shape:
        total = total * axis
    return total


@frozen
class Spec:
    """The shape and dtype of a value.

    Args:
        shape: axis lengths, each an ``int`` or a ``Size``.
        dtype: one of ``DTYPES``.
    """

    shape: Shape
    dtype: str

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def is_float(self) -> bool:
        return self.dtype in FLOATS

    @property
    def size(self) -> Axis:
        """The number of elements."""
        return count(self.shape)

    def at(self, sizes: Mapping[str, int]) -> Spec:
        """Return this spec with every symbol replaced by its value in ``sizes``.

        Args:
            sizes: the value of each symbol, by name.
        """
        return Spec(tuple(size_at(axis, sizes) for axis in self.shape), self.dtype)

    def with_shape(self, shape: Iterable[Axis]) -> Spec:
        """Return the spec with another shape.

        Args:
            shape: the new shape.
        """
        return Spec(tuple(shape), self.dtype)

    def with_dtype(self, dtype: str) -> Spec:
        """Return the spec with another dtype.

        Args:
            dtype: the new dtype.
        """
        return Spec(self.shape, dtype)

    @staticmethod
    def of(array: np.ndarray) -> Spec:
        """Return the spec of an array.

        Args:
            array: an array of NumPy.
        """
        return Spec(tuple(array.shape), array.dtype.name)

    def __str__(self) -> str:
        return f"{self.dtype}{shape_text(self.shape)}"


def shape_text(shape: Iterable[Axis]) -> str:
    """Return a shape as text: ``(B, 3)``, ``(3,)``, ``()``."""
    parts = [str(axis) for axis in shape]
    return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"
