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
INTEGER_BITS = 4096  # Python refuses to read longer numbers from a text at about 14,000 bits
_SHOWN = 5


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
    reasons = list(islice(_faults(value, name, 1), _SHOWN))
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
    reasons = list(islice(_faults(value, "document", 1), _SHOWN))
    if reasons:
        raise UnfitError(*reasons)
    return value


def _faults(value: Any, name: str, depth: int) -> Iterator[str]:
    """Why each part of ``value`` that JSON cannot hold is unfit, with its place."""
    if isinstance(value, dict | list | tuple):
        if depth > DEPTH_LIMIT:
            yield f"{name[:40]}... is nested deeper than {DEPTH_LIMIT} levels"
        elif isinstance(value, dict):
            for key, part in value.items():
                yield from _key_faults(key, name)
                yield from _faults(part, f"{name}.{key}", depth + 1)
        else:
            for index, part in enumerate(value):
                yield from _faults(part, f"{name}[{index}]", depth + 1)
    elif isinstance(value, str):
        if not is_text(value):
            yield f"{name} is {ascii(value)[:40]}, which is not valid Unicode"
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield f"{name} is {value}; JSON has finite numbers only"
    elif isinstance(value, int):
        if value.bit_length() > INTEGER_BITS:
            yield f"{name} is a whole number of {value.bit_length():,} bits; the limit is {INTEGER_BITS:,}"
    elif value is not None:
        yield f"{name} is a {type(value).__name__}; JSON has no such thing"


def _key_faults(key: Any, name: str) -> Iterator[str]:
    if not is_text(key):
        yield f"{name} has the key {ascii(key)[:40]}; JSON keys are texts in valid Unicode"


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
