"""What a forked child process inherits, and what it must not use.

A fork copies memory but only the thread that called it. A lock that another thread held stays locked in the
child for good, and a pool of threads has no threads there: whatever waits for either waits forever.

- Locks of the package (``forkable``) are taken before every fork and released after it on both sides, so that
  a child never inherits one in use.
- Worker threads of the native engine are kept per process: a child starts its own.
- polars runs most operations on a pool that cannot be started a second time. Whether it was running is noted
  before every fork, and ``polars_is_lost`` then holds in the child for as long as it lives; ``data.polars``
  refuses instead of waiting.

Rejected: asking in the child alone. Threads of the parent cannot be seen there, and polars that was imported
but never used is in order.

This module is imported by ``import chainrule``, because a fork may come before the first table is read.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import Any, TypeAlias

Lock: TypeAlias = Any  # the class of what RLock makes has no public name
TASKS = Path("/proc/self/task")
_states = {"running": False, "lost": False}  # polars' pool: in this process before a fork; after one


def forkable() -> Lock:
    """A lock that no forked child inherits from a thread that it does not have.

    Where one such lock is taken while another is held, the inner one must be created first: before a fork
    they are taken in the reverse order of their creation.

    Example:
        >>> with forkable():
        ...     print("alone")
        alone
    """
    lock = RLock()  # the thread that forks may hold it already
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
    return lock


def polars_is_lost() -> bool:
    """Whether this process was forked from one whose polars pool was running."""
    return _states["lost"]


def _before() -> None:
    _states["running"] = "polars" in sys.modules and _pool_is_running(TASKS)


def _in_child() -> None:
    _states["lost"] |= _states["running"]


def _pool_is_running(tasks: Path) -> bool:
    """Whether a thread of polars' pool is among the threads of a process.

    Args:
        tasks: the folder in which the system lists them. Where there is none, such as on macOS, a pool is
            taken to run: an error is better than a child that hangs.
    """
    start = os.environ.get("POLARS_THREAD_NAME", "polars") + "-"  # polars-0, polars-1, ...; 15 bytes are kept
    names = []
    with suppress(OSError):
        for task in os.scandir(tasks):
            with suppress(OSError):  # a thread that has just ended
                names.append(Path(task, "comm").read_text(errors="replace").strip())
    return not names or any(name.startswith(start[:15]) and name[len(start) :].isdigit() for name in names)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_child=_in_child)
