"""Progress of a training in a notebook: one line of the cell's output that is updated in place."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from chainrule.escaping import escape
from chainrule.events import EpochDone, Event, Notice, StepDone, TrainingStarted
from chainrule.messages import in_language
from chainrule.settings import settings
from chainrule.train.monitor.progress_bar import VALUES, WORDS, number

INTERVAL = 0.25  # seconds between updates: each is a message to the browser, which the notebook file may keep


class NotebookProgress:
    """Event listener that updates one output of the cell; it is also what the cell shows.

    Example:
        >>> shown = NotebookProgress()
        >>> shown(TrainingStarted(rows=8, epochs=4, steps_per_epoch=2, parameters=9))
        >>> shown(EpochDone(epoch=1, step=2, values={"epoch": 1, "loss": 0.5}))
        >>> shown
        epoch 1 / 4  loss 0.5
    """

    last_step_only = True  # of a multi-step run

    def __init__(self) -> None:
        self.epoch = self.epochs = self.step = self.steps = 0
        self.values: dict[str, float] = {}
        self.notices: list[str] = []
        self.handle: Any = None  # of the output of the cell
        self.updated_at = -math.inf

    def __call__(self, event: Event) -> None:
        match event:
            case TrainingStarted():
                self.epochs, self.steps = event.epochs, event.epochs * event.steps_per_epoch
            case StepDone():
                self.epoch, self.step = event.epoch + 1, event.step
                self.values |= {"rate": event.learning_rate}
                self.values |= {} if math.isnan(event.loss) else {"loss": event.loss}
                self._update()
            case EpochDone():
                known = {name: event.values[name] for name in VALUES if name in event.values}
                self.epoch, self.step, self.values = event.epoch, event.step, {**self.values, **known}
                self._update()
            case Notice():
                self.notices.append(getattr(event, settings.lang))
                self._update()

    def _update(self, is_last: bool = False) -> None:
        """Update the output of the cell, unless it was updated a moment ago."""
        if self.handle is not None and (is_last or time.monotonic() - self.updated_at >= INTERVAL):
            self.updated_at = time.monotonic()
            self.handle.update(self)

    def finish(self) -> None:
        """Show the last values."""
        self._update(is_last=True)

    @property
    def line(self) -> str:
        """Epoch, loss, metrics and learning rate."""
        words = in_language(WORDS, settings.lang)
        parts = [words["epoch"].format(f"{self.epoch} / {self.epochs}")]
        names = [name for name in VALUES if name in self.values]
        return "  ".join(parts + [f"{words[name]} {number(self.values[name])}" for name in names])

    def __repr__(self) -> str:
        return "\n".join([*self.notices, self.line])

    def _repr_html_(self) -> str:
        notices = "".join(f"<p>{escape(notice)}</p>" for notice in self.notices)
        bar = f'<progress value="{self.step}" max="{max(self.steps, 1)}"></progress>'
        return f"<div>{notices}{bar} {escape(self.line)}</div>"


@contextmanager
def show_notebook_progress() -> Iterator[NotebookProgress]:
    """Yield the progress of a training in the output of the cell, inside the block."""
    progress = NotebookProgress()
    progress.handle = import_module("IPython.display").display(progress, display_id=True)
    try:
        yield progress
    finally:
        progress.finish()
