"""Signals to a real training process: it saves, ends at once, and resumes to the same bytes.

The undisturbed training it is compared with runs under another hash seed, locale, folder and time zone.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chainrule.store import RunFolder

PROGRAM = """
import sys
import numpy as np
from chainrule.events import StepDone, TrainingEnded
from chainrule.nn import Cosine, Dense, Dropout, SGD, Sequential, Warmup
from chainrule.train.learner import Learner
from chainrule.train.stopping import EarlyStopping

folder, epochs = sys.argv[1], int(sys.argv[2])
rng = np.random.default_rng(0)
x = rng.normal(size=(40, 3))
y = np.where(x[:, 0] > 0, "yes", "no")

steps = 0

def tell(event):
    global steps
    if isinstance(event, StepDone):
        steps += 1
        if steps == 1:
            print("begun", flush=True)
    if isinstance(event, TrainingEnded):
        print(event.reason, event.step, flush=True)

model = Learner(Sequential(Dense(8, "tanh"), Dropout(0.2), Dense(2)), "cross_entropy",
                SGD(Warmup(20, Cosine(0.3)), momentum=0.9))
model.fit(x, y, epochs=epochs, batch_size=7, validation=0.25, seed=1, run=folder, resume=True, save_every=0.05,
          callbacks=[EarlyStopping(patience=10**6), tell])
"""
EPOCHS = 300


def start(folder: Path, epochs: int = EPOCHS, **environment: str) -> subprocess.Popen[str]:
    """A training in a process of its own, that may also be the resumed one."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), str(epochs)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment},
    )  # fmt: skip


def finished(folder: Path, **environment: str) -> str:
    """SHA-256 of all that a training came to: weights, slots, best, counters, history."""
    out, err = start(folder, **environment).communicate(timeout=120)
    assert "epochs" in out, err
    return digest(folder)


def digest(folder: Path) -> str:
    newest = max((folder / "checkpoints").iterdir())
    return hashlib.sha256(newest.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The result of a training that nobody disturbed, in a process that differs in all that must not matter."""
    folder, before = tmp_path_factory.mktemp("undisturbed"), Path.cwd()
    os.chdir(folder)
    try:
        return finished(
            folder / "run", PYTHONHASHSEED="77", LC_ALL="C", LANG="zh_CN.UTF-8", TZ="Asia/Kathmandu",
            OPENBLAS_NUM_THREADS="1",
        )  # fmt: skip
    finally:
        os.chdir(before)


def begun(folder: Path) -> subprocess.Popen[str]:
    """A training that has made its first step."""
    process = start(folder)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def saved_step(folder: Path) -> int:
    """The step of the newest checkpoint, once it is known that none is damaged."""
    found = RunFolder.open(folder).latest()
    assert found is not None
    assert found.skipped == ()
    return found.step


def test_signals_and_kills_in_a_row_lose_nothing(tmp_path: Path, undisturbed: str) -> None:
    dice, last = random.Random(0), 0
    polite = [(signal.SIGINT,), (signal.SIGTERM,), (signal.SIGHUP,)]
    for signals in [*polite, (signal.SIGINT, signal.SIGINT), (signal.SIGKILL,)]:
        process = begun(tmp_path)
        time.sleep(dice.uniform(0.0, 0.1))
        for number in signals:
            process.send_signal(number)
        out, err = process.communicate(timeout=20)  # a second signal may come after the end, and be nobody's
        step = saved_step(tmp_path)
        if signals in polite:
            assert process.returncode == 0, err
            assert out.split()[:2] == ["interrupted", str(step)], "the step it ended at is on the disk"
        assert step >= last
        last = step
    assert finished(tmp_path) == undisturbed
