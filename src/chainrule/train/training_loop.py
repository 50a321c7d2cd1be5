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
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

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
from chainrule.metrics import larger_is_better
from chainrule.nn.schedule import REDUCTIONS
from chainrule.train.callback.early_stopping import Decision, StoppingRule
from chainrule.train.checkpoint.training_identity import require_same_in_processes
from chainrule.train.member_graph import member_slices
from chainrule.train.monitor.probe import MIN_STEPS
from chainrule.train.objective import epoch_losses
from chainrule.train.private.private_updates import PrivateUpdates
from chainrule.train.step_execution import ALL
from chainrule.train.train_state import Row, Tensors, TrainState
from chainrule.train.training_run import TrainingRun

# Subnormal numbers in the state of a training, which are replaced by 0.
#
# An L2 penalty shrinks the weights of an inactive unit in each step, down to numbers below the smallest
# normal one (1.2e-38 in float32), and the moments of an optimizer decay in the same way. They no longer
# change any prediction, but processors compute with them 10 to 100 times slower (``python -m
# benchmarks.subnormal``). Arithmetic in which the processor itself replaces subnormal numbers by 0 was
# rejected, since operations are exact for them (the logarithm of 1e-40 is -92).

PERIOD = 256  # steps after which an epoch that ends replaces them; the search takes about as long as a step
GROUPS = ("parameters", "states", "slots")
DTYPES = (np.dtype(np.float32), np.dtype(np.float64))  # narrower ones need their subnormal numbers


def is_due(first: int, last: int) -> bool:
    """Return whether a multiple of ``PERIOD`` is among the steps after ``first``, up to ``last``.

    Example:
        >>> is_due(0, 255), is_due(0, 256), is_due(256, 300), is_due(500, 600)
        (False, True, False, True)
    """
    return last // PERIOD > first // PERIOD


def replace_subnormal(state: TrainState) -> bool:
    """Replace subnormal numbers by 0 in new arrays of a state; returns whether there were any."""
    is_changed = False
    for group in GROUPS:
        arrays: Tensors = getattr(state, group)
        changed = {name: _normal(a) for name, a in arrays.items() if a.dtype in DTYPES and _has_subnormal(a)}
        if changed:
            setattr(state, group, {**arrays, **changed})
            is_changed = True
    return is_changed


def _has_subnormal(array: np.ndarray) -> bool:
    return bool((_is_below(array) & (array != 0)).any())


def _normal(array: np.ndarray) -> np.ndarray:
    return np.where(_is_below(array), array.dtype.type(0), array)


def _is_below(array: np.ndarray) -> np.ndarray:
    """Return whether a number is smaller than the smallest normal one."""
    return np.abs(array) < np.finfo(array.dtype).tiny


def train_epochs(run: TrainingRun) -> str:
    """Train until all epochs are done, a rule stops the training, or a signal or a callback requests a stop.

    Args:
        run: the training; its state is updated.

    Returns:
        the reason why the training ended; see ``TrainingEnded``.

    Raises:
        TrainingError E632: processes of the training differ. E501: a value of the step is not finite; names
            the first operation that produced one.
            The state then contains the last finite parameters.
    """
    state = run.state
    with notices.deliver_to(run.channel):
        require_same_in_processes(run)
        run.begin()
        try:
            rows, steps = run.updates.rows, run.updates.steps
            run.send(TrainingStarted(rows, run.options.epochs, steps, run.network.count, state.step))
            reason = _epochs(run)
            run.updates.synchronize(state)
        except Exception as fault:
            run.updates.synchronize(state)
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
        if isinstance(run.updates, PrivateUpdates):
            run.updates.end(state)
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
        while run.updates.has_next(state):
            if run.interrupt.is_requested or run.is_stop_requested:
                return "interrupted" if run.interrupt.is_requested else "callback"
            if isinstance(run.updates, PrivateUpdates) and run.updates.is_spent(state):
                return "budget"
            if run.prober is not None and not run.prober.steps_until_due(state.step):
                _probe(run)
            _update(run)
            if time.monotonic() - run.saved_at >= run.options.save_every:
                _save(run)
        reason = _end_epoch(run)
    return reason or "epochs"


def _probe(run: TrainingRun, is_sent: bool = True) -> None:
    """Probe the network with the present parameters on the next batch; send the event if ``is_sent``."""
    state, prober = run.state, run.prober
    if prober is None or not prober.rows or state.batch >= run.order.steps:
        return
    rows = run.order.batch(state.epoch, state.batch)
    run.updates.synchronize(state)
    probe = prober.measure(state, lambda count: run.step.feed(run.data.take(rows[:count]), state, run.seed))
    if is_sent:
        run.send(ProbeDone(probe.step, probe.epoch, probe.values, probe.parts))


def _update(run: TrainingRun) -> None:
    """Make the next update, or as many as the engine makes in one call."""
    state, updates = run.state, run.updates
    epoch, first = state.epoch, state.step - state.batch  # updates before this epoch

    def report(batch: int, loss: float, learning_rate: float) -> bool:
        run.send(StepDone(first + batch + 1, epoch, batch, loss, learning_rate))
        return run.is_stop_requested

    max_steps = ALL if run.prober is None else run.prober.steps_until_due(state.step)
    if run.reporting == "every step":
        max_steps = 1
    is_reported = run.reporting == "each" and updates.reports_each
    is_last_epoch = epoch + 1 >= run.options.epochs
    last = updates.advance(state, report if is_reported else None, max_steps, is_last_epoch=is_last_epoch)
    if run.reporting == "every step":
        updates.synchronize(state)
    if last is not None:
        run.send(StepDone(state.step, epoch, state.batch - 1, *last))


def _end_epoch(run: TrainingRun) -> str:
    """Append the row of the epoch and evaluate the rules; returns the reason to stop, or ``""``."""
    state = run.state
    run.updates.synchronize(state)
    if is_due(state.step - state.batch, state.step) and replace_subnormal(state):
        run.updates.load(state)
    sums = {label: state.slots[label] for label in run.step.sums}
    losses = epoch_losses(run.model.targets, sums, float(run.updates.epoch_rows))
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
        run.updates.load(state)
    state.history.append(row)
    state.epoch, state.batch, state.loss_sum, state.weight_sum = state.epoch + 1, 0, 0.0, 0.0
    run.send(
        EpochDone(state.epoch, state.step, {k: math.nan if v is None else v for k, v in row.items()}, best)
    )
    return reason


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
    """Return the rule that ended this training before it was resumed; ``""``: none did."""
    return next((rule.name for rule in rules if state.watch.get(rule.name, {}).get("stop")), "")


def _save(run: TrainingRun) -> None:
    """Write a checkpoint, if the training has a run folder."""
    if run.save is None:
        return
    run.updates.synchronize(run.state)
    path = run.save(run.state)
    run.saved_at = time.monotonic()
    run.send(CheckpointSaved(path, run.state.step))
