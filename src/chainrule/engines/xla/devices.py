"""The devices that share the batches of a training."""

from __future__ import annotations

import math
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
from chainrule.escaping import printable
from chainrule.events import notices
from chainrule.fork_safety import fork_count
from chainrule.nn.scope import is_at
from chainrule.ops.batch_axis import SHARDS
from chainrule.records import frozen
from chainrule.settings import mesh_of, refused_setting, require_fast_layout, settings, sharding_rules

Array = Any  # jax.Array, or a tracer of one
ON_CPU = fact(
    "the engine xla trains on a CPU: JAX has no GPU or TPU on this machine; for a GPU of NVIDIA: {command}",
    command="python -m pip install 'jax[cuda13]'",
)

_FORKS: list[int] = []
"""``fork_count`` of the process in which JAX has started its threads."""


@frozen
class Layout:
    """How devices are arranged, and which parameters are divided among them.

    Args:
        is_deterministic: whether results are those of any other number of devices; see ``batch_shards``.
        axes: names and lengths of the axes of the mesh; batches are divided along the first one.
        rules: the axes along which the parameters and slots at some paths are divided, by pattern, first
            match; others are copied to each device.
    """

    is_deterministic: bool = True
    axes: tuple[tuple[str, int], ...] = ()
    rules: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @staticmethod
    def of_settings(devices: int) -> Layout:
        """Return the layout that the settings state for a number of devices.

        Raises:
            UsageError E102: a mesh of another number of devices, or an unknown axis; or one of both where
                ``parallel`` is not ``"fast"``.
        """
        if settings.parallel == "deterministic":
            require_fast_layout()
            return Layout(True, ((AXIS, devices),))
        mesh = mesh_of(settings.mesh) or {AXIS: devices}
        if math.prod(mesh.values()) != devices:
            expected = fact("axes whose lengths have the product {count}", count=devices)
            raise refused_setting("mesh", settings.mesh, expected, f"data={devices}")
        rules = tuple((pattern, (axis,)) for pattern, axis in sharding_rules(settings.sharding))
        unknown = [axis for _, (axis,) in rules if axis not in mesh]
        if unknown:
            expected = fact("axes of the mesh: {names}", names=", ".join(mesh))
            raise refused_setting("sharding", settings.sharding, expected, "parameters")
        return Layout(
            False, tuple(mesh.items()), (("*", tuple(mesh)),) if settings.sharding == "parameters" else rules
        )


