"""The training loop: forward, loss, backward, update, again (the article's steps 2 to 6).

Everything that is computed happens in the step's program; the loop only decides which batch is next, writes
the history, asks the stopping rules and saves. All that it knows is in ``TrainState``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.data import Arrays, Buckets, Order
from chainrule.engines import compile
from chainrule.engines.dispatch import Program
from chainrule.errors import ChainruleError, FileError
from chainrule.events import (
    Channel,
    CheckpointSaved,
    EpochDone,
    Event,
    ProbeDone,
    StepDone,
    TrainingEnded,
    TrainingFailed,
    TrainingStarted,
    notices,
)
from chainrule.nn.schedule import REDUCTIONS
from chainrule.records import frozen
from chainrule.train import nonfinite
from chainrule.train.evaluation.evaluate import Judge
from chainrule.train.evaluation.metric import larger_is_better
from chainrule.train.inputs.augment import Augmenting
from chainrule.train.inputs.sequence_trimming import Cutting
from chainrule.train.interrupt import Interrupt, listening
from chainrule.train.monitor.probe import Prober
from chainrule.train.multi_step import Stretches, stretches
from chainrule.train.nonfinite.check import is_finite
from chainrule.train.nonfinite.context import Laid, Scene
from chainrule.train.nonfinite.recorder import Recorder
from chainrule.train.objective import SAMPLE_WEIGHT, RowWeights
from chainrule.train.state import Row, Tensors, TrainState
from chainrule.train.step import Network, Step
from chainrule.train.stopping import StoppingRule

Save = Callable[[TrainState], str]


@frozen
class Job:
    """What one call of ``fit`` asks for.

    Args:
        network: the graphs.
        data: the training rows; targets by the names of the step's inputs.
        order: which rows are in which batch.
        epochs: how many passes.
        seed: of first values and of each step's random numbers.
        rules: when to stop early.
        judge: measures the validation rows after each epoch.
        save: writes a checkpoint and says where; ``None``: nothing is saved.
        save_every: at most this many seconds between checkpoints; they are written between two steps.
        renewal: writes the rows of ``data`` anew before each epoch; ``None``: they stay as they are.
        cutting: cuts each batch to its length; ``None``: all are as long as the rows of ``data``.
        prober: looks into the net at some of the steps.
    """

    network: Network
    data: Arrays
    order: Order | Buckets
    epochs: int
    seed: int = 0
    rules: Sequence[StoppingRule] = ()
    judge: Judge | None = None
    save: Save | None = None
    save_every: float = 5.0
    channel: Channel = field(default_factory=Channel)
    renewal: Augmenting | None = None
    cutting: Cutting | None = None
    prober: Prober | None = None

    @cached_property
    def counts(self) -> RowWeights:
        """How much each row counts in the mean of an epoch's losses."""
        return RowWeights(self.network, self.data, self.renewal is not None)


@dataclass
class _Run:
    """What the loop holds while it runs, besides the state."""

    job: Job
    step: Step
    program: Program
    state: TrainState
    interrupt: Interrupt
    recorder: Recorder
    fast: Stretches | None = None
    saved: float = field(default_factory=time.monotonic)
    asked: bool = False

    @cached_property
    def names(self) -> tuple[dict[str, str], ...]:
        """The step's outputs that are new parameters, slots and states: by path, each the output's name."""
        outputs = self.step.graph.outputs
        return tuple(
            {name.removeprefix(group): name for name in outputs if name.startswith(group)}
            for group in ("parameter.", "slot.", "state.")
        )

    def tell(self, event: Event) -> None:
        """Tell all listeners; one of them may ask to stop."""
        self.asked |= self.job.channel.send(event)


