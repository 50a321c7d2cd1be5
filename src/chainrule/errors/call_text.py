"""Source text of calls, values and signatures for messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

SIZE = 16  # maximum number of elements that are written out
WIDTH = 150  # maximum length of a list of arguments


def call_text(name: str, args: Sequence[Any], named: Mapping[str, Any]) -> str:
    """Return the source text of a call."""
    words = [*map(value_text, args), *(f"{key}={value_text(value)}" for key, value in named.items())]
    return f"{name}({', '.join(words)})"


def value_text(value: Any) -> str:
    """Return the source text of a value, or ``...`` if it is long or has none."""
    if isinstance(value, str | bytes | bool | int | float | None):
        return repr(value)[:80]
    if isinstance(value, list | tuple):
        inside = ", ".join(map(value_text, value[:SIZE])) + (", ..." if len(value) > SIZE else "")
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' * (len(value) == 1)})"
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        text = str(value)
        return f"cr.{text}" if len(text) < 80 and not text.startswith("<") else "..."
    plain = plain_value(value)
    return "..." if plain is value else value_text(plain)


def signature_text(cls: Any) -> str:
    """Return the signature of a block as source text.

    Example:
        >>> from chainrule.nn import GroupNorm
        >>> signature_text(GroupNorm)
        'GroupNorm(groups, *, epsilon=1e-05, scale=True, shift=True)'
    """
    words: list[str] = []
    for f in (f for f in fields(cls) if f.init):
        if f.kw_only and "*" not in words:
            words.append("*")
        default = "" if f.default is MISSING and f.default_factory is MISSING else f"={value_text(f.default)}"
        if sum(map(len, words)) > WIDTH:
            return f"{cls.__name__}({', '.join(words)}, ...)"
        words.append(f.name + default)
    return f"{cls.__name__}({', '.join(words)})"


def plain_value(value: Any) -> Any:
    """Return a short array as a list or number; any other value unchanged."""
    is_short = callable(getattr(value, "tolist", None)) and getattr(value, "ndim", 2) < 2
    return value.tolist() if is_short else value
