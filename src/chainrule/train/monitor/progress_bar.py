"""Progress bar of a training: epoch, bar, remaining time, loss, metrics and learning rate.

It always fits on one line of the terminal: on a narrow one, the bar becomes shorter, and the least important
values are omitted as a whole.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from chainrule.escaping import escape
from chainrule.events import EpochDone, Event, Notice, StepDone, TrainingStarted
from chainrule.messages import Texts, in_language
from chainrule.settings import settings

INTERVAL = 0.1  # seconds between updates, so that rendering costs little compared with training
MAX_LENGTH, MIN_LENGTH, OTHER = 40, 4, 90  # cells of the bar; cells of everything else
FIXED = 15  # cells of percentage, remaining time and the four gaps
WORDS: Texts = {
    "epoch": "epoch {}",
    "loss": "loss",
    "rate": "rate",
    "val_loss": "val_loss",
    "val_accuracy": "val_accuracy",
    "val_r2": "val_r2",
}
VALUES = ("loss", "val_loss", "val_accuracy", "val_r2", "rate")  # in this order
OMITTED_FIRST = ("rate", "val_loss", "val_accuracy", "val_r2")  # on a narrow terminal, in this order


class Bar:
    """Event listener that updates a progress bar."""

    last_step_only = True  # of a multi-step run

    def __init__(self, bar: Progress) -> None:
        self.bar = bar
        self.task = bar.add_task("", total=None, values="")
        self.values: dict[str, float] = {}
        self.updated_at = -math.inf

    def __call__(self, event: Event) -> None:
        match event:
            case TrainingStarted():
                total = event.epochs * event.steps_per_epoch  # 0: not known
                self.bar.update(self.task, total=total or None, completed=event.step)
            case StepDone() if time.monotonic() - self.updated_at >= INTERVAL:
                self.updated_at = time.monotonic()
                self._show(event)
            case EpochDone():
                self.values = {name: event.values[name] for name in VALUES if name in event.values}
            case Notice():
                self.bar.console.print(getattr(event, settings.lang), markup=False)

    def _show(self, event: StepDone) -> None:
        words = in_language(WORDS, settings.lang)
        values = {**self.values, "loss": event.loss, "rate": event.learning_rate}
        is_private = math.isnan(event.loss)  # the losses of a private training are withheld
        names = [name for name in VALUES if name in values and not (is_private and name == "loss")]
        # A fixed width, so that the number of digits of one value does not decide whether another one fits.
        parts = [(name, f"{words[name]} {number(values[name]):<6}") for name in names]
        epoch, width = words["epoch"].format(event.epoch + 1), self.bar.console.width
        cells = width - cell_len(epoch) - bar_length(width) - FIXED
        self.bar.update(self.task, completed=event.step, description=epoch, values=fit_parts(parts, cells))


def fit_parts(parts: Sequence[tuple[str, str]], cells: int) -> str:
    """Join as many parts as fit, omitting those of ``OMITTED_FIRST`` as necessary.

    Args:
        parts: names and texts.
        cells: available width in cells of the terminal.

    Example:
        >>> parts = [("loss", "loss 0.5"), ("val_loss", "val_loss 0.4"), ("rate", "rate 0.01")]
        >>> fit_parts(parts, 40), fit_parts(parts, 30), fit_parts(parts, 5)
        ('loss 0.5  val_loss 0.4  rate 0.01', 'loss 0.5  val_loss 0.4', 'loss 0.5')
    """
    text, *shorter = (
        "  ".join(part for name, part in parts if name not in OMITTED_FIRST[:count])
        for count in range(len(OMITTED_FIRST) + 1)
    )
    while cell_len(text) > cells and shorter:
        text = shorter.pop(0)
    return text


def bar_length(width: int) -> int:
    """Return the length of the bar on a terminal of this width, both in cells."""
    return max(MIN_LENGTH, min(MAX_LENGTH, width - OTHER))


def number(value: float) -> str:
    """Return a value with four significant digits."""
    return "nan" if math.isnan(value) else f"{value:.4g}"


@contextmanager
def show_progress_bar() -> Iterator[Bar]:
    """Yield a progress bar on the terminal, inside the block."""
    console = Console()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_length(console.width)),
        TaskProgressColumn(),
        TextColumn("{task.fields[values]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield Bar(bar)


@contextmanager
def rows_done(total: int | None) -> Iterator[Callable[[int], None]]:
    """Yield a function that counts rows on a progress bar, which is shown on a terminal only.

    Args:
        total: the number of rows; ``None``: not known.
    """
    console = Console(stderr=True)
    with Progress(
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("", total=total)
        yield lambda rows: bar.advance(task, rows)


NOTEBOOK_INTERVAL = (
    0.25  # seconds between updates: each is a message to the browser, which the notebook file may keep
)


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
        if self.handle is not None and (is_last or time.monotonic() - self.updated_at >= NOTEBOOK_INTERVAL):
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
