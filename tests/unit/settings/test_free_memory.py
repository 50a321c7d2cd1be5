"""Free memory is the minimum of what the system, a container and ``settings.memory`` leave."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import chainrule as cr
from chainrule.errors import UsageError
from chainrule.settings import free_memory

MEMINFO = "MemTotal:       24684096 kB\nMemFree:        1000 kB\nMemAvailable:   2000 kB\n"


def machine(root: Path, **files: str) -> Path:
    """A folder with the layout of the system's: files by path, ``/`` written as ``__``."""
    for name, text in files.items():
        file = root / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def test_available_memory_of_the_system_is_read(tmp_path: Path) -> None:
    assert free_memory(machine(tmp_path, proc__meminfo=MEMINFO)) == 2000 * 1024


def test_unreadable_sources_mean_no_limit(tmp_path: Path) -> None:
    assert free_memory(tmp_path) > sys.maxsize // 2
    assert free_memory(machine(tmp_path, proc__meminfo="MemAvailable: much\n")) > sys.maxsize // 2


def test_every_level_of_a_cgroup_v2_limits(tmp_path: Path) -> None:
    root = machine(tmp_path, proc__meminfo=MEMINFO, proc__self__cgroup="0::/outer/inner\n")
    group = root / "sys/fs/cgroup"
    for name, limit, used in (("outer", "900000", "500000"), ("outer/inner", "max", "100")):
        (group / name).mkdir(parents=True)
        (group / name / "memory.max").write_text(f"{limit}\n")
        (group / name / "memory.current").write_text(f"{used}\n")
    assert free_memory(root) == 400_000
    (group / "outer/memory.stat").write_text("anon 1\ninactive_file 50000\n")  # reclaimable by the system
    assert free_memory(root) == 450_000
    (group / "outer/inner/memory.max").write_text("50\n")  # exceeded already
    assert free_memory(root) == 0


def test_a_cgroup_v1_limits(tmp_path: Path) -> None:
    groups = "5:devices:/\n4:cpu,memory:/box\n3:pids:/box\n"
    root = machine(tmp_path, proc__meminfo=MEMINFO, proc__self__cgroup=groups)
    box = root / "sys/fs/cgroup/memory/box"
    box.mkdir(parents=True)
    (box / "memory.limit_in_bytes").write_text("70000\n")
    (box / "memory.usage_in_bytes").write_text("20000\n")
    assert free_memory(root) == 50_000


def test_the_setting_only_lowers_the_limit(tmp_path: Path) -> None:
    root = machine(tmp_path, proc__meminfo=MEMINFO)
    with cr.settings.using(memory=1000):
        assert free_memory(root) == 1000
    with cr.settings.using(memory=10**15):
        assert free_memory(root) == 2000 * 1024


@pytest.mark.parametrize("wrong", [-1, 1.5, "2 GB", None, True])
def test_invalid_memory_settings_are_refused(wrong: object) -> None:
    with pytest.raises(UsageError, match="E102"):
        cr.settings.memory = wrong  # pyright: ignore[reportAttributeAccessIssue]
    assert cr.settings.memory == 0
