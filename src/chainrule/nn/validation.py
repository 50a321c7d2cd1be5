"""Hyper-parameters in their range: one check and one error for every record of this room."""

from __future__ import annotations

import math
import numbers
import sys
from collections.abc import Mapping

from chainrule.errors import UsageError, suggest, written


def require(owner: object, name: str, holds: bool, expected: str, fix: str = "") -> None:
    """Refuse a hyper-parameter that is out of its range.

    Args:
        owner: the record it belongs to.
        name: the field.
        holds: whether the value is allowed.
        expected: what is allowed, in words.
        fix: a line that can be pasted.

    Fails:
        UsageError E102: ``holds`` is false.
    """
    if not holds:
        raise UsageError(
            "E102", where=type(owner).__name__, name=name, expected=expected,
            received=shown(getattr(owner, name)), fix=fix,
        )  # fmt: skip


def require_number(
    owner: object,
    name: str,
    *,
    least: float | None = None,
    above: float | None = None,
    below: float | None = None,
    most: float | None = None,
) -> None:
    """Refuse a field that is no finite number between its limits.

    Args:
        owner, name: the record and the field.
        least, above: the lower limit, itself allowed or not.
        most, below: the upper limit, itself allowed or not.

    Fails:
        UsageError E102: text, NaN, infinity, true/false or a number outside.
    """
    value = getattr(owner, name)
    low = f"{least:g} <= " if least is not None else f"{above:g} < " if above is not None else ""
    high = f" <= {most:g}" if most is not None else f" < {below:g}" if below is not None else ""
    holds = is_number(value) and (
        (least is None or value >= least)
        and (above is None or value > above)
        and (most is None or value <= most)
        and (below is None or value < below)
    )
    usual = getattr(type(owner), name, None)
    fix = f"{name}={usual!r}" if is_number(usual) else ""
    require(owner, name, holds, f"a number, {low}{name}{high}" if low or high else "a finite number", fix)


def require_whole(owner: object, name: str, least: int, most: int = 2**31 - 1, fix: str = "") -> None:
    """Refuse a field that is no whole number from ``least`` to ``most``.

    Fails:
        UsageError E102: anything else, such as 2.5, "3" or True.
    """
    value = getattr(owner, name)
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    require(owner, name, whole and least <= int(value) <= most, f"an integer, {least} to {most}", fix)


def is_number(value: object) -> bool:
    """Whether a value is a real number that a float can hold; true and false are none."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return False
    if isinstance(value, numbers.Integral):
        return int(value).bit_length() < sys.float_info.max_exp
    return math.isfinite(value)


def shown(value: object) -> str:
    """A value as an error shows it: at most 80 characters, whatever it is.

    Example:
        >>> shown("3"), shown(10 ** 5000)
        ("'3'", 'a very long integer')
    """
    return written(value)


def unknown(
    where: str, name: object, known: list[str], fix: str, aliases: Mapping[str, str] | None = None
) -> UsageError:
    """The error for a value that is not a name of a table; its fix holds the name that was probably meant.

    Args:
        where: what was being chosen, such as ``"activation"``.
        name: the value that was given: a text, or a function or class in its place.
        known: the names that exist.
        fix: code that can be pasted, with ``{}`` in the place of the name.
        aliases: names of other libraries, each with ours.
    """
    word = name[:80] if isinstance(name, str) else written(name)
    return UsageError(
        "E101", where=where, name=word, expected=", ".join(known), received=word,
        fix=suggest(name, known, fix, aliases),
    )  # fmt: skip


def tupled(value: object) -> object:
    """Lists as tuples, so that the record can be compared and kept."""
    return tuple(tupled(part) for part in value) if isinstance(value, list | tuple) else value
