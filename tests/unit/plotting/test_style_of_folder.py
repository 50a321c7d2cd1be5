"""Settings of matplotlib in the working folder or the environment have no effect on figures."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
from chainrule.plotting import style
with style.style():
    figure, frame = style.axes("title", ("x", "y"), (3, 2))
    frame.plot([0, 1], [1, 0])
    figure.savefig("plot.png")
    import matplotlib
    print(matplotlib.rcParams["text.usetex"], matplotlib.rcParams["lines.linewidth"])
"""


def test_settings_of_the_working_folder_and_an_unknown_backend_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nlines.linewidth: 17\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "MPLBACKEND": "paper"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["False", "1.5"], done.stderr
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
