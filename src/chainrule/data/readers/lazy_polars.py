"""polars, imported when the first table is read, and refused in a forked child process that it would hang.

Every use of polars in the package begins with a name of ``pl``, with ``Table.frame`` or with a frame of the
user's; all three check the process first. polars itself advises the start methods "spawn" and "forkserver".
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from chainrule import fork
from chainrule.errors import UsageError

if TYPE_CHECKING:
    import polars as pl
else:

    class _Later:
        """A module that is imported when a name of it is asked for."""

        def __getattr__(self, name: str) -> Any:
            require_threads()
            return getattr(sys.modules.get("polars") or import_module("polars"), name)

    pl = _Later()

__all__ = ["is_polars", "pl", "require_threads"]


def require_threads() -> None:
    """Refuse polars in a process that was forked while its threads were running.

    Fails:
        UsageError E130: names the start method that works.
    """
    if fork.polars_is_unusable():
        raise UsageError(
            "E130",
            where=f"process {os.getpid()}",
            expected='a process started by "spawn" or "forkserver"',
            received="a process forked after polars had started its threads",
            notes=[
                "a process that is given arrays, or forked before the first table is read, may be forked",
                'PyTorch: DataLoader(..., num_workers=2, multiprocessing_context="spawn")',
            ],
            fix='multiprocessing.get_context("spawn").Pool(2)',
        )


def is_polars(value: object) -> bool:
    """Whether a value is a frame or a column of polars."""
    return type(value).__module__.partition(".")[0] == "polars"
