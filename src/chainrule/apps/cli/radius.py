"""Radii of the command line: ``0.1`` or ``8/255``."""

from __future__ import annotations

import math

from chainrule.errors import UsageError, fact


def radius_of(text: str, where: str, option: str = "--radius") -> float:
    """The radius of a text such as ``0.1`` or ``8/255``.

    Args:
        text: of the command line.
        where: the command.
        option: whose value it is.

    Raises:
        UsageError E601: neither.

    Example:
        >>> radius_of("51/255", "chainrule attack")
        0.2
    """
    top, slash, bottom = text.partition("/")
    try:
        radius = float(top) / float(bottom) if slash else float(top)
    except (ValueError, ZeroDivisionError):
        radius = math.nan
    if not math.isfinite(radius):
        raise UsageError(
            "E601", where=where, option=option, expected=fact("a number, or N/255"), received=text,
            fix=f"{option} 8/255",
        )  # fmt: skip
    return radius
