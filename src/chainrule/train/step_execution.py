"""The update core: batches and arrays go into the compiled step, results that are finite come back.

``Updater`` binds the graph of a step to arrays. The engine executes several updates in one call where it has
a compiled loop for the step, and one at a time elsewhere; both have the same results. All trainings use it::

    fit on rows in memory, replay                    RowUpdates      -+
    trainer.step, partial_fit, fit on an iterable    Trainer         -+-> Updater -> engine
    private training                                 PrivateUpdates  -+

``RowUpdates`` makes the updates of ``fit``, several in one call. A call takes about 0.1 s, so that Ctrl-C and
the progress bar respond quickly; the result of a training does not depend on the lengths of the calls. Where
a call should have ended earlier (a listener of every step requests a stop, a value is not finite), it is
repeated: the arrays of the state, which are still those from before the call, are copied to the engine
again, and it executes the right number of steps.

An engine with a compiled loop changes its arrays in place, so the state receives copies after each call.
An engine that keeps its arrays on a device is read less often: each second, at the end of an epoch, and where
something reads the state. Where a call fails in between, the updates since the last copy are repeated.
After the last step of a training the engine is not needed any more, and the state receives the arrays
themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial, reduce
from operator import add
from typing import Any, NamedTuple, Protocol

import numpy as np

from chainrule.data import Arrays, Buckets, Order
from chainrule.data.batches.arrays import RowView, restore_rows
from chainrule.prng import KEY, fold, folds, key_of
from chainrule.train import nonfinite
from chainrule.train.inputs.sequence_trimming import SequenceTrimming
from chainrule.train.network import Network
from chainrule.train.nonfinite.failed_step_replay import FailedStep, Recorder, StepInputs
from chainrule.train.nonfinite.finite_check import is_finite
from chainrule.train.objective import RowWeights
from chainrule.train.shared_parameters import Block
from chainrule.train.step_graph import EACH_STEP, GROUPS, Step, by_name
from chainrule.train.train_state import Tensors, TrainState

TARGET_SECONDS = 0.1  # duration of one call of the engine
STORE_SECONDS = 1.0  # of calls after which arrays that the engine keeps on a device are copied to the state
ALL = 2**62  # more steps than any training makes
NO_KEYS = np.zeros((0, 2), np.uint32)

Report = Callable[[int, float, float], bool]
"""Receives the number of a batch in its epoch, its loss and its learning rate; returns whether to stop."""


class Counters(NamedTuple):
    """The numbers of a state that change with every step, without its arrays, which may be large."""

    step: int
    batch: int
    loss_sum: float
    weight_sum: float

    @classmethod
    def of(cls, state: TrainState) -> Counters:
        """Return the counters of a state."""
        return cls(state.step, state.batch, state.loss_sum, state.weight_sum)


class Updater:
    """Updates of arrays.

    Args:
        step: the graph of one update.
        data: the arrays that batches are gathered from, rows first, by the names of the step's inputs.
        arrays: all other inputs of the step by label; updates change them.
        seed: the seed of each step's random numbers.
        engine: the name of the engine; ``None``: that of the settings.
        blocks: the memory of all arrays, to which updates write; ``None``: an update may replace an array of
            ``arrays`` by a new one.
        trimming: trims each batch to its longest sequence; ``None``: batches are as long as ``data``.
        changes: whether ``data`` changes between updates.
    """

    def __init__(
        self,
        step: Step,
        data: Tensors,
        arrays: Tensors,
        seed: int,
        engine: str | None,
        blocks: Sequence[np.ndarray] | None = None,
        trimming: SequenceTrimming | None = None,
        *,
        changes: bool = True,
    ) -> None:
        self.step, self.data, self.arrays, self.seed, self.engine = step, data, arrays, seed, engine
        self._blocks, self._trimming = blocks, trimming
        self._stream = fold(key_of(seed), EACH_STEP) if KEY in step.graph.inputs else None
        self._labels = {
            group: [label for name, label in step.homes.items() if name.startswith(prefix)]
            for prefix, group in GROUPS.items()
        }
        self._first_rows: dict[int, np.ndarray] = {}
        self._stored: Tensors = {}  # the arrays of a state that are equal to those of the same labels here
        self.loop = None
        if trimming is None:
            self.loop = step.program.trainer(data, dict(arrays), engine, changes=changes)
        self._is_in_place = self.loop is not None or blocks is not None
        self._programs = {} if self.loop is not None else {id(step): step.program.single(engine)}

    def run(self, rows: np.ndarray, size: int, first: int, count: int, number: int) -> tuple[np.ndarray, int]:
        """Make updates on consecutive batches.

        Args:
            rows: row numbers of ``data``, int64; batch i is ``rows[i * size : (i + 1) * size]``.
            size: the number of rows of a batch.
            first: the number of the first batch.
            count: the number of updates; 1 where the engine has no loop.
            number: the number of updates so far.

        Returns:
            loss and learning rate of each update, (count, 2); and 0, or the number (from 1) of the update
            whose result is not finite, which changed nothing. ``is_finite`` completes the check.
        """
        self._forget_stored()
        if self.loop is None:
            results, is_good = self.run_once(rows[first * size : (first + 1) * size], number)
            return loss_and_rate(results), int(not is_good)
        keys = NO_KEYS if self._stream is None else folds(self._stream, np.arange(number, number + count))
        return self.loop.run(rows, size, first, count, number, keys)

    def run_first(self, count: int, number: int) -> tuple[np.ndarray, bool]:
        """Make an update on the first ``count`` rows of ``data``; returns loss and learning rate, (1, 2), and
        whether all values are finite."""
        self._forget_stored()
        if self.loop is None:
            results, is_good = self.run_once(slice(count), number)
            return loss_and_rate(results), is_good
        if count not in self._first_rows:  # one array for each size, which the engine recognizes
            self._first_rows[count] = np.arange(count)
        keys = NO_KEYS if self._stream is None else folds(self._stream, np.array([number]))
        reported, failed = self.loop.run(self._first_rows[count], count, 0, 1, number, keys)
        return reported, not failed and self.is_finite()

    def run_once(self, rows: np.ndarray | slice, number: int) -> tuple[Tensors, bool]:
        """Make one update on ``rows`` by the step's program; returns the outputs, and whether all are finite.

        If not, nothing changes.
        """
        step, inputs = self.feed(rows, number)
        program = self._programs.get(id(step))  # the steps of all lengths are kept by ``trimming``
        if program is None:
            program = self._programs[id(step)] = step.program.single(self.engine)
        results = program.run(inputs)
        if not all(map(is_finite, results.values())):
            return results, False
        for name, label in step.homes.items():
            if self._is_in_place:
                self.arrays[label][...] = results[name]
            else:  # the former array may belong to a state
                self.arrays[label] = results[name]
        self._forget_stored()
        self.push(step.homes.values())
        return results, True

    def is_finite(self) -> bool:
        """Return whether all arrays are finite after an update; without the loop no others change."""
        if self.loop is None:
            return True
        if self.loop.keeps_state:
            return self.loop.is_finite()
        blocks = self._blocks or [self.arrays[label] for label in self.step.homes.values()]
        return all(map(is_finite, blocks))

    def feed(
        self, rows: np.ndarray | slice, number: int, arrays: Tensors | None = None
    ) -> tuple[Step, Tensors]:
        """Return the step for a batch, and its inputs by name.

        Args:
            rows: the rows of the batch in ``data``.
            number: the number of updates so far.
            arrays: parameters, states and slots by label; ``None``: the present ones.
        """
        batch, step = {name: array[rows] for name, array in self.data.items()}, self.step
        if self._trimming is not None:
            batch, step = self._trimming(batch, rows)
        if arrays is None:
            self.pull()
        return step, step.inputs(batch, self.arrays if arrays is None else arrays, number, self.seed)

    def gradients(self, rows: np.ndarray | slice, number: int, arrays: Tensors | None = None) -> Tensors:
        """Return the gradient of each parameter on a batch, not trimmed, after clipping; see ``feed``."""
        batch = {name: array[rows] for name, array in self.data.items()}
        if arrays is None:
            self.pull()
        inputs = self.step.inputs(batch, self.arrays if arrays is None else arrays, number, self.seed)
        return self.step.gradient_values(inputs, self.engine)

    def pull(self) -> None:
        """Make the arrays current, where an engine keeps them on a device."""
        if self.loop is not None:
            self.loop.pull()

    def push(self, labels: Iterable[str]) -> None:
        """Have the engine read these arrays again, which were changed."""
        if self.loop is not None:
            self.loop.push(labels)

    def replace_data(self, data: Tensors) -> None:
        """Gather batches from other arrays, of the same names and forms of rows."""
        self.data = data
        if self.loop is not None:
            self.loop.replace_data(data)

    def load(self, state: TrainState) -> None:
        """Set the arrays to those of a state; one that the last ``store`` set is not copied again."""
        for group in GROUPS.values():
            arrays: Tensors = getattr(state, group)
            if not self._is_in_place:
                self.arrays.update(arrays)
                continue
            changed = {
                label: array
                for label, array in arrays.items()
                if label in self.arrays and self._stored.get(label) is not array
            }
            for label, array in changed.items():
                self.arrays[label][...] = array
            self.push(changed)
            self._stored.update(changed)

    def _forget_stored(self) -> None:
        """Note that an update changes its arrays."""
        for label in self.step.homes.values():
            self._stored.pop(label, None)

    def store(self, state: TrainState, *, is_last: bool = False) -> None:
        """Set the arrays of a state to those that updates changed.

        Args:
            state: receives new dictionaries; the old ones, which early stopping may refer to, stay.
            is_last: whether no update follows, so that the state may have the arrays themselves.
        """
        self.pull()
        is_copied = self._is_in_place and not is_last
        for group, labels in self._labels.items():
            arrays = {label: self.arrays[label] for label in labels}
            if is_copied:
                arrays = {label: array.copy() for label, array in arrays.items()}
                self._stored.update(arrays)
            setattr(state, group, {**getattr(state, group), **arrays})


def loss_and_rate(results: Tensors) -> np.ndarray:
    """Return loss and learning rate among the outputs of a step, (1, 2)."""
    return np.array([[float(results["loss"]), float(results["learning_rate"])]])


class Updates(Protocol):
    """Updates of a training: of rows in memory, of an iterable, or with privacy."""

    @property
    def rows(self) -> int:
        """The number of training rows; of an iterable, those of the first epoch so far."""
        ...

    @property
    def epoch_rows(self) -> int:
        """The number of rows of the present epoch; of an iterable, those so far."""
        ...

    @property
    def steps(self) -> int:
        """The number of batches in an epoch; 0 where it is not known."""
        ...

    @property
    def reports_each(self) -> bool:
        """Whether one call makes several updates, each of which can be reported."""
        ...

    def begin(self, state: TrainState) -> None:
        """Compile the step, and copy the arrays of a state."""
        ...

    def has_next(self, state: TrainState) -> bool:
        """Return whether the present epoch has a further batch."""
        ...

    def advance(
        self, state: TrainState, report: Report | None, max_steps: int, *, is_last_epoch: bool
    ) -> tuple[float, float] | None:
        """Make the next update, or several.

        Args:
            state: the state of the training, which is updated.
            report: called for every update before ``state`` has it; ``None``: updates are not reported.
            max_steps: the largest number of updates.
            is_last_epoch: whether no epoch follows.

        Returns:
            loss and learning rate of the last update; ``None`` if it was reported.

        Raises:
            TrainingError E501: a result is not finite; the state has the last finite parameters.
        """
        ...

    def synchronize(self, state: TrainState) -> None:
        """Copy the present arrays to a state, where ``advance`` did not."""
        ...

    def load(self, state: TrainState) -> None:
        """Copy the arrays of a state after a change."""
        ...

    def gradients(self, state: TrainState) -> Tensors:
        """Return the gradient of each parameter on the batch that follows a state, by path."""
        ...


class RowUpdates:
    """The updates of a training on rows in memory, several in one call of the engine.

    Args:
        step: the graph of one update.
        data: the training rows, by the names of the step's inputs.
        order: the rows of each batch.
        seed: the seed of each step's random numbers.
        changes: whether the rows change from epoch to epoch, as with augmentation.
        trimming: trims each batch to its longest sequence; ``None``: batches are as long as ``data``.
    """

    updater: Updater
    recorder: Recorder
    reports_each: bool
    can_replay = True

    def __init__(
        self,
        step: Step,
        data: Arrays,
        order: Order | Buckets,
        seed: int,
        network: Network,
        changes: bool = False,
        trimming: SequenceTrimming | None = None,
    ) -> None:
        self.step, self.data, self.order, self.seed, self.network = step, data, order, seed, network
        self.trimming, self._changes = trimming, changes
        self._counts = RowWeights(network, data, changes)
        self.rows = self.epoch_rows = data.rows
        self.steps = order.steps
        self.first = 0  # the number of the batch in an epoch that is the first one of ``order``
        self._base: Counters | None = None  # of the state as its arrays were copied

    def begin(self, state: TrainState) -> None:
        """Compile the step, and copy the arrays of a state."""
        self.length = 1  # of the next call in steps
        self._base = Counters.of(state)  # those of the state may be ahead of its arrays later
        self._seconds = 0.0  # of calls since then
        self._is_released = False  # whether the arrays of the engine belong to the state
        self._epoch_rows = (-1, np.zeros(0, np.int64))  # an epoch, and its rows in order
        self.recorder, engine = Recorder(state), self.network.engine
        data = by_name(self.data)
        arrays = {**state.parameters, **state.states, **state.slots}
        if self.trimming is None:
            self._index, data = index_of(self.data), viewed_arrays(self.data, data)
            arrays = {name: array.copy() for name, array in {**state.parameters, **state.states}.items()}
            # One block, whose zeros are written once: glibc keeps the memory of a block for the next
            # training, but returns that of several arrays to the system.
            arrays |= Block(state.slots).arrays
        else:  # trims rows by their numbers in ``data``
            self._index = None
        self.updater = Updater(
            self.step, data, arrays, self.seed, engine, trimming=self.trimming, changes=self._changes
        )
        self.reports_each = self.updater.loop is not None
        if not self.reports_each:
            self.updater.load(state)

    def has_next(self, state: TrainState) -> bool:
        """Return whether the present epoch has a further batch."""
        return state.batch < self.steps

    def advance(
        self,
        state: TrainState,
        report: Report | None = None,
        max_steps: int = ALL,
        *,
        is_last_epoch: bool = False,
    ) -> tuple[float, float] | None:
        """Make as many updates as a call takes, at most to the end of the epoch; see ``Updates``."""
        if not self._steps_ahead(state):
            self._base = Counters.of(state)
            self.recorder.begin(state)
        count = max(1, min(self.length, self.first + self.order.steps - state.batch, max_steps))
        start = time.perf_counter()
        try:
            reported, failed = self._run(state, count)
        except Exception:  # the arrays of a device may be lost
            self._return_to_base(state)
            raise
        spent = time.perf_counter() - start
        if self._steps_ahead(state) and (failed or not self.updater.is_finite()):
            self._repeat(state)
            reported, failed = self._run(state, count)
        finite = self._finite_steps(state, reported, failed)
        steps = finite if report is None else _report_until_stop(reported[:finite], state.batch, report)
        if steps < len(reported) or failed or finite < count:
            self.load(state)
            reported = self._run(state, steps)[0] if steps else reported[:0]
        self._is_released = is_last_epoch and state.batch + len(reported) == self.steps
        loop = self.updater.loop
        if loop is not None:
            spent = max(loop.agreed(spent), 1e-9)
            self.length = int(max(1, min(self.length * 4, TARGET_SECONDS / spent * count)))
            self._seconds += spent
        is_kept = report is None and finite >= count and self._seconds < STORE_SECONDS
        if is_kept and loop is not None and loop.keeps_state and not self._is_released:
            self._count(state, reported)
        else:
            if finite >= count:
                self.recorder.release_oldest()  # an old state is freed before new arrays replace it
            self._update(state, reported)
        self.recorder.record(state, reported)
        if finite < count:
            return self._update_once(state)
        return None if report is not None else (float(reported[-1, 0]), float(reported[-1, 1]))

    def _steps_ahead(self, state: TrainState) -> int:
        """Return the number of updates that a device has made and the arrays of a state lack."""
        return 0 if self._base is None else state.step - self._base.step

    def _return_to_base(self, state: TrainState) -> None:
        """Set the counters of a state to those that its arrays belong to."""
        base = self._base
        assert base is not None
        state.step, state.batch, state.loss_sum, state.weight_sum = base

    def _repeat(self, state: TrainState) -> None:
        """Make the updates that the arrays of a state lack again, and copy the result."""
        count = self._steps_ahead(state)
        self._return_to_base(state)
        self.load(state)
        self._update(state, self._run(state, count)[0])
        self.recorder.begin(state)

    def _update_once(self, state: TrainState) -> tuple[float, float]:
        """Make the update that the engine's loop refused; returns loss and learning rate (E501)."""
        results, is_good = self.updater.run_once(self._batch(state), state.step)
        if not is_good:
            replay = self.replay if self.reports_each and self.can_replay else None
            failed = FailedStep(
                state, self.recorder, self.inputs, replay, results, self.network.engine, self._changes
            )
            raise nonfinite.failed_step_error(failed)
        reported = loss_and_rate(results)
        self._update(state, reported)
        self.recorder.record(state, reported)
        return float(reported[0, 0]), float(reported[0, 1])

    def synchronize(self, state: TrainState) -> None:
        """Copy the arrays of a device to a state, where ``advance`` did not."""
        if self._steps_ahead(state):
            self._store(state)

    def load(self, state: TrainState) -> None:
        """Copy the arrays of a state to those of the engine, if the engine executes further steps."""
        if not self._is_released:
            self.updater.load(state)

    def inputs(self, state: TrainState) -> StepInputs:
        """Return the inputs of the update that follows a state."""
        arrays = {**state.parameters, **state.states, **state.slots}
        step, inputs = self.updater.feed(self._batch(state), state.step, arrays)
        rows = np.asarray(self.order.batch(state.epoch, state.batch - self.first))
        return StepInputs(step, inputs, rows + self.first * self.order.batch_size)

    def gradients(self, state: TrainState) -> Tensors:
        """Return the gradient of each parameter on the batch that follows a state, by path."""
        self.synchronize(state)
        is_over = state.batch >= self.steps
        following = replace(state, epoch=state.epoch + 1, batch=0) if is_over else state
        arrays = {**state.parameters, **state.states, **state.slots}
        return self.updater.gradients(self._batch(following), state.step, arrays)

    def replay(self, begin: TrainState, count: int) -> TrainState:
        """Return the state ``count`` steps after another one of its epoch; the engine then has its arrays."""
        state, base = replace(begin), self._base
        self.load(state)
        self._update(state, self._run(state, count)[0])
        self._base = base
        return state

    def _run(self, state: TrainState, count: int) -> tuple[np.ndarray, int]:
        """Make updates from the state on, at most to the end of the epoch; see ``Updater.run``."""
        if self.trimming is not None:
            rows = self._batch(state)
            return self.updater.run(rows, len(rows), 0, 1, state.step)
        rows, size, batch = self._rows(state.epoch), self.order.batch_size, state.batch - self.first
        full = max(0, min(count, self.order.rows // size - batch))
        reported, failed = np.zeros((0, 2)), 0
        if full:
            reported, failed = self.updater.run(rows, size, batch, full, state.step)
        if full < count and not failed:
            tail = np.ascontiguousarray(rows[(batch + full) * size :])
            last, failed = self.updater.run(tail, len(tail), 0, 1, state.step + full)
            reported, failed = np.concatenate([reported, last]), failed and full + failed
        return reported, failed

    def _finite_steps(self, state: TrainState, reported: np.ndarray, failed: int) -> int:
        """Return the number of steps with finite results: all before the first loss that is not finite.

        If an array became non-finite earlier, bisection finds the step.
        """
        good, bad = 0, failed - 1 if failed else len(reported)
        if self.updater.is_finite():
            return bad
        while bad - good > 1:
            middle = (good + bad) // 2
            self.load(state)
            self._run(state, middle)
            good, bad = (middle, bad) if self.updater.is_finite() else (good, middle)
        return good

    def _update(self, state: TrainState, reported: np.ndarray) -> None:
        """Update the state after steps with these losses and learning rates."""
        self._count(state, reported)
        self._store(state)

    def _store(self, state: TrainState) -> None:
        """Copy the arrays of the engine to a state."""
        self.updater.store(state, is_last=self._is_released)
        self._base, self._seconds = Counters.of(state), 0.0

    def _count(self, state: TrainState, reported: np.ndarray) -> None:
        """Update the counters and sums of a state after steps with these losses and learning rates."""
        weights = self._weights(state, len(reported))
        # One addition after the other: the sums have the same bits for any number of steps.
        state.loss_sum = reduce(add, (reported[:, 0] * weights).tolist(), state.loss_sum)
        state.weight_sum = reduce(add, weights.tolist(), state.weight_sum)
        state.step += len(reported)
        state.batch += len(reported)

    def _weights(self, state: TrainState, count: int) -> np.ndarray:
        """Return the weight of each step's loss in the mean of the epoch, (count,)."""
        weights = self._counts(state.epoch)
        batch = state.batch - self.first
        batches = range(batch, batch + count)
        if weights is None and self.trimming is None:
            starts = np.arange(batches.start, batches.stop) * self.order.batch_size
            return np.minimum(self.order.batch_size, self.order.rows - starts).astype(np.float64)
        rows = map(partial(self.order.batch, state.epoch), batches)
        if weights is None:
            return np.array(list(map(len, rows)), np.float64)
        return np.array([weights[part].sum(dtype=np.float64) for part in rows])

    def _batch(self, state: TrainState) -> np.ndarray:
        """Return the rows of the batch that follows a state, as row numbers that compiled code reads."""
        rows = np.asarray(self.order.batch(state.epoch, state.batch - self.first))
        return rows if self._index is None else self._index[rows]

    def _rows(self, epoch: int) -> np.ndarray:
        """Return the rows of an epoch in order, cached, as row numbers that compiled code reads."""
        assert isinstance(self.order, Order)
        if self._epoch_rows[0] != epoch:
            order = self.order.epoch(epoch)
            rows = order if self._index is None else self._index[order]
            self._epoch_rows = epoch, np.ascontiguousarray(rows, np.int64)
        return self._epoch_rows[1]


def _report_until_stop(reported: np.ndarray, batch: int, report: Report) -> int:
    """Report every step until a stop is requested; returns the number of reported steps."""
    for i, (loss, learning_rate) in enumerate(reported):
        if report(batch + i, float(loss), float(learning_rate)):
            return i + 1
    return len(reported)


def _views(data: Arrays) -> list[RowView]:
    inputs = data.x.values() if isinstance(data.x, dict) else [data.x]
    return [array for array in inputs if isinstance(array, RowView)]


def index_of(data: Arrays) -> np.ndarray | None:
    """Return the row numbers of the training rows in the viewed array; ``None`` where no input is a view."""
    return next((view.index for view in _views(data)), None)


def viewed_arrays(data: Arrays, inputs: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return the arrays that compiled code gathers rows from.

    Where an input is a view of some rows of an array, these are the viewed array itself and, of every other
    input, an array with as many rows.
    """
    views = _views(data)
    if not views:
        return inputs
    count = len(views[0].array)
    return {name: restore_rows(array, views[0].index, count) for name, array in inputs.items()}