class Devices:
    """Some devices of each process, in the order of processes.

    Args:
        devices: the devices.
        layout: how they are arranged.
    """

    def __init__(self, devices: tuple[Any, ...], layout: Layout) -> None:
        self._devices, self._layout = devices, layout
        self.count, self.is_deterministic = len(devices), layout.is_deterministic
        names, self._lengths = tuple(name for name, _ in layout.axes), dict(layout.axes)
        self._mesh = Mesh(np.array(devices).reshape(tuple(self._lengths.values())), names)

    @property
    def keeps_state(self) -> bool:
        """Whether the results of a run are the state of the next one as they are.

        Parameters that are divided among several processes cannot be copied to the host of one of them, so
        the results of a run are copies of all.
        """
        return not self._layout.rules or jax.process_count() == 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Devices) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[Any, ...]:
        return self._devices, self._layout

    def on_each(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that every device runs on the same arguments, with the axis ``AXIS``."""
        same = PartitionSpec()
        return jax.shard_map(function, mesh=self._mesh, in_specs=same, out_specs=same, check_vma=False)

    def same(self, array: Any) -> Array:
        """Return an array that every device has a copy of."""
        return self._placed(np.asarray(array), PartitionSpec())

    def state(self, label: str, array: Any) -> Array:
        """Return an array of the state of a training: divided among the devices, or a copy on each."""
        array = np.asarray(array)
        return self._placed(array, self._division(label, array.shape))

    def divided(self, array: Array) -> Array:
        """Return an array with its rows divided along the first axis of the mesh, in a traced program.

        Rows that its length does not divide stay undivided.
        """
        axis, length = self._layout.axes[0]
        if array.shape[0] % length:
            return array
        return lax.with_sharding_constraint(array, NamedSharding(self._mesh, PartitionSpec(axis)))

    def result_shardings(self, state: Mapping[str, tuple[int, ...]]) -> tuple[Any, ...]:
        """Return the placement of the results of a training loop.

        Args:
            state: the shape of each array of the state by label.
        """
        same = NamedSharding(self._mesh, PartitionSpec())
        placed = {
            label: NamedSharding(
                self._mesh, self._division(label, shape) if self.keeps_state else PartitionSpec()
            )
            for label, shape in state.items()
        }
        return placed, same, same

    def _division(self, label: str, shape: tuple[int, ...]) -> PartitionSpec:
        """Return how an array of the state is divided: along its longest dimension that can be.

        The label of a slot is the path of its parameter with ``/NAME``.
        """
        path = label.partition("/")[0]
        names = next((names for pattern, names in self._layout.rules if is_at(path, pattern)), ())
        count = math.prod(self._lengths[name] for name in names)
        divisible = [place for place, length in enumerate(shape) if length and length % count == 0]
        if not names or not divisible:
            return PartitionSpec()
        longest = max(divisible, key=lambda place: shape[place])
        return PartitionSpec(*(names if place == longest else None for place in range(len(shape))))

    def _placed(self, array: np.ndarray, spec: PartitionSpec) -> Array:
        sharding = NamedSharding(self._mesh, spec)
        return jax.make_array_from_callback(array.shape, sharding, lambda part: array[part])


def request_devices() -> None:
    """Have JAX create the virtual devices of a CPU that the settings ask for, if it has no devices yet."""
    if settings.devices > 1:
        with suppress(RuntimeError):  # JAX has its devices already
            jax.config.update("jax_num_cpu_devices", settings.devices)


def _platforms() -> str:
    """Return the platforms that the user requests, as by ``JAX_PLATFORMS``; empty: the best that it has."""
    return getattr(jax.config, "jax_platforms", None) or ""


def require_threads() -> None:
    """Raise E130 in a process that was forked after JAX had started its threads: it would wait forever."""
    if _FORKS and _FORKS[0] != fork_count():
        expected = fact('a process started by "spawn" or "forkserver"')
        received = fact("a process forked after JAX had started its threads")
        fix = 'multiprocessing.get_context("spawn")'
        raise UsageError(
            "E130", where='engine="xla"', library="JAX", expected=expected, received=received, fix=fix
        )


def require_devices() -> str:
    """Return the platform of the devices of JAX, such as ``"cpu"``.

    Raises:
        UsageError E633: the user requests of JAX a platform that it lacks here. E130: as ``require_threads``.
    """
    require_threads()
    request_devices()
    try:
        platform = jax.default_backend()
    except (RuntimeError, AssertionError) as cause:  # the latter, without text, if its plugin is missing
        received = printable(str(cause).partition("\n")[0])[:200] or fact("no device")
        fix = "JAX_PLATFORMS=cpu"
        raise UsageError(
            "E633", where="JAX_PLATFORMS", name=_platforms(), received=received, fix=fix
        ) from cause
    _FORKS[:] = [fork_count()]
    return platform


def training_devices() -> Devices | None:
    """Return the devices of a training by the settings; ``None``: one, without shards.

    Where JAX chose the CPUs of this machine, a notice states it.

    Raises:
        UsageError E102: fewer devices exist than the settings ask for, eight shards cannot be divided among
            them, or the mesh has another number of devices. E633: JAX has no device of the platform that the
            user requests.
    """
    if require_devices() == "cpu" and not _platforms():
        notices.emit(ON_CPU)
    if not settings.devices and jax.process_count() == 1:
        Layout.of_settings(1)  # which refuses a mesh of several
        return None
    own = [list(group) for _, group in groupby(jax.devices(), key=lambda device: device.process_index)]
    fewest = min(map(len, own))
    local = settings.devices or fewest
    if local > fewest:
        expected = fact("at most {count}, the devices of JAX", count=fewest)
        raise refused_setting("devices", local, expected, fewest)
    devices = tuple(device for group in own for device in group[:local])
    if settings.parallel == "deterministic" and SHARDS % len(devices):
        expected = fact('1, 2, 4 or 8 devices in all; any number if parallel is "fast"')
        possible = [n for n in range(1, local) if SHARDS % (n * len(own)) == 0]
        if not possible:  # too many processes
            raise refused_setting("parallel", settings.parallel, expected, "fast")
        raise refused_setting("devices", local, expected, max(possible))
    return Devices(devices, Layout.of_settings(len(devices)))


def device_memory() -> tuple[int, int] | None:
    """Return the number of devices that share a training, and the free bytes of the fullest of this process.

    Returns:
        ``None`` for CPUs, which use the memory of the machine.
    """
    devices = training_devices()
    own = jax.local_devices()[: settings.devices or (1 if devices is None else None)]
    known = [stats for stats in (device.memory_stats() for device in own) if stats and "bytes_limit" in stats]
    if not known:
        return None
    free = min(stats["bytes_limit"] - stats.get("bytes_in_use", 0) for stats in known)
    return 1 if devices is None else devices.count, free
