"""The few things that hold for a whole session: typed, printable, checked when set."""

from __future__ import annotations

import locale
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields

from chainrule.errors import UsageError, nearest

_CHOICES: dict[str, tuple[str, ...]] = {
    "dtype": ("float32", "float64"),
    "engine": ("reference", "native"),
    "lang": ("en", "zh"),
}


def _language() -> str:
    """The user's language from the locale: Chinese or English."""
    name = locale.getlocale()[0] or os.environ.get("LANG", "")
    return "zh" if name.casefold().startswith(("zh", "chinese")) else "en"


@dataclass
class Settings:
    """What ``cr.settings`` holds.

    Args:
        dtype: number kind of parameters and inputs, ``"float32"`` or ``"float64"``.
        engine: what runs graphs.
        lang: language of messages, ``"en"`` or ``"zh"``; the locale's by default.

    Fails:
        UsageError E101: a setting or a value of one that does not exist.

    Example:
        >>> print(Settings(dtype="float64", lang="en"))
        dtype = "float64"
        engine = "reference"
        lang = "en"
    """

    dtype: str = "float32"
    engine: str = "reference"
    lang: str = ""

    def __setattr__(self, name: str, value: object) -> None:
        known = [f.name for f in fields(self)]
        if name not in known:
            raise UsageError(
                "E101", where="cr.settings", name=name, expected=", ".join(known), received=name,
                fix=f"cr.settings.{nearest(name, known) or known[0]} = ...",
            )  # fmt: skip
        if name == "lang" and value == "":
            value = _language()
        if value not in _CHOICES[name]:
            close = nearest(str(value), _CHOICES[name]) or _CHOICES[name][0]
            raise UsageError(
                "E101", where=f"cr.settings.{name}", name=value, expected=", ".join(_CHOICES[name]),
                received=value, fix=f'cr.settings.{name} = "{close}"',
            )  # fmt: skip
        object.__setattr__(self, name, value)

    def __str__(self) -> str:
        return "\n".join(f'{f.name} = "{getattr(self, f.name)}"' for f in fields(self))

    @contextmanager
    def using(self, **changes: str) -> Iterator[Settings]:
        """These settings with changes, inside a ``with`` block only."""
        before = {name: getattr(self, name) for name in changes}
        try:
            for name, value in changes.items():
                setattr(self, name, value)
            yield self
        finally:
            for name, value in before.items():
                setattr(self, name, value)


settings = Settings()
