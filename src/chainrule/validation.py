"""Checks of arguments: one wording and one error for each kind of argument.

A function of this module takes a value, the name of the argument and the function that received it. It
returns the value in its plain form, an ``int`` for an integer of NumPy for example, or raises an error whose
fix can be pasted. The functions ``require_...`` check a field of a record with the same wording.
"""

from __future__ import annotations

import math
import numbers
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar

from chainrule.errors import (
    ChainruleError,
    Message,
    TrainingError,
    UsageError,
    fact,
    join_facts,
    short_repr,
    suggest,
)
from chainrule.errors.call_errors import argument_text, call_remarks, own_arguments, reason
from chainrule.messages import LANGUAGES

LARGEST = 2**31 - 1  # integers: what the counters of compiled code hold
LARGEST_SEED = 2**63 - 1
_Network = TypeVar("_Network", covariant=True)


class _Trainable(Protocol[_Network]):
    @property
    def network(self) -> _Network | None: ...


def integer(
    value: Any,
    name: str,
    where: str,
    *,
    minimum: int | None = None,
    maximum: int | None = None,
    example: object = None,
) -> int:
    """Return an integer argument as an ``int``.

    Args:
        value: the argument; booleans, texts and fractions are refused.
        name: its name, as in a call (``"seed"``), a command (``"--seed"``) or a setting
            (``"cr.settings.threads"``).
        where: the function that received it.
        minimum, maximum: the limits, inclusive; without an upper one, 2**31 - 1.
        example: the value in the fix; by default the allowed one nearest to ``value``.

    Raises:
        UsageError E102: anything else.

    Example:
        >>> import numpy as np
        >>> integer(np.int8(3), "steps", "attack", minimum=1)
        3
    """
    is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    low = -LARGEST if minimum is None else minimum
    high = LARGEST if maximum is None else maximum
    if is_integer and low <= int(value) <= high:
        return int(value)
    is_too_large = is_integer and int(value) > high
    if is_integer:
        nearest_value = min(max(low, int(value)), high)
    else:
        nearest_value = low if minimum is not None else min(1, high)
    expected = _integers(minimum, high if is_too_large else maximum)
    raise out_of_range(value, name, where, expected, nearest_value if example is None else example)


def _integers(low: int | None, high: int | None) -> Message:
    """Return the integers between two limits, of which each may be missing."""
    if low is not None and high is not None:
        return fact("an integer, {minimum} to {maximum}", minimum=low, maximum=high)
    if low is not None:
        return fact("an integer, at least {minimum}", minimum=low)
    return fact("an integer") if high is None else fact("an integer, at most {maximum}", maximum=high)


def random_seed(value: Any, where: str, name: str = "seed") -> int:
    """Return a seed, an integer from 0 to 2**63 - 1.

    Raises:
        UsageError E102: anything else.

    Example:
        >>> import numpy as np
        >>> random_seed(np.uint32(7), "fit")
        7
    """
    is_large = is_number(value) and value > LARGEST
    limit = LARGEST_SEED if is_large else None
    return integer(value, name, where, minimum=0, maximum=limit, example=None if is_large else 0)


def number(
    value: Any,
    name: str,
    where: str,
    *,
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
    below: float | None = None,
    example: object = None,
) -> float:
    """Return a number as an ``int`` or a ``float``.

    Args:
        value: the argument; booleans, texts, NaN and infinity are refused.
        name, where: as of ``integer``.
        minimum, above: the lower limit, inclusive or exclusive.
        maximum, below: the upper limit, inclusive or exclusive.
        example: the value in the fix; by default an allowed one.

    Raises:
        UsageError E102: anything else.

    Example:
        >>> import numpy as np
        >>> number(np.float32(0.5), "level", "drift", above=0, below=1)
        0.5
    """
    if (
        is_number(value)
        and (minimum is None or value >= minimum)
        and (above is None or value > above)
        and (maximum is None or value <= maximum)
        and (below is None or value < below)
    ):
        return int(value) if isinstance(value, numbers.Integral) else float(value)
    low = f"{minimum:g} <= " if minimum is not None else f"{above:g} < " if above is not None else ""
    high = f" <= {maximum:g}" if maximum is not None else f" < {below:g}" if below is not None else ""
    expected = (
        fact("a number, {low}{name}{high}", low=low, name=name, high=high)
        if low or high
        else fact("a finite number")
    )
    if example is None:
        example = _number_between(minimum, above, maximum, below)
    raise out_of_range(value, name, where, expected, example)


