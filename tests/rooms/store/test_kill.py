"""Real processes, killed while they save: a checkpoint always loads, and no half of one is left over."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from chainrule.store import RunFolder

ROOT = Path(__file__).parents[3]

SAVER = """
import sys
import numpy as np
from chainrule.store import RunFolder
run = RunFolder.create(sys.argv[1])
found = run.latest()
step = found.step if found else 0
with run.claim():
    print("ready", flush=True)
    while True:
        step += 1
        run.save_checkpoint(step, {"step": step}, {"w": np.full(40_000, float(step))})
        print(step, flush=True)
"""


def killed_while_saving(folder: Path, instant: float) -> int:
    """The last step a saver reported before it was killed ``instant`` seconds into its saves; 0 for none."""
    saver = subprocess.Popen(
        [sys.executable, "-c", SAVER, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert saver.stdout is not None
    assert saver.stdout.readline() == "ready\n"
    time.sleep(instant)
    saver.kill()
    reported, errors = saver.communicate()
    assert errors == ""
    whole = [line for line in reported.splitlines(keepends=True) if line.endswith("\n")]
    return int(whole[-1]) if whole else 0


def test_after_twenty_kills_at_random_instants_the_newest_loads_each_time(tmp_path):
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
