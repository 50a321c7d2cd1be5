"""What the callbacks of trackers share: the record of a training, delivered by a thread.

A tracker is a service elsewhere: it may be slow, or not be reachable. A training neither waits for it nor
fails with it. Epochs are queued, and a thread delivers all that are queued in one call. If a call fails, the
epochs stay in the queue, and the next call delivers them too: after an interruption of the service, nothing
is missing. At the end, the training waits while calls succeed. What could not be delivered is named by one
notice.

Rejected: a call after each epoch in the thread of the training. The client of MLflow repeats a request for
minutes before it fails.
"""

from __future__ import annotations

import math
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from chainrule.escaping import printable, without_credentials
from chainrule.events import (
    EpochDone,
    Event,
    Listener,
    Notice,
    TrainingEnded,
    TrainingFailed,
    TrainingStarted,
)
from chainrule.messages import fact, join_facts, rendered
from chainrule.optional_dependency import missing
from chainrule.settings import settings
from chainrule.train.callback.callback import last_step_only
from chainrule.train.callback.training_view import TrainingView
from chainrule.train.monitor.progress import warn
from chainrule.train.train_state import Row

RETRY = 5.0  # seconds after a failed call until the next one
STATUS = {"interrupted": "interrupted", "failed": "failed"}  # of a training; others: "finished"
MODEL = "model.safetensors"
Facts: TypeAlias = Mapping[str, str | int]