def _number_between(
    minimum: float | None, above: float | None, maximum: float | None, below: float | None
) -> float:
    """Return a short number between the limits."""
    if minimum is not None or maximum is not None:
        return minimum if minimum is not None else maximum or 0
    if above is None or below is None:
        return above + 1 if above is not None else below - 1 if below is not None else 1.0
    return (above + below) / 2


def boolean(value: Any, name: str, where: str) -> bool:
    """Return a boolean argument as a ``bool``.

    Args:
        value: the argument, of Python or NumPy.
        name, where: as of ``integer``.

    Raises:
        UsageError E102: anything else, such as 1 or a text.

    Example:
        >>> import numpy as np
        >>> boolean(np.bool_(True), "check", "attack")
        True
    """
    kind = type(value)  # a boolean of NumPy is recognized by its name: NumPy is not imported for that
    if kind is bool or (kind.__module__ == "numpy" and kind.__name__ in ("bool", "bool_")):
        return bool(value)
    raise out_of_range(value, name, where, fact("True or False"), True)


def choice(
    value: Any,
    options: Iterable[str],
    name: str,
    where: str = "",
    *,
    aliases: Mapping[str, str] | None = None,
    example: str = "",
) -> str:
    """Return one of several texts.

    Args:
        name, where: as of ``integer``.
        aliases: names in other libraries, each with that of chainrule.
        example: suggested for a value that resembles no option; by default the first.

    Raises:
        UsageError E101: anything else; the fix is the most similar option.

    Example:
        >>> choice("pgd", ("fgsm", "pgd"), "method", "attack")
        'pgd'
    """
    known = list(options)
    if isinstance(value, str) and value in known:
        return str(value)
    place = join_facts(", ", [where, name]) if where else name
    raise unknown(place, value, known, assignment(name, "{}"), aliases, example=example or known[0])


def language(value: Any, where: str) -> str:
    """Return a language, ``"en"`` or ``"zh"``; for ``None`` that of the settings.

    Raises:
        UsageError E101: anything else.

    Example:
        >>> language("zh", "explain")
        'zh'
    """
    return ChainruleError.language() if value is None else choice(value, LANGUAGES, "lang", where)


def trained_network(model: _Trainable[_Network], where: str, fix: str = "model.fit(x, y)") -> _Network:
    """Return the network of a trained model, else raise E503 with the call ``fix`` that trains it."""
    network = model.network
    if network is None:
        raise TrainingError("E503", where=where, fix=fix)
    return network


def out_of_range(
    value: Any, name: str, where: str, expected: object, example: object = None, *, fix: str = ""
) -> UsageError:
    """Return the error for an argument that is out of its range.

    Args:
        value: the argument, or a text record that describes it.
        name, where: as of ``integer``.
        expected: the allowed values.
        example: one of them, from which the fix is written.
        fix: the fix, if it is not the argument with another value.

    Example:
        >>> out_of_range(0, "folds", "label_issues", "2 <= folds <= 20", 5).fix
        'folds=5'
    """
    received = value if isinstance(value, Message) else short_repr(value)
    if example is not None and not fix:
        fix = assignment(name, f'"{example}"' if isinstance(example, str) else repr(example))
    return UsageError("E102", where=where, name=name, expected=expected, received=received, fix=fix)


def wrong_type(value: Any, name: str, where: str, expected: object, fix: str = "") -> UsageError:
    """Return the error for an argument of another type.

    Args:
        value: the argument; its error shows a number, a text or a container, and the type of another object.
        name, where: as of ``integer``.
        expected: the allowed types.
        fix: code that can be pasted.

    Example:
        >>> wrong_type("3", "stop", "generate", "token ids").received
        "'3'"
    """
    is_plain = value is None or isinstance(value, str | bytes | int | float | list | tuple | dict | set)
    received = short_repr(value) if is_plain or callable(value) else type(value).__name__
    return UsageError("E113", where=where, name=name, expected=expected, received=received, fix=fix)


def unknown(
    where: str,
    name: object,
    known: Iterable[str],
    fix: str,
    aliases: Mapping[str, str] | None = None,
    *,
    example: str = "",
    expected: str = "",
) -> UsageError:
    """Return the error for a value that is not a name of a table; its fix has the name probably meant.

    Args:
        where: the function and the argument, such as ``"attack, method"``.
        name: the value: a text, or a function or class in its place.
        known: the names that exist.
        fix: code that can be pasted, with ``{}`` in the place of the name.
        aliases: names in other libraries, each with that of chainrule.
        example: the name in the fix if the value resembles none; without it, there is no fix.
        expected: a short form of the names, if they are many.

    Example:
        >>> unknown("chainrule data", "wher", ("list", "get", "where"), "chainrule data {}").fix
        'chainrule data where'
    """
    names = list(known)
    word = name[:80] if isinstance(name, str) and name else short_repr(name)
    hint = suggest(name, names, fix, aliases) or (fix.replace("{}", example) if example else "")
    expected = expected or join_facts(", ", names)
    return UsageError("E101", where=where, name=word, expected=expected, received=word, fix=hint)


