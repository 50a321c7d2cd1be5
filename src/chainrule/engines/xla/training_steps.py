"""Many training steps in one call: a loop on the device over the batches of an epoch.

The data set lies on the device, and so do the arrays of the state, which are donated: XLA updates them in
place. They stay there between calls; the arrays of the host are updated only when they are read (``pull``).
The number of steps of a call is a value, not a shape, so a training compiles one loop for its batches and one
for a smaller last batch.

The loop ends at the first step whose loss is not finite; the state is then that of the step before it.

On several devices (``devices``) each batch is divided among them: in eight shards, whose results do not
depend on the number of devices, or, with ``settings.parallel = "fast"``, as XLA partitions the program.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

from chainrule.engines.xla.batch_shards import ShardedStep
from chainrule.engines.xla.devices import Devices, require_threads, training_devices
from chainrule.engines.xla.graph_trace import graph_outputs
from chainrule.engines.xla.operations import Array, Indices
from chainrule.engines.xla.processes import Agreement, require_same, require_same_rows, rows_of_all
from chainrule.engines.xla.program import COMPILED, compiled_key, is_out_of_memory, refuse_outside
from chainrule.errors import TrainingError, fact
from chainrule.graph import Graph, Node
from chainrule.ops.batch_axis import SHARDS
from chainrule.plan.memory_requirement import MemoryRequirement, reference_memory
from chainrule.prng import KEY
from chainrule.symbolic_shape import bound

STEP = "step"
"""The input of a step that has the number of updates before it."""
SHARD_COUNT = "shards of a device"
"""An input of ``CompiledStep.loop`` that no graph has."""


class CompiledStep:
    """A training step; its compiled loops are kept in ``COMPILED``, so a training only passes its arrays.

    Args:
        graph: the step; outputs ``loss``, ``learning_rate`` and those named in ``homes``.
        core: the nodes of the gradients; XLA orders all nodes itself.
        homes: outputs that are inputs of the next step: output name to input label.

    Raises:
        UsageError E102, E633: there are no devices as the settings ask for.
    """

    def __init__(self, graph: Graph, core: Sequence[Node], homes: Mapping[str, str]) -> None:
        self.graph, self.homes = graph, homes
        self.specs = {name: node.spec for name, node in graph.inputs.items()}
        training_devices()  # before anything is written, settings that cannot be used are refused

    @staticmethod
    def covers(graph: Graph) -> bool:
        """Return whether every operation of the step can be compiled: all can."""
        return True

    def memory_requirement(self, data: Collection[str], batch: int) -> MemoryRequirement:
        """Return an upper bound of the memory of a step: that of running it node by node."""
        return reference_memory(self.graph, {"B": batch})

    def trainer(
        self,
        data: Mapping[str, np.ndarray],
        state: dict[str, np.ndarray],
        threads: int,
        cores: int,
        *,
        changes: bool = True,
    ) -> Trainer:
        """Return a runner of this step; for the arguments see ``Trainer``. JAX has threads of its own."""
        return Trainer(self, data, state, changes=changes)

    def loop(self, batch: int, samples: Collection[str], devices: Devices | None) -> Any:
        """Return the compiled loop for batches of this size, for the present settings.

        Args:
            batch: the number of samples of a batch.
            samples: labels of the data sets.
            devices: the devices that share a batch; ``None``: one device.
        """
        key = compiled_key(self.graph, tuple(self.homes.items()), batch, frozenset(samples), devices)

        def compiled() -> Any:
            if devices is None:
                run = partial(self._run, batch, partial(self._results, batch, lambda part: part))
            elif devices.is_deterministic:
                shards = ShardedStep(self.graph, samples, devices.count)
                run = devices.on_each(
                    partial(self._run, batch, partial(self._sharded_results, batch, shards))
                )
            else:
                run = partial(self._run, batch, partial(self._results, batch, devices.divided))
                return jax.jit(
                    run, donate_argnums=0, out_shardings=devices.result_shardings(self._state_shapes())
                )
            return jax.jit(run, donate_argnums=0)

        return COMPILED(key, compiled)

    def _results(
        self,
        batch: int,
        placed: Callable[[Array], Array],
        rows: Array,
        data: Mapping[str, Array],
        inputs: dict[str, Array],
        indices: Indices,
    ) -> dict[str, Array]:
        """Return the outputs of a step on one device, or as XLA divides it.

        Args:
            batch: samples in the batch.
            placed: states how the samples are divided among devices.
            rows: the row numbers of the batch in ``data``.
            data: the data sets by label.
            inputs: all other inputs, and ``SHARD_COUNT``.
            indices: notes indices outside their table.
        """
        samples = {label: placed(array[rows]) for label, array in data.items()}
        return graph_outputs(self.graph, {"B": batch}, {**inputs, **samples}, indices)

    def _sharded_results(
        self,
        batch: int,
        shards: ShardedStep,
        rows: Array,
        data: Mapping[str, Array],
        inputs: dict[str, Array],
        indices: Indices,
    ) -> dict[str, Array]:
        """Return the outputs of a step that is computed in shards; see ``_results``."""

        def samples(places: Array) -> dict[str, Array]:
            return {label: array[rows[places]] for label, array in data.items()}

        return shards.outputs(batch, inputs, samples, inputs[SHARD_COUNT], indices)

    def _run(
        self,
        batch: int,
        results_of: Callable[..., dict[str, Array]],
        state: dict[str, Array],
        fixed: dict[str, Array],
        data: dict[str, Array],
        schedule: dict[str, Array],
    ) -> tuple[dict[str, Array], Array, Array]:
        """Return the state, loss and rate of each step, and three numbers: the failed step or 0, the place of
        a wrong index or 0, and whether all arrays of the state are finite.

        Args:
            batch: samples in each batch.
            results_of: returns the outputs of a step; see ``_results``.
            state: the arrays that steps change, by label.
            fixed: all other arrays that every step reads, but for those of ``data``.
            data: the data sets by label, rows first.
            schedule: ``rows``, the row numbers of all batches; ``keys``, one for each step or none; and
                ``numbers``: ``first``, ``count`` and ``step`` as in ``Trainer.run``, and the number of shards
                of each device.
        """
        keys, (first, count, number, shards) = schedule["keys"], schedule["numbers"]

        def goes_on(carry: tuple[Any, ...]) -> Array:
            done, _, _, failed, _ = carry
            return (done < count) & (failed == 0)

        def step(carry: tuple[Any, ...]) -> tuple[Any, ...]:
            done, before, reported, _, outside = carry
            rows = lax.dynamic_slice(schedule["rows"], [(first + done) * batch], [batch])
            inputs = {**fixed, **before, STEP: number + done, SHARD_COUNT: shards}
            if len(keys):
                inputs[KEY] = keys[done]
            indices = Indices()
            results = results_of(rows, data, inputs, indices)
            pair = jnp.stack([results["loss"], results["learning_rate"]]).astype(jnp.float64)
            is_good = jnp.isfinite(pair[0])
            after = {
                label: jnp.where(is_good, results[name], before[label]) for name, label in self.homes.items()
            }
            failed = jnp.where(is_good, 0, done + 1)
            outside = jnp.maximum(outside, indices.position)
            return done + 1, after, reported.at[done].set(pair), failed, outside

        steps = max(schedule["rows"].shape[0] // batch, 1)
        begin = jnp.int64(0), state, jnp.zeros((steps, 2)), jnp.int64(0), jnp.int64(0)
        _, state, reported, failed, outside = lax.while_loop(goes_on, step, begin)
        is_finite = jnp.array(True)
        for array in state.values():
            if jnp.issubdtype(array.dtype, jnp.floating):
                is_finite &= jnp.isfinite(array).all()
        return state, reported, jnp.stack([failed, outside, is_finite.astype(failed.dtype)])

    def _state_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each array of the state, by label."""
        return {label: bound(self.specs[label].shape) for label in self.homes.values()}


