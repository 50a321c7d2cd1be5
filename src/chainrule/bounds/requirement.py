"""Properties of networks: sets of inputs on which conditions on the outputs must not occur together.

A property is stated by its violations, as in the VNN-LIB format: it is *violated* by an input in the box of
a case for which all conditions ``coefficients * y <= limit`` of the case are true, and *holds* if there is
none.
Numbers are kept as fractions, so that decimals of a file are exact; ``Case`` rounds them outward.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from chainrule.memoization import cached_property
from chainrule.records import frozen


@frozen(eq=False)
class Case:
    """A box of inputs and the conditions on the outputs that would be a violation.

    Args:
        lower, upper: bounds of each input, inclusive.
        coefficients: of each condition, (conditions, outputs); exact in float64.
        limits: of each condition.
        strict: for each condition whether it is ``<`` instead of ``<=``; empty: none is.
        excluded: inputs whose lower bound, and inputs whose upper bound, is not in the box.

    Example:
        >>> half = Fraction(1, 2)
        >>> case = Case((-half,), (Fraction(1, 3),), np.array([[1.0, -1.0]]), (Fraction(0),))
        >>> float(case.box[1][0]) > 1 / 3, case.contains(np.array([0.25]))
        (True, True)
    """

    lower: tuple[Fraction, ...]
    upper: tuple[Fraction, ...]
    coefficients: np.ndarray
    limits: tuple[Fraction, ...]
    strict: tuple[bool, ...] = ()
    excluded: tuple[frozenset[int], frozenset[int]] = (frozenset(), frozenset())

    @cached_property
    def box(self) -> tuple[np.ndarray, np.ndarray]:
        """The smallest box in float64 that contains the box."""
        return rounded(self.lower, -1), rounded(self.upper, 1)

    def inside(self, dtype: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the smallest and the largest number of a dtype that each input may have; crossed if none.

        Example:
            >>> case = Case((Fraction(1, 10),), (Fraction(3, 10),), np.array([[1.0]]), (Fraction(0),))
            >>> low, high = case.inside("float32")
            >>> case.contains(low), case.contains(high), case.contains(np.nextafter(high, np.float32(1)))
            (True, True, False)
        """
        above, below = self.excluded
        lower = _inward(self.lower, above, 1, np.dtype(dtype))
        return lower, _inward(self.upper, below, -1, np.dtype(dtype))

    @cached_property
    def raised(self) -> np.ndarray:
        """The limits, rounded up: the property holds where a condition exceeds one of these."""
        return rounded(self.limits, 1)

    @cached_property
    def lowered(self) -> np.ndarray:
        """The limits, rounded down: conditions at or below these are true."""
        lowered = rounded(self.limits, -1)
        for i in np.flatnonzero(self.strict):
            if Fraction(float(lowered[i])) == self.limits[i]:
                lowered[i] = np.nextafter(lowered[i], -np.inf)
        return lowered

    def is_met(self, y: Sequence[Fraction]) -> bool:
        """Return whether outputs meet all conditions, exactly."""
        strict = self.strict or (False,) * len(self.limits)
        for row, limit, is_strict in zip(self.coefficients.tolist(), self.limits, strict, strict=True):
            total = sum((Fraction(a) * value for a, value in zip(row, y, strict=True)), Fraction(0))
            if total > limit or (is_strict and total == limit):
                return False
        return True

    def contains(self, x: np.ndarray) -> bool:
        """Return whether an input is in the box, exactly."""
        if not np.isfinite(x).all():
            return False
        values = [Fraction(float(v)) for v in x]
        if not all(low <= v <= high for low, v, high in zip(self.lower, values, self.upper, strict=True)):
            return False
        above, below = self.excluded
        return all(values[i] != self.lower[i] for i in above) and all(
            values[i] != self.upper[i] for i in below
        )


def rounded(numbers: Sequence[Fraction], direction: int) -> np.ndarray:
    """Round numbers to float64, up (``direction`` 1) or down (-1).

    Example:
        >>> float(rounded([Fraction(1, 3)], 1)[0]) > float(rounded([Fraction(1, 3)], -1)[0])
        True
    """
    largest = Fraction(float(np.finfo(np.float64).max))
    values = np.array([float(max(min(number, largest), -largest)) for number in numbers])
    for i, number in enumerate(numbers):
        if (Fraction(float(values[i])) - number) * direction < 0:
            is_largest = abs(values[i]) == np.finfo(np.float64).max
            end = direction * np.inf
            values[i] = end if is_largest and values[i] * direction > 0 else np.nextafter(values[i], end)
    return values


def _inward(
    numbers: Sequence[Fraction], excluded: frozenset[int], direction: int, dtype: np.dtype
) -> np.ndarray:
    """Return the nearest numbers of a dtype, not below (``direction`` 1) or not above (-1) some numbers.

    ``excluded``: the indices of those that do not count themselves.
    """
    wide = rounded(numbers, direction)  # of float64, which contains the other dtypes
    values = wide.astype(dtype)
    end = dtype.type(direction * np.inf)
    values = np.where((values - wide) * direction < 0, np.nextafter(values, end), values)
    for i in excluded:
        if np.isfinite(values[i]) and Fraction(float(values[i])) == numbers[i]:
            values[i] = np.nextafter(values[i], end)
    return values
