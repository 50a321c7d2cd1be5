"""Curves and histograms for TensorBoard, which need not be installed to write them."""

from __future__ import annotations

import math
import os
import time
from dataclasses import KW_ONLY
from itertools import count
from pathlib import Path

from chainrule.events import EpochDone, Event, Listener, StepDone, TrainingEnded, TrainingStarted
from chainrule.nn.validation import require, require_integer
from chainrule.records import frozen
from chainrule.store import atomic_write
from chainrule.train.callback import event_file
from chainrule.train.callback.append_only_file import append, run_folder_of
from chainrule.train.callback.callback import Callback, last_step_only
from chainrule.train.callback.training_view import TrainingView

_PAUSE = 5.0  # seconds after which what was told of steps is written, though the epoch goes on


@frozen
class TensorBoard(Callback):
    """Writes loss and metrics, and if asked weights and gradients, to a folder that TensorBoard shows.

    ``tensorboard --logdir logs`` then draws them, while the training runs. A resumed training adds a file of
    its own to the folder, and the curves go on.

    Args:
        log_dir: where; it is made. A folder for each training: ``"logs/first"``, ``"logs/second"``.
        steps: whether loss and learning rate of every update are told, and not only of every epoch.
        histograms: after how many epochs the parameters' histograms are written; 0: never.
        gradients: whether the length of each parameter's gradient is told after every epoch; costs one more
            pass over a batch.

    Raises:
        UsageError E102: a setting out of its range. FileError: the folder cannot be written.

    Example:
        >>> import chainrule as cr
        >>> model = cr.Model(cr.Sequential(cr.Dense(1)), "mse", cr.SGD(0.1))
        >>> history = model.fit(
        ...     [[1.0], [2.0]], [3.0, 5.0], epochs=2, callbacks=[TensorBoard("logs")], verbose=False
        ... )
        >>> [path.name[:21] for path in Path("logs").iterdir()]
        ['events.out.tfevents.1']
    """

    chinese = ("TensorBoard 日志", "写出 TensorBoard 能读的曲线和直方图。")
    log_dir: str
    _: KW_ONLY
    steps: bool = False
    histograms: int = 0
    gradients: bool = False

    def __post_init__(self) -> None:
        require_integer(self, "histograms", 0)
        for name in ("steps", "gradients"):
            require(self, name, isinstance(getattr(self, name), bool), "True or False")

    def start(self, training: TrainingView) -> Listener:
        waiting: list[bytes] = []
        folder = Path(self.log_dir)
        within = run_folder_of(folder, training.options.run)
        place, written = new_file(folder, within), time.monotonic()

        def write() -> None:
            nonlocal written
            append(place, b"".join(waiting), within)
            waiting.clear()
            written = time.monotonic()

        def watch(event: Event) -> None:
            match event:
                case TrainingStarted():
                    waiting.append(event_file.opening(time.time()))
                    write()
                case StepDone() if self.steps:
                    told = [
                        event_file.scalar(f"step/{name}", getattr(event, name))
                        for name in ("loss", "learning_rate")
                    ]
                    waiting.append(event_file.event(time.time(), event.step, told))
                    if time.monotonic() - written > _PAUSE:
                        write()
                case EpochDone():
                    waiting.append(event_file.event(time.time(), event.step, self._values(event, training)))
                    write()
                case TrainingEnded() if waiting:
                    write()

        return watch if self.steps else last_step_only(watch)

    def _values(self, event: EpochDone, training: TrainingView) -> list[bytes]:
        """What is told of an epoch."""
        told = [
            event_file.scalar(name, value)
            for name, value in event.values.items()
            if name != "epoch" and math.isfinite(value)
        ]
        if self.gradients:
            norms = training.gradient_norms()
            told += [event_file.scalar(f"gradient/{path}", value) for path, value in norms.items()]
        if self.histograms and event.epoch % self.histograms == 0:
            held = training.parameters()
            told += [event_file.histogram(f"parameter/{path}", value) for path, value in held.items()]
        return told


def new_file(folder: Path, within: Path | None = None) -> Path:
    """A name that no file in the folder has; TensorBoard reads them in the order of their times."""
    if within is not None:
        atomic_write.make_folder(within)
    atomic_write.make_folder(folder, within)
    now = f"events.out.tfevents.{int(time.time()):010d}.chainrule.{os.getpid()}"
    return next(path for n in count() if not os.path.lexists(path := folder / f"{now}.{n}"))
