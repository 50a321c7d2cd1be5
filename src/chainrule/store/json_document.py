"""Strict JSON: what is written is read back equal, and what is not JSON is refused.

Python's ``json`` writes ``NaN``, which other readers reject; reads a duplicate key and drops the first value;
turns ``1e400`` into infinity; and raises ``RecursionError`` for a text of 100,000 brackets. Here each of
these is refused; on writing, the error names the path of the value.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from itertools import islice
from typing import Any

from chainrule.errors import fact, join_facts

DEPTH_LIMIT = 64  # levels of nesting; the description of a deep network needs about ten
INTEGER_BITS = 1023  # so that every number of a document can be converted to a float
_MAX_REASONS = 5
LABEL = 80  # maximum characters of a key in a reason


class UnfitError(ValueError):
    """A text that is not strict JSON, or a value that strict JSON cannot represent; see ``reasons``."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons
        super().__init__(join_facts("; ", reasons))


def to_text(value: Any, name: str = "record") -> str:
    """Serialize a value to strict JSON; equal values result in equal texts.

    Keys are sorted, so a dict loses its order: use a list where the order matters. A tuple is read back as a
    list. Floats are read back with the same bits.

    Args:
        value: dicts with text keys, lists, tuples, texts, integers, finite floats, booleans, ``None``.
        name: name of the value in the reasons of ``UnfitError``.

    Example:
        >>> to_text({"rate": 0.1, "layers": (2, 3)})
        '{"layers":[2,3],"rate":0.1}'
    """
    reasons = list(islice(_faults(value, name), _MAX_REASONS))
    if reasons:
        raise UnfitError(*reasons)
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def from_text(text: str) -> Any:
    """Parse a strict JSON text; raises ``UnfitError`` if it is not one.

    Example:
        >>> from_text('{"rate": 0.1}')
        {'rate': 0.1}
    """
    try:
        value = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite
        )
    except RecursionError:
        raise UnfitError(fact("nested deeper than {limit} levels", limit=DEPTH_LIMIT)) from None
    except UnfitError:
        raise
    except ValueError as cause:
        raise UnfitError(fact("not JSON: {fault}", fault=cause)) from None
    reasons = list(islice(_faults(value, "document"), _MAX_REASONS))
    if reasons:
        raise UnfitError(*reasons)
    return value


_Place = tuple[Any, ...]  # the path to a part: (("record",), ("layers",)), then 3, for record.layers[3]


def _faults(value: Any, name: str) -> Iterator[str]:
    """Yield the reason for each part of ``value`` that JSON cannot represent, with its path.

    The text of a path is built only for a fault: a key of a megabyte above a hundred thousand numbers would
    otherwise be copied for each of them.
    """
    stack: list[tuple[Any, _Place, int]] = [(value, (name,), 1)]
    while stack:
        part, place, depth = stack.pop()
        step = place[-1]
        if isinstance(step, tuple) and not is_text(step[0]):
            key = ascii(step[0])[:40]
            yield fact(
                "{place} has the key {key}; JSON keys are texts in valid Unicode",
                place=_named(place[0]),
                key=key,
            )
        if not isinstance(part, dict | list | tuple):
            reason = _fault(part)
            if reason:
                yield fact("{place} {fault}", place=_named(place), fault=reason)
        elif depth > DEPTH_LIMIT:
            yield fact(
                "{place}... is nested deeper than {limit} levels", place=_named(place)[:40], limit=DEPTH_LIMIT
            )
        elif isinstance(part, dict):
            stack += [(part[key], (place, (key,)), depth + 1) for key in reversed(part)]
        else:
            stack += [(part[i], (place, i), depth + 1) for i in range(len(part) - 1, -1, -1)]


def _fault(value: Any) -> str:
    """Return why JSON cannot represent a value without parts; ``""`` if it can."""
    if isinstance(value, str):
        return "" if is_text(value) else fact("is {text}, which is not valid Unicode", text=ascii(value)[:40])
    if isinstance(value, float):
        return "" if math.isfinite(value) else fact("is {value}; JSON has finite numbers only", value=value)
    if isinstance(value, int):
        bits = value.bit_length()
        if bits <= INTEGER_BITS:
            return ""
        return fact("is an integer of {bits:,} bits; the limit is {limit:,}", bits=bits, limit=INTEGER_BITS)
    return "" if value is None else fact("is a {kind}; JSON has no such type", kind=type(value).__name__)


def _named(place: _Place) -> str:
    """Return a path as text: ``record.layers[3]``."""
    parts = []
    while len(place) == 2:
        place, step = place
        parts.append(f".{str(step[0])[:LABEL]}" if isinstance(step, tuple) else f"[{step}]")
    return "".join([place[0], *reversed(parts)])


def is_text(value: Any) -> bool:
    """Return whether a value is a text that UTF-8 can encode; one with an unpaired surrogate is not."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise UnfitError(fact("the key {key!r} is duplicated", key=repeated_key(pairs)[:40]))
    return values


def repeated_key(pairs: list[tuple[str, Any]]) -> str:
    """Return the first key of an object of JSON that occurs a second time; one does."""
    seen: set[str] = set()
    return next(key for key, _ in pairs if key in seen or seen.add(key))


def _refuse_constant(word: str) -> float:
    raise UnfitError(fact("{word} is not a number in JSON", word=word))


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise UnfitError(fact("{number} is larger than any float", number=digits[:40]))
    return number
