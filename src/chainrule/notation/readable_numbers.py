"""Numbers as people read them: 25,220 rather than 2.522e+04."""

from __future__ import annotations

from chainrule.escaping import printable

GROUPED, LARGE = 1e4, 1e15  # digits are grouped from the first; from the second on, powers of ten are shorter
SMALL = 1e-3  # below, four decimals would hide digits


def short(value: float) -> str:
    """A number with four significant digits, and all digits before the decimal point.

    Digits are grouped from five on: a year keeps its four digits together.

    Example:
        >>> short(18424.0), short(0.05263), short(1234567.8), short(1999.0), short(-3e-7)
        ('18,424', '0.05263', '1,234,568', '1999', '-3e-07')
    """
    return f"{value:,.0f}" if GROUPED <= abs(value) < LARGE else f"{value:.4g}"


def aligned(value: float) -> str:
    """A number of a column: four decimals, fewer if the number is large.

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
