"""``Checkpoint``: model files that are written during a training."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY
from pathlib import Path
from string import Formatter

from chainrule.errors import UsageError, fact
from chainrule.events import EpochDone, Event, Listener
from chainrule.metrics import larger_is_better
from chainrule.records import frozen
from chainrule.store import atomic_write
from chainrule.train.callback.append_only_file import run_folder_of
from chainrule.train.callback.callback import Callback, last_step_only
from chainrule.train.callback.training_view import TrainingView
from chainrule.train.train_state import Row
from chainrule.validation import out_of_range, require, require_integer


@frozen
class Checkpoint(Callback):
    """Callback that saves the model as a file for ``cr.load``, every n epochs or where a column is best.

    These files are for predictions. To resume a training after an interruption, use
    ``fit(run="folder", resume=True)``, whose checkpoints contain the optimizer state too. The set of files
    depends only on the history, so a resumed training writes the same files.

    Args:
        path: the path of the files, with ``{epoch}``, ``{step}`` or columns of the history as format fields:
            ``"models/{epoch:03d}-{val_loss:.3f}.safetensors"``. Its folder is created.
        every: number of epochs between two files.
        monitor: a column of the history, such as ``"val_f1"``: save only where it is the best so far.
        greater_is_better: whether larger is better; ``None``: the direction that the metric defines.
        max_to_keep: number of the latest files to keep; ``None``: all.

    Raises:
        UsageError E102: a setting out of its range. UsageError E101: no such column.
        FileError: the file cannot be written.

    Example:
        >>> import chainrule as cr
        >>> model = cr.Model(cr.Sequential(cr.Dense(1)), "mse", cr.SGD(0.1))
        >>> best = Checkpoint("best.safetensors", monitor="loss")
        >>> history = model.fit([[1.0], [2.0]], [3.0, 5.0], epochs=3, callbacks=[best], verbose=False)
        >>> cr.load("best.safetensors").facts["epochs"]
        3
    """

    chinese = ("检查点", "每隔几轮或在最好时写出模型文件。")
    path: str
    _: KW_ONLY
    every: int = 1
    monitor: str = ""
    greater_is_better: bool | None = None
    max_to_keep: int | None = None

    def __post_init__(self) -> None:
        require_integer(self, "every", 1)
        require(self, "monitor", isinstance(self.monitor, str), fact("a column of the history"), '"val_loss"')
        if self.max_to_keep is not None:
            require_integer(self, "max_to_keep", 1)
        object.__setattr__(self, "path", str(self.path))
        self._name(dict.fromkeys([*self._fields(), "epoch"], 1.0), 1)  # refuses invalid formats

    def watches(self) -> tuple[str, ...]:
        names = [*self._fields(), self.monitor]
        return tuple(dict.fromkeys(name for name in names if name not in ("", "epoch", "step")))

    def start(self, training: TrainingView) -> Listener:
        @last_step_only
        def watch(event: Event) -> None:
            if isinstance(event, EpochDone) and self._is_due(training.history):
                steps = event.step // max(event.epoch, 1)  # steps of an epoch
                target = self._name(training.history[-1], event.step)
                within = run_folder_of(target, training.options.run)
                if within is not None:
                    atomic_write.make_folder(within)
                atomic_write.make_folder(target.parent, within)
                training.save(target)
                self._remove_old(training.history, steps, target, within)

        return watch

    def _fields(self) -> list[str]:
        """Return the names of the format fields; E102: unbalanced braces, or a field that is not a name."""
        try:
            parts = [
                (name, form or "") for _, name, form, _ in Formatter().parse(self.path) if name is not None
            ]
        except ValueError:
            parts = [("?", "")]
        if not all(name.isidentifier() and "{" not in form for name, form in parts):
            expected = fact("a path, with names in braces: {{epoch}}, {{val_loss:.3f}}")
            raise out_of_range(
                self.path, "path", "Checkpoint", expected, fix='"models/{epoch:03d}.safetensors"'
            )
        return [name for name, _ in parts]

    def _name(self, row: Row, step: int) -> Path:
        """Return the file of an epoch; raises E102 for a format that does not apply to a number."""
        values = {name: math.nan if value is None else value for name, value in row.items()}
        try:
            return Path(self.path.format_map({**values, "epoch": int(values["epoch"]), "step": step}))
        except (ValueError, TypeError) as cause:
            expected = fact("formats that fit numbers")
            received = f"{self.path!r}: {cause}"[:120]
            fix = '"models/{epoch:03d}.safetensors"'
            raise UsageError(
                "E102", where="Checkpoint", name="path", expected=expected, received=received, fix=fix
            ) from cause

    def _is_due(self, history: list[Row]) -> bool:
        """Return whether the last epoch of a history is saved."""
        if len(history) % self.every:
            return False
        return not self.monitor or self._is_best([row[self.monitor] for row in history])

    def _is_best(self, values: list[float | None]) -> bool:
        """Return whether the last value is better than all previous ones."""
        larger = larger_is_better(self.monitor) if self.greater_is_better is None else self.greater_is_better
        scores = [value if larger else -value for value in values if value is not None]
        return values[-1] is not None and all(scores[-1] > value for value in scores[:-1])

    def _remove_old(self, history: list[Row], steps: int, latest: Path, within: Path | None) -> None:
        """Delete all saved files except the latest ones."""
        if self.max_to_keep is None:
            return
        due = [n for n in range(1, len(history) + 1) if self._is_due(history[:n])]
        names = list(dict.fromkeys(self._name(history[n - 1], n * steps) for n in reversed(due)))
        for old in names[self.max_to_keep :]:
            if old != latest:
                atomic_write.remove(old, within)
