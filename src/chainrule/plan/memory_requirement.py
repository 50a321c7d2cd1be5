"""Memory requirement of a program, computed before anything is allocated.

A plan lists buffers. How many arrays they need depends on the replicas that run the plan: every *replica* has
its own arena for the values between a microbatch's rows and the gradients, its own rows and its own sums,
while buffers of the other phases exist once. ``Allocations`` implements this rule. The allocator and this
module both use it, so the count is exact.

Not counted are the plan itself and the blocks of its calls (some kilobytes for each task), and what an
operation without a kernel takes in NumPy besides its result.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.messages import Texts, fact, translated
from chainrule.notation.number_format import amount
from chainrule.notation.text_columns import aligned
from chainrule.plan.memory_allocation import ALIGN
from chainrule.plan.microbatch import planned_split
from chainrule.plan.passes.deferred_gradients import DEFERRED
from chainrule.plan.passes.elementwise_fusion import is_layout, is_leaf, memory_source
from chainrule.plan.plan import Cut, Plan, plan
from chainrule.plan.tasks import MICROBATCHES, Buffer
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.symbolic_shape import size_at

USES: Texts = {
    "work": "intermediate values",
    "rows": "rows gathered from the data",
    "sums": "sums over the batch",
    "constants": "constants",
    "outputs": "outputs",
    "last": "the smaller last batch of an epoch",
    "state": "parameters and optimizer state",
    "order": "order of the rows",
    "data": "the data set, of which each device has a copy",
    "probes": "probes, in addition",
    "drawing": "sampling of the initial values, in addition",
}
"""Uses of memory."""


@frozen
class MemoryRequirement:
    """Bytes of memory by use; ``str`` returns a table.

    Args:
        uses: bytes by use, a key of ``USES``.

    Example:
        >>> with settings.using(lang="en"):
        ...     print(MemoryRequirement({"work": 3_000_500}) + MemoryRequirement({"state": 1_000_000}))
        intermediate values              3 MB
        parameters and optimizer state   1 MB
        total                            4 MB
    """

    uses: Mapping[str, int]

    @property
    def total(self) -> int:
        """Sum of all uses."""
        return sum(self.uses.values())

    @property
    def largest(self) -> str:
        """The largest use in the user's language, with its amount."""
        use = max(self.uses, key=lambda use: self.uses[use])
        return f"{use_text(use)}: {amount(self.uses[use], 'B')}"

    def times(self, count: int) -> MemoryRequirement:
        """Return ``count`` times the requirement."""
        return MemoryRequirement({use: size * count for use, size in self.uses.items()})

    def __add__(self, other: MemoryRequirement) -> MemoryRequirement:
        return MemoryRequirement(dict(Counter(self.uses) + Counter(other.uses)))

    def __str__(self) -> str:
        rows = [(use_text(use), amount(size, "B")) for use, size in self.uses.items() if size]
        total = fact("total").render(settings.lang)
        return "\n".join(aligned([*rows, (total, amount(self.total, "B"))], right=[1]))


def use_text(use: str) -> str:
    """Return the name of a use of memory in the user's language."""
    return translated(USES[use], settings.lang, use)


class Allocation(NamedTuple):
    """The memory behind a buffer.

    Args:
        key: buffers with the same key share one allocation: those of an arena, and corresponding buffers of
            the plans for full and for the last, shorter microbatch, or buffers that are never needed at the
            same time.
        bytes: required size.
        use: a key of ``USES``.
        is_arena: whether many buffers have offsets in it.
    """

    key: Hashable
    bytes: int
    use: str
    is_arena: bool = False


class Allocations:
    """The allocations of a step; ``find`` must be called for the plan of full microbatches first."""

    def __init__(self) -> None:
        self.by_key: dict[Hashable, Allocation] = {}

    def find(self, plan: Plan, replica: int, buffer: Buffer) -> Allocation:
        """Return the allocation behind a buffer that the caller does not pass, for a replica."""
        requested = _allocation(plan, replica, buffer)
        allocation = self.by_key.setdefault(requested.key, requested)
        if allocation.bytes >= requested.bytes:
            return allocation
        separate = requested._replace(key=(requested.key, plan))  # a smaller microbatch needs more
        return self.by_key.setdefault(separate.key, separate)


def _allocation(plan: Plan, replica: int, buffer: Buffer) -> Allocation:
    if buffer.origin == "work" and buffer.phase == MICROBATCHES:
        return Allocation(("arena", replica), max(plan.layout.size, 1) + ALIGN, "work", True)
    size = max(buffer.bytes, 1) + ALIGN
    if buffer.origin == "input":
        return Allocation(("rows", replica, buffer.label), size, "rows")
    key = plan.buffer_keys[buffer.number]
    if buffer.origin == "summed":
        return Allocation((*key, replica), size, "sums")
    if buffer.origin == DEFERRED:
        return Allocation(key, size, "work")
    if buffer.phase == MICROBATCHES:
        key = (*key, replica, plan)
    if buffer.array is not None:
        return Allocation(key, size, "constants")
    return Allocation(key, size, "outputs" if buffer.origin == "output" else "work")


