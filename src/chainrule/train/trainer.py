"""``Trainer``: one update at a time, for custom training loops.

A trainer owns arrays and compiled steps; ``step`` copies a batch to its buffers and calls the engine once.
Where a value is not finite, the parameters from before the step are restored. This does not copy the
parameters in
every step: the trainer stores one copy and the batches since then, and repeats these steps from the copy. It
makes a new copy when the batches take as much memory as the parameters, so that copying costs no more than
the batches.

    copy of the parameters      batch  batch  batch  batch        a value is not finite:
    |---------------------------|------|------|------|--x         restore the copy, repeat three steps
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np

from chainrule.data import Arrays
from chainrule.data.batches.arrays import Inputs
from chainrule.engines import compile
from chainrule.errors import ShapeError, TrainingError, fact
from chainrule.graph import Graph
from chainrule.nn.loss import Loss
from chainrule.symbolic_shape import Shape, shape_text
from chainrule.train import nonfinite
from chainrule.train.checkpoint import trainer_file
from chainrule.train.checkpoint.computation_fingerprint import computation
from chainrule.train.checkpoint.training_identity import depends_on_horizon
from chainrule.train.evaluation import evaluate
from chainrule.train.evaluation.prediction import ByOutput, activations, raw_outputs
from chainrule.train.evaluation.rows import encoded
from chainrule.train.inputs import tabular
from chainrule.train.inputs.batch_source import Batch
from chainrule.train.inputs.input_check import columns_of, in_order
from chainrule.train.inputs.sample_and_class_weights import (
    refuse_weight_shape,
    refuse_zero_weights,
    weight_shape_of,
)
from chainrule.train.inputs.target import Target, by_output, sorted_labels
from chainrule.train.model_base import StateHolder
from chainrule.train.model_state import GIVEN, ModelState
from chainrule.train.nonfinite.failed_step_replay import FailedStep, Recorder, StepInputs
from chainrule.train.objective import SAMPLE_WEIGHT, row_weights
from chainrule.train.partial_fit_state import KEEPERS, Online
from chainrule.train.shared_parameters import Block, Parameters
from chainrule.train.step_execution import Updater
from chainrule.train.step_graph import RATE, Step, by_name, training_step
from chainrule.train.train_state import Tensors, TrainState
from chainrule.validation import is_number, out_of_range, random_seed

MAX_REPEATED = 64  # maximum number of steps that are repeated to restore parameters


class Trainer:
    """Trainer that updates a model one step at a time; ``chainrule.Model.trainer`` creates it.

    Args:
        model: the model to train; it changes only at ``commit``.
        example: a batch that defines the shapes of the inputs and the classes of a classifier.
        classes: all labels, where the example batch does not contain each of them.
        seed: the seed of the initial parameters and of each step's random numbers.
        steps: the total number of updates, for a learning rate schedule that depends on it.
        parameters: arrays to update, which other trainers update too; ``None``: a copy of the model's.
        resumed: the optimizer's state and the trained parameters of earlier updates, of which it makes the
            next one.
        has_sums: whether the step adds up the loss of each output, for a history.

    Raises:
        DataError, ShapeError: samples that do not fit the network.
        UsageError E102: a schedule that depends on the number of updates, and no ``steps``.
        ShapeError E209: ``parameters`` of another network.
    """

    def __init__(
        self,
        model: StateHolder,
        example: Batch,
        *,
        classes: Any = None,
        seed: int = 0,
        steps: int | None = None,
        parameters: Parameters | None = None,
        resumed: Online | None = None,
        has_sums: bool = False,
    ) -> None:
        seed = random_seed(seed, "trainer")
        self._model, self._seed, self._steps_made, self._has_sums = model, seed, 0, has_sums
        self._first = self._state = _initialized(model.state, example, classes, seed)
        require_horizon(self._state, steps, "trainer", "steps")
        self._horizon, self._buffers = steps or 1, Tensors()
        _, first = self._encoded(*example)
        network = self._state.network
        assert network is not None
        refuse_weight_shape(network, first.weights)
        self._is_weighted = first.weights is not None
        self._scheduled = self._first_step = self._built_step(weight_shape_of(first.weights))
        self._step = self._scheduled  # until the learning rate is set
        self._parameters = parameters or Parameters(StateHolder(self._state))
        self._are_shared = parameters is not None  # others may read and change them between steps
        _refuse_mismatch(self._parameters, self._state)
        self._slots = Block(self._step.initial_slots())
        self._arrays = {**self._parameters, **self._slots.arrays}
        if resumed is not None:
            for name, array in {**resumed.parameters, **resumed.slots}.items():
                self._arrays[name][...] = array
            self._steps_made = resumed.steps
        self._blocks = [*self._parameters.block.blocks, *self._slots.blocks]
        self._size = self._parameters.block.nbytes + self._slots.nbytes
        self._view: ModelState | None = None
        self._updater: Any = None  # until ``_bind``
        self._allocate(first)
        self._save_copy()

    # --- updates

    def step(self, x: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Make one update on a batch.

        Args:
            x, y: the batch; the first one of a new size is planned, and the first one with another length
                of sequences or another size of images builds the step again.
            sample_weight: (B,) or (B, ...); required exactly if the example batch has weights.

        Returns:
            the loss of the batch before the update.

        Raises:
            TrainingError E501: a value is not finite; the parameters from before the step are restored.
        """
        rows = self._copy_batch(x, y, sample_weight)
        if self._version != self._parameters.shared.version or self._is_copy_due():
            self._save_copy()
        try:
            loss, is_good = self._run(rows, self._steps_made)
        except ShapeError:  # E211: a device computed the step to its end
            self._restore(rows)
            raise
        if not is_good:
            self._restore(rows)
            raise self._error(rows)
        self._rows = rows
        for buffer, batches in zip(self._buffers.values(), self._batches, strict=True):
            batches.append(buffer[:rows].copy())
            self._batch_bytes += batches[-1].nbytes
        self._rates.append(self._given_rate)
        self._steps_made += 1
        self._parameters.shared.version += 1
        self._version = self._parameters.shared.version
        return loss

    def _run(self, rows: int, number: int) -> tuple[float, bool]:
        """Make the update on the first rows of the buffers; its loss, and whether all values are finite."""
        if self._are_shared:
            self._updater.push(self._parameters.block.arrays)
        self._reported, is_good = self._updater.run_first(rows, number)
        if self._are_shared:
            self._updater.pull()
        return float(self._reported[-1, 0]), is_good

    def gradients(self, x: Any, y: Any = None, sample_weight: Any = None) -> Tensors:
        """Return the gradients with which ``step`` would update on this batch; nothing changes.

        They include penalties, the clipping of the model and the random numbers of the next step.

        Args:
            x, y, sample_weight: as in ``step``.

        Returns:
            the gradient of each trained parameter by path, such as ``"dense1.weight"``.
        """
        rows = self._copy_batch(x, y, sample_weight)
        return self._updater.gradients(slice(rows), self._steps_made)

    # --- the learning rate

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step; a number replaces the schedule of the optimizer.

        Raises:
            UsageError E102: when set to anything but a finite number of at least 0.
        """
        if self._step is not self._scheduled:
            return float(self._arrays[RATE])
        self._updater.pull()
        graph = Graph({"learning_rate": self._step.graph.outputs["learning_rate"]})
        values = {**self._arrays, "step": np.array(self._steps_made, np.int64)}
        program = self._step.memo("learning_rate", lambda: compile(graph, "reference"))
        return float(program.run({name: values[name] for name in graph.inputs})["learning_rate"])

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        if not is_number(value) or not 0 <= value < np.inf:
            expected, fix = fact("a finite number of at least 0"), "trainer.learning_rate = 0.001"
            raise out_of_range(value, "learning_rate", "trainer.learning_rate", expected, fix=fix)
        if self._step is self._scheduled:
            self._step = self._built_step(self._weight_shape, is_rate_given=True)
            self._arrays[RATE] = np.zeros((), self._state.recipe.dtype)
            self._bind()
            self._save_copy()
        self._set_rate(value)

    def _set_rate(self, value: float | None) -> None:
        """Write a learning rate to the input of the step; ``None``: the step has the schedule's."""
        if value is not None:
            self._arrays[RATE][...] = value
            self._updater.push([RATE])

    @property
    def _given_rate(self) -> float | None:
        """The learning rate that was set; ``None``: the schedule's."""
        return None if self._step is self._scheduled else float(self._arrays[RATE])

    # --- batches

    def _copy_batch(self, x: Any, y: Any, sample_weight: Any) -> int:
        """Copy a batch to the buffers; returns its number of rows."""
        if sample_weight is None and self._quick is not None:
            rows = self._quick(x, y)
            if rows:
                return rows
        state, batch = self._encoded(x, y, sample_weight)
        if (batch.weights is None) == self._is_weighted:
            expected = fact("weights") if batch.weights is None else fact("none")
            fix = fact("the same in every step as in the example batch")
            raise out_of_range(fact("the opposite"), "sample_weight", "trainer.step", expected, fix=fix)
        refuse_zero_weights(batch.weights)
        if state is not self._state or weight_shape_of(batch.weights) != self._weight_shape:
            self._change_shapes(state, batch)
        if batch.rows > self._capacity:
            self._allocate(batch)
        for name, array in by_name(batch).items():
            np.copyto(self._buffers[name][: batch.rows], array)
        return batch.rows

    def _encoded(self, x: Any, y: Any, sample_weight: Any) -> tuple[ModelState, Arrays]:
        """Return the model for the shapes of a batch, and the batch by the names of the step's inputs."""
        x, y = tabular.encode_table(self._state.preparation, x, y)
        rows = self._state.rows_of(x, y, sample_weight)
        state = self._state if self._has_shapes_of(rows.x) else self._first.for_shapes(rows.x)
        if state.network is self._state.network:
            state = self._state
        return state, encoded(state, rows)

    def _has_shapes_of(self, x: Inputs) -> bool:
        """Return whether the step is built for samples of these shapes."""
        arrays = list(x.values()) if isinstance(x, dict) else [x]
        buffers = list(self._buffers.values())[: len(arrays)]
        return [a.shape[1:] for a in arrays] == [buffer.shape[1:] for buffer in buffers]

    def _built_step(self, weight_shape: Shape, *, is_rate_given: bool = False) -> Step:
        """Return the step for the present shapes."""
        network = self._state.network
        assert network is not None
        return training_step(
            network,
            self._is_weighted,
            self._horizon,
            weight_shape,
            self._has_sums,
            is_rate_given=is_rate_given,
        )

    @property
    def _weight_shape(self) -> Shape:
        """The shape of one sample's weight."""
        return weight_shape_of(self._buffers.get(SAMPLE_WEIGHT))

    def _change_shapes(self, state: ModelState, batch: Arrays) -> None:
        """Continue with the graphs for samples of other shapes; parameters and optimizer state stay."""
        network, shape = state.network, weight_shape_of(batch.weights)
        assert network is not None
        refuse_weight_shape(network, batch.weights)
        is_rate_given, self._state = self._step is not self._scheduled, state
        self._scheduled = self._built_step(shape)
        self._step = self._built_step(shape, is_rate_given=True) if is_rate_given else self._scheduled
        self._allocate(batch)
        self._save_copy()

    def _allocate(self, batch: Arrays) -> None:
        """Allocate buffers for batches of this size, and the engine's trainer for them."""
        self._capacity = batch.rows
        self._buffers = {name: np.array(array) for name, array in by_name(batch).items()}
        self._bind()

    def _bind(self) -> None:
        """Bind the step to the buffers and arrays."""
        if self._updater is not None:
            self._updater.pull()
        self._updater = Updater(
            self._step, self._buffers, self._arrays, self._seed, self._state.engine, self._blocks
        )
        self._quick = quick_copy(self._state, self._step, self._buffers)

    # --- restoring after a non-finite step

    def _is_copy_due(self) -> bool:
        return len(self._batches[0]) >= MAX_REPEATED or self._batch_bytes > self._size

    def _save_copy(self) -> None:
        """Copy all arrays; the steps after the copy can be undone."""
        self._updater.pull()
        self._copies = self._parameters.block.copies(), self._slots.copies()
        self._version, self._batch_bytes = self._parameters.shared.version, 0
        self._batches: list[list[np.ndarray]] = [[] for _ in self._buffers]  # of each input
        self._rates: list[float | None] = []  # the learning rate of each batch, where it was set

    def _restore(self, rows: int) -> None:
        """Restore the state before a step on the first rows of the buffers that failed."""
        batch = [array[:rows].copy() for array in self._buffers.values()]
        self._parameters.block.restore(self._copies[0])
        self._slots.restore(self._copies[1])
        self._updater.push(self._arrays)
        first, learning_rate = self._steps_made - len(self._batches[0]), self._given_rate
        for index, arrays in enumerate(zip(*self._batches, strict=True)):
            for buffer, array in zip(self._buffers.values(), arrays, strict=True):
                buffer[: len(array)] = array
            self._set_rate(self._rates[index])
            self._run(len(arrays[0]), first + index)
        self._set_rate(learning_rate)
        for buffer, array in zip(self._buffers.values(), batch, strict=True):
            buffer[:rows] = array

    def _error(self, rows: int) -> TrainingError:
        """Return the error that names the origin of a value that is not finite."""
        step, inputs = self._updater.feed(slice(rows), self._steps_made)
        slots = {label: array.copy() for label, array in self._slots.arrays.items()}
        network = self._state.network
        assert network is not None
        parameters = {path: self._arrays[path].copy() for path in network.parameters}
        states = {path: self._arrays[path].copy() for path in network.inference.states}
        state = TrainState(parameters, states, slots, self._steps_made)
        recorder = Recorder(state)
        recorder.begin(state)
        failed_inputs = StepInputs(step, inputs, np.arange(rows))
        results = step.program.single(self._state.engine).run(inputs)
        return nonfinite.failed_step_error(
            FailedStep(state, recorder, lambda _: failed_inputs, None, results, self._state.engine)
        )

    # --- what ``fit`` reads and writes

    @property
    def update(self) -> Step:
        """The graph of one update."""
        return self._step

    @property
    def last_learning_rate(self) -> float:
        """The learning rate of the last step."""
        return float(self._reported[-1, 1])

    @property
    def last_rows(self) -> tuple[int, float]:
        """The number of rows of the last batch, and the sum of their weights in the mean of an epoch."""
        network, rows = self._state.network, self._rows
        assert network is not None
        arrays = {name: array[:rows] for name, array in self._buffers.items()}
        targets = {name: arrays[name] for name in network.target_names.values()}
        weights = row_weights(network, Arrays({"rows": np.empty(rows)}, targets, arrays.get(SAMPLE_WEIGHT)))
        return rows, float(rows if weights is None else weights.sum(dtype=np.float64))

    def copy_to(self, state: TrainState) -> None:
        """Set parameters, states and slots of a training to copies of the present ones.

        Args:
            state: the state of the training.
        """
        self._updater.store(state)

    def copy_from(self, state: TrainState) -> None:
        """Set the present parameters, states and slots to those of a training.

        Args:
            state: the state of the training.
        """
        self._updater.load(state)
        self._parameters.shared.version += 1

    # --- results

    def __repr__(self) -> str:
        count = sum(self._arrays[path].size for path in self._step.gradients)
        optimizer = type(self._state.recipe.optimizer).__name__
        return (
            f"<Trainer: {self._steps_made:,} updates, {count:,} trained parameters, {optimizer}, "
            f"learning rate {self.learning_rate:.4g}>"
        )

    def evaluate(
        self, x: Any, y: Any = None, sample_weight: Any = None, metrics: str | Sequence[str] | None = None
    ) -> dict[str, float]:
        """Return the loss and the metrics on labeled samples with the present parameters; see
        ``chainrule.Model.evaluate``.

        Args:
            x, y, sample_weight, metrics: as there.
        """
        return evaluate.evaluate(self._current(), x, y, sample_weight, metrics)

    def __call__(self, x: Any) -> ByOutput:
        """Return the network's raw outputs with the present parameters; see ``chainrule.Model.__call__``."""
        return raw_outputs(self._current(), x)

    def activations(self, x: Any, layer: str) -> np.ndarray:
        """Return the output of a layer with the present parameters; see ``chainrule.Model.activations``.

        Args:
            x: samples.
            layer: the path of the layer.
        """
        return activations(self._current(), x, layer)

    def _current(self) -> ModelState:
        """Return the model with the arrays that steps change, without copies."""
        self._updater.pull()
        if self._step.prediction_graph.outputs:  # the optimizer predicts with other parameters: EMA, SWA
            return self.state
        if self._view is None:
            network = self._state.network
            assert network is not None
            parameters = {path: self._arrays[path] for path in network.parameters}
            states = {path: self._arrays[path] for path in network.inference.states}
            self._view = replace(self._first, parameters=parameters, states=states, is_fixed=False)
        return self._view

    def online(self) -> Online:
        """Return copies of the trained parameters and of the optimizer's state."""
        self._updater.pull()
        network = self._state.network
        assert network is not None
        parameters = {path: self._arrays[path].copy() for path in network.parameters}
        slots = {label: self._slots.arrays[label].copy() for label in network.slots}
        return Online(parameters, slots, self._steps_made)

    @property
    def steps(self) -> int:
        """The number of updates so far."""
        return self._steps_made

    @property
    def state(self) -> ModelState:
        """The model with copies of the present parameters; later steps do not change it."""
        self._updater.pull()
        network = self._state.network
        assert network is not None
        parameters = {path: self._arrays[path].copy() for path in network.parameters}
        predicting = self._step.prediction_parameters(parameters, self._slots.arrays, self._steps_made)
        states = {path: self._arrays[path].copy() for path in network.inference.states}
        return replace(
            self._first,
            parameters=predicting,
            states=states,
            is_given=False,
            start=GIVEN,
            step=self._first_step,
            recorded={},
            facts={"steps": self._steps_made, "seed": self._seed, "ended": "trainer"},
        )

    def commit(self) -> None:
        """Set the parameters of the model to the present ones."""
        self._model.adopt(self.state)

    # --- files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything that later steps depend on: parameters, optimizer state, the number of updates,
        the seed and a learning rate that was set. The file is replaced at once, never half written.

        Args:
            path: the path of the file.
        """
        trainer_file.save(path, self._progress, self._arrays_to_save())

    def load(self, path: str | os.PathLike[str]) -> Self:
        """Continue where ``save`` was called: the next steps have the bits that they would have had.

        Args:
            path: a file that ``save`` wrote, in a trainer of an equal model.

        Raises:
            FileError E505: the trainer that was saved computes something else; all differences are listed.
            FileError E440, E424: arrays or counters do not fit.
        """
        network = self._state.network
        assert network is not None
        progress, arrays = trainer_file.load(path, self._progress, self._arrays_to_save(), network)
        for label, array in arrays.items():
            self._arrays[label][...] = array
        self._steps_made, self._seed = progress.steps, progress.seed
        if progress.learning_rate is not None:
            self.learning_rate = progress.learning_rate
        elif self._step is not self._scheduled:
            self._step = self._scheduled
            del self._arrays[RATE]
        self._bind()
        self._parameters.shared.version += 1
        self._save_copy()
        return self

    @property
    def _progress(self) -> trainer_file.Progress:
        labels = {name: target.labels for name, target in self._first.targets.items()}
        network = self._first.network
        assert network is not None
        parts = computation(network, self._first_step)
        return trainer_file.Progress(self._steps_made, self._seed, self._given_rate, labels, parts)

    def _arrays_to_save(self) -> Tensors:
        self._updater.pull()
        return {label: array for label, array in self._arrays.items() if label != RATE}


def partial_fit(model: StateHolder, x: Any, y: Any, classes: Any, sample_weight: Any) -> float:
    """Return one update of a model on a batch; see ``chainrule.Model.partial_fit``."""
    keeper = KEEPERS.pop(model.state, None)
    if isinstance(keeper, Trainer):
        trainer = keeper
    else:  # it must not refer to the model, which would then be kept as long as the trainer
        batch, resumed = Batch(x, y, sample_weight), None if keeper is None else keeper.online()
        trainer = Trainer(StateHolder(model.state), batch, classes=classes, resumed=resumed)
    loss = trainer.step(x, y, sample_weight)
    model.adopt(trainer.state)
    KEEPERS[model.state] = trainer
    return loss


def _initialized(model: ModelState, example: Batch, classes: Any, seed: int) -> ModelState:
    """Return the model with graphs, labels and parameters; those that it already has are not changed."""
    if not model.columns and model.preparation is None:
        model = replace(model, columns=columns_of(example.x))
    encoded_x, y = tabular.encode_table(model.preparation, example.x, example.y)
    x = Arrays.raw(in_order(encoded_x, model.columns))
    if model.network is None:
        model = model.built(evaluate.specs_of(x, model.recipe.dtype), are_fixed=False)
    else:
        model = model.for_shapes(x)
    data = model.rows_of(x, y)
    if not model.labels:
        parts = by_output(model.targets, data.y)
        learned = {
            name: _with_labels(t, parts[name], classes) if name in parts else t
            for name, t in model.targets.items()
        }
        model = replace(model, targets=learned)
    return model if model.arrays else model.initialized(seed)


def _with_labels(target: Target, y: np.ndarray, classes: Any) -> Target:
    """Return the target with all labels: ``classes``, or those of the example batch."""
    if classes is None or not target.is_classes:
        return target.with_labels(y)
    labels = sorted_labels(np.asarray(classes), target.ignored)
    return replace(target.with_classes(labels), is_declared=True)


def require_horizon(model: ModelState, steps: int | None, where: str, name: str) -> None:
    """Refuse a learning rate schedule that depends on the number of updates where this is not known.

    Args:
        steps: the number of updates that the schedule spans.
        where, name: the function and its argument that states the number, for the error.

    Raises:
        UsageError E102: the schedule depends on it, and ``steps`` is ``None``.
    """
    if steps is None and depends_on_horizon(model.recipe.optimizer.schedule):
        expected = fact("the number of updates, on which the learning rate schedule depends")
        raise out_of_range(None, name, where, expected, 1000)


def _refuse_mismatch(parameters: Parameters, model: ModelState) -> None:
    """Refuse parameters of another network; E209 lists all differences of names and shapes."""
    expected = {path: array.shape for path, array in model.arrays.items()}
    shapes = {path: array.shape for path, array in parameters.items()}
    missing = [f"{path} {shape_text(shape)}" for path, shape in expected.items() if shapes.get(path) != shape]
    if missing:
        raise ShapeError(
            "E209",
            where="trainer, parameters",
            expected=missing[0],
            received=", ".join(shapes)[:80] or fact("none"),
            notes=missing[1:9],
            fix='parameters.part("the path of the layer")',
        )


def quick_copy(model: ModelState, step: Step, buffers: Tensors) -> Callable[[Any, Any], int] | None:
    """Return a function that copies arrays which need no conversion to the buffers.

    It returns their number of rows, or 0 where the arrays need conversion. ``None``: the arrays of this model
    always do.
    """
    network = model.network
    if network is None or len(buffers) != 2 or network.inference.book.tables or model.preparation is not None:
        return None
    (inputs, targets), (target,) = buffers.values(), model.targets.values()
    capacity, sample, target_shape = len(inputs), inputs.shape[1:], targets.shape[1:]
    labels = target.labels
    is_coded = target.is_single and labels == tuple(range(len(labels))) and targets.ndim == 1
    if type(target.loss).refuse is not Loss.refuse or type(target.loss).pad is not Loss.pad:
        return None
    shapes = [target_shape, ()] if target_shape == (1,) else [target_shape]
    is_value = not target.is_classes and model.task == "regression"

    def copy(x: Any, y: Any) -> int:
        if type(x) is not np.ndarray or type(y) is not np.ndarray:
            return 0
        rows = len(x)
        if not 0 < rows <= capacity or x.shape[1:] != sample or x.dtype != inputs.dtype or len(y) != rows:
            return 0
        if is_coded and y.ndim == 1 and y.dtype.kind in "iu" and _largest(y) < len(labels):
            targets[:rows] = y
        elif is_value and y.dtype == targets.dtype and y.shape[1:] in shapes:
            targets[:rows] = y.reshape(rows, *target_shape)
        else:
            return 0
        inputs[:rows] = x
        return rows

    return copy


def _largest(y: np.ndarray) -> int:
    """Return the largest of some integers, where a negative one counts as larger than all others."""
    unsigned = y.view(f"u{y.itemsize}") if y.dtype.kind == "i" and y.flags.c_contiguous else y
    if unsigned is y and y.min() < 0:
        return 1 << 64
    return int(np.maximum.reduce(unsigned))
