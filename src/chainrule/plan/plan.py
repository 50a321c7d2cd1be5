"""Execution plan of a graph for one batch size: phases, tasks, memory and cost, as a printable value.

An *undivided* plan runs everything once over the whole batch. A *divided* plan computes the batch in
microbatches: phase 0 does what does not depend on samples; phase 1 runs once for each microbatch, from the
inputs to the gradients, with microbatches small enough that intermediate values stay in the cache, and
accumulates into sums; phases 2 and 3 do the rest (the loss and the update). Microbatches belong to
*replicas*, each with sums of its own, which are added in a fixed order. The order of every addition is
therefore part of the plan and does not depend on the number of threads.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence

from chainrule.graph import Graph, Node, order
from chainrule.memoization import cached_property
from chainrule.ops.batch_axis import BATCH, Role, is_divisible, roles
from chainrule.plan.kernel_lowering import lower, lowering_of
from chainrule.plan.memory_allocation import Layout, allocate
from chainrule.plan.passes.deferred_gradients import defer, deferred_products
from chainrule.plan.passes.elementwise_fusion import (
    Kernel,
    concatenated_values,
    fuse,
    is_elementwise,
    kernels_of,
    memory_source,
    reads_before,
    stored_nodes,
)
from chainrule.plan.passes.gemm_epilogue import fuse_epilogues
from chainrule.plan.passes.reduction_and_loop_fusion import reduce_traffic
from chainrule.plan.passes.rematerialization import rematerialize
from chainrule.plan.plan_record import PlanRecord, task_record, without_constants
from chainrule.plan.tasks import AFTER, BEFORE, LOSS, MICROBATCHES, Buffer, Task
from chainrule.plan.views import View
from chainrule.records import frozen
from chainrule.symbolic_shape import size_at


@frozen(eq=False)
class Plan:
    """The way a graph runs for one batch size.

    Args:
        sizes: value of each symbolic size, for the whole batch.
        rows: samples of one microbatch; the batch size if the plan is undivided.
        buffers, tasks: in order.
        layout: offset of each work buffer in the arena.
        is_divided: whether sums over the microbatches are accumulated.
    """

    graph: Graph
    sizes: Mapping[str, int]
    rows: int
    buffers: tuple[Buffer, ...]
    tasks: tuple[Task, ...]
    outputs: Mapping[str, View]
    layout: Layout
    is_divided: bool = False

    @property
    def flops(self) -> int:
        """Floating-point operations of one run over one microbatch."""
        return sum(task.flops for task in self.tasks)

    @cached_property
    def buffer_keys(self) -> dict[int, tuple[str, int, int]]:
        """Keys of the buffers by number: origin, phase, and index among the buffers of both."""
        counts: Counter[tuple[str, int]] = Counter()
        keys = {}
        for buffer in self.buffers:
            kind = (buffer.origin, buffer.phase)
            keys[buffer.number] = (*kind, counts[kind])
            counts[kind] += 1
        return keys

    @property
    def record(self) -> PlanRecord:
        """The plan without the graph: can be printed, saved and compared."""
        entries = tuple(task_record(task, self.buffers) for task in self.tasks)
        buffers = without_constants(self.buffers)
        return PlanRecord(
            self.sizes, self.rows, self.is_divided, buffers, self.layout, entries, dict(self.outputs)
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan as a JSON file, which ``PlanRecord.load`` reads; see ``PlanRecord.save``."""
        self.record.save(path)

    def __str__(self) -> str:
        return str(self.record)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name}={size}" for name, size in self.sizes.items())
        return f"<Plan for {sizes or 'one size'}: {len(self.tasks)} tasks; print it>"


@frozen
class Cut:
    """The division of a training step into phases.

    Args:
        rows: samples of one microbatch.
        loss: the output that must be known before anything is updated.
        core: the nodes that must be known before anything is updated (the gradients).
        homes: outputs that are inputs of the next step: output name to input label.
    """

    rows: int
    loss: str
    core: tuple[Node, ...]
    homes: Mapping[str, str]


