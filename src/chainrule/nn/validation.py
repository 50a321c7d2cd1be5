"""Validation of hyperparameters: one check and one error for all records of this package."""

from __future__ import annotations

import math
import numbers
import sys
from collections.abc import Mapping

from chainrule.errors import UsageError, fact, join_facts, short_repr, suggest
from chainrule.errors.suggestion import name_of


def require(owner: object, name: str, holds: bool, expected: str, fix: str = "") -> None:
    """Refuse a hyperparameter that is out of its range.

    Args:
        owner: the record.
        name: the field.
        holds: whether the value is valid.
        expected: the valid values, as text.
        fix: a line that can be pasted.

    Raises:
        UsageError E102: ``holds`` is false.
    """
    if not holds:
        raise UsageError(
            "E102", where=type(owner).__name__, name=name, expected=expected,
            received=value_text(getattr(owner, name)), fix=fix,
        )  # fmt: skip


def require_number(
    owner: object,
    name: str,
    *,
    minimum: float | None = None,
    above: float | None = None,
    below: float | None = None,
    maximum: float | None = None,
) -> None:
    """Refuse a field that is not a finite number between its limits.

    Args:
        owner, name: the record and the field.
        minimum, above: the lower limit, inclusive or exclusive.
        maximum, below: the upper limit, inclusive or exclusive.

    Raises:
        UsageError E102: a text, NaN, infinity, boolean or a number out of range.
    """
    value = getattr(owner, name)
    low = f"{minimum:g} <= " if minimum is not None else f"{above:g} < " if above is not None else ""
    high = f" <= {maximum:g}" if maximum is not None else f" < {below:g}" if below is not None else ""
    holds = is_number(value) and (
        (minimum is None or value >= minimum)
        and (above is None or value > above)
        and (maximum is None or value <= maximum)
        and (below is None or value < below)
    )
    usual = getattr(type(owner), name, None)
    fix = f"{name}={usual!r}" if is_number(usual) else ""
    require(
        owner,
        name,
        holds,
        fact("a number, {low}{name}{high}", low=low, name=name, high=high)
        if low or high
        else fact("a finite number"),
        fix,
    )


def require_integer(owner: object, name: str, minimum: int, maximum: int = 2**31 - 1, fix: str = "") -> None:
    """Refuse a field that is not an integer from ``minimum`` to ``maximum``.

    Raises:
        UsageError E102: anything else, such as 2.5, "3" or True.
    """
    value = getattr(owner, name)
    is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    require(
        owner,
        name,
        is_integer and minimum <= int(value) <= maximum,
        fact("an integer, {minimum} to {maximum}", minimum=minimum, maximum=maximum),
        fix,
    )


def is_number(value: object) -> bool:
    """Whether a value is a real number that a float can represent; booleans are not."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return False
    if isinstance(value, numbers.Integral):
        return int(value).bit_length() < sys.float_info.max_exp
    return math.isfinite(value)


def value_text(value: object) -> str:
    """A value as text for an error: at most 80 characters.

    Example:
        >>> value_text("3"), value_text(10 ** 5000)
        ("'3'", 'a very long integer')
    """
    return short_repr(value)


def unknown(
    where: str,
    name: object,
    known: list[str],
    fix: str,
    aliases: Mapping[str, str] | None = None,
    *,
    usual: str = "",
) -> UsageError:
    """The error for a value that is not a name of a table; its fix holds the name that was probably meant.

    Args:
        where: what was being chosen, such as ``"activation"``.
        name: the value that was given: a text, or a function or class in its place.
        known: the names that exist.
        fix: code that can be pasted, with ``{}`` in the place of the name.
        aliases: names of other libraries, each with ours.
        usual: the name that the fix holds where the value resembles no name at all, such as a number.
    """
    word = name[:80] if isinstance(name, str) else short_repr(name)
    hint = suggest(name, known, fix, aliases)
    if not hint and usual and not name_of(name):
        hint = fix.replace("{}", usual)
    return UsageError(
        "E101", where=where, name=word, expected=join_facts(", ", known), received=word, fix=hint
    )  # fmt: skip


def tupled(value: object) -> object:
    """Lists as tuples, recursively, so that the record can be compared and stored."""
    return tuple(tupled(part) for part in value) if isinstance(value, list | tuple) else value
