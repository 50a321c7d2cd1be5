"""Many steps at once, for engines that can: the loop's fast lane.

Nothing about a training depends on how long its stretches are. They are made about a tenth of a second long,
so that Ctrl-C and the progress bar stay quick. Where something must be known step by step (a listener that
sees every step and may ask to stop, a number that is not finite), the stretch is run, and when it turns out
that it should have ended earlier, it is rewound: the trainer takes the state's arrays again, which are still
those of before, and makes exactly the right number of steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.data import Arrays, Order
from chainrule.data.batches.row_view import RowView, restore_rows
from chainrule.engines.dispatch import Trainer, trainer
from chainrule.prng import fold, folds, key_of
from chainrule.train.nonfinite.check import is_finite
from chainrule.train.objective import SAMPLE_WEIGHT, RowWeights
from chainrule.train.state import TrainState
from chainrule.train.step import EACH_STEP, Step

AIM = 0.1  # seconds a stretch should take
GROUPS = {"parameter.": "parameters", "slot.": "slots", "state.": "states"}


class StepRunner:
    """Runs stretches of a training.

    Args:
        step: the step's graph.
        order: which rows are in which batch.
        seed: of each step's random numbers.
        made: the engine's trainer.
        state: where the training stands; its arrays are copied.
        counts: how much each row counts in the mean of an epoch's losses.
        index: which rows of the whole the training rows are; ``None``: all of them.
    """

    def __init__(
        self,
        step: Step,
        order: Order,
        seed: int,
        made: Trainer,
        state: TrainState,
        counts: RowWeights,
        index: np.ndarray | None = None,
    ) -> None:
        self.step, self.order, self.seed, self.trainer, self.counts = step, order, seed, made, counts
        self.length = 1
        self.reported = np.zeros((0, 2))  # losses and rates of the last stretch
        self.homes = homes_of(step)
        self._read = (-1, np.zeros(0, np.int64))  # an epoch, and the order of its rows
        self._index = index
        self.load(state)

    def advance(
        self,
        state: TrainState,
        tell: Callable[[int, float, float], bool] | None,
        most: int = 2**62,
        let_go: Callable[[], None] = lambda: None,
    ) -> bool:
        """Make as many steps as fit into a stretch, at most to the end of the epoch.

        Args:
            state: where the training stands; brought up to date.
            tell: told the step's number in the epoch, its loss and rate, for every step; says whether to stop
                there. ``None``: nobody wants to know.
            most: steps at most, because something else is to be done then.
            let_go: called when all steps are good, before the state that the stretch began from is replaced
                by a new one: whoever holds it may let go of it.

        Returns:
            whether the next step is one that must be looked into, because a number of it is not finite.
        """
        left = self._full() - state.batch
        count = max(1, min(self.length, left, most)) if left > 0 else 1
        start = time.perf_counter()
        told, failed = self._run(state, count)
        spent = time.perf_counter() - start
        good = self._good(state, told, failed)
        wanted = good if tell is None else _until_stop(told[:good], state.batch, tell)
        if wanted < len(told) or failed or good < count:
            self.load(state)
            told = self._run(state, wanted)[0] if wanted else told[:0]
        if good >= count:
            let_go()
        self._give(state, told)
        self.reported = told
        if spent > 0:
            self.length = int(max(1, min(self.length * 4, AIM / spent * count)))
        return good < count

    def _full(self) -> int:
        """How many batches of an epoch are full ones."""
        return self.order.rows // self.order.batch_size

    def _run(self, state: TrainState, count: int) -> tuple[np.ndarray, int]:
        """Steps from where the state stands; only an epoch's last batch may be short, and comes alone."""
        rows, size = self._rows(state.epoch), self.order.batch_size
        keys = np.zeros((0, 2), np.uint32)
        if self.step.built.book.key is not None:
            keys = folds(fold(key_of(self.seed), EACH_STEP), np.arange(state.step, state.step + count))
        if state.batch < self._full():
            return self.trainer.run(rows, size, state.batch, count, state.step, keys)
        tail = np.ascontiguousarray(rows[state.batch * size :])
        return self.trainer.run(tail, len(tail), 0, 1, state.step, keys)

    def _good(self, state: TrainState, told: np.ndarray, failed: int) -> int:
        """How many steps are good: all before the one whose loss is not finite, unless before that an array
        went wrong unseen; then the step is found by halving."""
        good, bad = 0, failed - 1 if failed else len(told)
        if self._is_finite():
            return bad
        while bad - good > 1:
            middle = (good + bad) // 2
            self.load(state)
            self._run(state, middle)
            good, bad = (middle, bad) if self._is_finite() else (good, middle)
        return good

    def _is_finite(self) -> bool:
        """Whether all arrays of the trainer are finite."""
        return all(map(is_finite, self.trainer.state.values()))

    def replay(self, begin: TrainState, count: int) -> TrainState:
        """The state so many steps after another one, in the same epoch; the trainer then stands there."""
        state = replace(begin)
        self.load(state)
        self._give(state, self._run(state, count)[0])
        return state

    def load(self, state: TrainState) -> None:
        """Copy the state's arrays to the trainer's."""
        for group in GROUPS.values():
            for path, array in getattr(state, group).items():
                if path in self.trainer.state:
                    self.trainer.state[path][...] = array

    def _give(self, state: TrainState, told: np.ndarray) -> None:
        """Bring the state up to date after these steps."""
        for prefix, group in GROUPS.items():
            fresh = {
                label: self.trainer.state[label].copy()
                for name, label in self.homes.items()
                if name.startswith(prefix)
            }
            setattr(state, group, {**getattr(state, group), **fresh})
        weights = self._weights(state, len(told))
        # One addition after the other, as a loop over steps would do it: the sum has the same bits.
        state.loss_sum = float(
            np.add.accumulate(np.concatenate([[state.loss_sum], told[:, 0] * weights]))[-1]
        )
        state.weight_sum = float(np.add.accumulate(np.concatenate([[state.weight_sum], weights]))[-1])
        state.step += len(told)
        state.batch += len(told)

    def _weights(self, state: TrainState, count: int) -> np.ndarray:
        """What each step's loss counts in the epoch's mean."""
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
        """The order of an epoch's rows, as compiled code reads it; kept while the epoch lasts."""
        if self._read[0] != epoch:
            order = self.order.epoch(epoch)
            rows = order if self._index is None else self._index[order]
            self._read = epoch, np.ascontiguousarray(rows, np.int64)
        return self._read[1]


