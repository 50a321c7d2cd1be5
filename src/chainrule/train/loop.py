"""The training loop: forward pass, loss, backward pass and update, batch by batch and epoch by epoch.

All numerical work is done by the step's compiled program. The loop selects the batches, appends the rows of
the history, evaluates the stopping rules and saves checkpoints::

    while epochs are left and no rule stops:
        augment the rows of this epoch
        for each batch of the epoch:
            stop if a signal or a callback requests it
            probe the network, if a probe is due
            update the parameters (several batches in one call where the engine supports it)
            save a checkpoint, if one is due
        evaluate the validation rows; append the row of the history; evaluate the stopping rules
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from chainrule.engines.dispatch import Program
from chainrule.errors import ChainruleError, FileError
from chainrule.events import (
    CheckpointSaved,
    EpochDone,
    ProbeDone,
    StepDone,
    TrainingEnded,
    TrainingFailed,
    TrainingStarted,
    notices,
)
from chainrule.nn.schedule import REDUCTIONS
from chainrule.train import nonfinite
from chainrule.train.evaluation.metric import larger_is_better
from chainrule.train.interrupt import handle_signals
from chainrule.train.member_graph import member_slices
from chainrule.train.monitor.probe import MIN_STEPS
from chainrule.train.nonfinite.check import is_finite
from chainrule.train.nonfinite.failed_step import FailedStep, StepInputs
from chainrule.train.objective import epoch_losses
from chainrule.train.private.private_steps import PrivateSteps
from chainrule.train.state import Row, Tensors, TrainState
from chainrule.train.stopping import Decision, StoppingRule
from chainrule.train.subnormal import is_due, replace_subnormal
from chainrule.train.training_run import BatchUpdates, TrainingRun


def train_epochs(run: TrainingRun) -> str:
    """Train until all epochs are done, a rule stops the training, or a signal or a callback requests a stop.

    Args:
        run: the training; its state is updated.

    Returns:
        the reason why the training ended; see ``TrainingEnded``.

    Raises:
        TrainingError E501: a value of the step is not finite; names the first operation that produced one.
            The state then contains the last finite parameters.
    """
    state = run.state
    with handle_signals() as run.interrupt, notices.deliver_to(run.channel):
        run.begin()
        try:
            run.send(
                TrainingStarted(run.rows, run.options.epochs, run.epoch_steps, run.network.count, state.step)
            )
            reason = _epochs(run)
            run.synchronize()
        except Exception as fault:
            run.synchronize()
            # The state is consistent here: an update replaces all of it at once. The KeyboardInterrupt of a
            # second Ctrl-C is no Exception and is not caught.
            with suppress(ChainruleError):
                _probe(run, is_sent=False)
                run.send(TrainingFailed(state.epoch, state.step, fault))
            with suppress(FileError):
                _save(run)
            raise
        if reason != "interrupted" and state.step >= MIN_STEPS:
            _probe(run)
        _save(run)
        if run.account is not None:  # steps that were accounted for in advance and not made
            run.account(state.step + run.discarded)
        facts = run.training_facts(reason)
        run.send(TrainingEnded(reason, state.epoch, state.step, facts.best_epoch, facts.member_epochs))
    return reason


def _epochs(run: TrainingRun) -> str:
    """Run updates and epochs until there is a reason to stop; returns the reason."""
    state = run.state
    reason = _stopped_before(run.rules, state)
    while not reason and state.epoch < run.options.epochs:
        if run.augmentation is not None:
            run.augmentation(state.epoch)
        while run.has_next_batch:
            if run.interrupt.is_requested or run.is_stop_requested:
                return "interrupted" if run.interrupt.is_requested else "callback"
            if run.is_budget_spent:
                return "budget"
            if not _steps_to_probe(run):
                _probe(run)
            _update(run)
            if time.monotonic() - run.saved_at >= run.options.save_every:
                _save(run)
        reason = _end_epoch(run)
    return reason or "epochs"


def _steps_to_probe(run: TrainingRun) -> int:
    return 2**62 if run.prober is None else run.prober.steps_until_due(run.state.step)


def _probe(run: TrainingRun, is_sent: bool = True) -> None:
    """Probe the network with the present parameters on the next batch; send the event if ``is_sent``."""
    state, prober = run.state, run.prober
    if prober is None or not prober.rows or state.batch >= run.order.steps:
        return
    rows = run.order.batch(state.epoch, state.batch)
    probe = prober.measure(state, lambda count: run.step.feed(run.data.take(rows[:count]), state, run.seed))
    if is_sent:
        run.send(ProbeDone(probe.step, probe.epoch, probe.values, probe.parts))


def _update(run: TrainingRun) -> None:
    """Make the next update, or as many as the engine makes in one call."""
    if run.private_steps is not None:
        _update_privately(run, run.private_steps)
        return
    if run.batches is not None:
        _update_from_batches(run, run.batches)
        return
    state, runner = run.state, run.runner
    run.recorder.begin(state)
    if runner is None:
        _update_once(run)
        return
    first = state.step - state.batch  # updates before this epoch
    epoch, sends_last = state.epoch, run.channel.last_step_only
    if run.channel.every_step:  # one step for each call, so that the state is current when the event is sent
        runner.length, sends_last = 1, True

    def report(batch: int, loss: float, learning_rate: float) -> bool:
        run.send(StepDone(first + batch + 1, epoch, batch, loss, learning_rate))
        return run.is_stop_requested

    failed = runner.advance(
        state, None if sends_last else report, _steps_to_probe(run), run.recorder.release_oldest,
        is_last_epoch=state.epoch + 1 >= run.options.epochs,
    )  # fmt: skip
    run.recorder.record(state, runner.reported)
    if failed:
        _update_once(run)  # raises the error that names the non-finite value, or makes the update
        runner.load(state)
    elif sends_last:
        run.send(StepDone(state.step, epoch, state.batch - 1, *runner.reported[-1].tolist()))


def _update_privately(run: TrainingRun, steps: PrivateSteps) -> None:
    """Make one private update; its loss is not released."""
    learning_rate = steps.advance(run.state, run.discarded, run.account)
    run.send(StepDone(run.state.step, run.state.epoch, run.state.batch - 1, math.nan, learning_rate))


def _update_from_batches(run: TrainingRun, batches: BatchUpdates) -> None:
    """Make the update on the next batch of an iterable."""
    state = run.state
    loss, learning_rate = batches.advance(state)
    if run.channel.every_step:
        run.synchronize()
    run.send(StepDone(state.step, state.epoch, state.batch - 1, loss, learning_rate))


def _update_once(run: TrainingRun) -> None:
    """Make one update by the step's program."""
    state = run.state
    inputs, program = _step_inputs(run, state)
    results = program.run(inputs.arrays)
    if not all(map(is_finite, results.values())):
        raise nonfinite.failed_step_error(_failed_step(run, results))
    # New dictionaries replace the old ones, which early stopping may still refer to.
    parameters, slots, states = (
        {path: results[name] for path, name in names.items()} for names in run.outputs
    )
    state.parameters, state.slots, state.states = (
        {**state.parameters, **parameters}, {**state.slots, **slots}, {**state.states, **states}
    )  # fmt: skip
    counts = run.row_weights(state.epoch)
    weight = float(len(inputs.rows)) if counts is None else float(counts[inputs.rows].sum(dtype=np.float64))
    loss, learning_rate = float(results["loss"]), float(results["learning_rate"])
    state.loss_sum += loss * weight
    state.weight_sum += weight
    state.step += 1
    state.batch += 1
    run.recorder.record(state, np.array([[loss, learning_rate]]))
    run.send(StepDone(state.step, state.epoch, state.batch - 1, loss, learning_rate))


