"""``TensorBoard``: curves and histograms as event files; TensorBoard need not be installed."""

from __future__ import annotations

import math
import os
import time
from dataclasses import KW_ONLY
from itertools import count
from pathlib import Path

from chainrule.errors import fact
from chainrule.events import EpochDone, Event, Listener, StepDone, TrainingEnded, TrainingStarted
from chainrule.records import frozen
from chainrule.store import atomic_write
from chainrule.train.callback import event_file
from chainrule.train.callback.append_only_file import append, run_folder_of
from chainrule.train.callback.callback import Callback, last_step_only
from chainrule.train.callback.training_view import TrainingView
from chainrule.validation import require, require_integer

_PAUSE = 5.0  # maximum seconds between two writes of step values within an epoch


@frozen
class TensorBoard(Callback):
    """Log of loss and metrics, and optionally weights and gradients, in a directory of TensorBoard.

    ``tensorboard --logdir logs`` shows them during the training. A resumed training adds a new file to the
    directory and continues the curves.

    Args:
        log_dir: the directory, which is created; one for each training: ``"logs/first"``, ``"logs/second"``.
        steps: whether to write loss and learning rate of every update.
        histograms: number of epochs between two histograms of the parameters; 0: no histograms.
        gradients: whether to write the norm of each parameter's gradient after every epoch; costs one more
            forward and backward pass.

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
            require(self, name, isinstance(getattr(self, name), bool), fact("True or False"))

    def start(self, training: TrainingView) -> Listener:
        pending: list[bytes] = []
        folder = Path(self.log_dir)
        within = run_folder_of(folder, training.options.run)
        file, last_write = new_file(folder, within), time.monotonic()

        def write() -> None:
            nonlocal last_write
            append(file, b"".join(pending), within)
            pending.clear()
            last_write = time.monotonic()

        def watch(event: Event) -> None:
            match event:
                case TrainingStarted():
                    pending.append(event_file.header(time.time()))
                    write()
                case StepDone() if self.steps:
                    values = [
                        event_file.scalar(f"step/{name}", getattr(event, name))
                        for name in ("loss", "learning_rate")
                    ]
                    pending.append(event_file.event(time.time(), event.step, values))
                    if time.monotonic() - last_write > _PAUSE:
                        write()
                case EpochDone():
                    pending.append(event_file.event(time.time(), event.step, self._values(event, training)))
                    write()
                case TrainingEnded() if pending:
                    write()

        return watch if self.steps else last_step_only(watch)

    def _values(self, event: EpochDone, training: TrainingView) -> list[bytes]:
        values = [
            event_file.scalar(name, value)
            for name, value in event.values.items()
            if name != "epoch" and math.isfinite(value)
        ]
        if self.gradients:
            norms = training.gradient_norms()
            values += [event_file.scalar(f"gradient/{path}", value) for path, value in norms.items()]
        if self.histograms and event.epoch % self.histograms == 0:
            parameters = training.parameters()
            values += [event_file.histogram(f"parameter/{path}", value) for path, value in parameters.items()]
        return values


def new_file(folder: Path, within: Path | None = None) -> Path:
    """Return the path of a new event file in a folder; TensorBoard reads files by their times."""
    if within is not None:
        atomic_write.make_folder(within)
    atomic_write.make_folder(folder, within)
    now = f"events.out.tfevents.{int(time.time()):010d}.chainrule.{os.getpid()}"
    return next(path for n in count() if not os.path.lexists(path := folder / f"{now}.{n}"))