def _until_stop(told: np.ndarray, batch: int, tell: Callable[[int, float, float], bool]) -> int:
    """Tell every step; how many count, when someone asked to stop after one."""
    for i, (loss, rate) in enumerate(told):
        if tell(batch + i, float(loss), float(rate)):
            return i + 1
    return len(told)


def homes_of(step: Step) -> dict[str, str]:
    """The step's outputs that are the next step's inputs, with those inputs' labels."""
    return {
        name: name.removeprefix(prefix)
        for name in step.graph.outputs
        for prefix in GROUPS
        if name.startswith(prefix)
    }


def step_runner(
    step: Step, data: Arrays, order: Order, seed: int, state: TrainState, counts: RowWeights,
    engine: str | None,
) -> StepRunner | None:  # fmt: skip
    """What runs a training in stretches, where the engine can; else ``None``."""
    inputs = {**(data.x if isinstance(data.x, dict) else {}), **(data.y if isinstance(data.y, dict) else {})}
    if data.weights is not None:
        inputs[SAMPLE_WEIGHT] = data.weights
    inputs = _whole(data, inputs)
    held = {path: array.copy() for group in GROUPS.values() for path, array in getattr(state, group).items()}
    made = trainer(step.graph, list(step.gradients.values()), homes_of(step), inputs, held, engine)
    return None if made is None else StepRunner(step, order, seed, made, state, counts, _index_of(data))


def _views(data: Arrays) -> list[RowView]:
    inputs = data.x.values() if isinstance(data.x, dict) else [data.x]
    return [array for array in inputs if isinstance(array, RowView)]


def _index_of(data: Arrays) -> np.ndarray | None:
    """Which rows of the whole the training rows are, where an input is a view of it."""
    return next((view.index for view in _views(data)), None)


def _whole(data: Arrays, inputs: dict[str, Any]) -> dict[str, np.ndarray]:
    """The arrays that compiled code gathers rows from: those of all rows, where an input is a view of some.

    The rows' numbers are then those of the whole, so that every other array gets as many rows.
    """
    views = _views(data)
    if not views:
        return inputs
    count = len(views[0].array)
    return {name: restore_rows(array, views[0].index, count) for name, array in inputs.items()}
