"""Signals to real training processes: they save, end at once, and resume to the same bytes.

The uninterrupted training runs under another hash seed, locale, folder and time zone. The other processes are
forked from a server that has imported chainrule once, since importing takes longer than training.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.events import EpochDone, StepDone, TrainingEnded
from chainrule.model import Model
from chainrule.nn import SGD, Cosine, Dense, Dropout, Sequential, Warmup
from chainrule.store import RunFolder
from chainrule.train.callback import Callback
from chainrule.train.callback.early_stopping import EarlyStopping

EPOCHS, PAUSE = 300, 0.002  # of five steps; seconds of pause after each, so that a signal arrives in between


def training(folder: str, report: Callable[[Any], None]) -> None:
    """A training with dropout and early stopping that reports its first step and its end."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3))
    first_step = []

    def listener(event: object) -> None:
        if isinstance(event, StepDone) and not first_step:
            first_step.append(event)
            report("started")
        if isinstance(event, EpochDone):
            time.sleep(PAUSE)
        if isinstance(event, TrainingEnded):
            report((event.reason, event.step))

    net, optimizer = (
        Sequential(Dense(8, "tanh"), Dropout(0.2), Dense(2)),
        SGD(Warmup(20, Cosine(0.3)), momentum=0.9),
    )
    Model(net, "cross_entropy", optimizer).fit(
        x,
        np.where(x[:, 0] > 0, "yes", "no"),
        epochs=EPOCHS,
        batch_size=7,
        validation=0.25,
        seed=1,
        callbacks=[EarlyStopping(patience=10**6), listener],
        run=folder,
        resume=True,
        save_every=0.05,
        verbose=False,
    )


def digest(folder: Path) -> str:
    """SHA-256 of the newest checkpoint: weights, optimizer state, best weights, counters, history."""
    return hashlib.sha256(max((folder / "checkpoints").iterdir()).read_bytes()).hexdigest()


def started(folder: Path) -> tuple[Any, Connection]:
    """A training in its own process, after its first step."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["chainrule.model"])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_in_a_process, args=(str(folder), theirs))
    process.start()
    theirs.close()
    assert ours.recv() == "started"
    return process, ours


def _in_a_process(folder: str, connection: Connection) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores it, and child processes inherit that
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - a second Ctrl-C ends in a traceback
    training(folder, connection.send)


def saved_step(folder: Path) -> int:
    """The step of the newest checkpoint; asserts that no checkpoint is damaged."""
    checkpoint = RunFolder.open(folder).latest()
    assert checkpoint is not None
    assert checkpoint.skipped == ()
    return checkpoint.step


@pytest.mark.long
def test_signals_and_kills_in_a_row_lose_nothing(tmp_path: Path) -> None:
    dice, last = random.Random(0), 0
    polite = [(signal.SIGINT,), (signal.SIGTERM,), (signal.SIGHUP,)]
    for signals in [*polite, (signal.SIGINT, signal.SIGINT), (signal.SIGKILL,)]:
        process, reports = started(tmp_path)
        time.sleep(dice.uniform(0.0, 0.1))
        for number in signals:
            os.kill(process.pid, number)
        process.join(timeout=20)
        assert process.exitcode is not None, "the process must end"
        step = saved_step(tmp_path)
        if signals in polite:
            assert process.exitcode == 0
            assert reports.recv() == ("interrupted", step), "the checkpoint must have the last step"
        assert step >= last
        last = step
    process, reports = started(tmp_path)
    assert reports.recv() == ("epochs", EPOCHS * 5)
    process.join(timeout=20)
    assert digest(tmp_path) == uninterrupted(tmp_path / "elsewhere")


class _Terminated(Callback):
    """Sends SIGTERM to its own process before the first step, after the first checkpoint."""

    def start(self, training: Any) -> Callable[[Any], None]:
        os.kill(os.getpid(), signal.SIGTERM)
        return lambda event: None


def interrupted_before_the_first_step(folder: str) -> None:
    """A training that is terminated between its first checkpoint and its first step; exits with 3."""
    model = Model(Sequential(Dense(1)), "mse")
    ended = []
    listener = lambda event: ended.append(event) if isinstance(event, TrainingEnded) else None  # noqa: E731
    model.fit(
        [[1.0], [2.0]], [3.0, 5.0], epochs=9, run=folder, callbacks=[listener, _Terminated()], verbose=False
    )
    sys.exit(3 if [(event.reason, event.step) for event in ended] == [("interrupted", 0)] else 4)


def test_a_signal_before_the_first_step_interrupts_the_training(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(
        target=interrupted_before_the_first_step, args=(str(tmp_path / "run"),)
    )
    process.start()
    process.join(timeout=60)
    assert process.exitcode == 3
    assert saved_step(tmp_path / "run") == 0


def uninterrupted(folder: Path) -> str:
    """The digest of a training in an uninterrupted process with another environment."""
    folder.mkdir()
    odd = {"PYTHONHASHSEED": "77", "LC_ALL": "C", "LANG": "zh_CN.UTF-8", "TZ": "Asia/Kathmandu"}
    process = subprocess.run(
        [sys.executable, __file__, "run"],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, **odd},
    )
    assert f"('epochs', {EPOCHS * 5})" in process.stdout, process.stderr
    return digest(folder / "run")


if __name__ == "__main__":
    training(sys.argv[1], print)
