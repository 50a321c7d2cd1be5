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

from chainrule.store import RunFolder

ROOT = Path(__file__).parents[3]

CONTEXT = multiprocessing.get_context("forkserver")  # imports once, for all the processes


def save_for_ever(folder: str, said: Connection) -> None:
    """Save a checkpoint after the other, and say the step of each."""
    run = RunFolder.create(folder)
    found = run.latest()
    step = found.step if found else 0
    with run.claim():
        said.send(0)
        while True:
            step += 1
            run.save_checkpoint(step, {"step": step}, {"w": np.full(40_000, float(step))})
            said.send(step)


def killed_while_saving(folder: Path, instant: float) -> int:
    """The last step a saver reported before it was killed ``instant`` seconds into its saves; 0 for none."""
    ours, theirs = CONTEXT.Pipe(duplex=False)
    saver = CONTEXT.Process(target=save_for_ever, args=(str(folder), theirs))
    saver.start()
    theirs.close()
    reported = [ours.recv()]
    assert reported == [0]
    time.sleep(instant)
    saver.kill()
    saver.join()
    assert saver.exitcode == -signal.SIGKILL, "it was at work until then"
    with contextlib.suppress(EOFError):
        while True:
            reported.append(ours.recv())
    return reported[-1]


def test_after_twenty_kills_at_random_instants_the_newest_loads_each_time(tmp_path):
    CONTEXT.set_forkserver_preload(["chainrule.train.learner"])
    run = RunFolder.create(tmp_path / "run")
    instants = random.Random(0)
    steps = []
    for _ in range(20):
        reported = killed_while_saving(run.path, instants.uniform(0.0, 0.05))
        found = run.latest()
        if found is None:
            assert reported == 0
            continue
        assert found.step >= reported  # what was reported as saved is there
        assert found.skipped == ()
        assert np.array_equal(found.tensors["w"], np.full(40_000, float(found.step)))
        steps.append(found.step)
    assert steps == sorted(steps)
    assert steps[-1] > 20  # the saver did save between the kills
    run.save_checkpoint(steps[-1] + 1, {}, {})
    assert sorted(os.listdir(run.path / "checkpoints")) == [
        f"step-{steps[-1] + more:09d}.safetensors" for more in (0, 1)
    ]


def test_a_save_broken_at_each_call_that_changes_the_disk_keeps_its_promises():
    """The quick form of ``campaigns/store_faults.py``; without strace, the other tests have to do."""
    if (
        not shutil.which("strace")
        or subprocess.run(["strace", "-qqq", "true"], capture_output=True).returncode
    ):
        return
    script = ROOT / "campaigns" / "store_faults.py"
    done = subprocess.run([sys.executable, str(script), "--quick"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    held, _, tried = done.stdout.split("all")[1].split()[:3]
    assert held == tried
    assert int(tried) == 5
