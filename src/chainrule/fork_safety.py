"""Fork safety: locks that a forked child can take, and detection of a polars thread pool that is lost.

A fork copies memory, but only the calling thread. A lock held by another thread stays locked in the child
forever, and a thread pool has no threads there: waiting for either never ends.

- Locks of the package (``fork_safe_lock``) are acquired before every fork and released after it in parent and
  child, so that a child never inherits a locked one.
- Worker threads of the native engine belong to a process: a child starts its own.
- polars runs most operations on a pool that cannot be started a second time. Before every fork, it is
  recorded whether the pool is running; if so, ``polars_is_unusable`` returns True in the child, and
  ``data.polars`` raises an error instead of waiting.

Rejected: checking in the child alone. The parent's threads are not visible there, and polars works if it was
imported but never used.

``import chainrule`` imports this module, because a fork may happen before the first table is read.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import Any, TypeAlias

Lock: TypeAlias = Any  # the class that RLock instantiates has no public name
TASKS = Path("/proc/self/task")
_states = {"running": False, "lost": False}  # the polars pool: before a fork; in a forked child
_FORKS = [0]


def fork_safe_lock() -> Lock:
    """Return a reentrant lock that is never locked by a missing thread in a forked child.

    If one such lock is acquired while another is held, the inner one must be created first: before a fork
    they are acquired in the reverse order of their creation.

    Example:
        >>> with fork_safe_lock():
        ...     print("alone")
        alone
    """
    lock = RLock()  # the forking thread may hold it already
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
    return lock


def fork_count() -> int:
    """Return how many forks are between the first process and this one: a key of what belongs to a process.

    It takes a tenth of the time of ``os.getpid``, a call of the operating system.

    Example:
        >>> fork_count() >= 0
        True
    """
    return _FORKS[0]


def polars_is_unusable() -> bool:
    """Return whether this process was forked while the polars pool of its parent was running."""
    return _states["lost"]


def _before() -> None:
    _states["running"] = "polars" in sys.modules and _pool_is_running(TASKS)


def _in_child() -> None:
    _states["lost"] |= _states["running"]
    _FORKS[0] += 1


def _pool_is_running(tasks: Path) -> bool:
    """Return whether a thread of the polars pool is among the threads of a process.

    Args:
        tasks: the folder in which the system lists the threads. Without one, such as on macOS, the pool is
            assumed to run: an error is better than a child that hangs.
    """
    start = os.environ.get("POLARS_THREAD_NAME", "polars") + "-"  # polars-0, polars-1, ...; 15 bytes are kept
    names = []
    with suppress(OSError):
        for task in os.scandir(tasks):
            with suppress(OSError):  # the thread has ended meanwhile
                names.append(Path(task, "comm").read_text(errors="replace").strip())
    return not names or any(name.startswith(start[:15]) and name[len(start) :].isdigit() for name in names)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_child=_in_child)
