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


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _threads(value: object) -> int:
    """The number of threads, once it is known to be one; 0 means all processors."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 1024:
        raise UsageError(
            "E102",
            where="cr.settings",
            name="threads",
            expected="1 to 1024",
            received=value,
            fix="cr.settings.threads = 2",
        )
    return value or processors()


@dataclass
class Settings:
    """What ``cr.settings`` holds.

    Args:
        dtype: number kind of parameters and inputs, ``"float32"`` or ``"float64"``.
        engine: what runs graphs.
        lang: language of messages, ``"en"`` or ``"zh"``; the locale's by default.
        threads: how many threads compute; as many as there are processors by default. Results do not depend
            on it.

    Fails:
        UsageError E101: a setting or a value of one that does not exist.
        UsageError E102: fewer than one thread.

    Example:
        >>> print(Settings(dtype="float64", lang="en", threads=2))
        dtype = "float64"
        engine = "native"
        lang = "en"
        threads = 2
    """

    dtype: str = "float32"
    engine: str = "native"
    lang: str = ""
    threads: int = 0

    def __setattr__(self, name: str, value: object) -> None:
        known = [f.name for f in fields(self)]
        if name not in known:
            raise UsageError(
                "E101", where="cr.settings", name=name, expected=", ".join(known), received=name,
                fix=f"cr.settings.{nearest(name, known) or known[0]} = ...",
            )  # fmt: skip
        if name == "threads":
            object.__setattr__(self, name, _threads(value))
            return
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
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return "\n".join(f'{k} = "{v}"' if isinstance(v, str) else f"{k} = {v}" for k, v in values.items())

    @contextmanager
    def using(self, **changes: str | int) -> Iterator[Settings]:
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
