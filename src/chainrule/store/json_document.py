"""JSON with nothing left to chance: what is written is read back equal, and what is not JSON is refused.

Python's own ``json`` writes ``NaN``, which no other reader takes; reads a key twice and forgets the first;
turns ``1e400`` into infinity; and answers a text of 100,000 brackets with ``RecursionError``. Here each of
these is refused, on writing with the place of the values at fault.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from itertools import islice
from typing import Any

DEPTH_LIMIT = 64  # levels of nesting; a description of a deep net needs about ten
INTEGER_BITS = 1023  # so that every number of a document is one that a float can hold
_SHOWN = 5
LABEL = 80  # letters of a key in a reason


class UnfitError(ValueError):
    """A text that is not strict JSON, or a value that strict JSON cannot hold; says why, in plain words."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons
        super().__init__("; ".join(reasons))


def to_text(value: Any, name: str = "record") -> str:
    """The strict JSON text of a value; equal values give equal texts.

    Keys are sorted, so a dict loses its order: what has an order belongs in a list. A tuple is read back as a
    list. Floats come back with the same bits.

    Args:
        value: dicts with text keys, lists, tuples, texts, whole numbers, finite floats, booleans, ``None``.
        name: what to call the value in the reasons of ``UnfitError``.

    Example:
        >>> to_text({"rate": 0.1, "layers": (2, 3)})
        '{"layers":[2,3],"rate":0.1}'
    """
    reasons = list(islice(_faults(value, name), _SHOWN))
    if reasons:
        raise UnfitError(*reasons)
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def from_text(text: str) -> Any:
    """The value of a strict JSON text, or ``UnfitError``.

    Example:
        >>> from_text('{"rate": 0.1}')
        {'rate': 0.1}
    """
    try:
        value = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite
        )
    except RecursionError:
        raise UnfitError(f"nested deeper than {DEPTH_LIMIT} levels") from None
    except UnfitError:
        raise
    except ValueError as cause:
        raise UnfitError(f"not JSON: {cause}") from None
    reasons = list(islice(_faults(value, "document"), _SHOWN))
    if reasons:
        raise UnfitError(*reasons)
    return value


_Place = tuple[Any, ...]  # what leads to a part: (("record",), ("layers",)), then 3, for record.layers[3]


def _faults(value: Any, name: str) -> Iterator[str]:
    """Why each part of ``value`` that JSON cannot hold is unfit, with its place.

    The name of a place is put together only for a fault: a key of a megabyte above a hundred thousand numbers
    would be copied for each of them.
    """
    waiting: list[tuple[Any, _Place, int]] = [(value, (name,), 1)]
    while waiting:
        part, place, depth = waiting.pop()
        step = place[-1]
        if isinstance(step, tuple) and not is_text(step[0]):
            shown = ascii(step[0])[:40]
            yield f"{_named(place[0])} has the key {shown}; JSON keys are texts in valid Unicode"
        if not isinstance(part, dict | list | tuple):
            reason = _fault(part)
            if reason:
                yield f"{_named(place)} {reason}"
        elif depth > DEPTH_LIMIT:
            yield f"{_named(place)[:40]}... is nested deeper than {DEPTH_LIMIT} levels"
        elif isinstance(part, dict):
            waiting += [(part[key], (place, (key,)), depth + 1) for key in reversed(part)]
        else:
            waiting += [(part[i], (place, i), depth + 1) for i in range(len(part) - 1, -1, -1)]


def _fault(value: Any) -> str:
    """Why JSON cannot hold a value that has no parts; ``""`` where it can."""
    if isinstance(value, str):
        return "" if is_text(value) else f"is {ascii(value)[:40]}, which is not valid Unicode"
    if isinstance(value, float):
        return "" if math.isfinite(value) else f"is {value}; JSON has finite numbers only"
    if isinstance(value, int):
        bits = value.bit_length()
        long = f"is a whole number of {bits:,} bits; the limit is {INTEGER_BITS:,}"
        return long if bits > INTEGER_BITS else ""
    return "" if value is None else f"is a {type(value).__name__}; JSON has no such thing"


def _named(place: _Place) -> str:
    """A place in words: ``record.layers[3]``."""
    parts = []
    while len(place) == 2:
        place, step = place
        parts.append(f".{str(step[0])[:LABEL]}" if isinstance(step, tuple) else f"[{step}]")
    return "".join([place[0], *reversed(parts)])


def is_text(value: Any) -> bool:
    """Whether a value is a text that UTF-8 can hold; one with half a surrogate pair is not."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise UnfitError(f"the key {twice[:40]!r} is there twice")
    return found


def _refuse_constant(word: str) -> float:
    raise UnfitError(f"{word} is not a number in JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise UnfitError(f"{digits[:40]} is larger than any float")
    return number
