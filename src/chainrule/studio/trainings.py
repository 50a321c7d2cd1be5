"""Trainings, each in its process or recorded by a RUN, seen from the server.

A training continues while no page is open. What it sends is kept within bounds: at most ``MAX_FRAMES`` frames
and ``MAX_POINTS`` points of each curve, of which every second one is dropped when there are more.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.events import Notice
from chainrule.studio.frames import decoded
from chainrule.studio.page_errors import notice_record
from chainrule.tabular.options import Options
from chainrule.train.train_state import Row, history_of

if TYPE_CHECKING:
    from chainrule.diagnosis.finding import Finding
    from chainrule.store import Checkpoint
    from chainrule.train.model_state import ModelState

MAX_FRAMES = 240
MAX_POINTS = 1000
MAX_NOTICES = 50
STOP_SECONDS = 20.0  # until a process that should end is killed; a checkpoint takes less


class Curve:
    """Points of a curve within a bound.

    Args:
        limit: the largest number of points.
    """

    def __init__(self, limit: int = MAX_POINTS) -> None:
        self.limit, self.every, self.seen = limit, 1, 0
        self.points: list[Any] = []

    def add(self, point: Any) -> None:
        """Add a point, or drop it; the last point is always there."""
        is_kept = self.seen % self.every == 0
        if self.points and not self._is_last_kept:
            self.points.pop()
        self.points.append(point)
        self._is_last_kept = is_kept
        self.seen += 1
        if is_kept and len(self.points) > self.limit:
            self.points = self.points[::2]
            self.every *= 2

    def cut(self, number: int) -> None:
        """Keep the first points alone.

        Args:
            number: of points.
        """
        if number < len(self.points):
            self.points = self.points[:number]
            self.seen, self._is_last_kept = self.every * (number - 1) + 1 if number else 0, True

    _is_last_kept = True


def start_process() -> subprocess.Popen[str]:
    """Start a process that imports what a training needs, and then waits for its first line."""
    words = [sys.executable, "-m", "chainrule.studio.training_process"]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        words, stdin=pipe, stdout=pipe, text=True, encoding="utf-8", start_new_session=True
    )


class Training:
    """A training: one that runs, or ran, in a process, or one that a RUN records.

    Args:
        options: of the training.
        run: its folder.
    """

    def __init__(self, options: Options, run: str) -> None:
        self.options, self.run = options, run
        self.lock = threading.RLock()
        self.status = "ended"
        self.facts: dict[str, Any] = {"step": 0, "epoch": 0, "loss": None, "rate": None}
        self.losses, self.epochs = Curve(), Curve()
        self.frames: dict[int, dict[str, Any]] = {}
        self.notices: list[dict[str, Any]] = []
        self.error: dict[str, Any] | None = None
        self.scores: dict[str, Any] | None = None
        self.until: float | None = 0.0
        self.delay = 0.0
        self.process: subprocess.Popen[str] | None = None  # none: of a RUN that was opened
        self.saved: tuple[int, dict[str, np.ndarray]] | None = None  # step and parameters of a checkpoint

    @staticmethod
    def recorded(options: Options, run: str, model: ModelState, findings: Sequence[Finding]) -> Training:
        """Return the complete training of a RUN, with the curves and findings that it records.

        Args:
            options: of the training.
            run: its folder.
            model: the trained model in it.
            findings: of the doctor.
        """
        training, rows, facts = Training(options, run), model.history, model.facts
        steps = int(facts.get("steps", len(rows)))
        training._add_epochs(rows, steps)
        rates = (options.learning_rate, *(float(text.partition(":")[2]) for text in options.learning_rate_at))
        last = rows[-1] if rows else {}
        training.facts.update(step=steps, epoch=len(rows), loss=last.get("loss"), rate=rates[-1])
        training.notices = [notice_record(Notice(finding.message)) for finding in findings][:MAX_NOTICES]
        training.scores = facts.get("result")
        return training

    @staticmethod
    def stopped(options: Options, run: str, checkpoint: Checkpoint | None) -> Training:
        """Return the training of a RUN without a model, which continues after its latest checkpoint.

        Args:
            options: of the training.
            run: its folder.
            checkpoint: the latest one; ``None``: the training begins again.
        """
        training = Training(options, run)
        training.status = "stopped"
        if checkpoint is not None:
            record, step = checkpoint.record, checkpoint.step
            rows = history_of(record.get("history"))
            training._add_epochs(rows, step - int(record.get("batch", 0)))
            training.facts.update(step=step, epoch=len(rows))
            groups = ((name.partition("/"), array) for name, array in checkpoint.tensors.items())
            training.saved = step, {path: a for (group, _, path), a in groups if group == "parameters"}
        return training

    def _add_epochs(self, rows: Sequence[Row], steps: int) -> None:
        """Add the rows of a history to the curve.

        Args:
            rows: one for each complete epoch.
            steps: the number of updates in them.
        """
        for number, row in enumerate(rows, 1):
            self.epochs.add({**row, "step": round(steps * number / len(rows))})

    def continue_from(self, previous: Training) -> None:
        """Take over what is known of a training that this one continues; ``start`` cuts it where it begins.

        Args:
            previous: of the same RUN.
        """
        self.losses, self.epochs, self.frames = previous.losses, previous.epochs, dict(previous.frames)

    def start(self, resume: bool, process: subprocess.Popen[str]) -> None:
        """Train in a process.

        Args:
            resume: whether the training in the folder continues.
            process: that waits for its first line.
        """
        self.status, self.process = "starting", process
        self._send({"options": asdict(self.options), "run": self.run, "resume": resume})
        self._reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._reader.start()

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def command(self, record: Mapping[str, Any]) -> None:
        """Send a command: ``until`` (a step, ``None``: the end), ``until_epoch``, ``delay``, ``end``."""
        with self.lock:
            steps, epochs = record.get("until", 0), record.get("until_epoch", 0)
            is_wanted = steps is None or steps > self.facts["step"]
            is_wanted |= epochs is None or epochs > self.facts["epoch"]
            if self.status == "paused" and is_wanted:
                self.status = "running"
        self._send(record)

    def close(self) -> None:
        """End the training: it saves a checkpoint."""
        if self.process is None or not self.is_alive:
            return
        self._send({"end": True})
        with suppress(OSError):
            assert self.process.stdin is not None
            self.process.stdin.close()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(STOP_SECONDS)

    def frame_at(self, step: int) -> dict[str, Any] | None:
        """Return the frame of a step, or that of the nearest one; ``None`` without any."""
        with self.lock:
            if not self.frames:
                return None
            return self.frames[min(self.frames, key=lambda known: (abs(known - step), known))]

    def weights_at(self, step: int, like: Mapping[str, np.ndarray]) -> dict[str, np.ndarray] | None:
        """Return the parameters after a step, if the checkpoint or a frame has exactly these.

        Args:
            like: parameters with the same shapes.
        """
        if self.saved is not None and self.saved[0] == step and set(self.saved[1]) == set(like):
            return self.saved[1]
        with self.lock:
            weights = self.frames.get(step, {}).get("weights")
        if weights is None or set(weights) != set(like):
            return None
        return {path: decoded(weights[path], like[path]) for path in like}

    def _send(self, record: Mapping[str, Any]) -> None:
        if self.process is None:
            return
        with suppress(OSError, ValueError):
            assert self.process.stdin is not None
            self.process.stdin.write(json.dumps(record) + "\n")
            self.process.stdin.flush()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            with suppress(ValueError):
                record = json.loads(line)
                with self.lock:
                    getattr(self, f"_on_{record.pop('kind')}")(record)
        code = process.wait()
        with self.lock:
            if self.status not in ("ended", "stopped", "failed"):
                self.status = "failed"
                self.error = {"en": {"code": "", "exit": code}, "zh": {"code": "", "exit": code}}

    def _on_started(self, record: dict[str, Any]) -> None:
        self.facts.update(record)
        step = record["step"]
        self.losses.cut(sum(point[0] <= step for point in self.losses.points))
        self.epochs.cut(sum(point["step"] <= step for point in self.epochs.points))
        self.frames = {known: frame for known, frame in self.frames.items() if known <= step}

    def _on_step(self, record: dict[str, Any]) -> None:
        self.facts.update(record)
        self._add_loss(record)

    def _add_loss(self, record: Mapping[str, Any]) -> None:
        """Add the loss of a step once: the end of an epoch and a pause report the same step again."""
        points = self.losses.points
        if record["loss"] is not None and not (points and points[-1][0] == record["step"]):
            self.losses.add((record["step"], record["loss"]))

    def _on_frame(self, record: dict[str, Any]) -> None:
        self.status = "paused" if record.pop("is_paused") else "running"
        if record["loss"] is None:  # the first frame of a training that continues
            record["loss"] = next(
                (loss for step, loss in self.losses.points[-1:] if step == record["step"]), None
            )
        facts = {name: record[name] for name in ("step", "loss", "rate", "epoch")}
        self.facts.update(facts)
        self._add_loss(record)
        if not record.get("histograms") and self.frames:
            record["histograms"] = self.frames[max(self.frames)].get("histograms", {})
        self.add_frame(record)

    def add_frame(self, record: dict[str, Any]) -> None:
        """Add a frame, and drop every second one if there are more than ``MAX_FRAMES``."""
        self.frames[record["step"]] = record
        if len(self.frames) > MAX_FRAMES:
            steps = sorted(self.frames)
            for step in steps[1:-2:2]:
                del self.frames[step]

    def _on_epoch(self, record: dict[str, Any]) -> None:
        points = self.epochs.points  # a training that repeats its steps repeats the end of its last epoch
        if not points or points[-1]["step"] < record["step"]:
            self.epochs.add({**record["row"], "step": record["step"]})

    def _on_options(self, record: dict[str, Any]) -> None:
        self.options = replace(
            self.options, learning_rate=record["learning_rate"], learning_rate_at=tuple(record["at"])
        )

    def _on_notice(self, record: dict[str, Any]) -> None:
        if len(self.notices) < MAX_NOTICES:
            self.notices.append(record)

    def _on_trained(self, record: dict[str, Any]) -> None:
        self.facts.update(reason=record["reason"], best=record["best"])

    def _on_evaluating(self, record: dict[str, Any]) -> None:
        self.status = "evaluating"

    def _on_ended(self, record: dict[str, Any]) -> None:
        self.status = "ended" if record["is_complete"] else "stopped"
        self.scores = record.get("scores")

    def _on_failed(self, record: dict[str, Any]) -> None:
        self.status, self.error = "failed", record