class Trainer:
    """A runner of many training steps over a data set in memory.

    Args:
        step: the step.
        data: whole data sets by input label, rows first.
        state: arrays by input label; ``pull`` changes them in place.
        changes: whether the data may change between calls; the rows of its steps are then copied to the
            device in every call, otherwise all rows once and after ``push``.
    """

    keeps_state = True

    def __init__(
        self,
        step: CompiledStep,
        data: Mapping[str, np.ndarray],
        state: dict[str, np.ndarray],
        *,
        changes: bool = True,
    ) -> None:
        self._step, self.state, self._changes = step, state, changes
        self._devices = training_devices()
        self._data, self._data_on_device = dict[str, np.ndarray](), dict[str, Array]()
        self.replace_data(data)
        no_constants = {*self._data, STEP, KEY, *step.homes.values()}
        self._fixed = [label for label in step.specs if label not in no_constants]
        self._on_device: dict[str, Array] = {}  # arrays of ``state`` that the device has
        self._stale: set[str] = set()  # labels of those that are older on the host
        self._is_finite = True
        self._order: tuple[Any, Any] = None, None  # row numbers on the host and on the device
        self._agreement = Agreement()
        require_same(step.graph, {} if changes else self._data, state)

    @property
    def place(self) -> tuple[int, int]:
        """The number of this process, and how many there are."""
        return jax.process_index(), jax.process_count()

    @staticmethod
    def rows_of_all(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return arrays with the rows of those of all processes, in their order."""
        return rows_of_all(arrays)

    @staticmethod
    def require_same_rows(identity: str) -> None:
        """Check that all processes train on the same rows (TrainingError E632)."""
        require_same_rows(identity)

    def agreed(self, value: float) -> float:
        """Return a number that all processes of a training have in common: that of the first one."""
        return self._agreement(value)

    def replace_data(self, data: Mapping[str, np.ndarray]) -> None:
        """Have the next runs copy other data sets to the device."""
        self._data = {label: array for label, array in data.items() if label in self._step.specs}
        self._data_on_device.clear()

    def _on_devices(self) -> dict[str, Array]:
        """Return the data sets on the devices, in the dtypes of the step; those they lack are copied."""
        for label, array in self._data.items():
            if label not in self._data_on_device:
                values = np.asarray(array, self._step.specs[label].dtype)
                self._data_on_device[label] = self._placed(values)
        return dict(self._data_on_device)

    def _rows_of_steps(self, rows: np.ndarray, batch: int) -> tuple[dict[str, Array], np.ndarray]:
        """Return the data of some steps on the devices, and the order of its rows.

        The number of steps is filled up to a power of two, since each shape is compiled.

        Args:
            rows: the row numbers of the batches of these steps.
            batch: samples in each batch.
        """
        steps = len(rows) // batch
        filled = np.resize(rows, batch << (steps - 1).bit_length())
        data = {
            label: self._placed(np.asarray(array[filled], self._step.specs[label].dtype))
            for label, array in self._data.items()
        }
        return data, np.arange(len(filled))

    def _placed(self, array: Any) -> Array:
        """Return a copy of an array, on every device."""
        return jnp.array(array) if self._devices is None else self._devices.same(array)

    def _copied(self, label: str, array: Any) -> Array:
        """Return a copy of an array of the state, on every device."""
        return self._placed(array)

    def _state(self, labels: Iterable[str], placed: Callable[[str, Any], Array]) -> dict[str, Array]:
        """Return arrays of the state on the devices; those that the device lacks are copied."""
        labels = list(labels)
        for label in labels:
            if label not in self._on_device:
                self._on_device[label] = placed(label, self.state[label])
        return {label: self._on_device[label] for label in labels}

    def run(
        self, order: np.ndarray, batch: int, first: int, count: int, step: int, keys: np.ndarray
    ) -> tuple[np.ndarray, int]:
        """Run some steps; see ``dispatch.Trainer``.

        Raises:
            ShapeError E211: an index outside its table. TrainingError E508: a device has too little memory.
            UsageError E130: as ``devices.require_threads``.
        """
        require_threads()
        with jax.enable_x64(True):
            loop, arguments = self._call(order, batch, (first, count, step), keys)
            try:
                state, reported, results = loop(*arguments)
                failed, outside, is_finite = np.asarray(results).tolist()
            except Exception as error:  # the arrays were donated
                self.push(self._step.homes.values())
                if is_out_of_memory(error):
                    raise _too_large(batch, error) from error
                raise
        self._on_device.update(state)
        self._stale.update(state)
        self._is_finite = bool(is_finite)
        if self._devices is not None and not self._devices.keeps_state:
            self.pull()
            self.push(state)
        refuse_outside(outside)
        return np.asarray(reported)[: failed or count], failed

    def _call(
        self, order: np.ndarray, batch: int, numbers: tuple[int, int, int], keys: np.ndarray
    ) -> tuple[Any, tuple[dict[str, Any], ...]]:
        """Return the compiled loop for batches of this size, and its arguments on the devices."""
        devices, (first, count, step) = self._devices, numbers
        if self._changes:
            data, order = self._rows_of_steps(order[first * batch : (first + count) * batch], batch)
            first = 0
        else:
            data = self._on_devices()
        padded = np.zeros((max(len(order) // batch, 1) if len(keys) else 0, 2), np.uint32)
        padded[: len(keys)] = keys
        shards = SHARDS // (1 if devices is None else devices.count)
        state = self._state(self._step.homes.values(), self._copied if devices is None else devices.state)
        fixed = self._state(self._fixed, self._copied)
        if self._order[0] is not order:
            self._order = order, self._placed(order)
        schedule = {"rows": self._order[1], "keys": padded, "numbers": np.array([first, count, step, shards])}
        return self._step.loop(batch, data, devices), (state, fixed, data, schedule)

    def program_text(self, order: np.ndarray, batch: int) -> str:
        """Return the program that XLA compiles for batches of this size; see ``run``."""
        with jax.enable_x64(True):
            loop, arguments = self._call(order, batch, (0, 1, 0), np.zeros((0, 2), np.uint32))
            return loop.lower(*arguments).compile().as_text()

    def is_finite(self) -> bool:
        """Return whether all arrays of the state were finite after the last run."""
        return self._is_finite

    def pull(self) -> None:
        """Copy the arrays that the device changed to those of the host."""
        for label in self._stale:
            self.state[label][...] = self._on_device[label]
        self._stale.clear()

    def push(self, labels: Iterable[str]) -> None:
        """Have the next run copy these arrays of the host, which were changed, to the device."""
        for label in labels:
            self._stale.discard(label)
            self._on_device.pop(label, None)
            self._data_on_device.pop(label, None)


def _too_large(batch: int, error: Exception) -> TrainingError:
    """Return the error of a step that needs more memory than a device has."""
    what = fact("a training step of {batch} samples", batch=batch)
    expected = fact("no more memory than a device has")
    received = str(error).partition("\n")[0].removeprefix("RESOURCE_EXHAUSTED: ")
    fix = f"batch_size={batch // 2}" if batch > 1 else fact("a smaller network")
    return TrainingError("E508", what=what, expected=expected, received=received, fix=fix)
