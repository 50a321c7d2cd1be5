"""Training on rows that do not fit into memory: what ``fit`` does with ``data.ParquetRows``.

One block of the rows is in memory. The updates on it are those of rows in memory, several in one call of the
engine; the next block is read on a thread in the meantime and then takes its place. What a training needs
from all rows (classes, shapes) it takes from the first block.

Several processes each read a part of every block, and exchange what they have read, so all of them have the
same block. Every process reads the whole first one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from chainrule.data import Arrays, Order
from chainrule.data.batches.arrays import Inputs
from chainrule.train.evaluation.rows import encoded
from chainrule.train.model_state import ModelState
from chainrule.train.nonfinite.failed_step_replay import Recorder
from chainrule.train.objective import RowWeights
from chainrule.train.step_execution import RowUpdates
from chainrule.train.step_graph import Step, by_name
from chainrule.train.train_state import Tensors, TrainState

if TYPE_CHECKING:
    from chainrule.data import ParquetRows
    from chainrule.data.readers.parquet_rows import Block, Share


PLACES = "places in a block"
"""The label of the places of rows among the arrays that processes exchange; no input has it."""


class BlockUpdates(RowUpdates):
    """The updates of a training whose rows are in memory one block after the other.

    Args:
        step: the graph of one update.
        source: the rows.
        model: encodes the targets.
        first: the first block of epoch 0, encoded; its arrays are overwritten by the blocks that follow.
        seed: the seed of each step's random numbers.
    """

    can_replay = False  # the rows of earlier blocks are not in memory

    def __init__(self, step: Step, source: ParquetRows, model: ModelState, first: Arrays, seed: int) -> None:
        network = model.network
        assert network is not None
        x = _copies(first.x)
        assert x is not None
        arrays = Arrays(x, _copies(first.y))
        super().__init__(step, arrays, _order(source, first.rows), seed, network)
        self._source, self._model = source, model
        self._blocks: Iterator[Block] | None = None  # of one process
        self._shares: Iterator[Share] | None = None  # of one of several
        self._place = (0, 0)  # epoch and number of the block in memory
        self.rows = self.epoch_rows = source.rows
        self.steps = source.steps

    def has_next(self, state: TrainState) -> bool:
        """Return whether the present epoch has a further batch, whose block is then in memory."""
        if state.batch >= self.steps:
            return False
        place = state.epoch, state.batch * self.order.batch_size // self._source.block_rows
        if place != self._place:
            self.synchronize(state)  # a failed step repeats those since then, of this block only
            self._read(place)
            self.recorder = Recorder(state)
        return True

    def begin(self, state: TrainState) -> None:
        """Compile the step, and copy the arrays of a state; see ``RowUpdates``.

        Raises:
            TrainingError E632: processes of the training have other rows.
        """
        super().begin(state)
        if self.updater.loop is not None:
            self.updater.loop.require_same_rows(self._source.identity)

    def _read(self, place: tuple[int, int]) -> None:
        epoch, number = place
        loop, buffers = self.updater.loop, by_name(self.data)
        is_next = place == (self._place[0], self._place[1] + 1)
        if loop is None:
            if self._blocks is None or not is_next:
                self._blocks = self._source.epoch(epoch, number, reuse=True)
            x, y = next(self._blocks)
            count, places, rows = len(y), slice(len(y)), self._encoded(x, y)
        else:
            if self._shares is None or not is_next:
                self._shares = self._source.shares(epoch, number, *loop.place)
            own, x, y = next(self._shares)
            rows = {name: array[: len(own)] for name, array in self._encoded(x, y).items()}
            rows = loop.rows_of_all({**rows, PLACES: own})
            places = rows.pop(PLACES)
            count = len(places)
        for name, array in rows.items():
            buffers[name][places] = array
        self._place = place
        if number + 1 == self._source.blocks:
            self._blocks = self._shares = None
        self.order, self._epoch_rows = _order(self._source, count), (-1, np.zeros(0, np.int64))
        self.first = number * self._source.block_rows // self._source.batch_size
        self._counts = RowWeights(self.network, self.data.take(slice(count)), False)
        self.updater.push(buffers)

    def _encoded(self, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
        """Return rows as the step takes them, by name."""
        return by_name(encoded(self._model, self._model.rows_of(x, y)))

    def gradients(self, state: TrainState) -> Tensors:
        """Return the gradients on the batch that follows, or on the last one of the block in memory."""
        last = self.first + self.order.steps - 1
        is_here = self._place[0] == state.epoch and self.first <= state.batch <= last
        self.synchronize(state)
        arrays = {**state.parameters, **state.states, **state.slots}
        return self.updater.gradients(
            self._batch(state if is_here else replace(state, batch=last)), state.step, arrays
        )


def _order(source: ParquetRows, rows: int) -> Order:
    """Return the order of the rows of a block, which are shuffled already."""
    return Order(rows, source.batch_size, shuffle=False)


def _copies(arrays: Inputs | None) -> Inputs | None:
    """Return arrays that blocks can overwrite."""
    if isinstance(arrays, dict):
        return {name: np.array(array) for name, array in arrays.items()}
    return None if arrays is None else np.array(arrays)
