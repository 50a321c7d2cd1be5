"""Elementary functions whose float64 results are the same on every processor.

NumPy and the C library compute ``log``, ``exp``, ``sin`` and ``cos`` with different instructions on different
processors, and the results differ in the last bits. Initial values, random samples and position tables are
constants of a training, so two machines would train two different networks. Here each function is a
polynomial that uses only additions, multiplications and divisions, which IEEE 754 rounds in one way, after an
argument reduction that is exact or nearly so. The polynomials are Taylor series, truncated where the next
term is below the last place.

Errors are at most 2 units in the last place.

Reference: Muller (2016), Elementary functions: algorithms and implementation, chapters 3 and 11.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray

LN2_HIGH, LN2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10  # the high part has 32 bits
_HALF_PI_HIGH, _HALF_PI_LOW = 1.57079632673412561417, 6.07710050650619224932e-11  # the high part has 33 bits
# As bits: positive floating-point numbers are ordered as their bits are.
SQRT_HALF = int(np.array(math.sqrt(0.5)).view(np.int64))
_EXP = tuple(1 / math.factorial(n) for n in range(2, 14))
_SIN = tuple((-1) ** n / math.factorial(2 * n + 1) for n in range(1, 9))
_COS = tuple((-1) ** n / math.factorial(2 * n) for n in range(2, 9))
LOG = tuple(2 / (2 * n + 1) for n in range(1, 11))


def _polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    """Return c0 + x (c1 + x (c2 + ...)), lowest power first."""
    total = np.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        np.multiply(total, x, total)
        np.add(total, c, total)
    return total


def log(x: Array) -> Array:
    """Return the natural logarithm of positive finite numbers of at least 2^-1022.

    With x = 2^n m, m between sqrt(1/2) and sqrt(2), and s = (m - 1) / (m + 1):
    log x = n log 2 + 2 s + 2 s^3/3 + 2 s^5/5 + ...

    Example:
        >>> log(np.array([1.0, 2.0, 10.0])).round(12).tolist()
        [0.0, 0.69314718056, 2.302585092994]
    """
    bits = np.asarray(x, np.float64).view(np.int64)
    n = (bits - SQRT_HALF) >> 52
    f = (bits - (n << 52)).view(np.float64) - 1.0
    s = f / (2.0 + f)
    square = s * s
    # 2 s = f - s f, so that the leading term is exact.
    small = n * LN2_LOW - s * (f - square * _polynomial(square, LOG))
    return n * LN2_HIGH + (f + small)


def exp(x: Array) -> Array:
    """Return e^x for numbers between -700 and 700.

    With x = n log 2 + r, |r| at most log(2) / 2: e^x = 2^n e^r.

    Example:
        >>> exp(np.array([0.0, 1.0, -2.0])).round(12).tolist()
        [1.0, 2.718281828459, 0.135335283237]
    """
    x = np.asarray(x, np.float64)
    n = np.rint(x * (1.0 / math.log(2.0)))
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    return np.ldexp(1.0 + (r + r * r * _polynomial(r, _EXP)), n.astype(np.int32))


def power(base: float, exponents: Array) -> Array:
    """Return base^e for a positive base: error of e log(base) units in the last place; exact for powers of 2.

    Example:
        >>> power(2.0, np.array([0.0, 3.0, -1.0])).tolist()
        [1.0, 8.0, 0.5]
    """
    x = np.asarray(exponents, np.float64) * (log(np.array(float(base))) / math.log(2.0))
    n = np.rint(x)
    return np.ldexp(exp((x - n) * math.log(2.0)), n.astype(np.int32))


def sin(x: Array) -> Array:
    """Return the sine of angles in radians between -10^5 and 10^5.

    Example:
        >>> sin(np.array([0.0, 1.0, -3.0])).round(12).tolist()
        [0.0, 0.841470984808, -0.14112000806]
    """
    return _sine(*_reduced(x), 0)


def cos(x: Array) -> Array:
    """Return the cosine of angles in radians between -10^5 and 10^5.

    Example:
        >>> cos(np.array([0.0, 1.0, -3.0])).round(12).tolist()
        [1.0, 0.540302305868, -0.9899924966]
    """
    return _sine(*_reduced(x), 1)


def cos_of_turns(x: Array) -> Array:
    """Return the cosine of angles in turns: cos(2 pi x) for x between 0 and 1.

    With t = 1/4 - x reflected into [-1/4, 1/4], which is exact, it is sin(2 pi t).

    Example:
        >>> cos_of_turns(np.array([0.0, 0.125, 0.5, 0.75])).round(12).tolist()
        [1.0, 0.707106781187, -1.0, 0.0]
    """
    t = 0.25 - np.asarray(x, np.float64)
    t = np.where(t < -0.25, -0.5 - t, t)
    angle = t * (2.0 * math.pi)
    square = angle * angle
    return angle + angle * square * _polynomial(square, SIN_TO_QUARTER)


SIN_TO_QUARTER = tuple((-1) ** n / math.factorial(2 * n + 1) for n in range(1, 11))


def _reduced(x: Array) -> tuple[Array, Array]:
    """Return an angle reduced to at most a quarter of pi, and the quarter turns removed, modulo 4."""
    x = np.asarray(x, np.float64)
    n = np.rint(x * (2.0 / math.pi))
    return (x - n * _HALF_PI_HIGH) - n * _HALF_PI_LOW, n.astype(np.int64) & 3


def _sine(r: Array, quarters: Array, more: int) -> Array:
    """Return sin(r + (quarters + more) pi / 2) for |r| at most pi / 4."""
    square, turn = r * r, (quarters + more) & 3
    sine = r + r * square * _polynomial(square, _SIN)
    cosine = 1.0 + (square * square * _polynomial(square, _COS) - 0.5 * square)
    value = np.where(turn & 1, cosine, sine)
    return np.where(turn & 2, -value, value)
