"""A live line while a network trains: epoch, loss, metric, rate and the time left. Quiet when nobody watches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from chainrule.events import EpochDone, Event, Listener, Notice, StepDone, TrainingStarted

if TYPE_CHECKING:
    from chainrule.train.loop import Job

SHOWN = ("loss", "val_loss", "val_accuracy", "val_r2")


class Bar:
    """Listens to a training and moves a bar."""

    def __init__(self, bar: Progress) -> None:
        self.bar = bar
        self.task = bar.add_task("", total=None, values="")
        self.steps = 1
        self.values: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        match event:
            case TrainingStarted():
                self.steps = event.steps_per_epoch
                self.bar.update(self.task, total=event.epochs * event.steps_per_epoch, completed=event.step)
            case StepDone():
                values = {**self.values, "loss": event.loss, "rate": event.rate}
                text = "  ".join(f"{name} {number(value)}" for name, value in values.items())
                epoch = f"epoch {event.epoch + 1}"
                self.bar.update(self.task, completed=event.step, description=epoch, values=text)
            case EpochDone():
                self.values = {k: v for k, v in event.values.items() if k in SHOWN and k != "loss"}
            case Notice():
                self.bar.console.print(event.en)


def number(value: float) -> str:
    """A measured value in four digits."""
    return "nan" if math.isnan(value) else f"{value:.4g}"


@contextmanager
def progress(verbose: bool | None, job: Job) -> Iterator[list[Listener]]:
    """The listeners that show a training, inside the block.

    Args:
        verbose: show, or not; ``None``: when the output is a terminal.
        job: the training.
    """
    console = Console()
    if verbose is False or (verbose is None and not console.is_terminal):
        yield []
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[values]}"))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        yield [Bar(bar)]
