"""The process of one training: it trains as ``chainrule train`` does, and can be paused at every step.

It reads commands from its standard input and writes records to its standard output, one line of JSON each.
When the other end is closed, it saves a checkpoint and ends: ``chainrule resume RUN`` continues.
"""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from chainrule.engines import compile
from chainrule.errors import ChainruleError
from chainrule.events import EpochDone, Event, Listener, Notice, StepDone, TrainingEnded, TrainingStarted
from chainrule.graph import Graph
from chainrule.memoization import cached_property
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.store import RunFolder
from chainrule.studio.frames import FrameWriter
from chainrule.studio.page_errors import error_record, notice_record
from chainrule.tabular.options import Options
from chainrule.tabular.run_folder import claimed
from chainrule.tabular.training import evaluate, fit_model, prepare_training
from chainrule.tabular.training_plan import TrainingPlan, plan_of
from chainrule.train.callback.callback import Callback, every_step
from chainrule.train.callback.histograms import layer_nodes
from chainrule.train.callback.training_view import TrainingView

SECONDS = 0.1  # between two frames of a training that runs
HISTOGRAM_SECONDS = 0.4
NICENESS = 5  # of the process
MAX_ROWS = 256  # of the training, for the distributions of activations


class Commands:
    """The commands of the server, which a thread reads.

    Args:
        stream: of lines; its end ends the training.
    """

    def __init__(self, stream: TextIO) -> None:
        self.changed = threading.Condition()
        self.until = 0.0  # the step up to which the training runs
        self.until_epoch = 0.0
        self.delay = 0.0
        self.learning_rate = 0.0  # a new learning rate; 0: none
        self.is_ended = False
        self.received = 0  # commands
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream: TextIO) -> None:
        for line in stream:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            with self.changed:
                self._apply(record)
                self.received += 1
                self.changed.notify_all()
        with self.changed:
            self.is_ended = True
            self.changed.notify_all()

    def _apply(self, record: Mapping[str, Any]) -> None:
        if "until" in record:
            self.until = math.inf if record["until"] is None else float(record["until"])
        if "until_epoch" in record:
            self.until_epoch = math.inf if record["until_epoch"] is None else float(record["until_epoch"])
        self.delay = float(record.get("delay", self.delay))
        self.learning_rate = float(record.get("rate", self.learning_rate))
        self.is_ended |= bool(record.get("end"))

    def take_rate(self) -> float:
        """Return the new learning rate, which is then no longer new."""
        with self.changed:
            learning_rate, self.learning_rate = self.learning_rate, 0.0
        return learning_rate

    def may_pass(self, step: int, epoch: int) -> bool:
        """Return whether the next update may begin."""
        return step < self.until or epoch < self.until_epoch


