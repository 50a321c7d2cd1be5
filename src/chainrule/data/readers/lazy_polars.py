"""Lazy import of polars, and refusal in a forked child process, where polars would hang.

Every use of polars in the package begins with a name of ``pl``, with ``Table.frame`` or with a frame passed
by the user; all three check the process first. polars recommends the start methods "spawn" and "forkserver".
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from chainrule import fork_safety
from chainrule.validation import out_of_range

if TYPE_CHECKING:
    import polars as pl
else:

    class _LazyModule:
        """A module that is imported when one of its names is accessed."""

        def __getattr__(self, name: str) -> Any:
            require_threads()
            return getattr(sys.modules.get("polars") or _imported(), name)

    pl = _LazyModule()

_THREADS, _MOST_THREADS = "POLARS_MAX_THREADS", 1024


def _imported() -> Any:
    """Import polars; raises E102 for a number of threads that it does not accept: with 0 it panics."""
    threads = os.environ.get(_THREADS, "1")
    if not threads.isascii() or not threads.isdigit() or not 1 <= int(threads[:9]) <= _MOST_THREADS:
        from chainrule.errors import fact  # noqa: PLC0415  # as below

        raise out_of_range(
            threads, _THREADS, fact("the environment"), fact("1 to 1024"), fix=f"unset {_THREADS}"
        )
    return import_module("polars")


__all__ = ["is_polars", "pl", "require_threads"]


def require_threads() -> None:
    """Raise E130 in a process that was forked while polars threads were running."""
    if fork_safety.polars_is_unusable():
        from chainrule.errors import UsageError, fact  # noqa: PLC0415  # a decoder process needs no errors

        expected = fact('a process started by "spawn" or "forkserver"')
        received = fact("a process forked after polars had started its threads")
        notes = [
            fact("a process that is given arrays, or forked before the first table is read, may be forked"),
            'PyTorch: DataLoader(..., num_workers=2, multiprocessing_context="spawn")',
        ]
        fix = 'multiprocessing.get_context("spawn").Pool(2)'
        where = f"process {os.getpid()}"
        raise UsageError(
            "E130", where=where, library="polars", expected=expected, received=received, notes=notes, fix=fix
        )


def is_polars(value: object) -> bool:
    """Return whether a value is a frame or a column of polars."""
    return type(value).__module__.partition(".")[0] == "polars"