def train(job: Job, step: Step, state: TrainState) -> str:
    """Train until the epochs are done, a rule says stop, or someone asks to.

    Args:
        job: what is asked for.
        step: the step's graph.
        state: where to begin; it is changed.

    Returns:
        why it ended; see ``TrainingEnded``.

    Fails:
        TrainingError E501: a number of the step is not finite; names the first operation that gave one. The
            state then holds the last good parameters.
    """
    with listening() as interrupt, notices.deliver_to(job.channel):
        fast = None
        if isinstance(job.order, Order) and job.cutting is None:
            fast = stretches(step, job.data, job.order, job.seed, state, job.counts, job.network.engine)
        program, recorder = compile(step.graph, job.network.engine), Recorder(state)
        run = _Run(job, step, program, state, interrupt, recorder, fast)
        try:
            run.tell(
                TrainingStarted(job.data.rows, job.epochs, job.order.steps, job.network.count, state.step)
            )
            reason = _until_stopped(run)
        except Exception as fault:
            # The state is whole: a step changes it at its end. A second Ctrl-C, which is no Exception, does
            # not wait.
            with suppress(ChainruleError):
                _look(run, is_told=False)
                run.tell(TrainingFailed(state.epoch, state.step, str(fault)))
            with suppress(FileError):
                _save(run)
            raise
        if reason != "interrupted":
            _look(run)
        _save(run)
        run.tell(TrainingEnded(reason, state.epoch, state.step, _best_epoch(job.rules, state)))
    return reason


def _until_stopped(run: _Run) -> str:
    """Steps and epochs until one of the reasons to stop holds; the reason."""
    state, job = run.state, run.job
    stopped = _stopped_before(job.rules, state)
    while not stopped and state.epoch < job.epochs:
        if job.renewal is not None:
            job.renewal(state.epoch)
        while state.batch < job.order.steps:
            if run.interrupt.asked or run.asked:
                return "interrupted" if run.interrupt.asked else "callback"
            if not _steps_to_probe(run):
                _look(run)
            _advance(run)
            if time.monotonic() - run.saved >= job.save_every:
                _save(run)
        stopped = _end_epoch(run)
    return stopped or "epochs"


def _steps_to_probe(run: _Run) -> int:
    prober = run.job.prober
    return 2**62 if prober is None else prober.waits(run.state.step)


def _look(run: _Run, is_told: bool = True) -> None:
    """Take a probe of the state that stands, on the batch that comes next; tell it, or only keep it."""
    state, job, prober = run.state, run.job, run.job.prober
    if prober is None or not prober.rows or state.batch >= job.order.steps:
        return
    rows = job.order.batch(state.epoch, state.batch)
    probe = prober.look(state, lambda count: feed(job.data.take(rows[:count]), state, run.step, job.seed))
    if is_told:
        run.tell(ProbeDone(probe.step, probe.epoch, probe.values, probe.parts))


def _advance(run: _Run) -> None:
    """The next step, or as many as the engine makes in one stretch."""
    state, fast = run.state, run.fast
    run.recorder.begin(state)
    if fast is None:
        _one_step(run)
        return
    first = state.step - state.batch  # the number of updates before this epoch
    epoch, is_told_last = state.epoch, run.job.channel.last_step_only
    if run.job.channel.every_step:  # then the state is brought up to date before the step is told
        fast.length, is_told_last = 1, True

    def tell(batch: int, loss: float, rate: float) -> bool:
        run.tell(StepDone(first + batch + 1, epoch, batch, loss, rate))
        return run.asked

    failed = fast.advance(state, None if is_told_last else tell, _steps_to_probe(run), run.recorder.let_go)
    run.recorder.tell(state, fast.told)
    if failed:
        _one_step(run)  # the law says which number went wrong, and where; if none did, the step is made
        fast.take(state)
    elif is_told_last:
        run.tell(StepDone(state.step, epoch, state.batch - 1, *fast.told[-1].tolist()))


