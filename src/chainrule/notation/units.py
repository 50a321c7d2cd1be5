"""Quantities with SI prefixes: three significant digits and a prefix of a thousand."""

from __future__ import annotations

import math

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