class Tracked(Protocol):
    """A training in a tracker."""

    def log(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Record rows of the history; each has the column ``epoch``."""

    def log_model(self, path: Path) -> None:
        """Record the file of the trained model."""

    def end(self, status: str, facts: Facts) -> None:
        """Record the end: ``"finished"``, ``"interrupted"`` or ``"failed"``, and facts."""


class Delivery:
    """Delivery of the record of one training, in a thread.

    Args:
        connect: starts the training in the tracker; called again if it fails.
    """

    def __init__(self, connect: Callable[[], Tracked]) -> None:
        self._connect = connect
        self._changed = threading.Condition()
        self._rows: list[dict[str, float]] = []
        self._last: list[tuple[str, Callable[[Tracked], None]]] = []
        self._is_ended = self._is_abandoned = False
        self._calls = 0  # that succeeded
        self.cause: Exception | None = None
        self._thread = threading.Thread(target=self._deliver, daemon=True, name="chainrule-tracker")
        self._thread.start()

    def add(self, row: Row) -> None:
        """Queue a row of the history; values that could not be measured are left out."""
        values = {name: float(v) for name, v in row.items() if v is not None and math.isfinite(v)}
        with self._changed:
            self._rows.append(values)
            self._changed.notify_all()

    def end(self, last: Sequence[tuple[str, Callable[[Tracked], None]]], timeout: float) -> None:
        """Queue the last calls with their descriptions, and wait until all are done or none succeeds.

        Args:
            timeout: the seconds without a successful call after which the rest is given up.
        """
        with self._changed:
            self._last.extend(last)
            self._is_ended = True
            self._changed.notify_all()
        calls = -1
        while self._thread.is_alive() and calls != self._calls:
            calls = self._calls
            self._wait(timeout)
        self._is_abandoned = True

    def _wait(self, timeout: float) -> None:
        """Wait for the end of the thread, in parts, so that a signal is handled."""
        calls, end = self._calls, time.monotonic() + timeout
        while self._thread.is_alive() and calls == self._calls and time.monotonic() < end:
            self._thread.join(min(0.2, timeout))

    @property
    def undelivered(self) -> list[str]:
        """What was not recorded; complete after ``end``."""
        epochs = [int(row["epoch"]) for row in self._rows]
        parts = [name for name, _ in self._last]
        if len(epochs) == 1:
            parts.insert(0, fact("epoch {epoch}", epoch=epochs[0]))
        elif epochs:
            parts.insert(0, fact("epochs {first} to {last}", first=epochs[0], last=epochs[-1]))
        return parts

    def _deliver(self) -> None:
        tracked: Tracked | None = None
        while not self._is_abandoned:
            is_last = self._wait_for_work()
            try:
                tracked = tracked or self._connect()
                self._calls += 1
                self._deliver_rows(tracked)
                while is_last and self._last and not self._is_abandoned:
                    self._last[0][1](tracked)
                    del self._last[0]
                    self._calls += 1
                self.cause = None
            except Exception as cause:  # whatever a tracker raises: the training does not depend on it
                self.cause = cause
            if is_last:
                return

    def _wait_for_work(self) -> bool:
        """Wait for a row, and longer after a failure; returns whether the training has ended."""
        with self._changed:
            if self.cause is not None:
                self._changed.wait_for(lambda: self._is_ended, RETRY)
            self._changed.wait_for(lambda: self._is_ended or self._rows)
            return self._is_ended

    def _deliver_rows(self, tracked: Tracked) -> None:
        count = len(self._rows)
        if count and not self._is_abandoned:
            tracked.log(self._rows[:count])
            with self._changed:
                del self._rows[:count]
            self._calls += 1


def tracking(
    training: TrainingView, name: str, connect: Callable[[], Tracked], *, has_model: bool, timeout: float
) -> Listener:
    """Return the listener that records a training in a tracker.

    Args:
        name: of the tracker.
        connect, timeout: see ``Delivery``.
        has_model: whether the trained model is recorded too.
    """
    delivery: list[Delivery] = []

    def watch(event: Event) -> None:
        match event:
            case TrainingStarted():
                delivery.append(Delivery(connect))
                for row in training.history:  # of a training that is resumed
                    delivery[0].add(row)
            case EpochDone():
                delivery[0].add(training.history[-1])
            case TrainingEnded():
                end(STATUS.get(event.reason, "finished"), _facts_at_end(event), has_model)
            case TrainingFailed() if delivery:
                end("failed", {"error": without_credentials(str(event.error))[:250]}, False)

    def end(status: str, facts: Facts, is_saved: bool) -> None:
        last: list[tuple[str, Callable[[Tracked], None]]] = []
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            if is_saved:
                path = Path(folder, MODEL)
                training.save_trained(path)
                last.append((fact("the model"), lambda tracked: tracked.log_model(path)))
            last.append((fact("the end of the training"), lambda tracked: tracked.end(status, facts)))
            delivery[0].end(last, timeout)
        if delivery[0].undelivered:
            report(training, name, delivery[0])

    return last_step_only(watch)


def report(training: TrainingView, name: str, delivery: Delivery) -> None:
    """Send the notice about what was not recorded; a warning of Python where nothing prints notices."""
    cause = delivery.cause
    reason = fact("no response")
    if cause is not None:
        lines = str(cause).strip().splitlines() or [""]
        reason = printable(without_credentials(f"{type(cause).__name__}: {lines[0]}"), 200)
    text = fact(
        "{tracker} did not record {parts} ({reason}); the training is not affected",
        tracker=name,
        parts=join_facts(", ", delivery.undelivered, "list"),
        reason=reason,
    )
    training.send(Notice(text))
    if not training.prints_notices:
        warn(str(rendered(text, settings.lang)))


def require_library(name: str, extra: str) -> None:
    """Refuse a tracker whose library is not installed (E350); it is not imported."""
    if find_spec(name) is None:
        raise missing(extra, f"cr.{extra}")


def settings_of(training: TrainingView) -> Facts:
    """Return the settings of a training: network, loss, optimizer, and what ``fit`` was passed."""
    recipe, options = training.network.recipe, training.options
    losses = recipe.loss if isinstance(recipe.loss, Mapping) else {"loss": recipe.loss}
    values: dict[str, Any] = {
        "network": recipe.net,
        **{name if name == "loss" else f"loss {name}": loss for name, loss in losses.items()},
        "optimizer": recipe.optimizer,
        "penalty": recipe.penalty,
        "clip": recipe.clip,
        "dtype": recipe.dtype,
        "epochs": options.epochs,
        "batch_size": options.batch_size,
        "seed": options.seed,
        "rows": training.facts.rows,
        "parameters": training.network.count,
    }
    return {k: v if isinstance(v, int) else str(v) for k, v in values.items() if v is not None}


def _facts_at_end(event: TrainingEnded) -> Facts:
    facts: Facts = {"ended": event.reason, "epochs": event.epoch, "steps": event.step}
    return facts if event.best_epoch is None else {**facts, "best_epoch": event.best_epoch}
