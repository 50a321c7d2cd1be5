"""Commands work with Python's options that remove assertions and docstrings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
from chainrule.apps.cli.main import main
codes = [main(words.split()) for words in ("show layer Dense", "train iris --quick --epochs 1 --out run")]
raise SystemExit(codes != [0, 0])
"""


@pytest.mark.long
@pytest.mark.parametrize("option", ["-O", "-OO"])
def test_commands_work_without_assertions_and_docstrings(option: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, option, "-B", "-c", PROGRAM],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "report.html").exists()
