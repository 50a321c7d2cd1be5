"""Training on rows that do not fit into memory: what ``fit`` does with ``data.ParquetRows``.

The updates on a block are those of rows in memory, several in one call of the engine; the next block is read
and encoded on a thread in the meantime. There is memory for two blocks, which are used in turn, and the
engine is bound to either, so that no update waits for a copy. What a training needs from all rows (classes,
shapes) it takes from the first block.

Several processes each read a part of every block, and exchange what they have read, so all of them have the
same block. Every process reads the whole first one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from chainrule.data import Arrays, Order
from chainrule.engines.dispatch import Trainer
from chainrule.memoization import cached_property
from chainrule.train.evaluation.rows import encoded
from chainrule.train.model_state import ModelState
from chainrule.train.nonfinite.failed_step_replay import Recorder
from chainrule.train.objective import RowWeights
from chainrule.train.step_execution import RowUpdates
from chainrule.train.step_graph import Step, by_name
from chainrule.train.train_state import Tensors, TrainState

if TYPE_CHECKING:
    from chainrule.data import ParquetRows
    from chainrule.data.readers.parquet_rows import Share


PLACES = "places in a block"
"""The label of the places of rows among the arrays that processes exchange; no input has it."""


class BlockUpdates(RowUpdates):
    """The updates of a training whose rows are in memory one block after the other.

    Args:
        step: the graph of one update.
        source: the rows.
        model: encodes the targets.
        first: the first block of epoch 0, encoded.
        seed: the seed of each step's random numbers.
    """

    can_replay = False  # the rows of earlier blocks are not in memory

    def __init__(self, step: Step, source: ParquetRows, model: ModelState, first: Arrays, seed: int) -> None:
        network = model.network
        assert network is not None
        super().__init__(step, first, _order(source, first.rows), seed, network)
        self._source, self._model = source, model
        self._memory: tuple[Tensors, Tensors] = {}, {}  # the arrays of two blocks, and their inputs
        self._blocks: Iterator[tuple[int, Tensors]] | None = None  # of one process
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
        loop, is_next = self.updater.loop, place == (self._place[0], self._place[1] + 1)
        if loop is None or loop.place[1] == 1:
            if self._blocks is None or not is_next:
                self._blocks = self._source.epoch(
                    epoch, number, memory=self._inputs, convert=self._stored_block
                )
            count, arrays = next(self._blocks)
        else:
            if self._shares is None or not is_next:
                self._shares = self._source.shares(epoch, number, *loop.place)
            count, arrays = self._exchanged(loop, *next(self._shares))
        self._place = place
        if number + 1 == self._source.blocks:
            self._blocks = self._shares = None
        self.order, self._epoch_rows = _order(self._source, count), (-1, np.zeros(0, np.int64))
        self.first = number * self._source.block_rows // self._source.batch_size
        x, y = ({name: arrays[name] for name in names} for names in self._names)
        self.data = Arrays(x, y)
        self._counts = RowWeights(self.network, self.data.take(slice(count)), False)
        self.updater.replace_data(arrays)

    @cached_property
    def _inputs(self) -> list[np.ndarray]:
        """Memory for the inputs of two blocks, as the files have them."""
        shape = min(self._source.block_rows, self._source.rows), len(self._source.inputs)
        return [np.empty(shape, np.float32) for _ in range(2)]

    @cached_property
    def _names(self) -> tuple[list[str], list[str]]:
        """The names of inputs and of targets."""
        x, y = self.data.x, self.data.y
        return list(x if isinstance(x, dict) else ["x"]), list(y if isinstance(y, dict) else [])

    def _stored_block(self, place: int, x: np.ndarray, y: np.ndarray) -> tuple[int, Tensors]:
        """Return the number of rows of a block and its arrays, in memory that is used again.

        Args:
            place: which of the two arrays of ``_inputs`` has the inputs.
            x: the inputs.
            y: the targets.
        """
        memory = self._memory[place]
        for name, array in self._encoded(x, y).items():
            if array.ctypes.data == x.ctypes.data and array.shape == x.shape and array.dtype == x.dtype:
                memory[name] = self._inputs[place]
                continue
            if name not in memory:
                memory[name] = np.zeros((len(self._inputs[place]), *array.shape[1:]), array.dtype)
            memory[name][: len(array)] = array
        return len(y), memory

    def _exchanged(self, loop: Trainer, own: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[int, Tensors]:
        """Return the number of rows of a block and its arrays, of which each process has read a part.

        Args:
            loop: exchanges the rows.
            own: the places of the rows of this process in the block.
            x: their inputs.
            y: their targets.
        """
        rows = {name: array[: len(own)] for name, array in self._encoded(x, y).items()}
        rows = loop.rows_of_all({**rows, PLACES: own})
        places, memory = rows.pop(PLACES), self._memory[0]
        for name, array in rows.items():
            if name not in memory:
                memory[name] = np.zeros((len(self._inputs[0]), *array.shape[1:]), array.dtype)
            memory[name][places] = array
        return len(places), memory

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
