"""How many threads a process uses, if ``cr.settings.threads`` does not set it.

The first of these that is stated:

1. ``CHAINRULE_THREADS``, for this package alone;
2. ``OMP_NUM_THREADS``, for all numerical libraries of a process; of a list, ``4,2``, the first number;
3. the processors that the process may use: those of its CPU affinity, and no more than the CPU quota of its
   control groups, rounded up. Half a CPU is one thread: two would share it, and wait for each other.

A variable that is not a number from 1 to 1,024 is ignored, and reported.

A quota is a share of time: ``quota / period`` processors. It holds for a group and all groups inside it, so
the smallest one from the root to the group of the process counts. Control groups of version 2 state both in
``cpu.max``, those of version 1 in ``cpu.cfs_quota_us`` and ``cpu.cfs_period_us``.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

VARIABLES = ("CHAINRULE_THREADS", "OMP_NUM_THREADS")
MAX_THREADS = 1024


def processors() -> int:
    """Return the number of processors on which this process may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_threads(environment: Mapping[str, str] | None = None, root: Path = Path("/")) -> int:
    """Return the number of threads of this process, from its environment.

    Args:
        environment: the variables; by default those of the process.
        root: the folder that contains ``proc`` and ``sys``.
    """
    for name in VARIABLES:
        count = stated_count((os.environ if environment is None else environment).get(name, ""))
        if count is not None:
            return count
    quota = cpu_quota(root)
    return processors() if quota is None else max(1, min(processors(), math.ceil(quota)))


def stated_count(text: str) -> int | None:
    """Return the number of threads that a variable states; ``None`` if it states none.

    Example:
        >>> [stated_count(text) for text in ("3", " 4,2 ", "", "0", "-1", "2.5", "all", "99999")]
        [3, 4, None, None, None, None, None, None]
    """
    first = text.partition(",")[0].strip()
    is_number = first.isascii() and first.isdigit() and len(first) <= len(str(MAX_THREADS))
    return int(first) if is_number and 1 <= int(first) <= MAX_THREADS else None


def faulty_variables(environment: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """Return the variables that state no number of threads, with their values.

    Args:
        environment: the variables by name; ``None``: those of the process.
    """
    values = os.environ if environment is None else environment
    stated = [(name, values.get(name, "").strip()) for name in VARIABLES]
    return [(name, text[:40]) for name, text in stated if text and stated_count(text) is None]


def cpu_quota(root: Path = Path("/")) -> float | None:
    """Return the processors whose time the control groups grant; ``None``: all. ``root`` has ``proc``."""
    quotas = [_quota_of_group(folder) for folder in _groups(root)]
    return min((quota for quota in quotas if quota is not None), default=None)


def _groups(root: Path) -> Iterator[str]:
    """Yield the folders of the control groups of this process with a CPU controller, outer ones first."""
    for line in read_lines(f"{root}/proc/self/cgroup"):
        _, _, rest = line.partition(":")
        kinds, _, path = rest.partition(":")
        names = [""] if not kinds else [kinds, "cpu"] if "cpu" in kinds.split(",") else []
        for name in dict.fromkeys(names):
            folder = f"{root}/sys/fs/cgroup/{name}"
            yield folder
            for part in filter(None, path.split("/")):
                folder = f"{folder}/{part}"
                yield folder


def _quota_of_group(folder: str) -> float | None:
    """Return the quota of one control group, of either version."""
    own = quota_of(" ".join(read_lines(f"{folder}/cpu.max")))
    if own is not None:
        return own
    return quota_of(
        " ".join(" ".join(read_lines(f"{folder}/cpu.cfs_{name}_us")) for name in ("quota", "period"))
    )


def quota_of(text: str) -> float | None:
    """Return the number of processors of a quota and period, as ``50000 100000``; ``None``: no limit.

    Example:
        >>> [quota_of(text) for text in ("50000 100000", "150000", "max 100000", "-1 100000", "a b")]
        [0.5, 1.5, None, None, None]
    """
    words = [*text.split(), "100000"][:2]  # the period is 0.1 s unless it is stated
    if len(words) < 2 or not all(word.isascii() and word.isdigit() for word in words):
        return None
    quota, period = (int(word) for word in words)
    return quota / period if quota > 0 and period > 0 else None


def read_lines(file: str) -> list[str]:
    """Return the lines of a file of the system; empty if there is none."""
    try:
        with open(file, "rb", buffering=0) as stream:
            return stream.read().decode(errors="replace").splitlines()
    except OSError:
        return []
