"""Fingerprints of custom Python code: stopping rules, metrics and augmentations.

This code runs outside of graphs, so its bytecode is compared: instructions, names, constants, default
arguments and captured values, without comments, docstrings and line numbers. Another version of Python has
other instructions; the version is therefore part of the record, and the fingerprints of two versions are not
compared.
Code of this package is excluded: its graphs and its version are compared.
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
    """Return the fingerprint of each custom function, or of the class of each custom object, by name.

    Example:
        >>> code_fingerprints({"a": len})  # not custom code
        {}
    """
    fingerprints: dict[str, str] = {}
    for name, thing in things.items():
        text = "\n".join(_function(function) for function in _functions(thing))
        if text:
            fingerprints[name] = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return {**fingerprints, "python": VERSION} if fingerprints else {}


def _functions(thing: Any) -> Iterator[FunctionType]:
    """Yield the custom functions of an object: itself, or the methods of its class."""
    thing = getattr(thing, "__func__", thing)
    if isinstance(thing, FunctionType) and _is_custom(thing):
        yield thing
    elif isinstance(thing, FunctionType):  # a function of this package around custom ones
        for cell in thing.__closure__ or ():
            yield from _functions(cell.cell_contents) if callable(cell.cell_contents) else ()
    else:
        members = (item for base in type(thing).__mro__ for item in sorted(vars(base).items()))
        functions = (getattr(value, "__func__", getattr(value, "fget", value)) for _, value in members)
        yield from (f for f in functions if isinstance(f, FunctionType) and _is_custom(f))


def _is_custom(function: FunctionType) -> bool:
    """Return whether a function is custom: neither of this package nor of a library in ``LIBRARIES``."""
    return (function.__module__ or "").partition(".")[0] not in LIBRARIES


def _function(function: FunctionType) -> str:
    cells = [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
    values = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values(), *cells]
    return f"{_code(function.__code__, function.__doc__)} {[_value(v) for v in values]}"


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _code(code: CodeType, doc: str | None = None) -> str:
    constants = [_value(c) for c in code.co_consts]
    if doc is not None and constants:
        constants[0] = "None"  # the docstring
    return f"{code.co_code.hex()} {constants} {code.co_names}"


def _value(value: Any) -> str:
    """Return a constant as a string that is equal in every process."""
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
