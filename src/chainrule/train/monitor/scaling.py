"""The cost of a training step on one or many devices, computed from its graph and published figures.

The time of a step is the longer of its arithmetic and its memory traffic on a device, plus the exchange of
gradients:

- arithmetic: the operations of the step (two for each multiplication and addition of a product, one for each
  element of another operation), divided by the devices and by ``SHARE`` of their peak;
- traffic: the inputs and outputs of products, and parameters and slots once for reading and once for writing,
  each at the bandwidth of the memory; elementwise operations are fused and not counted;
- exchange of G bytes of gradients over n devices: an all-reduce sends 2 (n - 1) / n G on each link
  (Patarasu and Yuan, 2009, Bandwidth optimal all-reduce algorithms), the eight shards of the deterministic
  mode 8 (n - 1) / n G.

The memory of a device is that of the parameters and slots, and of the values of a step of its part of the
batch, gradients included, each of which is freed after its last use: an upper bound, as XLA merges
operations.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from chainrule.graph import Constant, Input, Node
from chainrule.messages import Message, Texts, fact, translated
from chainrule.notation.number_format import amount
from chainrule.notation.text_columns import aligned
from chainrule.ops.batch_axis import SHARDS
from chainrule.ops.linear.convolution import Convolution, ConvolutionInput, ConvolutionWeight
from chainrule.ops.linear.matmul import Matmul
from chainrule.ops.scan.scan import Scan
from chainrule.plan.memory_requirement import reference_memory
from chainrule.plan.passes.elementwise_fusion import is_layout
from chainrule.records import frozen
from chainrule.settings import SHARDINGS, refused_setting, require_fast_layout, settings
from chainrule.symbolic_shape import Spec, size_at
from chainrule.train.fit_options import FitOptions
from chainrule.train.model_state import ModelState
from chainrule.train.step_graph import GROUPS, Step, training_step
from chainrule.validation import integer, trained_network, unknown

SHARE = 0.5  # of the peak that products reach in practice


@frozen
class DeviceKind:
    """Published figures of a device.

    Args:
        name: its name.
        flops: peak of products in full float32, operations per second.
        bandwidth: of its memory, bytes per second.
        memory: bytes.
        link: bytes per second to the other devices, in one direction.
        latency: seconds of a message.
    """

    name: str
    flops: float
    bandwidth: float
    memory: float
    link: float
    latency: float = 1e-5


KINDS = {
    "h100": DeviceKind("NVIDIA H100 SXM", 67e12, 3.35e12, 80e9, 450e9),
    "a100": DeviceKind("NVIDIA A100 SXM 80 GB", 19.5e12, 2.04e12, 80e9, 300e9),
    "l4": DeviceKind("NVIDIA L4", 30.3e12, 0.3e12, 24e9, 32e9),
    "v5e": DeviceKind("Google TPU v5e", 197e12 / 6, 0.82e12, 16e9, 200e9),
}
"""Devices by name: figures of their data sheets. A TPU computes a float32 product by six in bfloat16."""

HEADS: Texts = {
    "devices": "devices",
    "rows": "rows each",
    "step": "step",
    "exchange": "of it exchange",
    "speed": "speed",
    "memory": "memory each",
    "fits": "fits",
}
"""Columns of the table."""


@frozen
class Placement:
    """A step on a number of devices.

    Args:
        devices: the number of devices.
        rows: samples of the batch on each.
        compute: seconds of arithmetic or memory traffic.
        exchange: seconds of the exchange of gradients.
        memory: bytes on each device.
        fits: whether the memory of a device suffices.
    """

    devices: int
    rows: int
    compute: float
    exchange: float
    memory: float
    fits: bool

    @property
    def seconds(self) -> float:
        """The time of a step."""
        return self.compute + self.exchange


@frozen
class Scaling:
    """The cost of a training step on several numbers of devices; ``str`` returns a table.

    Args:
        kind: the device.
        operations: floating-point operations of a step.
        parameters: bytes of the parameters.
        placements: one for each number of devices.
        parallel, sharding: the settings.
        divided: where the largest number of devices is too small, the same with ``parallel="fast"`` and
            ``sharding="parameters"``; its ``fits`` states whether that suffices.
    """

    kind: DeviceKind
    operations: float
    parameters: float
    placements: Sequence[Placement]
    parallel: str = "deterministic"
    sharding: str = "copies"
    divided: Placement | None = None

    def __str__(self) -> str:
        first = self.placements[0]
        lang = settings.lang
        rows = [[translated(text, lang, key) for key, text in HEADS.items()]]
        for one in self.placements:
            speed = first.seconds * first.devices / one.seconds
            times = amount(one.seconds, "s"), f"{one.exchange / one.seconds:.0%}", f"{speed:.3g} x"
            rows.append(
                [str(one.devices), str(one.rows), *times, amount(one.memory, "B"), "✓" if one.fits else "–"]
            )
        work = fact(
            "{name}: {operations} operations a step, {parameters} of parameters",
            name=self.kind.name,
            operations=amount(self.operations),
            parameters=amount(self.parameters, "B"),
        )
        layout = fact(
            'settings: parallel="{parallel}", sharding="{sharding}"',
            parallel=self.parallel,
            sharding=self.sharding,
        )
        lines = [work.render(lang), layout.render(lang), *aligned(rows)]
        return "\n".join([*lines, self._advice().render(lang)] if self.divided else lines)

    def _advice(self) -> Message:
        one = self.divided or self.placements[-1]
        values = {"count": one.devices, "memory": amount(one.memory, "B"), "time": amount(one.seconds, "s")}
        if one.fits:
            return fact(
                'too large as set; with parallel="fast" and sharding="parameters" it fits on {count} devices:'
                " {memory} on each, a step {time}",
                **values,
            )
        return fact(
            'too large, also with parallel="fast" and sharding="parameters": {memory} on each of {count}'
            " devices; a smaller batch or more devices need less",
            **values,
        )


def scaling_of(
    model: ModelState, batch_size: int, *, devices: Iterable[int] = (1, 2, 4, 8), kind: str = "h100"
) -> Scaling:
    """Return the cost of a training step on several numbers of devices; see ``chainrule.Model.scaling``."""
    if kind not in KINDS:
        raise unknown("kind", kind, KINDS, 'kind="{}"', example="h100")
    counts = [integer(n, "devices", "scaling", minimum=1, maximum=2**20, example=8) for n in devices]
    network = trained_network(model, "scaling", "model.initialize(inputs)")
    batch = FitOptions(1, batch_size, 0).batch_size or 1
    step, (parallel, sharding) = training_step(network, weighted=False, horizon=1), _layout()
    work = _Work(step, parallel, sharding)
    placements = [work.on(KINDS[kind], count, batch) for count in counts]
    operations, _ = cost_of(step.graph.nodes, {"B": batch})
    largest, divided = max(placements, key=lambda one: one.devices), None
    if not largest.fits:
        divided = _Work(step, "fast", "parameters").on(KINDS[kind], largest.devices, batch)
    return Scaling(KINDS[kind], operations, work.parameters, placements, parallel, sharding, divided)


def _layout() -> tuple[str, str]:
    """Return the settings ``parallel`` and ``sharding``.

    Raises:
        UsageError E102: a sharding that needs ``parallel="fast"``, or that of single layers.
    """
    require_fast_layout()
    if settings.sharding not in SHARDINGS:
        expected = fact("for an estimate: {names}", names=", ".join(SHARDINGS))
        raise refused_setting("sharding", settings.sharding, expected, "parameters")
    return settings.parallel, settings.sharding


class _Work:
    """The work of a step.

    Args:
        step: the step.
        parallel: as the setting of this name.
        sharding: as the setting of this name.
    """

    def __init__(self, step: Step, parallel: str, sharding: str) -> None:
        self._step, self._is_fast = step, parallel == "fast"
        self._is_sharded = self._is_fast and sharding == "parameters"
        inputs = step.graph.inputs
        groups = {
            group: _bytes(inputs[label].spec for name, label in step.homes.items() if name.startswith(prefix))
            for prefix, group in GROUPS.items()
        }
        self.parameters, self._state = groups["parameters"], sum(groups.values())

    def on(self, kind: DeviceKind, devices: int, batch: int) -> Placement:
        """Return the cost on a number of devices of a kind."""
        rows = -(-batch // devices)
        operations, traffic = cost_of(self._step.graph.nodes, {"B": rows})
        share = devices if self._is_sharded else 1
        traffic += 2 * self._state / share
        compute = max(operations / (kind.flops * SHARE), traffic / kind.bandwidth)
        sent = (2 if self._is_fast else SHARDS) * (devices - 1) / devices * self.parameters
        exchange = sent / kind.link + 2 * (devices - 1) * kind.latency
        required = self.memory(devices, batch)
        return Placement(devices, rows, compute, exchange, required, required <= kind.memory)

    def memory(self, devices: int, batch: int) -> float:
        """Return the bytes on each of some devices."""
        rows, share = -(-batch // devices), devices if self._is_sharded else 1
        values = reference_memory(self._step.graph, {"B": rows}, keeps_outputs=False).uses["work"]
        return self._state / share + values


def step_memory(step: Step, batch: int, devices: int) -> int:
    """Return the bytes that a training step takes on each of some devices, by the present settings.

    Args:
        step: the step.
        batch: samples in a batch, of all devices together.
        devices: the number of devices.
    """
    work = _Work(step, settings.parallel, settings.sharding)
    return math.ceil(work.memory(devices, batch))


def cost_of(nodes: Iterable[Node], sizes: Mapping[str, int]) -> tuple[float, float]:
    """Return the floating-point operations of nodes, and the bytes that their products read and write.

    Args:
        nodes: the nodes.
        sizes: the value of each symbolic size.

    Example:
        >>> from chainrule.graph import input_node
        >>> x, w = input_node("x", (None, 3), "float32"), input_node("w", (3, 2), "float32")
        >>> cost_of([x @ w], {"B": 10})
        (120.0, 224.0)
    """
    operations = traffic = 0.0
    for node in nodes:
        if isinstance(node.op, Input | Constant):
            continue
        specs = [source.spec.at(sizes) for source in node.inputs]
        own, read = _cost(node, node.spec.at(sizes), specs)
        operations, traffic = operations + own, traffic + read
    return operations, traffic


def _cost(node: Node, result: Spec, inputs: Sequence[Spec]) -> tuple[float, float]:
    op, moved = node.op, float(_bytes([result, *inputs]))
    if isinstance(op, Scan):
        return _cost_of_loop(op, inputs)
    if isinstance(op, Matmul):
        return 2.0 * _count(result) * size_at(inputs[0].shape[-1], {}), moved
    if isinstance(op, Convolution):
        return 2.0 * _count(result) * _count(inputs[1]) / size_at(inputs[1].shape[0], {}), moved
    if isinstance(op, ConvolutionInput):
        return 2.0 * _count(inputs[0]) * _count(inputs[1]) / size_at(inputs[1].shape[0], {}), moved
    if isinstance(op, ConvolutionWeight):
        return 2.0 * _count(inputs[1]) * _count(result) / size_at(result.shape[0], {}), moved
    return (0.0 if is_layout(node) else float(_count(result))), 0.0


def _cost_of_loop(op: Scan, inputs: Sequence[Spec]) -> tuple[float, float]:
    steps = size_at(op.count(inputs), {})
    sizes = {name: size_at(size, {}) for name, size in op.body.sizes(op.of_a_step(inputs)).items()}
    operations, traffic = cost_of(op.body.nodes(op.emit), sizes)
    return steps * operations, steps * traffic


def _count(spec: Spec) -> int:
    return math.prod(size_at(length, {}) for length in spec.shape)


def _bytes(specs: Iterable[Spec]) -> int:
    return sum(_count(spec) * np.dtype(spec.dtype).itemsize for spec in specs)
