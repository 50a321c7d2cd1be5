"""Files that survive: a kill, a full disk or a power cut leaves the old file or the new, never a half.

In: bytes, texts, and arrays by name with a record. Out: the same, checked to the last bit. This room never
knows what a network or a training is, and opening a file executes nothing.
"""

from __future__ import annotations

from typing import Any

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "run_folder": "Checkpoint RunFolder",
    },
)


def __getattr__(name: str) -> Any:
    return _LAZY.load(name)


def __dir__() -> list[str]:
    return _LAZY.names
