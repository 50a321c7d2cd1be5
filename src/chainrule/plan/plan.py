"""The plan of a graph for one size of batch: phases, tasks, memory and cost, as a value to be printed.

*Undivided*, everything runs once over the whole batch. *Divided*, the batch is computed in parts: phase 0
does what has nothing to do with samples, phase 1 runs once for each part, from the inputs to the gradients,
small enough that what is in between stays in the cache, and adds into sums; phase 2 does the rest (the
update). Parts belong to ``lanes``, each with sums of its own, which are added up in a fixed order. So the
order of every addition is part of the plan and does not depend on how many threads do the work.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property

from chainrule.graph import Graph, Node, order
from chainrule.ops.batch_axis import BATCH, Role, is_divisible, roles
from chainrule.plan.allocation import Layout, lay_out
from chainrule.plan.lower import Lowering
from chainrule.plan.passes.deferred_gradients import late_products, put_off
from chainrule.plan.passes.fused_loop import (
    Kernel,
    fuse,
    homes_of,
    is_elementwise,
    joints,
    needed,
    reads_first,
    seen_through,
)
from chainrule.plan.passes.fusion import lighten
from chainrule.plan.passes.gemm_epilogue import take_up
from chainrule.plan.passes.rematerialize import anew
from chainrule.plan.plan_record import PlanRecord, bare, entry
from chainrule.plan.tasks import AFTER, BEFORE, LOSS, PARTS, Buffer, Task
from chainrule.plan.views import View
from chainrule.records import frozen
from chainrule.spec import size_at


@frozen(eq=False)
class Plan:
    """How a graph is run for one size of batch.

    Args:
        graph: what is computed.
        sizes: of the whole batch.
        rows: samples in one part; the batch size when it is not divided.
        buffers, tasks: in order.
        outputs: where each output lies.
        layout: where in the arena each work buffer lies.
        is_divided: whether sums over the parts are added up.
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
        """Floating-point operations of one run over one part."""
        return sum(task.flops for task in self.tasks)

    @cached_property
    def places(self) -> dict[int, tuple[str, int, int]]:
        """Of each buffer, by its number: its origin, its phase, and which of those it is."""
        met: Counter[tuple[str, int]] = Counter()
        places = {}
        for buffer in self.buffers:
            kind = (buffer.origin, buffer.phase)
            places[buffer.number] = (*kind, met[kind])
            met[kind] += 1
        return places

    @property
    def record(self) -> PlanRecord:
        """The plan in plain words and numbers, without the graph: to be printed, saved and compared."""
        entries = tuple(entry(task, self.buffers) for task in self.tasks)
        buffers = bare(self.buffers)
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
    """How a training step is cut into phases.

    Args:
        rows: samples in one part of the batch.
        loss: the output that must be known before anything is updated.
        core: the nodes that must be known before anything is updated (the gradients).
        homes: outputs that are the next step's inputs: output name to input label.
    """

    rows: int
    loss: str
    core: tuple[Node, ...]
    homes: Mapping[str, str]


def plan(graph: Graph, sizes: Mapping[str, int], cut: Cut | None = None) -> Plan:
    """The plan of a graph.

    Args:
        graph: what to compute.
        sizes: the number each symbolic size stands for.
        cut: how to cut it into phases; ``None``: everything runs once, over the whole batch.
    """
    phases, joined = _phases(graph, cut)
    parts = {**sizes, "B": cut.rows} if cut is not None and joined is not None else dict(sizes)
    shapes = {n: tuple(size_at(axis, parts) for axis in n.shape) for n in graph.nodes}
    many = {n: math.prod(size_at(axis, sizes) for axis in n.shape) for n in graph.nodes}
    kernels = lighten(take_up(fuse(graph.nodes, shapes, phases), sizes), graph, shapes, many)
    kernels = anew(kernels, graph, many)
    late = late_products(kernels, joined or (), sizes)
    kernels = put_off(kernels, late, set(map(seen_through, graph.outputs.values())))
    homes = homes_of(kernels)
    written_over = in_place(graph, homes, cut.homes) if cut is not None else {}
    low = Lowering(graph, parts, sizes, (joined or set()) - late, written_over)
    low.late = late
    low.joints = joints(graph.nodes, homes)
    read = needed(graph, kernels)
    for kernel in kernels:
        low.lower(kernel, read)
    outputs = {name: low.view(node, AFTER) for name, node in graph.outputs.items()}
    if cut is not None:
        low.bring_home({label: graph.outputs[name] for name, label in cut.homes.items()}, AFTER)
    buffers, tasks, rows = tuple(low.buffers), tuple(low.tasks), parts.get("B", 1)
    shown = {view.buffer for view in outputs.values()}
    layout = lay_out(buffers, tasks, shown, None if cut is None else PARTS)
    return Plan(graph, dict(sizes), rows, buffers, tasks, outputs, layout, joined is not None)


def has_parts(graph: Graph) -> bool:
    """Whether a step's batch can be computed in parts whose sums are added up."""
    return _has_parts(roles(graph.nodes))


def _has_parts(found: Mapping[Node, Role]) -> bool:
    return any(BATCH in node.shape for node in found) and is_divisible(found)


def _phases(graph: Graph, cut: Cut | None) -> tuple[dict[Node, int], set[Node] | None]:
    """The phase of every node; the nodes summed over parts (``None``: the batch is not divided)."""
    if cut is None:
        return dict.fromkeys(graph.nodes, BEFORE), None
    found = roles(graph.nodes)
    to_loss = set(order([graph.outputs[cut.loss]]))
    if not _has_parts(found):
        core = set(order([graph.outputs[cut.loss], *cut.core]))
        return {n: PARTS if n in core else AFTER for n in graph.nodes}, None
    phases = {}
    for node in graph.nodes:
        role = found[node]
        if role.kind != "shared":
            phases[node] = PARTS
        elif role.round == 0:
            phases[node] = BEFORE
        else:
            phases[node] = LOSS if node in to_loss else AFTER
    return phases, {n for n in graph.nodes if found[n].kind == "joined"}


def in_place(
    graph: Graph, homes: Mapping[Node, Sequence[Kernel]], pairs: Mapping[str, str]
) -> dict[Node, str]:
    """The outputs that may be written straight over the inputs they replace.

    That is safe when the loop that computes the new value reads the old one element by element, and every
    other reader of the old one runs before that loop; an output that shows the old value reads it last of
    all.

    Args:
        pairs: output name to input label.
    """
    safe = {}
    shown = {seen_through(node) for node in graph.outputs.values()}
    read = _readers(graph)
    for name, label in pairs.items():
        new, old = graph.outputs[name], graph.inputs.get(label)
        if old is None or old in shown or not is_elementwise(new) or new in safe:
            continue
        home = homes[new][0]
        if new.shape == old.shape and all(reads_first(n, old, home, homes) for n in read[old]):
            safe[new] = label
    return safe


def _readers(graph: Graph) -> dict[Node, list[Node]]:
    """Who reads each node, or a look at it."""
    found: dict[Node, list[Node]] = {node: [] for node in graph.nodes}
    for node in graph.nodes:
        for source in dict.fromkeys(map(seen_through, node.inputs)):
            found[source].append(node)
    return found
