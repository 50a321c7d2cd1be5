"""Multi-step runs: several training steps in one call of compiled code, for engines that support it.

The result of a training does not depend on the lengths of its runs. A run takes about 0.1 s, so that Ctrl-C
and the progress bar respond quickly. Where a run should have ended earlier (a listener of every step requests
a stop, a value is not finite), it is repeated: the arrays of the state, which are still those from before the
run, are copied to the engine again, and it executes the right number of steps.

The engine changes its arrays in place, so the state receives copies after each run. After the last step of a
training the engine is not needed any more, and the state receives the arrays themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.data import Arrays, Order
from chainrule.data.batches.row_view import RowView, restore_rows
from chainrule.engines.dispatch import Trainer
from chainrule.prng import fold, folds, key_of
from chainrule.train.nonfinite.check import is_finite
from chainrule.train.objective import SAMPLE_WEIGHT, RowWeights
from chainrule.train.parameters import Block
from chainrule.train.state import TrainState
from chainrule.train.step import EACH_STEP, GROUPS, Step

TARGET_SECONDS = 0.1  # duration of one run


class StepRunner:
    """Executes the steps of a training, several in one call.

    Args:
        step: the graph of one step.
        order: the rows of each batch.
        seed: the seed of each step's random numbers.
        trainer: the engine's compiled loop over steps.
        state: the state of the training, whose arrays those of ``trainer`` equal.
        counts: the weight of each row in the mean loss of an epoch.
        index: (N,) the training rows as row numbers of the arrays that ``trainer`` reads; ``None``: the
            training rows are all rows.
    """

    def __init__(
        self,
        step: Step,
        order: Order,
        seed: int,
        trainer: Trainer,
        state: TrainState,
        counts: RowWeights,
        index: np.ndarray | None = None,
    ) -> None:
        self.step, self.order, self.seed, self.trainer, self.counts = step, order, seed, trainer, counts
        self.length = 1
        self.reported = np.zeros((0, 2))  # loss and learning rate of each step of the last run
        self.homes = step.homes
        self._is_released = False  # whether the arrays of ``trainer`` belong to the state
        self._epoch_rows = (-1, np.zeros(0, np.int64))  # an epoch, and its rows in order
        self._index = index

    def advance(
        self,
        state: TrainState,
        report: Callable[[int, float, float], bool] | None,
        max_steps: int = 2**62,
        release: Callable[[], None] = lambda: None,
        *,
        is_last_epoch: bool = False,
    ) -> bool:
        """Execute as many steps as a run takes, at most to the end of the epoch.

        Args:
            state: the state of the training; it is updated.
            report: called for every step with the number of its batch in the epoch, its loss and its learning
                rate; returns whether to stop after it. ``None``: steps are not reported.
            max_steps: upper limit of the number of steps.
            release: called when all steps are finite, before new arrays replace those of the state: a copy of
                the old state can be freed then.
            is_last_epoch: whether no epoch follows: no step is executed after the last one of this epoch.

        Returns:
            whether the next step has to be examined, because one of its values is not finite.
        """
        count = max(1, min(self.length, self.order.steps - state.batch, max_steps))
        start = time.perf_counter()
        reported, failed = self._run(state, count)
        spent = time.perf_counter() - start
        finite = self._finite_steps(state, reported, failed)
        steps = finite if report is None else _report_until_stop(reported[:finite], state.batch, report)
        if steps < len(reported) or failed or finite < count:
            self.load(state)
            reported = self._run(state, steps)[0] if steps else reported[:0]
        if finite >= count:
            release()
        self._is_released = is_last_epoch and state.batch + len(reported) == self.order.steps
        self._update(state, reported)
        self.reported = reported
        if spent > 0:
            self.length = int(max(1, min(self.length * 4, TARGET_SECONDS / spent * count)))
        return finite < count

    def _full_batches(self) -> int:
        """The number of full batches of an epoch."""
        return self.order.rows // self.order.batch_size

    def _run(self, state: TrainState, count: int) -> tuple[np.ndarray, int]:
        """Execute steps from the state on, at most to the end of the epoch. Returns loss and learning rate of
        each step, (steps, 2), and the number of the first step whose loss is not finite, from 1; 0: there is
        none.
        """
        rows, size = self._rows(state.epoch), self.order.batch_size
        keys = np.zeros((0, 2), np.uint32)
        if self.step.built.book.key is not None:
            keys = folds(fold(key_of(self.seed), EACH_STEP), np.arange(state.step, state.step + count))
        full = max(0, min(count, self._full_batches() - state.batch))
        reported, failed = np.zeros((0, 2)), 0
        if full:
            reported, failed = self.trainer.run(rows, size, state.batch, full, state.step, keys[:full])
        if full < count and not failed:
            tail = np.ascontiguousarray(rows[(state.batch + full) * size :])
            last, failed = self.trainer.run(tail, len(tail), 0, 1, state.step + full, keys[full:])
            reported, failed = np.concatenate([reported, last]), failed and full + failed
        return reported, failed

    def _finite_steps(self, state: TrainState, reported: np.ndarray, failed: int) -> int:
        """The number of steps with finite results: all before the first loss that is not finite, unless an
        array became non-finite earlier; bisection then finds the step."""
        good, bad = 0, failed - 1 if failed else len(reported)
        if self._is_finite():
            return bad
        while bad - good > 1:
            middle = (good + bad) // 2
            self.load(state)
            self._run(state, middle)
            good, bad = (middle, bad) if self._is_finite() else (good, middle)
        return good

    def _is_finite(self) -> bool:
        """Whether all arrays of the engine are finite."""
        return all(map(is_finite, self.trainer.state.values()))

    def replay(self, begin: TrainState, count: int) -> TrainState:
        """The state ``count`` steps after another one of the same epoch; the engine has its arrays then."""
        state = replace(begin)
        self.load(state)
        self._update(state, self._run(state, count)[0])
        return state

    def load(self, state: TrainState) -> None:
        """Copy the arrays of a state to those of the engine, if the engine executes further steps."""
        if self._is_released:
            return
        for group in GROUPS.values():
            for path, array in getattr(state, group).items():
                if path in self.trainer.state:
                    self.trainer.state[path][...] = array

    def _update(self, state: TrainState, reported: np.ndarray) -> None:
        """Update the state after a run with these losses and learning rates."""
        for prefix, group in GROUPS.items():
            labels = [label for name, label in self.homes.items() if name.startswith(prefix)]
            arrays = {label: self.trainer.state[label] for label in labels}
            if not self._is_released:
                arrays = {label: array.copy() for label, array in arrays.items()}
            setattr(state, group, {**getattr(state, group), **arrays})
        weights = self._weights(state, len(reported))
        # Sequential additions, as in a loop over steps: the sum has the same bits.
        state.loss_sum = float(
            np.add.accumulate(np.concatenate([[state.loss_sum], reported[:, 0] * weights]))[-1]
        )
        state.weight_sum = float(np.add.accumulate(np.concatenate([[state.weight_sum], weights]))[-1])
        state.step += len(reported)
        state.batch += len(reported)

    def _weights(self, state: TrainState, count: int) -> np.ndarray:
        """The weight of each step's loss in the mean of the epoch, (count,)."""
        size, rows = self.order.batch_size, self.order.rows
        starts = (state.batch + np.arange(count)) * size
        ends = np.minimum(starts + size, rows)
        weights = self.counts(state.epoch)
        if weights is None:
            return (ends - starts).astype(np.float64)
        order = self.order.epoch(state.epoch)
        bounds = zip(starts, ends, strict=True)
        return np.array([float(weights[order[a:b]].sum(dtype=np.float64)) for a, b in bounds])

    def _rows(self, epoch: int) -> np.ndarray:
        """The rows of an epoch in order, as row numbers that compiled code reads; cached for the epoch."""
        if self._epoch_rows[0] != epoch:
            order = self.order.epoch(epoch)
            rows = order if self._index is None else self._index[order]
            self._epoch_rows = epoch, np.ascontiguousarray(rows, np.int64)
        return self._epoch_rows[1]