class Output:
    """The records that the process writes; a reader that is gone ends the training."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.is_closed = stream, False

    def write(self, kind: str, **record: Any) -> None:
        """Write a record."""
        try:
            self.stream.write(json.dumps({"kind": kind, **record}, allow_nan=False) + "\n")
            self.stream.flush()
        except (OSError, ValueError):
            self.is_closed = True


@frozen(eq=False)
class Watch(Callback):
    """Reports the state of a training, and lets it wait for the next command.

    Args:
        plan: of the training.
        commands: of the server.
        output: to the server.
        silent: the number of updates that are repeated, without a word, after a change of the learning rate.
    """

    plan: TrainingPlan
    commands: Commands
    output: Output
    silent: int = 0
    times: dict[str, float] = field(default_factory=dict)

    def start(self, training: TrainingView) -> Listener:
        """Return the listener of the training."""
        frames = _Frames(training, FrameWriter(self.plan.prepared, training.model))
        last: dict[str, Any] = {"step": training.step, "loss": None, "rate": None}

        def listen(event: Event) -> bool:
            if training.step < self.silent:
                return self.commands.is_ended
            if isinstance(event, StepDone):
                last.update(step=event.step, loss=_finite(event.loss), rate=event.learning_rate)
                return self._after(frames, training, last)
            if isinstance(event, TrainingStarted):
                facts = {"rows": event.rows, "epochs": event.epochs, "steps_per_epoch": event.steps_per_epoch}
                self.output.write("started", parameters=event.parameters, step=event.step, **facts)
                return self._after(frames, training, last)
            if isinstance(event, TrainingEnded) and not self.commands.learning_rate:
                self.output.write("frame", **last, epoch=event.epoch, is_paused=False, **frames.content(True))
            self._report(event)
            return isinstance(event, EpochDone) and self._after(frames, training, last)

        return every_step(listen)

    def _report(self, event: Event) -> None:
        if isinstance(event, EpochDone):
            row = {name: _finite(value) for name, value in event.values.items()}
            self.output.write("epoch", step=event.step, row=row)
        elif isinstance(event, Notice):
            self.output.write("notice", **notice_record(event))
        elif isinstance(event, TrainingEnded):
            self.output.write("trained", reason=event.reason, step=event.step, best=event.best_epoch)

    def _after(self, frames: _Frames, training: TrainingView, last: Mapping[str, Any]) -> bool:
        """Send a frame if one is due, wait if the training is paused; returns whether it ends."""
        commands = self.commands
        with commands.changed:
            is_paused = not commands.may_pass(training.step, training.epoch)
            seen = commands.received
        self._send(frames, training, last, is_paused)
        with commands.changed:
            if commands.delay and not is_paused:
                commands.changed.wait(commands.delay)
        while self._waits(training):
            if not is_paused or seen != commands.received:  # a command came after the record that was sent
                is_paused, seen = True, commands.received
                self._send(frames, training, last, is_paused)
            with commands.changed:
                if seen == commands.received:
                    commands.changed.wait(1.0)
        return commands.is_ended or self.output.is_closed or self._changes_rate(training.step)

    def _send(
        self, frames: _Frames, training: TrainingView, last: Mapping[str, Any], is_paused: bool
    ) -> None:
        """Send a frame if the training is paused or one is due, otherwise the step alone."""
        now = time.monotonic()
        if not is_paused and now - self.times.get("frame", 0.0) < SECONDS:
            self.output.write("step", **last)
            return
        self.times["frame"] = now
        is_due = is_paused or now - self.times.get("histograms", 0.0) >= HISTOGRAM_SECONDS
        is_full = (
            is_due and self.times.get("full") != training.step
        )  # the distributions of a step are sent once
        if is_full:
            self.times.update(histograms=now, full=training.step)
        content = frames.content(is_full)
        self.output.write("frame", **last, epoch=training.epoch, is_paused=is_paused, **content)

    def _waits(self, training: TrainingView) -> bool:
        """Return whether the next update has to wait for a command."""
        commands = self.commands
        with commands.changed:
            is_wanted = commands.may_pass(training.step, training.epoch)
            return not (is_wanted or commands.is_ended or commands.learning_rate)

    def _changes_rate(self, step: int) -> bool:
        """Return whether the training stops here for another learning rate, which is noted."""
        with self.commands.changed:
            if self.commands.learning_rate:
                self.times["changed"] = step
            return bool(self.commands.learning_rate)


@frozen(eq=False)
class _Frames:
    """The content of the frames of a training."""

    training: TrainingView
    writer: FrameWriter
    before: dict[str, np.ndarray] = field(default_factory=dict)

    def content(self, is_full: bool) -> dict[str, Any]:
        """Return a frame; ``is_full``: with distributions."""
        parameters = self.training.parameters()
        arrays = self._arrays(parameters) if is_full else {}
        return self.writer.frame(parameters, arrays)

    def _arrays(self, parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        arrays = {f"weights/{path}": value for path, value in parameters.items()}
        nodes, program, batch = self._activations
        if nodes:
            values = {**parameters, **self.training.states(), **batch}
            computed = program.run({name: values[name] for name in program.graph.inputs})
            arrays |= {f"activations/{path}": value for path, value in computed.items()}
        arrays |= {f"gradients/{path}": value for path, value in self.training.gradients().items()}
        for path, value in parameters.items():
            if path in self.before:
                arrays[f"updates/{path}"] = value - self.before[path]
        self.before.update(parameters)
        return arrays

    @cached_property
    def _activations(self) -> tuple[Any, Any, Any]:
        network, data = self.training.network, self.training.data
        nodes = layer_nodes(network)
        batch: Any = data.take(np.arange(min(MAX_ROWS, data.rows)))
        return nodes, compile(Graph(nodes), network.engine) if nodes else None, batch.x


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def train(record: Mapping[str, Any], commands: Commands, output: Output) -> None:
    """Train with the options of a record, evaluate and save the model.

    Args:
        record: ``options``, ``run`` (a folder) and ``resume``.
        commands: that pause and end the training.
        output: receives what happens.
    """
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in record["options"].items()}
    options, path, resume, silent = Options(**values), Path(record["run"]), record["resume"], 0
    plan = prepare_training(options)
    with claimed(path, resume) as folder:
        while True:
            watch = Watch(plan, commands, output, silent)
            model = plan.model()
            recorder = fit_model(model, plan, folder, resume, verbose=False, callbacks=[watch])
            if "changed" not in watch.times:
                break
            silent, resume = int(watch.times["changed"]), False
            plan = plan_of(with_rate(plan.options, silent, commands.take_rate()), plan.prepared)
            output.write(
                "options", learning_rate=plan.options.learning_rate, at=plan.options.learning_rate_at
            )
            folder.delete_checkpoints()
        if recorder.end is None or recorder.end.reason in ("interrupted", "callback"):
            output.write("ended", is_complete=False)
            return
        _finish(plan, model, folder, output)


def with_rate(options: Options, step: int, learning_rate: float) -> Options:
    """Return the options of a training whose learning rate changes after a number of updates.

    Example:
        >>> options = Options("iris", learning_rate=0.1, learning_rate_at=("20:0.05",))
        >>> with_rate(options, 30, 0.2).learning_rate_at, with_rate(options, 20, 0.2).learning_rate_at
        (('20:0.05', '30:0.2'), ('20:0.2',))
    """
    if step == 0:
        return options.with_passed({"learning_rate": learning_rate})
    before = [text for text in options.learning_rate_at if int(text.partition(":")[0]) < step]
    return options.with_passed({"learning_rate_at": (*before, f"{step}:{learning_rate!r}")})


def _finish(plan: TrainingPlan, model: Any, folder: RunFolder, output: Output) -> None:
    output.write("evaluating")
    run = evaluate(model, plan, folder)
    run.write(folder)
    scores = {name: {k: _finite(v) for k, v in values.items()} for name, values in run.scores.items()}
    output.write("ended", is_complete=True, scores=scores)


def give_way() -> None:
    """Leave the page its part of the processor: it computes little, but must do so at once.

    Other programs come first, and one core is not used. The bits of a training do not depend on either.
    """
    os.nice(NICENESS)
    settings.threads = max(1, settings.threads - 1)


def main() -> int:
    """Train as the first line of the standard input requests; returns the exit code."""
    source, sink = sys.stdin, sys.stdout
    sys.stdout = sys.stderr  # what a library prints is no record
    line = source.readline()
    if not line:  # the studio ended before the training began
        return 0
    record = json.loads(line)
    give_way()
    commands, output = Commands(source), Output(sink)
    try:
        train(record, commands, output)
    except ChainruleError as error:
        output.write("failed", en=error_record(error, "en"), zh=error_record(error, "zh"))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
