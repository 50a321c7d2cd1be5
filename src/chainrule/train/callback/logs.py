"""Logs of a training as text: ``CSVLog`` for the history and ``JSONLog`` for all events.

The CSV file contains the history. After an interruption, the same call with ``resume=True`` results in the
bytes of an uninterrupted training. The JSON lines record events with their time, including interruptions;
lines are only appended.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, asdict
from pathlib import Path
from typing import Any

from chainrule import escaping
from chainrule.events import EpochDone, Event, Listener, Notice, ProbeDone, StepDone, TrainingStarted
from chainrule.records import frozen
from chainrule.store import atomic_write
from chainrule.train.callback.append_only_file import append, complete_lines, run_folder_of
from chainrule.train.callback.callback import Callback, last_step_only
from chainrule.train.callback.training_view import TrainingView


@frozen
class CSVLog(Callback):
    """Log of the history as a CSV file, with a row after each epoch.

    A new training replaces the file; a resumed training continues it. Numbers have all digits; a value that
    could not be measured is empty.

    Args:
        path: the path of the file; its folder is created.

    Raises:
        FileError E512: another file has this path. E402 to E410: it cannot be written.

    Example:
        >>> import chainrule as cr
        >>> model = cr.Model(cr.Sequential(cr.Dense(1)), "mse", cr.SGD(0.1))
        >>> history = model.fit(
        ...     [[1.0], [2.0]], [3.0, 5.0], epochs=2, callbacks=[CSVLog("log.csv")], verbose=False
        ... )
        >>> print(open("log.csv").readline().strip())
        epoch,loss
    """

    chinese = ("CSV 日志", "把训练历史写成 CSV 文件。")
    path: str

    def start(self, training: TrainingView) -> Listener:
        file = Path(self.path)
        within = run_folder_of(file, training.options.run)
        description = "a log that begins with epoch,loss"
        complete_lines(file, lambda line: line.startswith(b"epoch,loss"), description, within)

        @last_step_only
        def watch(event: Event) -> None:
            if isinstance(event, TrainingStarted):
                atomic_write.write(file, csv_text(training.history).encode(), within=within)
            elif isinstance(event, EpochDone):
                row = csv_text(training.history[-1:], has_header=event.epoch == 1)
                append(file, row.encode(), within)

        return watch


def csv_text(rows: Sequence[Mapping[str, float | None]], has_header: bool = True) -> str:
    """Return rows of a history as CSV; numbers have all digits, and missing values are empty.

    Example:
        >>> csv_text([{"epoch": 1, "loss": 0.5, "val_r2": None}])
        'epoch,loss,val_r2\\n1,0.5,\\n'
    """
    columns = list(dict.fromkeys(key for row in rows for key in row))
    head = [columns] if has_header and rows else []
    lines = (["" if row.get(key) is None else row[key] for key in columns] for row in rows)
    return escaping.csv_text([*head, *lines])


@frozen
class JSONLog(Callback):
    """Log of every event of a training as one line of JSON, with the time (seconds since 1970).

    Lines are only appended, also by later trainings with the same path. An incomplete last line of a killed
    process is removed.

    Args:
        path: the path of the file; its folder is created.
        steps: whether to write an event for every update and every probe too.

    Raises:
        FileError E512: another file has this path. E402 to E410: it cannot be written.

    Example:
        >>> import chainrule as cr
        >>> model = cr.Model(cr.Sequential(cr.Dense(1)), "mse", cr.SGD(0.1))
        >>> history = model.fit(
        ...     [[1.0], [2.0]], [3.0, 5.0], epochs=2, callbacks=[JSONLog("log.jsonl")], verbose=False
        ... )
        >>> [json.loads(line)["event"] for line in open("log.jsonl")]
        ['TrainingStarted', 'EpochDone', 'EpochDone', 'TrainingEnded']
    """

    chinese = ("JSON 日志", "把发生的一切逐行写成 JSON。")
    path: str
    _: KW_ONLY
    steps: bool = False

    def start(self, training: TrainingView) -> Listener:
        file = Path(self.path)
        within = run_folder_of(file, training.options.run)
        description = 'lines of JSON such as {"time": 1.0, "event": "EpochDone", ...}'
        lines = complete_lines(file, _is_event, description, within)
        if file.exists() and len(lines) < file.stat().st_size:
            atomic_write.write(file, lines, within=within)

        def watch(event: Event) -> None:
            if self.steps or not isinstance(event, StepDone | ProbeDone):
                append(file, (json.dumps(_event_record(event), ensure_ascii=False) + "\n").encode(), within)

        return watch if self.steps else last_step_only(watch)


def _event_record(event: Event) -> dict[str, Any]:
    """Return an event as plain data for JSON, with ``null`` for non-finite numbers."""
    values = {"en": event.en, "zh": event.zh} if isinstance(event, Notice) else asdict(event)
    facts = {"time": round(time.time(), 3), "event": type(event).__name__, **values}
    return {name: _plain(value) for name, value in facts.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _is_event(line: bytes) -> bool:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and "event" in record
