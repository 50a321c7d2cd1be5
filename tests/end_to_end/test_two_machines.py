"""The commands of docs/xla.md for two machines, each in a network namespace, which needs root."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("jax")

from campaigns.distributed import machines


def _has_namespaces() -> bool:
    """Whether this user can create a network namespace."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("ip"):
        return False
    name = f"chainrule-{os.getpid()}-test"
    is_added = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode == 0
    return is_added and not subprocess.run(["ip", "netns", "delete", name], check=False).returncode


@pytest.mark.long
@pytest.mark.skipif(not _has_namespaces(), reason="network namespaces need root")
def test_the_commands_of_the_page_train_on_two_machines(tmp_path: Path) -> None:
    assert machines(tmp_path)