def _one_step(run: _Run) -> None:
    """One update: the next batch through the step's program."""
    state = run.state
    laid, program = _laid(run, state)
    results = program.run(laid.arrays)
    if not all(map(is_finite, results.values())):
        replay = None if run.fast is None else run.fast.replay
        raise nonfinite.blame(
            Scene(
                state, run.recorder, lambda known: _laid(run, known)[0], replay, results,
                run.job.network.engine, run.job.renewal is not None,
            )
        )  # fmt: skip
    # New tables replace the old ones: whoever holds those, as early stopping may, keeps what it held.
    parameters, slots, states = ({path: results[name] for path, name in names.items()} for names in run.names)
    state.parameters, state.slots, state.states = (
        {**state.parameters, **parameters}, {**state.slots, **slots}, {**state.states, **states}
    )  # fmt: skip
    counts = run.job.counts(state.epoch)
    weight = float(len(laid.rows)) if counts is None else float(counts[laid.rows].sum(dtype=np.float64))
    loss, rate = float(results["loss"]), float(results["rate"])
    state.loss_sum += loss * weight
    state.weight_sum += weight
    state.step += 1
    state.batch += 1
    run.recorder.tell(state, np.array([[loss, rate]]))
    run.tell(StepDone(state.step, state.epoch, state.batch - 1, loss, rate))


def _laid(run: _Run, state: TrainState) -> tuple[Laid, Program]:
    """The update that comes after a state, and the program that makes it."""
    job = run.job
    rows = job.order.batch(state.epoch, state.batch)
    batch, step, program = job.data, run.step, run.program
    if job.cutting is None:
        batch = batch.take(rows)
    else:
        batch, step, program = job.cutting(batch, rows)
    return Laid(step, feed(batch, state, step, job.seed), np.asarray(rows)), program


def feed(batch: Arrays, state: TrainState, step: Step, seed: int) -> Tensors:
    """The arrays a step's program needs, by input name."""
    inputs = batch.x if isinstance(batch.x, dict) else {"x": batch.x}
    targets = batch.y if isinstance(batch.y, dict) else {"target": batch.y}
    arrays: Any = {**inputs, **targets, **state.parameters, **state.states, **state.slots}
    if batch.weights is not None:
        arrays[SAMPLE_WEIGHT] = batch.weights
    return {**arrays, **step.key(seed, state.step), "step": np.array(state.step, np.int64)}


def _end_epoch(run: _Run) -> str:
    """Write the epoch's row, ask the rules, begin the next epoch; the reason to stop, or ``""``."""
    state, job = run.state, run.job
    row: Row = {"epoch": state.epoch + 1, "loss": state.loss_sum / state.weight_sum}
    answering = run.step.answering(state.parameters, state.slots, state.step)
    if job.judge is not None:
        measured = job.judge({**answering, **state.states})
        row.update({f"val_{key}": v if math.isfinite(v) else None for key, v in measured.items()})
    verdicts = {rule.name: rule.judge(state.watch.get(rule.name, {}), row) for rule in job.rules}
    best = any(verdicts[rule.name].best for rule in job.rules if rule.keeps_best)
    if best:
        state.keep_best(answering)
    reason = next((name for name, verdict in verdicts.items() if verdict.stop), "")
    watch = state.watch
    state.watch = {
        name: {**verdict.counters, "stop": 1} if verdict.stop else verdict.counters
        for name, verdict in verdicts.items()
    }
    _lower_rate(run, row, watch)
    state.history.append(row)
    state.epoch, state.batch, state.loss_sum, state.weight_sum = state.epoch + 1, 0, 0.0, 0.0
    run.tell(
        EpochDone(state.epoch, state.step, {k: math.nan if v is None else v for k, v in row.items()}, best)
    )
    return reason


def _lower_rate(run: _Run, row: Row, watch: Mapping[str, Any]) -> None:
    """Let a schedule that looks at the training judge an epoch; what it decides is one of the slots."""
    plateau, state = run.step.plateau, run.state
    if plateau is None:
        return
    counters = plateau.judge(watch.get(REDUCTIONS, {}), row, larger_is_better(plateau.monitor))
    state.watch = {**state.watch, REDUCTIONS: counters}
    before = state.slots[REDUCTIONS]
    state.slots = {**state.slots, REDUCTIONS: np.array(counters["reductions"], before.dtype)}
    if run.fast is not None:
        run.fast.take(state)


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
    """Write a checkpoint, where checkpoints are wanted."""
    if run.job.save is None:
        return
    path = run.job.save(run.state)
    run.saved = time.monotonic()
    run.tell(CheckpointSaved(path, run.state.step))