def _report_until_stop(reported: np.ndarray, batch: int, report: Callable[[int, float, float], bool]) -> int:
    """Report every step until a stop is requested; returns the number of reported steps."""
    for i, (loss, learning_rate) in enumerate(reported):
        if report(batch + i, float(loss), float(learning_rate)):
            return i + 1
    return len(reported)


def step_runner(
    step: Step, data: Arrays, order: Order, seed: int, state: TrainState, counts: RowWeights,
    engine: str | None,
) -> StepRunner | None:  # fmt: skip
    """The multi-step runner of a training; ``None`` where the engine has none.

    Args:
        step, order, seed, state, counts: see ``StepRunner``.
        data: the training rows, by the names of the step's inputs.
        engine: the name of the engine; ``None``: that of the settings.
    """
    inputs = {**(data.x if isinstance(data.x, dict) else {}), **(data.y if isinstance(data.y, dict) else {})}
    if data.weights is not None:
        inputs[SAMPLE_WEIGHT] = data.weights
    inputs = viewed_arrays(data, inputs)
    arrays = {name: array.copy() for name, array in {**state.parameters, **state.states}.items()}
    # One block, whose zeros are written once: glibc keeps the memory of a block for the next training, but
    # returns that of several arrays to the system.
    arrays |= Block(state.slots).arrays
    compiled = step.program.trainer(inputs, arrays, engine)
    return (
        None if compiled is None else StepRunner(step, order, seed, compiled, state, counts, index_of(data))
    )


def _views(data: Arrays) -> list[RowView]:
    inputs = data.x.values() if isinstance(data.x, dict) else [data.x]
    return [array for array in inputs if isinstance(array, RowView)]


def index_of(data: Arrays) -> np.ndarray | None:
    """The row numbers of the training rows in the viewed array; ``None`` where no input is a view."""
    return next((view.index for view in _views(data)), None)


def viewed_arrays(data: Arrays, inputs: dict[str, Any]) -> dict[str, np.ndarray]:
    """The arrays that compiled code gathers rows from. Where an input is a view of some rows of an array,
    these are the viewed array itself and, of every other input, an array with as many rows.
    """
    views = _views(data)
    if not views:
        return inputs
    count = len(views[0].array)
    return {name: restore_rows(array, views[0].index, count) for name, array in inputs.items()}
