"""Trainings of several processes and devices: equal bits, and what happens when a process is lost.

    python -m campaigns.distributed digests              1x1, 1x2, 1x4, 2x1, 2x2 processes x devices
    python -m campaigns.distributed faults --times 20    kill or stop one of two processes, then resume

``digests`` trains a network with dropout for 50 steps, whose last batch of an epoch is smaller, and prints
the SHA-256 of its parameters. ``faults`` sends SIGKILL, and every fourth time SIGSTOP, to a process of a
training at a random instant, measures the time until the command ends, resumes, every other time with one
process, and compares the bits with those of a training without a fault.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import chainrule as cr

PLACES = ((1, 1), (1, 2), (1, 4), (2, 1), (2, 2))
MAIN = "import sys; from chainrule.apps.cli.main import main; sys.exit(main())"
TRAIN = ("--engine", "xla", "--net", "16 relu, dropout 0.3", "--batch-size", "20", "--patience", "0")
LIMIT_SECONDS = 30


def _start(words: Sequence[str], folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", MAIN, *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=subprocess.STDOUT, text=True)


def _finished(words: Sequence[str], folder: Path) -> str:
    """Return the output of a command; exits if it fails."""
    process = _start(words, folder)
    output, _ = process.communicate()
    if process.returncode:
        sys.exit(f"{' '.join(words)}: exit code {process.returncode}\n{output}")
    return output


def _train(run: str, epochs: int, processes: int, devices: int) -> list[str]:
    words = ["train", "iris", "--out", run, *TRAIN, "--epochs", str(epochs), "--devices", str(devices)]
    return [*words, "--processes", str(processes)] if processes > 1 else words


def digest(run: Path) -> str:
    """Return the SHA-256 of the parameters of a run."""
    total = hashlib.sha256()
    for name, array in sorted(cr.load(run / "model.safetensors").parameters().items()):
        total.update(f"{name} {array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def digests(folder: Path, epochs: int) -> bool:
    """Print the digest for each number of processes and devices; returns whether all are equal."""
    values = []
    for processes, devices in PLACES:
        run = f"{processes}x{devices}"
        _finished(_train(run, epochs, processes, devices), folder)
        values.append(digest(folder / run))
        print(f"{run}           {values[-1]}", flush=True)
    return len(set(values)) == 1


def fault(folder: Path, number: int, expected: str, epochs: int, sent: signal.Signals) -> tuple[float, str]:
    """Send a signal to one of two processes, resume; returns the seconds to the end, and what went wrong."""
    run = f"fault-{number}"
    process = _start(_train(run, epochs, 2, 1), folder)
    checkpoints = folder / run / "checkpoints"
    while process.poll() is None and not (checkpoints.is_dir() and any(checkpoints.iterdir())):
        time.sleep(0.05)
    time.sleep(random.random() * 3)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    if not children:
        process.communicate()
        return 0.0, "ended before the fault"
    os.kill(int(random.choice(children)), sent)
    start = time.monotonic()
    output, _ = process.communicate()
    seconds = time.monotonic() - start
    if process.returncode != 1 or "E631" not in output or "--resume" not in output:
        return seconds, f"exit code {process.returncode}: {output[-300:]}"
    several = ["--devices", "1", *(["--processes", "2"] if number % 2 else [])]
    _finished(["train", "iris", "--out", run, "--resume", "--engine", "xla", *several], folder)
    return seconds, "" if digest(folder / run) == expected else "other bits after the resume"


def faults(folder: Path, times: int, epochs: int) -> bool:
    """Print the result of each fault; returns whether every training was resumed in time."""
    _finished(_train("whole", epochs, 1, 1), folder)
    expected, passed = digest(folder / "whole"), 0
    for number in range(times):
        sent = signal.SIGSTOP if number % 4 == 3 else signal.SIGKILL
        seconds, problem = fault(folder, number, expected, epochs, sent)
        is_good = not problem and seconds <= LIMIT_SECONDS
        passed += is_good
        result = problem or f"resumed with {1 + number % 2} processes and equal bits"
        print(f"{number:>3} {sent.name} {seconds:5.1f} s {result}", flush=True)
    print(f"{passed} of {times}")
    return passed == times


def main() -> None:
    """Run one of the two parts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("part", choices=("digests", "faults"))
    parser.add_argument("--times", type=int, default=20, help="number of faults")
    parser.add_argument("--epochs", type=int, default=0, help="10 for digests, 3000 for faults")
    chosen = parser.parse_args()
    with TemporaryDirectory() as folder:
        if chosen.part == "digests":
            is_good = digests(Path(folder), chosen.epochs or 10)
        else:
            is_good = faults(Path(folder), chosen.times, chosen.epochs or 3000)
    sys.exit(not is_good)


if __name__ == "__main__":
    main()
