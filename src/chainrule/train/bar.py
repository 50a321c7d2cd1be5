"""A live line while a network trains: epoch, loss, metric, rate, time left."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from chainrule.events import EpochDone, Event, Notice, StepDone, TrainingStarted
from chainrule.settings import settings

SHOWN = ("val_loss", "val_accuracy", "val_r2")
PAUSE = 0.1  # seconds between two looks at the numbers: drawing must not cost more than training
WORDS = {"en": ("epoch {}", "loss", "rate"), "zh": ("第 {} 轮", "损失", "学习率")}


class Bar:
    """Listens to a training and moves a bar."""

    is_patient = True  # the last step of a stretch is enough

    def __init__(self, bar: Progress) -> None:
        self.bar = bar
        self.task = bar.add_task("", total=None, values="")
        self.values: dict[str, float] = {}
        self.shown = -math.inf

    def __call__(self, event: Event) -> None:
        match event:
            case TrainingStarted():
                total = event.epochs * event.steps_per_epoch
                self.bar.update(self.task, total=total, completed=event.step)
            case StepDone() if time.monotonic() - self.shown >= PAUSE:
                self.shown = time.monotonic()
                epoch, loss, rate = WORDS[settings.lang]
                values = {loss: event.loss, **self.values, rate: event.rate}
                text = "  ".join(f"{name} {number(value)}" for name, value in values.items())
                self.bar.update(
                    self.task, completed=event.step, description=epoch.format(event.epoch + 1), values=text
                )
            case EpochDone():
                self.values = {name: event.values[name] for name in SHOWN if name in event.values}
            case Notice():
                self.bar.console.print(getattr(event, settings.lang), markup=False)


def number(value: float) -> str:
    """A measured value in four digits."""
    return "nan" if math.isnan(value) else f"{value:.4g}"


@contextmanager
def watched_by_bar() -> Iterator[Bar]:
    """A bar on the terminal, for as long as the block lasts."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
        TextColumn("{task.fields[values]}", markup=False),
    )  # fmt: skip
    with Progress(*columns, TimeRemainingColumn(), console=Console(), transient=True) as bar:
        yield Bar(bar)
