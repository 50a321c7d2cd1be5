"""The devices that share the batches of a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import groupby
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from chainrule.engines.xla.batch_shards import AXIS
from chainrule.errors import UsageError, fact
from chainrule.ops.batch_axis import SHARDS
from chainrule.settings import settings

Array = Any  # jax.Array, or a tracer of one


class Devices:
    """Some devices of each process, in the order of processes.

    Args:
        devices: the devices.
        is_deterministic: whether results are those of any other number of devices; see ``batch_shards``.
        is_sharded: whether parameters and slots are divided among the devices, not copied to each.
    """

    def __init__(self, devices: tuple[Any, ...], is_deterministic: bool, is_sharded: bool) -> None:
        self._devices, self.is_deterministic, self._is_sharded = devices, is_deterministic, is_sharded
        self.count = len(devices)
        self._mesh = Mesh(np.array(devices), (AXIS,))

    @property
    def keeps_state(self) -> bool:
        """Whether the results of a run are the state of the next one as they are.

        Parameters that are divided among several processes cannot be copied to the host of one of them, so
        the results of a run are copies of all.
        """
        return not self._is_sharded or jax.process_count() == 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Devices) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[Any, ...]:
        return self._devices, self.is_deterministic, self._is_sharded

    def on_each(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that every device runs on the same arguments, with the axis ``AXIS``."""
        same = PartitionSpec()
        return jax.shard_map(function, mesh=self._mesh, in_specs=same, out_specs=same, check_vma=False)

    def same(self, array: Any) -> Array:
        """Return an array that every device has a copy of."""
        return self._placed(np.asarray(array), PartitionSpec())

    def state(self, array: Any) -> Array:
        """Return an array of the state of a training: divided among the devices, or a copy on each."""
        array = np.asarray(array)
        return self._placed(array, self._division(array.shape))

    def divided(self, array: Array) -> Array:
        """Return an array with its rows divided among the devices, in a traced program.

        Rows that the number of devices does not divide stay undivided.
        """
        if array.shape[0] % self.count:
            return array
        return lax.with_sharding_constraint(array, NamedSharding(self._mesh, PartitionSpec(AXIS)))

    def result_shardings(self, state: Mapping[str, tuple[int, ...]]) -> tuple[Any, ...]:
        """Return the placement of the results of a training loop.

        Args:
            state: the shape of each array of the state by label.
        """
        same = NamedSharding(self._mesh, PartitionSpec())
        placed = {
            label: NamedSharding(self._mesh, self._division(shape) if self.keeps_state else PartitionSpec())
            for label, shape in state.items()
        }
        return placed, same, same

    def _division(self, shape: tuple[int, ...]) -> PartitionSpec:
        """Return how an array of this shape is divided: along its longest axis that can be."""
        axes = [axis for axis, length in enumerate(shape) if length and length % self.count == 0]
        if self.is_deterministic or not self._is_sharded or not axes:
            return PartitionSpec()
        longest = max(axes, key=lambda axis: shape[axis])
        return PartitionSpec(*(AXIS if axis == longest else None for axis in range(len(shape))))

    def _placed(self, array: np.ndarray, spec: PartitionSpec) -> Array:
        sharding = NamedSharding(self._mesh, spec)
        return jax.make_array_from_callback(array.shape, sharding, lambda part: array[part])


def request_devices() -> None:
    """Have JAX create the virtual devices of a CPU that the settings ask for, if it has no devices yet."""
    if settings.devices > 1:
        with suppress(RuntimeError):  # JAX has its devices already
            jax.config.update("jax_num_cpu_devices", settings.devices)


def training_devices() -> Devices | None:
    """Return the devices of a training by the settings; ``None``: one, without shards.

    Raises:
        UsageError E102: fewer devices exist than the settings ask for, or eight shards cannot be divided
            among them.
    """
    request_devices()
    if not settings.devices and jax.process_count() == 1:
        return None
    own = [list(group) for _, group in groupby(jax.devices(), key=lambda device: device.process_index)]
    fewest = min(map(len, own))
    local = settings.devices or fewest
    if local > fewest:
        raise _refused(local, fact("at most {count}, the devices of JAX", count=fewest), fewest)
    devices = tuple(device for group in own for device in group[:local])
    is_deterministic = settings.parallel == "deterministic"
    if is_deterministic and SHARDS % len(devices):
        expected = fact('1, 2, 4 or 8 devices in all, or cr.settings.parallel = "fast"')
        raise _refused(local, expected, max(n for n in (1, 2, 4, 8) if n <= len(devices)) // len(own) or 1)
    return Devices(devices, is_deterministic, settings.sharding == "parameters")


def _refused(received: int, expected: Any, example: int) -> UsageError:
    where = "cr.settings.devices"
    return UsageError(
        "E102", where=where, name="devices", expected=expected, received=received, fix=f"{where} = {example}"
    )
