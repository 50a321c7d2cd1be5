"""How a number is written: one rule for every formula, table and sentence.

A number that was given, such as 0.1 or 1.0, is shown as it was given; one that was calculated gets six places
after the point, so that columns of results align. Very large and very small numbers are written with a power
of ten and six significant digits. Whole numbers of type ``int`` are counts and always shown in full.
"""

from __future__ import annotations

import math

import numpy as np

MINUS = "\u2212"  # the minus sign; a hyphen is shorter than a plus and breaks lines
SUPERSCRIPT_DIGITS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

_SMALLEST, _LARGEST = 1e-4, 1e7  # between these, a number is written without a power of ten


def decimal(value: float | int, digits: int | None = 6, fixed: bool = False) -> tuple[str, int | None]:
    """The size of a number as decimal text, and the power of ten that it is multiplied with, if any.

    Args:
        value: the number; its sign is left out.
        digits: places after the point, or significant digits beside a power of ten; ``None`` for all that are
            needed to read the same number back.
        fixed: write exactly ``digits`` places even where fewer say it all, as for a result.

    Example:
        >>> decimal(0.1), decimal(-0.09310995), decimal(3.2e-7), decimal(0.4, fixed=True)
        (('0.1', None), ('0.093110', None), ('3.2', -7), ('0.400000', None))
    """
    if isinstance(value, int | np.integer):
        return str(abs(int(value))), None
    # The shortest decimal of a float32 is that of its own precision: 0.1, not 0.10000000149.
    size = abs(float(str(value)) if isinstance(value, np.floating) else float(value))
    if not math.isfinite(size):
        return ("nan" if math.isnan(size) else "inf"), None
    if size and not _SMALLEST <= size < _LARGEST:
        return _scientific(size, digits, fixed)
    shortest = np.format_float_positional(size, unique=True, trim="0")
    if digits is None or (not fixed and len(shortest.partition(".")[2]) <= digits):
        return shortest, None
    return f"{size:.{digits}f}", None


def _scientific(size: float, digits: int | None, fixed: bool) -> tuple[str, int]:
    text = np.format_float_scientific(size, unique=True, trim="-")
    if digits is not None and (fixed or len(text.partition("e")[0].replace(".", "")) > digits):
        text = f"{size:.{max(digits - 1, 0)}e}"
    mantissa, _, exponent = text.partition("e")
    return mantissa, int(exponent)


def number(value: float | int, digits: int | None = 6, *, fixed: bool = False, ascii: bool = False) -> str:
    """A number as it is printed.

    Args:
        value: the number.
        digits: places after the point, or significant digits beside a power of ten; ``None`` for all.
        fixed: write exactly ``digits`` places, as for a result.
        ascii: with ``-`` and ``e-7`` instead of ``−`` and ``×10⁻⁷``.

    Example:
        >>> number(0.6089829), number(-0.09310995), number(1.0), number(3.2e-7), number(0.4, fixed=True)
        ('0.608983', '−0.093110', '1.0', '3.2×10⁻⁷', '0.400000')
    """
    size, exponent = decimal(value, digits, fixed)
    sign = ("-" if ascii else MINUS) if math.copysign(1, value) < 0 and size != "nan" else ""
    if exponent is not None:
        return f"{sign}{size}e{exponent}" if ascii else f"{sign}{size}×10{power_of_ten(exponent)}"
    return sign + ("∞" if size == "inf" and not ascii else size)


def power_of_ten(exponent: int) -> str:
    """The exponent of a ten in raised digits."""
    return str(exponent).translate(SUPERSCRIPT_DIGITS)
