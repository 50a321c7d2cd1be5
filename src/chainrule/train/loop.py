"""The training loop: forward, loss, backward, update, again (the article's steps 2 to 6).

Everything that is computed happens in the step's program; the loop only decides which batch is next, writes the
history, asks the stopping rules and saves. All that it knows is in ``TrainState``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from chainrule.data import Arrays, Order
from chainrule.engines import compile
from chainrule.engines.run import Program
from chainrule.events import Channel, CheckpointSaved, EpochDone, StepDone, TrainingEnded, TrainingStarted
from chainrule.train.interrupt import Interrupt, listening
from chainrule.train.nonfinite import blame
from chainrule.train.state import TrainState
from chainrule.train.step import Network, Step
from chainrule.train.stopping import StoppingRule

Judge = Callable[[TrainState], Mapping[str, float]]
Save = Callable[[TrainState], str]


@dataclass(frozen=True)
class Job:
    """What one call of ``fit`` asks for.

    Args:
        network: the graphs.
        data: the training rows; targets by the names of the step's inputs.
        order: which rows are in which batch.
        epochs: how many passes.
        seed: of first values and of each step's random numbers.
        rules: when to stop early.
        judge: from a state to further columns of an epoch's row (validation loss and metrics).
        save: writes a checkpoint and says where; ``None``: nothing is saved.
        save_every: at most this many seconds between checkpoints; they are written between two steps.
    """

    network: Network
    data: Arrays
    order: Order
    epochs: int
    seed: int = 0
    rules: Sequence[StoppingRule] = ()
    judge: Judge | None = None
    save: Save | None = None
    save_every: float = 5.0
    channel: Channel = field(default_factory=Channel)


@dataclass
class _Run:
    """What the loop holds while it runs, besides the state."""

    job: Job
    step: Step
    program: Program
    state: TrainState
    interrupt: Interrupt
    saved: float = field(default_factory=time.monotonic)
    asked: bool = False

    def tell(self, event: object) -> None:
        self.asked |= self.job.channel.send(event)  # pyright: ignore[reportArgumentType]


def train(job: Job, step: Step, state: TrainState) -> TrainState:
    """Train until the epochs are done, a rule says stop, or someone asks to.

    Args:
        job: what is asked for.
        step: the step's graph.
        state: where to begin; it is changed.

    Fails:
        TrainingError E501: the loss is no finite number; names the first operation whose value was not. The state
            then holds the last good parameters.
    """
    with listening() as interrupt:
        run = _Run(job, step, compile(step.graph, job.network.engine), state, interrupt)
        run.tell(TrainingStarted(job.data.rows, job.epochs, job.order.steps, job.network.count, state.step))
        reason = _until_stopped(run)
        if job.save is not None:
            _save(run)
        best = _best_epoch(job.rules, state)
        run.tell(TrainingEnded(reason, state.epoch, state.step, best))
    return state


def _until_stopped(run: _Run) -> str:
    """Steps and epochs until one of the reasons to stop holds; the reason."""
    state, job = run.state, run.job
    stopped = _stopped_before(job.rules, state)
    while not stopped and state.epoch < job.epochs:
        while state.batch < job.order.steps:
            if run.interrupt.asked or run.asked:
                return "interrupted" if run.interrupt.asked else "callback"
            _one_step(run)
            if job.save is not None and time.monotonic() - run.saved >= job.save_every:
                _save(run)
        stopped = _end_epoch(run)
    return stopped or "epochs"


def _one_step(run: _Run) -> None:
    """One update: the next batch through the step's program."""
    state, job = run.state, run.job
    batch = job.data.take(job.order.batch(state.epoch, state.batch))
    arrays = feed(batch, state, run.step, job.seed)
    results = run.program.run(arrays)
    loss = float(results["loss"])
    if not math.isfinite(loss):
        raise blame(run.step.graph, arrays, state, batch.rows)
    for name, value in results.items():
        group, _, path = name.partition(".")
        if group in ("parameter", "slot", "state"):
            getattr(state, f"{group}s")[path] = value
    weight = float(batch.weights.sum(dtype=np.float64)) if batch.weights is not None else float(batch.rows)
    state.loss_sum += loss * weight
    state.weight_sum += weight
    done = StepDone(state.step + 1, state.epoch, state.batch, loss, float(results["rate"]))
    state.step += 1
    state.batch += 1
    run.tell(done)


def feed(batch: Arrays, state: TrainState, step: Step, seed: int) -> dict[str, np.ndarray]:
    """The arrays a step's program needs, by input name."""
    inputs = batch.x if isinstance(batch.x, dict) else {"x": batch.x}
    targets = batch.y if isinstance(batch.y, dict) else {"target": batch.y}
    arrays = {**inputs, **targets, **state.parameters, **state.states, **state.slots, **step.key(seed, state.step)}
    if batch.weights is not None:
        arrays["weight"] = batch.weights
    return {**arrays, "step": np.array(state.step, np.int64)}  # pyright: ignore[reportReturnType]


def _end_epoch(run: _Run) -> str:
    """Write the epoch's row, ask the rules, begin the next epoch; the reason to stop, or ``""``."""
    state, job = run.state, run.job
    row: dict[str, float | None] = {"epoch": state.epoch + 1, "loss": state.loss_sum / max(state.weight_sum, 1e-300)}
    if job.judge is not None:
        row.update({key: v if math.isfinite(v) else None for key, v in job.judge(state).items()})
    reason, best = "", False
    for rule in job.rules:
        verdict = rule.judge(state.watch.get(rule.name, {}), row)
        state.watch[rule.name] = verdict.counters
        if verdict.best and rule.keeps_best:
            state.keep_best()
            best = True
        if verdict.stop:
            state.watch[rule.name]["stop"] = 1
            reason = reason or rule.name
    state.history.append(row)
    state.epoch, state.batch, state.loss_sum, state.weight_sum = state.epoch + 1, 0, 0.0, 0.0
    run.tell(EpochDone(state.epoch, state.step, {k: math.nan if v is None else v for k, v in row.items()}, best))
    return reason


def _stopped_before(rules: Sequence[StoppingRule], state: TrainState) -> str:
    """The rule that had ended this training before it was resumed, if one had."""
    return next((rule.name for rule in rules if state.watch.get(rule.name, {}).get("stop")), "")


def _best_epoch(rules: Sequence[StoppingRule], state: TrainState) -> int | None:
    for rule in rules:
        found = state.watch.get(rule.name, {}).get("epoch")
        if rule.keeps_best and found is not None:
            return int(found)
    return None


def _save(run: _Run) -> None:
    assert run.job.save is not None
    path = run.job.save(run.state)
    run.saved = time.monotonic()
    run.tell(CheckpointSaved(path, run.state.step))


