"""The plan of a graph for one size of batch: phases, tasks, memory, predicted cost. A value that can be printed.

*Undivided*, everything runs once over the whole batch. *Divided*, the batch is computed in parts: phase 0 does what
has nothing to do with samples, phase 1 runs once for each part, from the inputs to the gradients, small enough that
what is in between stays in the cache, and adds into sums; phase 2 does the rest (the update). Parts belong to
``lanes``, each with sums of its own, which are added up in a fixed order. So the order of every addition is part of
the plan and does not depend on how many threads do the work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chainrule.graph import Graph, Node
from chainrule.plan.batch import is_divisible, roles
from chainrule.plan.loop import Kernel, fuse, is_layout, is_leaf, seen_through
from chainrule.plan.lower import Lowering
from chainrule.plan.memory import Layout, lay_out
from chainrule.plan.task import Buffer, Task
from chainrule.plan.view import View
from chainrule.spec import size_at

BEFORE, PARTS, AFTER = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Plan:
    """How a graph is run for one size of batch.

    Args:
        graph: what is computed.
        sizes: of the whole batch.
        rows: samples in one part; the batch size when it is not divided.
        buffers, tasks: in order.
        outputs: where each output lies.
        layout: where in the arena each work buffer lies.
    """

    graph: Graph
    sizes: Mapping[str, int]
    rows: int
    buffers: tuple[Buffer, ...]
    tasks: tuple[Task, ...]
    outputs: Mapping[str, View]
    layout: Layout

    @property
    def flops(self) -> int:
        """Floating-point operations of one run."""
        return sum(task.flops for task in self.tasks)

    @property
    def is_divided(self) -> bool:
        return any(task.phase == PARTS for task in self.tasks)

    def __str__(self) -> str:
        sizes = ", ".join(f"{k}={v}" for k, v in self.sizes.items())
        lines = [f"plan for {sizes}: {len(self.tasks)} tasks, {self.flops:,} flops, arena {self.layout.size:,} bytes"]
        for task in self.tasks:
            reads = " ".join(_place(v) for v in task.reads)
            writes = " ".join(_place(v) for v in task.writes)
            what = "+".join(n.op.name for n in task.nodes)
            mark = " (added)" if task.adds else ""
            lines.append(f"  {task.phase} {task.kind:10} {writes} <- {reads}{mark}    {what}    {task.layer}".rstrip())
        return "\n".join(lines)


def _place(view: View) -> str:
    return f"b{view.buffer}{list(view.shape)}"


def plan(graph: Graph, sizes: Mapping[str, int], rows: int | None = None) -> Plan:
    """The plan of a graph.

    Args:
        graph: what to compute.
        sizes: the number each symbolic size stands for.
        rows: samples in one part of the batch; ``None``: the batch is not divided. Ignored for a graph whose batch
            cannot be divided.
    """
    found = roles(graph.nodes)
    divided = rows is not None and "B" in sizes and is_divisible(found)
    parts = {**sizes, "B": rows} if divided and rows is not None else dict(sizes)
    phases: dict[Node, int] = {}
    joined: set[Node] = set()
    for node in graph.nodes:
        role = found[node]
        if not divided:
            phases[node] = BEFORE
        elif role.kind == "shared":
            phases[node] = BEFORE if role.round == 0 else AFTER
        else:
            phases[node] = PARTS
            if role.kind == "joined":
                joined.add(node)
    shapes = {n: tuple(size_at(axis, parts) for axis in n.shape) for n in graph.nodes}
    kernels = fuse(graph.nodes, shapes, phases)
    low = Lowering(graph, parts, sizes, joined)
    needed = _needed(graph, {node: kernel for kernel in kernels for node in kernel.nodes})
    for kernel in kernels:
        low.lower(kernel, needed)
    last = max(phases.values(), default=0)
    outputs = {name: low.view(node, last) for name, node in graph.outputs.items()}
    buffers = tuple(low.buffers)
    layout = lay_out(buffers, tuple(low.tasks), {view.buffer for view in outputs.values()})
    return Plan(graph, dict(sizes), parts.get("B", 1), buffers, tuple(low.tasks), outputs, layout)


def _needed(graph: Graph, homes: Mapping[Node, Kernel]) -> set[Node]:
    """The nodes whose values must be in memory: outputs, and what is read by another kernel or through a look."""
    needed = {seen_through(node) for node in graph.outputs.values()}
    for node in graph.nodes:
        for source in node.inputs:
            if is_layout(source) or is_layout(node):
                needed.add(seen_through(source))
            elif homes.get(source) is not homes.get(node):
                needed.add(source)
    return {node for node in needed if not is_leaf(node)}