def refuse_unknown(
    where: str, options: Mapping[str, Any], known: Iterable[str], named: Iterable[str] = ()
) -> None:
    """Refuse options that do not exist.

    Args:
        where: the name of the function.
        known: the names of all options.
        named: the names of the other arguments of the function.

    Raises:
        UsageError E101: an unknown option; the fix is the closest option or argument.
    """
    known = list(known)
    for name, value in options.items():
        if name not in known:
            callee = where.partition(",")[0]
            settings, renamed, dropped = own_arguments(callee, {name: value}, [*known, *named], {})
            error = unknown(where, name, [*named, *known], "")
            error.fix = ", ".join(f"{option}={argument_text(option, v)}" for option, v in settings.items())
            error.notes = tuple(call_remarks(callee, renamed, dropped if reason(name, callee) else []))
            raise error


def assignment(name: str, value: str) -> str:
    """Return the text that gives an argument, an option of a command or a setting a value.

    Example:
        >>> assignment("steps", "20"), assignment("--steps", "20"), assignment("cr.settings.cores", "2")
        ('steps=20', '--steps 20', 'cr.settings.cores = 2')
        >>> assignment("method", "{}")
        'method="{}"'
    """
    if name.startswith("--") or " " in name:  # a command
        return f"{name} {value}".replace('"', "")
    text = '"{}"' if value == "{}" else value
    if name.startswith("cr.settings."):
        return f"{name} = {text}"
    return f"{name}={text}" if not isinstance(name, Message) else ""


def require(owner: object, name: str, holds: bool, expected: str, fix: str = "") -> None:
    """Refuse a field of a record that is out of its range.

    Args:
        holds: whether the value is valid.
        expected: the valid values, as text.
        fix: a line that can be pasted.

    Raises:
        UsageError E102: ``holds`` is false.
    """
    if not holds:
        raise out_of_range(getattr(owner, name), name, type(owner).__name__, expected, fix=fix)


def require_number(
    owner: object,
    name: str,
    *,
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
    below: float | None = None,
    fix: str = "",
) -> None:
    """Refuse a field of a record that is not a finite number between its limits; see ``number``."""
    limits = {"minimum": minimum, "above": above, "maximum": maximum, "below": below}
    try:
        number(getattr(owner, name), name, type(owner).__name__, **limits)
    except UsageError as error:
        error.fix = fix or _default_fix(owner, name, error.fix)
        raise


def _default_fix(owner: object, name: str, fix: str) -> str:
    """Return the fix that restores the default of a field; ``fix`` if the default is no number."""
    default = getattr(type(owner), name, None)
    return assignment(name, repr(default)) if is_number(default) else fix


def require_integer(
    owner: object, name: str, minimum: int, maximum: int | None = None, fix: str = ""
) -> None:
    """Refuse a field of a record that is not an integer between its limits; see ``integer``."""
    try:
        integer(getattr(owner, name), name, type(owner).__name__, minimum=minimum, maximum=maximum)
    except UsageError as error:
        error.fix = fix or _default_fix(owner, name, error.fix)
        raise


def require_choice(owner: object, name: str, options: Iterable[str], fix: str = "") -> None:
    """Refuse a field of a record that is not one of several texts; see ``choice``.

    Args:
        owner, name: the record and the field.
        fix: code that can be pasted, with ``{}`` for the text; by default the field as a named argument.
    """
    value, known = getattr(owner, name), list(options)
    if not isinstance(value, str) or value not in known:
        place = f"{type(owner).__name__}, {name}"
        raise unknown(place, value, known, fix or assignment(name, "{}"), example=known[0])


def is_number(value: object) -> bool:
    """Return whether a value is a real number that a float can represent; booleans are not."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return False
    if isinstance(value, numbers.Integral):
        return int(value).bit_length() < sys.float_info.max_exp
    return math.isfinite(value)


def tupled(value: object) -> object:
    """Return lists as tuples, recursively, so that the record can be compared and stored."""
    return tuple(tupled(part) for part in value) if isinstance(value, list | tuple) else value
