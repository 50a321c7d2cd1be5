"""Validation of the fields of a record from a model file, which may come from anyone.

Each function returns the value that it checked, or raises E328 with the path of the value
(``encodings[3].std``).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import MISSING, fields
from types import MappingProxyType
from typing import Any

from chainrule.errors import DataError, fact

TEXT_LIMIT = 10_000_000  # the limit of a cell; texts in a record come from cells
LIST_LIMIT = 1_000_000
COUNT_LIMIT = 2**53  # rows
NO_DEFAULTS: Mapping[str, Any] = MappingProxyType({})


def read_fields(
    path: str, record: object, names: tuple[str, ...], defaults: Mapping[str, Any] = NO_DEFAULTS
) -> dict[str, Any]:
    """Return a dict with exactly these fields; ``defaults`` are of fields that older versions lack."""
    if isinstance(record, dict) and set(names) - set(defaults) <= set(record) <= set(names):
        return {name: record[name] if name in record else defaults[name] for name in names}
    received = sorted(map(str, record))[:20] if isinstance(record, dict) else type(record).__name__
    raise invalid(path, fact("exactly {names}", names=", ".join(names)), received)


def defaults_of(kind: type, **others: Any) -> dict[str, Any]:
    """Return the defaults of the fields of a dataclass, in the form of a record, and those of others."""
    own = {f.name: f.default for f in fields(kind) if f.default is not MISSING}
    return {name: list(v) if isinstance(v, tuple) else v for name, v in {**own, **others}.items()}


def read_list(path: str, value: object, limit: int = LIST_LIMIT) -> list[Any]:
    """Return a list of at most ``limit`` values."""
    return require(path, value, isinstance(value, list) and len(value) <= limit, fact("a list"))


def read_text(path: str, value: object) -> str:
    """Return a text that is not empty, of at most ``TEXT_LIMIT`` characters."""
    is_fine = isinstance(value, str) and 0 < len(value) <= TEXT_LIMIT
    return require(path, value, is_fine, fact("a text that is not empty"))


def read_texts(path: str, value: object, limit: int = LIST_LIMIT) -> tuple[str, ...]:
    """Return a list of texts."""
    return tuple(read_text(f"{path}[{i}]", text) for i, text in enumerate(read_list(path, value, limit)))


def read_flag(path: str, value: object) -> bool:
    """Return a boolean."""
    return require(path, value, isinstance(value, bool), fact("true or false"))


def read_number(path: str, value: Any) -> float:
    """Return a finite number."""
    # Compared rather than converted: float(10**400) raises, and comparisons with NaN are false.
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_fine = is_number and abs(value) <= sys.float_info.max
    return float(require(path, value, is_fine, fact("a finite number")))


def read_numbers(path: str, value: object, limit: int = LIST_LIMIT) -> tuple[float, ...]:
    """Return a list of finite numbers."""
    return tuple(read_number(f"{path}[{i}]", v) for i, v in enumerate(read_list(path, value, limit)))


def read_count(path: str, value: object, minimum: int = 1) -> int:
    """Return an integer that is not negative, or at least 1."""
    is_fine = type(value) is int and minimum <= value <= COUNT_LIMIT
    return require(path, value, is_fine, fact("an integer, at least {minimum}", minimum=minimum))


def read_counts(path: str, value: object, limit: int = LIST_LIMIT) -> tuple[int, ...]:
    """Return a list of integers of at least 1."""
    return tuple(read_count(f"{path}[{i}]", v) for i, v in enumerate(read_list(path, value, limit)))


def require(path: str, value: Any, is_fine: bool, expected: str) -> Any:
    """Return the value if it is valid."""
    if not is_fine:
        raise invalid(path, expected, value)
    return value


def invalid(path: str, expected: str, received: object) -> DataError:
    """Return the error for an invalid value at a path of the record."""
    text = repr(received)
    text = text if len(text) <= 80 else text[:77] + "..."
    return DataError(
        "E328", where=fact("preparation record, {path}", path=path), expected=expected, received=text
    )
