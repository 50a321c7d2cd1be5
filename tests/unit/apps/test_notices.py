"""A notice of the training is printed once: by the progress bar on a terminal, otherwise by the command."""

from __future__ import annotations

import contextlib
import io
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.apps.cli.commands.train import print_notices
from chainrule.events import Event, StepDone
from chainrule.tabular.training import EventRecorder


class Terminal(io.StringIO):
    """A stream that reports to be a terminal."""

    def isatty(self) -> bool:
        return True


def press(event: Event) -> None:
    """Interrupt the training at its second step, as Ctrl-C does."""
    if isinstance(event, StepDone) and event.step == 2:
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("screen", [Terminal, io.StringIO])
def test_a_notice_is_printed_once(screen: Any, tmp_path: Path) -> None:
    out, err, recorder = screen(), io.StringIO(), EventRecorder()
    model = cr.Model(cr.Dense(1), "mse", cr.SGD(0.1), engine="reference")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        model.fit(
            np.ones((4, 2)),
            np.ones(4),
            epochs=5,
            batch_size=1,
            callbacks=[recorder, press],
            run=tmp_path / "run",
        )
        print_notices(recorder)
    assert recorder.was_interrupted
    assert (out.getvalue() + err.getvalue()).replace("\n", " ").count("interrupted after step") == 1