def _step_inputs(run: TrainingRun, state: TrainState) -> tuple[StepInputs, Program]:
    """The inputs of the update that follows a state, and its program."""
    rows = run.order.batch(state.epoch, state.batch)
    batch, step, program = run.data, run.step, run.program
    if run.trimming is None:
        batch = batch.take(rows)
    else:
        batch, step, program = run.trimming(batch, rows)
    return StepInputs(step, step.feed(batch, state, run.seed), np.asarray(rows)), program


def _failed_step(run: TrainingRun, results: Mapping[str, np.ndarray]) -> FailedStep:
    """What the search for the origin of a value that is not finite needs."""
    replay: Callable[[TrainState, int], TrainState] | None = None if run.runner is None else run.runner.replay
    return FailedStep(
        run.state, run.recorder, lambda state: _step_inputs(run, state)[0], replay, results,
        run.network.engine, run.augmentation is not None,
    )  # fmt: skip


def _end_epoch(run: TrainingRun) -> str:
    """Append the row of the epoch and evaluate the rules; returns the reason to stop, or ``""``."""
    state = run.state
    run.synchronize()
    _replace_subnormal(run)
    sums = {label: state.slots[label] for label in run.step.sums}
    losses = epoch_losses(run.model.targets, sums, float(run.epoch_rows))
    loss = None if run.mechanism is not None else state.loss_sum / state.weight_sum
    row: Row = {"epoch": state.epoch + 1, "loss": loss, **losses}
    predicting = run.predicting_parameters()
    if run.evaluator is not None:
        measured = run.evaluator({**predicting, **state.states})
        row.update({f"val_{key}": v if math.isfinite(v) else None for key, v in measured.items()})
    decisions = {rule.name: rule.update(state.watch.get(rule.name, {}), row) for rule in run.rules}
    best = _keep_best(run, [decisions[rule.name] for rule in run.rules if rule.keeps_best], predicting)
    reason = next((name for name, decision in decisions.items() if decision.stop), "")
    watch = state.watch
    state.watch = {
        name: {**decision.counters, "stop": 1} if decision.stop else decision.counters
        for name, decision in decisions.items()
    }
    _reduce_rate(run, row, watch)
    state.slots = {**state.slots, **run.step.initial_sums()}
    if run.step.sums or run.step.plateau is not None:
        run.reload()
    state.history.append(row)
    state.epoch, state.batch, state.loss_sum, state.weight_sum = state.epoch + 1, 0, 0.0, 0.0
    run.send(
        EpochDone(state.epoch, state.step, {k: math.nan if v is None else v for k, v in row.items()}, best)
    )
    return reason


