"""``PrivateUpdates``: the updates of a private training, one at a time.

The engine gathers a batch by row numbers. A batch consists of the sampled rows and, up to a size for which
the engine has a plan, of others with weight 0, which add exactly nothing. Before each step the weights are
written, and the noise of every parameter is filled with new numbers.

A step is accounted for before it is computed: what was computed may have been seen, even if the process is
killed before its checkpoint.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.data import Arrays
from chainrule.engines import compile
from chainrule.errors import TrainingError, fact
from chainrule.graph import Graph
from chainrule.prng import KEY
from chainrule.symbolic_shape import bound
from chainrule.train import private
from chainrule.train.objective import SAMPLE_WEIGHT
from chainrule.train.private.clipped_noisy_gradient import noise_label
from chainrule.train.private.entropy import padded_size, poisson_rows, standard_normal
from chainrule.train.private.ledger import discarded_steps, write_ledger
from chainrule.train.private.privacy import PRIVACY, Mechanism
from chainrule.train.private.refusals import private_only
from chainrule.train.private.row_keys import ROW_KEYS, keys_of_rows, row_words
from chainrule.train.step_execution import Report, Updater, index_of, viewed_arrays
from chainrule.train.step_graph import Step, by_name
from chainrule.train.train_state import Tensors, TrainState

if TYPE_CHECKING:
    from chainrule.store import RunFolder

BLOCK = 1024  # rows whose gradients are examined at once
AHEAD = 0.5  # seconds of steps that are accounted for in one write

Account = Callable[[int], None]
"""Stores the number of steps that count, before the last of them is computed."""


class PrivateUpdates:
    """The updates of a private training.

    Args:
        step: the graph of a step, with a ``PrivateObjective``.
        data: the training rows, by the names of the step's inputs.
        mechanism: sampling rate and noise.
        steps: the number of batches in an epoch.
        seed: the seed of the random operations of the network, such as dropout.
        engine: the name of the engine; ``None``: that of the settings.
    """

    updater: Updater

    def __init__(
        self, step: Step, data: Arrays, mechanism: Mechanism, steps: int, seed: int, engine: str | None
    ) -> None:
        self.step, self.data, self.mechanism, self.steps = step, data, mechanism, steps
        self.seed, self._engine = seed, engine
        self.rows = self.epoch_rows = data.rows
        self.reports_each = False
        self.discarded = 0  # the number of steps that count although no checkpoint has them
        self._account: Account | None = None

    def account_in(self, folder: RunFolder, state: TrainState, *, is_resumed: bool) -> None:
        """Store the number of steps that count in a run folder, where a training starts or ``is_resumed``."""
        self.discarded = discarded_steps(folder, state.step) if is_resumed else 0
        self._account = partial(write_ledger, folder)
        self._account(state.step + self.discarded)

    def is_spent(self, state: TrainState) -> bool:
        """Return whether no further step keeps the guarantee."""
        return state.step + self.discarded >= self.mechanism.steps

    def facts(self, state: TrainState) -> dict[str, Any]:
        """Return the privacy spent so far, as facts of the model."""
        steps = state.step + self.discarded
        epsilon = private.epsilon_of(self.mechanism.phases(steps), self.mechanism.privacy.delta)
        return {PRIVACY: self.mechanism.facts(steps, epsilon)}

    def begin(self, state: TrainState) -> None:
        """Compile the step, and copy the arrays of a state."""
        inputs = by_name(Arrays(self.data.x, self.data.y))
        self._index, inputs = index_of(self.data), viewed_arrays(self.data, inputs)
        count = len(next(iter(inputs.values())))
        self._weights, self._words = np.zeros(count, self.step.recipe.dtype), None
        data = {**inputs, SAMPLE_WEIGHT: self._weights}
        if ROW_KEYS in self.step.graph.inputs:
            self._words, self._keys = row_words(inputs), np.zeros((count, 2), np.uint32)
            data[ROW_KEYS] = self._keys
        self._noise = {
            noise_label(path): np.zeros(bound(node.shape)) for path, node in self.step.gradients.items()
        }
        arrays = {**state.parameters, **state.states, **state.slots}
        arrays = {**{label: array.copy() for label, array in arrays.items()}, **self._noise}
        self.updater = Updater(self.step, data, arrays, self.seed, self._engine)
        self._all_rows = np.ones(self.mechanism.rows, bool)
        self._accounted, self._ahead = 0, 1

    def has_next(self, state: TrainState) -> bool:
        """Return whether the present epoch has a further batch."""
        return state.batch < self.steps

    def advance(
        self,
        state: TrainState,
        report: Report | None = None,
        max_steps: int = 1,
        *,
        is_last_epoch: bool = False,
    ) -> tuple[float, float]:
        """Make one update, without its loss: returns NaN and the learning rate. See ``Updates``.

        Raises:
            TrainingError E593: a parameter became NaN or infinite; the state is that before the step.
        """
        start = time.perf_counter()
        self._count(state.step + self.discarded)
        for array in self._noise.values():
            array[...] = standard_normal(array.size).reshape(array.shape)
        self.updater.push(self._noise)
        sampled = poisson_rows(self.mechanism.rows, self.mechanism.sampling_rate)
        learning_rate = self._run(self._batch(sampled, self._all_rows, state), state)
        if learning_rate is None:
            finite = self._finite_rows(state)
            learning_rate = self._run(self._batch(sampled[finite[sampled]], finite, state), state)
        if learning_rate is None or not self.updater.is_finite():
            raise _diverged(state.step + 1)
        self.updater.store(state)
        state.step += 1
        state.batch += 1
        self._ahead = max(1, min(2 * self._ahead, int(AHEAD / max(time.perf_counter() - start, 1e-6))))
        return math.nan, learning_rate

    def synchronize(self, state: TrainState) -> None:
        """Do nothing: ``advance`` updates the state."""

    def load(self, state: TrainState) -> None:
        """Copy the arrays of a state."""
        self.updater.load(state)

    def gradients(self, state: TrainState) -> Tensors:
        """Refuse to compute gradients: the training is private (E591)."""
        raise private_only("gradients")

    def end(self, state: TrainState) -> None:
        """Account for the completed steps alone, not for those that were accounted for in advance."""
        if self._account is not None:
            self._account(state.step + self.discarded)

    def _count(self, before: int) -> None:
        """Account for the next step, and for some more if steps are fast."""
        if self._account is not None and before + 1 > self._accounted:
            self._accounted = max(before + 1, min(self.mechanism.steps, before + self._ahead))
            self._account(self._accounted)

    def _batch(self, sampled: np.ndarray, usable: np.ndarray, state: TrainState) -> np.ndarray:
        """Return the rows of a batch: sampled ones, weight 1, and ``usable`` (N,) padding, weight 0."""
        mechanism = self.mechanism
        size = padded_size(len(sampled), mechanism.batch_size, mechanism.rows)
        is_padding = usable.copy()
        is_padding[sampled] = False
        padding = np.flatnonzero(is_padding)[: size - len(sampled)]
        rows = np.concatenate([sampled, padding])
        rows, used = (rows, sampled) if self._index is None else (self._index[rows], self._index[sampled])
        self._weights[:] = 0.0
        self._weights[used] = 1.0
        self._set_row_keys(rows, state)
        return np.ascontiguousarray(rows, np.int64)

    def _set_row_keys(self, rows: np.ndarray, state: TrainState) -> None:
        """Write the keys of these rows for the step that follows a state."""
        if self._words is not None:
            key = self.step.key(self.seed, state.step)[KEY]
            self._keys[rows] = keys_of_rows(key, self._words[rows])

    def _run(self, rows: np.ndarray, state: TrainState) -> float | None:
        """Run the step on these rows; returns its learning rate, ``None`` if its gradient is not finite."""
        if not len(rows):
            return None
        reported, failed = self.updater.run(rows, len(rows), 0, 1, state.step)
        return None if failed else float(reported[-1, 1])

    def _finite_rows(self, state: TrainState) -> np.ndarray:
        """Return whether the gradient of each training row is finite, (N,).

        A gradient that overflows has no direction. Its row adds nothing to the step, as with a gradient of 0;
        a step that failed for it would reveal that the row is there.
        """
        norms = self.step.objective.squared_norms
        assert norms is not None
        rows, program = np.arange(self.mechanism.rows), compile(Graph({"norms": norms}), self._engine)
        every = rows if self._index is None else self._index
        self._set_row_keys(every, state)
        parts = [every[start : start + BLOCK] for start in range(0, len(every), BLOCK)]
        values = [program.run(self.updater.feed(part, state.step)[1])["norms"] for part in parts]
        return np.isfinite(np.concatenate(values))


def _diverged(step: int) -> TrainingError:
    expected = fact("finite parameters")
    received = fact("NaN or infinite values")
    notes = [fact("the search for the first such value is withheld: it would read single rows")]
    fix = fact("a smaller learning rate, or a smaller max_norm")
    return TrainingError(
        "E593", where="fit", step=step, expected=expected, received=received, notes=notes, fix=fix
    )
