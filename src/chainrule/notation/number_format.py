"""Number formatting: one rule for all formulas, tables and sentences.

An input such as 0.1 or 1.0 is printed as it was entered; a computed number gets six decimal places, so that
columns of results align. Very large and very small numbers are printed with a power of ten and six
significant digits. Values of type ``int`` are counts and are always printed in full.
"""

from __future__ import annotations

import math

import numpy as np

from chainrule.escaping import printable

# Numbers as people read them: 25,220 rather than 2.522e+04.

GROUPED, LARGE = 1e4, 1e15  # digits are grouped from the first; from the second on, powers of ten are shorter
SMALL = 1e-3  # below, four decimals would hide digits


def short(value: float) -> str:
    """Return a number with four significant digits, and all digits before the decimal point.

    Digits are grouped from five on: a year keeps its four digits together.

    Example:
        >>> short(18424.0), short(0.05263), short(1234567.8), short(1999.0), short(-3e-7)
        ('18,424', '0.05263', '1,234,568', '1999', '-3e-07')
    """
    return f"{value:,.0f}" if GROUPED <= abs(value) < LARGE else f"{value:.4g}"


def aligned(value: float) -> str:
    """Return a number of a column: four decimals, fewer if the number is large.

    Example:
        >>> aligned(0.5), aligned(4687.1), aligned(63260.2), aligned(0.00042)
        ('0.5000', '4687.1', '63,260', '0.00042')
    """
    if not SMALL <= abs(value) < 1e3:
        return f"{value:.1f}" if 1e3 <= abs(value) < GROUPED else short(value)
    return f"{value:.4f}"


def cell(value: object) -> str:
    """Format a value for a table."""
    if isinstance(value, float):
        return aligned(value)
    return printable(value)


# Quantities with SI prefixes: three significant digits and a prefix of a thousand.

_PREFIXES = {-4: "p", -3: "n", -2: "µ", -1: "m", 0: "", 1: "k", 2: "M", 3: "G", 4: "T", 5: "P"}
_MIN_POWER, _MAX_POWER = min(_PREFIXES), max(_PREFIXES)


def amount(value: float, unit: str = "") -> str:
    """Format a quantity with three significant digits, an SI prefix and its unit.

    Args:
        value: the quantity; non-finite values are printed without a prefix.
        unit: the unit, such as ``"B"`` or ``"s"``.

    Example:
        >>> amount(72, "B"), amount(12_345, "B"), amount(999_700, "B"), amount(2.1e-4, "s"), amount(0)
        ('72 B', '12.3 kB', '1 MB', '210 µs', '0')
    """
    if not value or not math.isfinite(value):
        return f"{value:g} {unit}".rstrip()
    rounded = float(f"{value:.2e}")
    power = min(max(math.floor(math.log10(abs(rounded)) / 3 + 1e-9), _MIN_POWER), _MAX_POWER)
    return f"{float(f'{rounded / 1000.0**power:.3g}'):g} {_PREFIXES[power]}{unit}".rstrip()


MINUS = "\u2212"  # the minus sign; a hyphen is shorter than a plus and allows line breaks
SUPERSCRIPT_DIGITS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

_SMALLEST, _LARGEST = 1e-4, 1e7  # numbers between these are printed without a power of ten


def decimal(value: float | int, digits: int | None = 6, fixed: bool = False) -> tuple[str, int | None]:
    """Return the absolute value of a number in decimals, and the power of ten of its factor, if any.

    Args:
        value: the number; its sign is omitted.
        digits: decimal places, or significant digits next to a power of ten; ``None`` for all that are needed
            to read the same number back.
        fixed: print exactly ``digits`` places even if fewer suffice, as for a result.

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
    """Format a number for printing.

    Args:
        value: the number.
        digits: decimal places, or significant digits next to a power of ten; ``None`` for all.
        fixed: print exactly ``digits`` places, as for a result.
        ascii: use ``-`` and ``e-7`` instead of ``−`` and ``×10⁻⁷``.

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
    """Return the exponent of ten in superscript digits."""
    return str(exponent).translate(SUPERSCRIPT_DIGITS)