def _replace_subnormal(run: TrainingRun) -> None:
    """Replace subnormal numbers in the state by 0, if that is due at the end of this epoch."""
    state = run.state
    if is_due(state.step - state.batch, state.step) and replace_subnormal(state):
        run.reload()


def _keep_best(run: TrainingRun, decisions: Sequence[Decision], predicting: Tensors) -> bool:
    """Store the present parameters if this epoch is the best one, of an ensemble those of each member."""
    best = [decision for decision in decisions if decision.best]
    members = next((decision.members for decision in best if decision.members), ())
    if members:
        run.state.keep_best_members(predicting, members, member_slices(run.network))
    elif best:
        run.state.keep_best(predicting)
    return bool(best)


def _reduce_rate(run: TrainingRun, row: Row, watch: Mapping[str, Any]) -> None:
    """Update the state of a schedule that monitors a column of the history, such as ``ReduceOnPlateau``."""
    plateau, state = run.step.plateau, run.state
    if plateau is None:
        return
    counters = plateau.update(watch.get(REDUCTIONS, {}), row, larger_is_better(plateau.monitor))
    state.watch = {**state.watch, REDUCTIONS: counters}
    before = state.slots[REDUCTIONS]
    state.slots = {**state.slots, REDUCTIONS: np.array(counters["reductions"], before.dtype)}


def _stopped_before(rules: Sequence[StoppingRule], state: TrainState) -> str:
    """The rule that ended this training before it was resumed; ``""``: none did."""
    return next((rule.name for rule in rules if state.watch.get(rule.name, {}).get("stop")), "")


def _save(run: TrainingRun) -> None:
    """Write a checkpoint, if the training has a run folder."""
    if run.save is None:
        return
    path = run.save(run.state)
    run.saved_at = time.monotonic()
    run.send(CheckpointSaved(path, run.state.step))
