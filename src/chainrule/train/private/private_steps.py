"""``PrivateSteps``: the updates of a private training, one at a time.

The engine gathers a batch by row numbers. A batch consists of the sampled rows and, up to a size for which
the engine has a plan, of others with weight 0, which add exactly nothing. Before each step the weights are
written, and the noise of every parameter is filled with new numbers.

A step is accounted for before it is computed: what was computed may have been seen, even if the process is
killed before its checkpoint.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from chainrule.data import Arrays
from chainrule.engines import compile
from chainrule.errors import TrainingError, fact
from chainrule.graph import Graph
from chainrule.prng import KEY, fold, folds, key_of
from chainrule.spec import bound
from chainrule.train.multi_step import index_of, viewed_arrays
from chainrule.train.nonfinite.check import is_finite
from chainrule.train.objective import SAMPLE_WEIGHT
from chainrule.train.private.entropy import padded_size, poisson_rows, standard_normal
from chainrule.train.private.objective import noise_label
from chainrule.train.private.privacy import Mechanism
from chainrule.train.private.row_keys import ROW_KEYS, keys_of_rows, row_words
from chainrule.train.state import Tensors, TrainState
from chainrule.train.step import EACH_STEP, GROUPS, Step

BLOCK = 1024  # rows whose gradients are examined at once
AHEAD = 0.5  # seconds of steps that are accounted for in one write
NO_KEYS = np.zeros((0, 2), np.uint32)

Account = Callable[[int], None]
"""Stores the number of steps that count, before the last of them is computed."""


class PrivateSteps:
    """Makes the updates of a private training.

    Args:
        step: the graph of a step, with a ``PrivateObjective``.
        data: the training rows, by the names of the step's inputs.
        mechanism: sampling rate and noise.
        state: the state of the training.
        seed: the seed of the random operations of the network, such as dropout.
        engine: the name of the engine; ``None``: that of the settings.
    """

    def __init__(
        self, step: Step, data: Arrays, mechanism: Mechanism, state: TrainState, seed: int, engine: str | None
    ) -> None:
        self.step, self.mechanism, self.seed = step, mechanism, seed
        inputs = _by_name(data)
        self._index = index_of(data)
        inputs = viewed_arrays(data, inputs)
        count = len(next(iter(inputs.values())))
        self._weights = np.zeros(count, step.recipe.dtype)
        self._inputs = {**inputs, SAMPLE_WEIGHT: self._weights}
        self._words = None
        if ROW_KEYS in step.graph.inputs:
            self._words, self._keys = row_words(inputs), np.zeros((count, 2), np.uint32)
            self._inputs[ROW_KEYS] = self._keys
        self._noise = {path: np.zeros(bound(node.shape)) for path, node in step.gradients.items()}
        noise = {noise_label(path): array for path, array in self._noise.items()}
        arrays = {**_copies(state.parameters), **_copies(state.states), **_copies(state.slots), **noise}
        self._trainer = step.program.trainer(self._inputs, arrays, engine)
        self._single = step.program.single(engine) if self._trainer is None else None
        self._arrays, self._engine = arrays, engine
        self._all_rows = np.ones(mechanism.rows, bool)
        self._accounted, self._ahead = 0, 1

    def advance(self, state: TrainState, discarded: int, account: Account | None) -> float:
        """Make one update; returns its learning rate.

        Args:
            state: the state of the training; it is updated.
            discarded: the number of steps that count without being part of the state.
            account: stores the number of steps that count; ``None``: there is no run folder.

        Raises:
            TrainingError E593: a parameter became NaN or infinite; the state is that before the step.
        """
        start = time.perf_counter()
        self._count(state.step + discarded, account)
        self._load(state)
        for array in self._noise.values():
            array[...] = standard_normal(array.size).reshape(array.shape)
        sampled = poisson_rows(self.mechanism.rows, self.mechanism.sampling_rate)
        learning_rate = self._run(self._batch(sampled, self._all_rows, state), state)
        if learning_rate is None:
            finite = self._finite_rows(state)
            learning_rate = self._run(self._batch(sampled[finite[sampled]], finite, state), state)
        values = {label: self._arrays[label] for label in self.step.homes.values()}
        if learning_rate is None or not all(map(is_finite, values.values())):
            raise _diverged(state.step + 1)
        for prefix, group in GROUPS.items():
            labels = [label for name, label in self.step.homes.items() if name.startswith(prefix)]
            setattr(state, group, {**getattr(state, group), **_copies({k: values[k] for k in labels})})
        state.step += 1
        state.batch += 1
        self._ahead = max(1, min(2 * self._ahead, int(AHEAD / max(time.perf_counter() - start, 1e-6))))
        return learning_rate

    def _count(self, before: int, account: Account | None) -> None:
        """Account for the next step, and for some more if steps are fast."""
        if account is not None and before + 1 > self._accounted:
            self._accounted = max(before + 1, min(self.mechanism.steps, before + self._ahead))
            account(self._accounted)

    def _load(self, state: TrainState) -> None:
        """Copy the arrays of the state, some of which change between two steps, to those of the engine."""
        for group in GROUPS.values():
            for label, array in getattr(state, group).items():
                if self._trainer is None:
                    self._arrays[label] = array
                elif label in self._arrays:
                    self._arrays[label][...] = array

    def _batch(self, sampled: np.ndarray, usable: np.ndarray, state: TrainState) -> np.ndarray:
        """The row numbers of a batch: the sampled rows, whose weight becomes 1, and padding of weight 0.

        Args:
            sampled: the sampled rows.
            usable: (N,) whether a row may be padding.
            state: the state before the step.
        """
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
        """Run the step on these rows; returns its learning rate, or ``None`` if its gradient is not finite.

        The results replace the arrays of this object, if the gradient is finite.
        """
        if not len(rows):
            return None
        if self._trainer is not None:
            keys = NO_KEYS
            if KEY in self.step.graph.inputs:
                keys = folds(fold(key_of(self.seed), EACH_STEP), np.array([state.step]))
            reported, failed = self._trainer.run(rows, len(rows), 0, 1, state.step, keys)
            return None if failed else float(reported[-1, 1])
        assert self._single is not None
        results = self._single.run(self._arrays_of(self._single.graph, rows, state))
        if not np.isfinite(results["loss"]):
            return None
        for name, label in self.step.homes.items():
            self._arrays[label] = results[name]
        return float(results["learning_rate"])

    def _arrays_of(self, graph: Graph, rows: np.ndarray, state: TrainState) -> Tensors:
        """The inputs of a graph for these rows."""
        batch = {name: array[rows] for name, array in self._inputs.items() if name in graph.inputs}
        arrays = {**self._arrays, **batch, **self.step.key(self.seed, state.step)}
        arrays["step"] = np.array(state.step, np.int64)
        return {name: arrays[name] for name in graph.inputs}

    def _finite_rows(self, state: TrainState) -> np.ndarray:
        """Whether the gradient of each training row is finite, (N,).

        A gradient that overflows has no direction. Its row adds nothing to the step, as with a gradient of 0;
        a step that failed for it would reveal that the row is there.
        """
        norms = self.step.objective.squared_norms
        assert norms is not None
        graph, rows = Graph({"norms": norms}), np.arange(self.mechanism.rows)
        program = compile(graph, self._engine)
        every = rows if self._index is None else self._index
        self._set_row_keys(every, state)
        parts = [every[start : start + BLOCK] for start in range(0, len(every), BLOCK)]
        values = [program.run(self._arrays_of(graph, part, state))["norms"] for part in parts]
        return np.isfinite(np.concatenate(values))


def _diverged(step: int) -> TrainingError:
    return TrainingError(
        "E593", where="fit", step=step, expected=fact("finite parameters"),
        received=fact("NaN or infinite values"),
        notes=[fact("the search for the first such value is withheld: it would read single rows")],
        fix=fact("a smaller learning rate, or a smaller max_norm"),
    )  # fmt: skip


def _by_name(data: Arrays) -> Tensors:
    inputs = data.x if isinstance(data.x, dict) else {"x": data.x}
    return {**inputs, **(data.y if isinstance(data.y, dict) else {})}


def _copies(arrays: Tensors) -> Tensors:
    return {name: array.copy() for name, array in arrays.items()}