def step_memory(graph: Graph, cut: Cut, batch: int, cores: int, data: Collection[str]) -> MemoryRequirement:
    """Return the memory of a training step with replicas, besides the parameters that the caller passes.

    Args:
        cores: number of cores that the plan is optimized for.
        data: the inputs whose rows are gathered from a data set.
    """
    split, full = planned_split(graph, batch, cut, cores)
    last = batch - (split.microbatches - 1) * split.rows
    short = [] if last == split.rows else [plan(graph, {"B": batch}, replace(cut, rows=last))]
    allocations = Allocations()
    for step_plan in (full, *short):
        for replica, buffer in _touched(step_plan, split.replicas, data):
            allocations.find(step_plan, replica, buffer)
    uses: Counter[str] = Counter()
    for allocation in allocations.by_key.values():
        uses[allocation.use] += allocation.bytes
    return MemoryRequirement({use: uses[use] for use in USES if uses[use]})


def _touched(plan: Plan, replicas: int, data: Collection[str]) -> Iterator[tuple[int, Buffer]]:
    """Yield each buffer that the calls access and the caller does not pass, with its replica."""
    touched = {
        (view.buffer, replica)
        for task in plan.tasks
        for view in (*task.reads, *task.writes)
        for replica in range(replicas if task.phase == MICROBATCHES else 1)
    }
    for buffer in plan.buffers:
        if buffer.label in data or buffer.origin == "summed":  # rows and sums of each replica
            touched |= {(buffer.number, replica) for replica in range(replicas)}
    for number, replica in sorted(touched):
        buffer = plan.buffers[number]
        if buffer.origin != "input" or buffer.label in data:
            yield replica, buffer


def plan_memory(plan: Plan) -> MemoryRequirement:
    """Return the memory of one run of an undivided plan: arena, outputs, returned copies of outputs."""
    sums = sum(buffer.bytes for buffer in plan.buffers if buffer.origin == "summed")
    outputs = sum(buffer.bytes for buffer in plan.buffers if buffer.origin == "output")
    reference_results = (
        plan.buffers[v.buffer].bytes for t in plan.tasks if t.kind == "reference" for v in t.writes
    )
    copies = sum(
        math.prod(view.shape) * np.dtype(plan.buffers[view.buffer].dtype).itemsize
        for view in plan.outputs.values()
    )
    work = (
        max(plan.layout.size, 1) + ALIGN + max(reference_results, default=0)
    )  # NumPy's result is copied into the arena
    return MemoryRequirement({"work": work, "sums": sums, "outputs": outputs + copies})


SINGLE_CALLS = {"matmul", "add", "subtract", "multiply", "divide", "negative", "sqrt", "square"}
"""Operations that are one call of NumPy, which allocates only its result."""


def reference_memory(graph: Graph, sizes: Mapping[str, int], keeps_outputs: bool = True) -> MemoryRequirement:
    """Return the memory of running a graph node by node, when each value is freed after its last reader.

    Memory that an operation takes besides its result is counted as one more result, except for
    ``SINGLE_CALLS``.

    Args:
        sizes: value of each symbolic size.
        keeps_outputs: whether outputs live to the end.
    """
    last: dict[Node, Node | None] = {memory_source(node): node for node in graph.nodes}
    last |= {memory_source(s): node for node in graph.nodes for s in node.inputs}
    if keeps_outputs:
        last.update(dict.fromkeys(map(memory_source, graph.outputs.values())))
    alive = peak = 0
    for node in graph.nodes:
        size = 0 if is_leaf(node) or is_layout(node) else _bytes(node, sizes)
        alive += size
        peak = max(peak, alive + (0 if node.op.name in SINGLE_CALLS else size))
        done = {s for s in map(memory_source, (*node.inputs, node)) if last[s] is node and not is_leaf(s)}
        alive -= sum(_bytes(source, sizes) for source in done)
    return MemoryRequirement({"work": peak})


def memory_upper_bound(graph: Graph, batch: int, cores: int) -> int:
    """Return a number of bytes that no plan of this graph exceeds: every value, copied for every reader, in
    every replica.

    It is fast to compute, while planning takes time; if it is far below the available memory, no plan is
    needed to know that a step fits.
    """
    sizes = {"B": batch}
    node_bytes = sum((2 + len(node.inputs)) * (_bytes(node, sizes) + ALIGN) for node in graph.nodes)
    return 2 * (1 + cores) * node_bytes


def _bytes(node: Node, sizes: Mapping[str, int]) -> int:
    count = math.prod(size_at(axis, sizes) for axis in node.shape)
    return count * np.dtype(node.dtype).itemsize


def largest_batch(need: Callable[[int], int], available: int, sizes: Sequence[int]) -> int:
    """Return the largest of some batch sizes that fits, by bisection; 0 if none does.

    Args:
        need: bytes by batch size.
        available: available bytes.
        sizes: batch sizes in ascending order.

    Example:
        >>> largest_batch(lambda batch: 100 + 7 * batch, 1000, range(1, 4096))
        128
    """
    fits, fails = 0, len(sizes) + 1  # the first ``fits`` sizes fit; size number ``fails`` does not
    while fails - fits > 1:
        middle = (fits + fails) // 2
        if need(sizes[middle - 1]) <= available:
            fits = middle
        else:
            fails = middle
    return sizes[fits - 1] if fits else 0
