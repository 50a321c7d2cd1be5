"""Real processes, killed while they save: a checkpoint always loads, and no half of one is left over."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from chainrule.store import RunFolder

ROOT = Path(__file__).parents[3]

CONTEXT = multiprocessing.get_context("forkserver")  # imports once, for all the processes


def save_in_a_loop(folder: str, connection: Connection) -> None:
    """Save checkpoints in a loop and print the step of each."""
    run = RunFolder.create(folder)
    checkpoint = run.latest()
    step = checkpoint.step if checkpoint else 0
    with run.claim():
        connection.send(0)
        while True:
            step += 1
            run.save_checkpoint(step, {"step": step}, {"w": np.full(40_000, float(step))})
            connection.send(step)


def killed_while_saving(folder: Path, instant: float) -> int:
    """The last step a saver reported before it was killed ``instant`` seconds into its saves; 0 for none."""
    ours, theirs = CONTEXT.Pipe(duplex=False)
    saver = CONTEXT.Process(target=save_in_a_loop, args=(str(folder), theirs))
    saver.start()
    theirs.close()
    reported = [ours.recv()]
    assert reported == [0]
    time.sleep(instant)
    saver.kill()
    saver.join()
    assert saver.exitcode == -signal.SIGKILL, "the saver must still have been running"
    with contextlib.suppress(EOFError):
        while True:
            reported.append(ours.recv())
    return reported[-1]


def test_the_newest_checkpoint_loads_after_each_of_twenty_random_kills(tmp_path):
    CONTEXT.set_forkserver_preload(["chainrule.model"])
    run = RunFolder.create(tmp_path / "run")
    instants = random.Random(0)
    steps = []
    for _ in range(20):
        reported = killed_while_saving(run.path, instants.uniform(0.0, 0.05))
        checkpoint = run.latest()
        if checkpoint is None:
            assert reported == 0
            continue
        assert checkpoint.step >= reported  # what was reported as saved is there
        assert checkpoint.skipped == ()
        assert np.array_equal(checkpoint.tensors["w"], np.full(40_000, float(checkpoint.step)))
        steps.append(checkpoint.step)
    assert steps == sorted(steps)
    assert steps[-1] > 20  # the saver did save between the kills
    run.save_checkpoint(steps[-1] + 1, {}, {})
    assert sorted(os.listdir(run.path / "checkpoints")) == [
        f"step-{steps[-1] + more:09d}.safetensors" for more in (0, 1)
    ]


@pytest.mark.long
def test_saves_interrupted_at_each_system_call_leave_a_valid_checkpoint():
    """A short version of ``campaigns/store_faults.py``; skipped without strace."""
    if (
        not shutil.which("strace")
        or subprocess.run(["strace", "-qqq", "true"], capture_output=True).returncode
    ):
        return
    script = ROOT / "campaigns" / "store_faults.py"
    done = subprocess.run([sys.executable, str(script), "--quick"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    passed, _, tried = done.stdout.split("all")[1].split()[:3]
    assert passed == tried
    assert int(tried) == 5
