"""A live line while a network trains: epoch, loss, metric, rate, time left.

The line is one line in any terminal: where it does not fit, the bar gets short and the least needed numbers
are left out. Half a number would be worse than none.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from chainrule.events import EpochDone, Event, Notice, StepDone, TrainingStarted
from chainrule.settings import settings

PAUSE = 0.1  # seconds between two looks at the numbers: drawing must not cost more than training
LONGEST, SHORTEST, USUAL = 40, 4, 90  # cells of the bar; cells of everything else
FIXED = 15  # cells of percent, time left and the four gaps
WORDS = {
    "en": {"epoch": "epoch {}", "loss": "loss", "rate": "rate"},
    "zh": {
        "epoch": "第 {} 轮", "loss": "损失", "rate": "学习率", "val_loss": "验证损失",
        "val_accuracy": "验证准确率", "val_r2": "验证 R2",
    },
}  # fmt: skip
SHOWN = ("loss", "val_loss", "val_accuracy", "val_r2", "rate")  # in this order
LEAST = ("rate", "val_loss", "val_accuracy", "val_r2")  # what is left out first where there is no room


class Bar:
    """Listens to a training and moves a bar."""

    last_step_only = True  # of a multi-step run

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
                self._show(event)
            case EpochDone():
                self.values = {name: event.values[name] for name in SHOWN if name in event.values}
            case Notice():
                self.bar.console.print(getattr(event, settings.lang), markup=False)

    def _show(self, event: StepDone) -> None:
        words = WORDS[settings.lang]
        values = {**self.values, "loss": event.loss, "rate": event.learning_rate}
        there = [name for name in SHOWN if name in values]
        # Numbers of one width: else a part at the edge would come and go with the last digit of another.
        parts = [(name, f"{words.get(name, name)} {number(values[name]):<6}") for name in there]
        epoch, width = words["epoch"].format(event.epoch + 1), self.bar.console.width
        room = width - cell_len(epoch) - bar_length(width) - FIXED
        self.bar.update(self.task, completed=event.step, description=epoch, values=fitting(parts, room))


def fitting(parts: Sequence[tuple[str, str]], room: int) -> str:
    """The parts, by name, side by side in so many cells; those of ``LEAST`` are left out as need be.

    Example:
        >>> parts = [("loss", "loss 0.5"), ("val_loss", "val_loss 0.4"), ("rate", "rate 0.01")]
        >>> fitting(parts, 40), fitting(parts, 30), fitting(parts, 5)
        ('loss 0.5  val_loss 0.4  rate 0.01', 'loss 0.5  val_loss 0.4', 'loss 0.5')
    """
    text, *shorter = (
        "  ".join(part for name, part in parts if name not in LEAST[:count])
        for count in range(len(LEAST) + 1)
    )  # fmt: skip
    while cell_len(text) > room and shorter:
        text = shorter.pop(0)
    return text


def bar_length(width: int) -> int:
    """How long the bar itself is on a terminal of this width."""
    return max(SHORTEST, min(LONGEST, width - USUAL))


def number(value: float) -> str:
    """A measured value in four digits."""
    return "nan" if math.isnan(value) else f"{value:.4g}"


@contextmanager
def watched_by_bar() -> Iterator[Bar]:
    """A bar on the terminal, for as long as the block lasts."""
    console = Console()
    columns = (
        TextColumn("{task.description}"), BarColumn(bar_length(console.width)), TaskProgressColumn(),
        TextColumn("{task.fields[values]}", markup=False), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True) as bar:
        yield Bar(bar)