def plan(graph: Graph, sizes: Mapping[str, int], cut: Cut | None = None) -> Plan:
    """Plan a graph.

    Args:
        sizes: value of each symbolic size.
        cut: how to cut it into phases; ``None``: everything runs once over the whole batch.
    """
    phases, summed = _phases(graph, cut)
    part_sizes = {**sizes, "B": cut.rows} if cut is not None and summed is not None else dict(sizes)
    shapes = {n: tuple(size_at(axis, part_sizes) for axis in n.shape) for n in graph.nodes}
    batch_counts = {n: math.prod(size_at(axis, sizes) for axis in n.shape) for n in graph.nodes}
    kernels = reduce_traffic(
        fuse_epilogues(fuse(graph.nodes, shapes, phases), sizes), graph, shapes, batch_counts
    )
    kernels = rematerialize(kernels, graph, batch_counts)
    deferred = deferred_products(kernels, summed or (), sizes)
    kernels = defer(kernels, deferred, set(map(memory_source, graph.outputs.values())))
    kernels_of_node = kernels_of(kernels)
    in_place_outputs = in_place(graph, kernels_of_node, cut.homes) if cut is not None else {}
    lowering = lowering_of(graph, part_sizes, sizes, (summed or set()) - deferred, in_place_outputs)
    lowering.deferred = deferred
    lowering.concatenated = concatenated_values(graph.nodes, kernels_of_node)
    stored = stored_nodes(graph, kernels)
    for kernel in kernels:
        lower(lowering, kernel, stored)
    outputs = {name: lowering.view(node, AFTER) for name, node in graph.outputs.items()}
    if cut is not None:
        lowering.copy_to_inputs({label: graph.outputs[name] for name, label in cut.homes.items()}, AFTER)
    buffers, tasks, rows = tuple(lowering.buffers), tuple(lowering.tasks), part_sizes.get("B", 1)
    output_buffers = {view.buffer for view in outputs.values()}
    layout = allocate(buffers, tasks, output_buffers, None if cut is None else MICROBATCHES)
    return Plan(graph, dict(sizes), rows, buffers, tasks, outputs, layout, summed is not None)


def has_microbatches(graph: Graph) -> bool:
    """Return whether the batch of a step can be computed in microbatches whose sums are added."""
    return _can_divide(roles(graph.nodes))


def _can_divide(roles_of: Mapping[Node, Role]) -> bool:
    return any(BATCH in node.shape for node in roles_of) and is_divisible(roles_of)


def _phases(graph: Graph, cut: Cut | None) -> tuple[dict[Node, int], set[Node] | None]:
    """Return the phase of every node, and the nodes summed over microbatches (``None``: not divided)."""
    if cut is None:
        return dict.fromkeys(graph.nodes, BEFORE), None
    roles_of = roles(graph.nodes)
    to_loss = set(order([graph.outputs[cut.loss]]))
    if not _can_divide(roles_of):
        core = set(order([graph.outputs[cut.loss], *cut.core]))
        return {n: MICROBATCHES if n in core else AFTER for n in graph.nodes}, None
    phases = {}
    for node in graph.nodes:
        role = roles_of[node]
        if role.kind != "shared":
            phases[node] = MICROBATCHES
        elif role.round == 0:
            phases[node] = BEFORE
        else:
            phases[node] = LOSS if node in to_loss else AFTER
    return phases, {n for n in graph.nodes if roles_of[n].kind == "reduced"}


def in_place(
    graph: Graph, homes: Mapping[Node, Sequence[Kernel]], pairs: Mapping[str, str]
) -> dict[Node, str]:
    """Return the outputs that may be written over the inputs they replace, with the label of the input.

    This is safe if the loop that computes the new value reads the old one element by element, and every other
    reader of the old one runs before that loop; an output that is a view of the old value reads it last.

    Args:
        homes: the kernels that compute each node.
        pairs: output name to input label.
    """
    safe = {}
    output_sources = {memory_source(node) for node in graph.outputs.values()}
    readers = _readers(graph)
    for name, label in pairs.items():
        new, old = graph.outputs[name], graph.inputs.get(label)
        if old is None or old in output_sources or not is_elementwise(new) or new in safe:
            continue
        home = homes[new][0]
        if new.shape == old.shape and all(reads_before(n, old, home, homes) for n in readers[old]):
            safe[new] = label
    return safe


def _readers(graph: Graph) -> dict[Node, list[Node]]:
    """Return the readers of each node, directly or through views."""
    readers: dict[Node, list[Node]] = {node: [] for node in graph.nodes}
    for node in graph.nodes:
        for source in dict.fromkeys(map(memory_source, node.inputs)):
            readers[source].append(node)
    return readers
