"""Plots are printed as text also where matplotlib is not installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
sys.modules["matplotlib"] = None
from chainrule.apps.cli.main import main
kinds = sys.argv[1:]
for kind in kinds:
    words = ["plot", "run", kind, *(["iris"] if kind in DATA else [])]
    print("KIND", kind, flush=True)
    assert main([*words, "--lang", "zh"]) == 0, kind
assert main(["plot", "run", "learning-curves", "--out", "curves.svg"]) == 2
"""
WITHOUT_DATA = ("graph", "learning-curves", "weights")
WITH_DATA = ("activations", "gradients", "confusion-matrix", "calibration", "risk-coverage", "loss-landscape")


@pytest.mark.long
def test_plots_are_printed_without_matplotlib(run: Path) -> None:
    program = PROGRAM.replace("DATA", repr(WITH_DATA))
    kinds = (*WITHOUT_DATA, *WITH_DATA)
    outcome = subprocess.run(
        [sys.executable, "-c", program, *kinds],
        capture_output=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert outcome.returncode == 0, outcome.stderr
    assert "E350" in outcome.stderr  # a file needs matplotlib
    parts = outcome.stdout.split("KIND ")[1:]
    assert len(parts) == len(kinds)
    for part in parts:
        assert len(part.splitlines()) > 2, part
