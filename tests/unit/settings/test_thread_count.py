"""The number of threads: setting, own variable, general variable, affinity and quota of control groups."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chainrule.thread_count import (
    cpu_quota,
    default_threads,
    faulty_variables,
    processors,
    quota_of,
    stated_count,
)

QUOTAS = {
    "50000 100000": 0.5,
    "100000 100000": 1.0,
    "150000 100000\n": 1.5,
    "250000": 2.5,
    "max 100000": None,
    "max": None,
    "-1 100000": None,
    "0 100000": None,
    "100000 0": None,
    "": None,
    "many 100000": None,
    "１００ 100": None,
}
COUNTS = {
    "1": 1,
    "16": 16,
    " 8 ": 8,
    "4,2,1": 4,
    "1024": 1024,
    "": None,
    "0": None,
    "-2": None,
    "1.5": None,
    "all": None,
    "1025": None,
    "9" * 5000: None,
    ",2": None,
    "٣": None,
    "0x4": None,
}


@pytest.mark.parametrize("text", QUOTAS)
def test_a_quota_is_a_number_of_processors(text: str) -> None:
    assert quota_of(text) == QUOTAS[text]


@pytest.mark.parametrize("text", COUNTS)
def test_a_variable_states_a_number_of_threads(text: str) -> None:
    assert stated_count(text) == COUNTS[text]
    assert bool(faulty_variables({"OMP_NUM_THREADS": text})) == (bool(text.strip()) and COUNTS[text] is None)


def system(root: Path, files: dict[str, str]) -> Path:
    """A folder with files of ``/proc`` and ``/sys``."""
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


V1 = "12:memory:/docker/a\n4:cpu,cpuacct:/docker/a\n1:cpuset:/docker/a\n0::/\n"
SYSTEMS: dict[str, tuple[dict[str, str], float | None]] = {
    "nothing": ({}, None),
    "version 2, in a container": (
        {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"},
        0.5,
    ),
    "version 2, no limit": ({"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "max 100000\n"}, None),
    "version 2, the outer group is smaller": (
        {
            "proc/self/cgroup": "0::/a/b\n",
            "sys/fs/cgroup/a/cpu.max": "150000 100000\n",
            "sys/fs/cgroup/a/b/cpu.max": "400000 100000\n",
        },
        1.5,
    ),
    "version 2, the inner group is smaller": (
        {
            "proc/self/cgroup": "0::/a/b\n",
            "sys/fs/cgroup/a/cpu.max": "max 100000\n",
            "sys/fs/cgroup/a/b/cpu.max": "25000 50000\n",
        },
        0.5,
    ),
    "version 1": (
        {
            "proc/self/cgroup": V1,
            "sys/fs/cgroup/cpu,cpuacct/docker/a/cpu.cfs_quota_us": "300000\n",
            "sys/fs/cgroup/cpu,cpuacct/docker/a/cpu.cfs_period_us": "100000\n",
        },
        3.0,
    ),
    "version 1, in a container": (
        {
            "proc/self/cgroup": V1,
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "75000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "50000\n",
        },
        1.5,
    ),
    "version 1, no limit": (
        {
            "proc/self/cgroup": V1,
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
        None,
    ),
    "unreadable": ({"proc/self/cgroup": "what\n::\n0::/\n", "sys/fs/cgroup/cpu.max": "\x00\n"}, None),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_smallest_quota_of_the_groups_counts(name: str, tmp_path: Path) -> None:
    files, quota = SYSTEMS[name]
    root = system(tmp_path, files)
    assert cpu_quota(root) == quota
    threads = processors() if quota is None else min(processors(), max(1, -int(-quota // 1)))
    assert default_threads({}, root) == threads
    assert default_threads({"OMP_NUM_THREADS": "5"}, root) == 5
    assert default_threads({"OMP_NUM_THREADS": "5", "CHAINRULE_THREADS": "7"}, root) == 7
    assert default_threads({"OMP_NUM_THREADS": "5", "CHAINRULE_THREADS": "no"}, root) == 5


PROGRAM = """
import sys
import numpy as np
import chainrule as cr
first = cr.settings.threads
cr.settings.threads = 6
stated = cr.settings.threads
cr.settings.threads = 0
x = np.ones((8, 2), "float32")
cr.Model(cr.Sequential(cr.Dense(1)), "mse").fit(x, x[:, :1], epochs=1, verbose=True)
print("threads", first, stated, cr.settings.threads)
"""
PROCESSES: dict[str, tuple[dict[str, str], int | None, bool]] = {
    "no variable": ({}, None, False),
    "the general variable": ({"OMP_NUM_THREADS": "3"}, 3, False),
    "the own variable": ({"CHAINRULE_THREADS": "5", "OMP_NUM_THREADS": "3"}, 5, False),
    "a list": ({"OMP_NUM_THREADS": "4,2"}, 4, False),
    "not a number": ({"CHAINRULE_THREADS": "many"}, None, True),
    "zero": ({"OMP_NUM_THREADS": "0"}, None, True),
}


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_uses_the_stated_number_and_reports_what_it_ignores(name: str) -> None:
    stated, threads, is_reported = PROCESSES[name]
    names = ("CHAINRULE_THREADS", "OMP_NUM_THREADS")
    environment = {key: value for key, value in os.environ.items() if key not in names} | stated
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, check=True
    )
    expected = default_threads({}) if threads is None else threads
    assert f"threads {expected} 6 {expected}" in done.stdout
    assert ("is ignored: it is not a number of threads" in done.stdout + done.stderr) == is_reported
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processors cannot be chosen")
def test_the_affinity_limits_the_number() -> None:
    program = f"import os; os.sched_setaffinity(0, {{{min(os.sched_getaffinity(0))}}}); " + PROGRAM
    environment = {key: value for key, value in os.environ.items() if "THREADS" not in key}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True
    )
    assert "threads 1 6 1" in done.stdout
