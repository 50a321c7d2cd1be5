"""The time until a first result, measured in new processes with their own caches.

The first step counts everything after ``import chainrule``: loading the engine, building graphs and plans,
compiling or loading machine code, and the step itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.descriptions import Net
from benchmarks.measure import ROOT, Effort, FailedError, environment_of

TIMES = {False: 5, True: 1}  # how often a warm start is measured
COMMAND = "import sys; from chainrule.apps.cli.main import main; sys.exit(main())"
FIRST = """
import json, sys, time
import chainrule as cr
start = time.perf_counter()
from benchmarks.descriptions import PASS, Case, named
from benchmarks.peers.chainrule_native import step
net = named(sys.argv[1])
case = Case(net, net.batch, net.batch * PASS, int(sys.argv[2]))
next(iter(step(case).values()))()(1)
print(json.dumps(time.perf_counter() - start))
"""


def _caches(folder: Path, threads: int) -> dict[str, str]:
    """An environment with empty caches."""
    own = {"XDG_CACHE_HOME": str(folder / "cache")}
    usual = environment_of(threads)
    usual.pop("PYTHONDONTWRITEBYTECODE", None)  # Python writes its compiled files, as it does for users
    return {**usual, **own}


def _run(command: list[str], environment: dict[str, str], folder: Path) -> str:
    """The output of a program.

    Raises:
        FailedError: it ended with an error; the message has its last line.
    """
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or [""]
        raise FailedError(f"ended with {done.returncode}: {last[0][:160]}")
    return done.stdout


def first_step(net: Net, effort: Effort) -> tuple[list[float], list[float]]:
    """Seconds of the first step with empty caches, and with those that it has filled."""
    command = [sys.executable, "-c", FIRST, net.name, str(effort.threads)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = _caches(folder, effort.threads)
        times = [
            float(json.loads(_run(command, environment, ROOT).splitlines()[-1]))
            for _ in range(1 + TIMES[effort.is_quick])
        ]
    return times[:1], times[1:]


def train_command(effort: Effort) -> list[float]:
    """Seconds of ``chainrule train breast-cancer``, the complete process, after it has run once."""
    times = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = _caches(folder, effort.threads)
        for i in range(1 + TIMES[effort.is_quick]):
            start = time.perf_counter()
            _run(
                [sys.executable, "-c", COMMAND, "train", "breast-cancer", "--out", f"run{i}"],
                environment,
                folder,
            )
            times.append(time.perf_counter() - start)
    return times[1:]
