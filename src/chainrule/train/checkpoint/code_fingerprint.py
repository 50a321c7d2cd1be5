"""Fingerprints of a user's plain Python code: stopping rules, metrics and augmentations.

These run outside of any graph, so their bytecode is what can be compared: the instructions, the names and
numbers in them, default arguments and captured values, but no comment, docstring or line number. Another
version of Python has other instructions; so the version is part of the record, and two versions are not
compared. Code of this package is left out: its graphs are compared, and its version decides the rest.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
LIBRARIES = (__name__.partition(".")[0], "abc", "typing", "dataclasses", "numpy")


def code_fingerprints(things: Mapping[str, Any]) -> dict[str, str]:
    """The fingerprint of each function, or class of an object, that is a user's own, by name.

    Example:
        >>> code_fingerprints({"a": len})  # not a user's
        {}
    """
    found: dict[str, str] = {}
    for name, thing in things.items():
        text = "\n".join(_function(own) for own in _functions(thing))
        if text:
            found[name] = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return {**found, "python": VERSION} if found else {}


def _functions(thing: Any) -> Iterator[FunctionType]:
    """The functions that a user wrote for it."""
    thing = getattr(thing, "__func__", thing)
    if isinstance(thing, FunctionType) and _is_foreign(thing):
        yield thing
    elif isinstance(thing, FunctionType):  # one of ours around the user's
        for cell in thing.__closure__ or ():
            yield from _functions(cell.cell_contents) if callable(cell.cell_contents) else ()
    else:
        members = (item for base in type(thing).__mro__ for item in sorted(vars(base).items()))
        inner = (getattr(each, "__func__", getattr(each, "fget", each)) for _, each in members)
        yield from (each for each in inner if isinstance(each, FunctionType) and _is_foreign(each))


def _is_foreign(function: FunctionType) -> bool:
    """Whether a function is a user's: neither ours nor of a library that every class has functions of."""
    return (function.__module__ or "").partition(".")[0] not in LIBRARIES


def _function(function: FunctionType) -> str:
    cells = [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
    held = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values(), *cells]
    return f"{_code(function.__code__, function.__doc__)} {[_value(v) for v in held]}"


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _code(code: CodeType, doc: str | None = None) -> str:
    constants = [_value(c) for c in code.co_consts]
    if doc is not None and constants:
        constants[0] = "None"  # where a docstring is kept, and nothing else without one
    return f"{code.co_code.hex()} {constants} {code.co_names}"


def _value(value: Any) -> str:
    """A constant as a text that is the same in every process."""
    if isinstance(value, CodeType):
        return _code(value)
    if isinstance(value, FunctionType):
        return _function(value)
    if isinstance(value, frozenset | set):
        return str(sorted(map(_value, value)))
    if isinstance(value, tuple | list):
        return f"({','.join(map(_value, value))})"
    is_plain = value is None or isinstance(value, bool | int | float | complex | str | bytes)
    return repr(value) if is_plain else type(value).__name__
