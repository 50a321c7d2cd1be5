"""How much memory a program will take, counted before anything is allocated.

A plan says which buffers there are. How many arrays stand behind them depends on who works on the plan: every
*lane* has its own arena for what lies between a part's rows and the gradients, its own rows and its own sums,
while what comes before and after the parts exists once for all. ``Pieces`` is that rule. Whoever allocates
asks it, and so does whoever counts; therefore the count is exact and needs no correction.

What is not counted: the plan itself and the words of its calls (some kilobytes for each task), and what an
operation without a kernel, run by its law, takes in NumPy besides its result.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.notation.text_columns import aligned
from chainrule.notation.units import amount
from chainrule.plan.allocation import ALIGN
from chainrule.plan.microbatch import split_batch
from chainrule.plan.passes.deferred_gradients import KEPT
from chainrule.plan.passes.fused_loop import is_layout, is_leaf, seen_through
from chainrule.plan.plan import Cut, Plan, plan
from chainrule.plan.tasks import PARTS, Buffer
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.spec import size_at

USES: dict[str, tuple[str, str]] = {
    "work": ("values in between", "中间值"),
    "rows": ("rows fetched from the data", "从数据中取出的行"),
    "sums": ("sums over the batch", "批量上的各项之和"),
    "constants": ("constants", "常量"),
    "outputs": ("outputs", "输出"),
    "last": ("the last, smaller batch of an epoch", "每轮最后较小的批量"),
    "state": ("parameters and the optimizer's memory", "参数与优化器状态"),
    "order": ("the order of the rows", "数据行的顺序"),
    "probes": ("looking into the net, beyond that", "观察网络内部的额外部分"),
    "drawing": ("drawing the first values, beyond that", "抽取初始值的额外部分"),
}
"""What memory is for, in English and Chinese."""


@frozen
class Need:
    """How many bytes something takes, and for what. Printing it gives a table.

    Args:
        uses: bytes by what they are for, a key of ``USES``.

    Example:
        >>> with settings.using(lang="en"):
        ...     print(Need({"work": 3_000_000}) + Need({"state": 1_000_000, "work": 500}))
        values in between                       3 MB
        parameters and the optimizer's memory   1 MB
        in all                                  4 MB
    """

    uses: Mapping[str, int]

    @property
    def total(self) -> int:
        """All bytes."""
        return sum(self.uses.values())

    @property
    def largest(self) -> str:
        """What takes most, in the user's language, with its amount."""
        use = max(self.uses, key=lambda use: self.uses[use])
        return f"{said(use)}: {amount(self.uses[use], 'B')}"

    def times(self, count: int) -> Need:
        """As much several times."""
        return Need({use: size * count for use, size in self.uses.items()})

    def __add__(self, other: Need) -> Need:
        return Need(dict(Counter(self.uses) + Counter(other.uses)))

    def __str__(self) -> str:
        rows = [(said(use), amount(size, "B")) for use, size in self.uses.items() if size]
        whole = ("in all", "合计")[settings.lang == "zh"]
        return "\n".join(aligned([*rows, (whole, amount(self.total, "B"))], right=[1]))


def said(use: str) -> str:
    """What memory is for, in the user's language."""
    return USES[use][settings.lang == "zh"]


class Piece(NamedTuple):
    """The memory behind a buffer.

    Args:
        key: buffers with one key lie in one piece: those of an arena, and those of the plans for full parts
            and for the last, shorter one that mean the same or are never needed at once.
        bytes: how large it must be.
        use: what it is for, a key of ``USES``.
        is_arena: whether many buffers have their places in it.
    """

    key: Hashable
    bytes: int
    use: str
    is_arena: bool = False


class Pieces:
    """The pieces of memory of a step, as they are asked for, first by the plan for full parts."""

    def __init__(self) -> None:
        self.known: dict[Hashable, Piece] = {}

    def find(self, made: Plan, lane: int, buffer: Buffer) -> Piece:
        """The piece behind a buffer that is not handed in, for a lane."""
        one = _piece(made, lane, buffer)
        there = self.known.setdefault(one.key, one)
        if there.bytes >= one.bytes:
            return there
        own = one._replace(key=(one.key, made))  # what a smaller part needs is larger for once
        return self.known.setdefault(own.key, own)


def _piece(made: Plan, lane: int, buffer: Buffer) -> Piece:
    if buffer.origin == "work" and buffer.phase == PARTS:
        return Piece(("arena", lane), max(made.layout.size, 1) + ALIGN, "work", True)
    size = max(buffer.bytes, 1) + ALIGN
    if buffer.origin == "input":
        return Piece(("rows", lane, buffer.label), size, "rows")
    place = made.places[buffer.number]
    if buffer.origin == "joined":
        return Piece((*place, lane), size, "sums")
    if buffer.origin == KEPT:
        return Piece(place, size, "work")
    key = (*place, lane, made) if buffer.phase == PARTS else place
    if buffer.array is not None:
        return Piece(key, size, "constants")
    return Piece(key, size, "outputs" if buffer.origin == "output" else "work")


def step_need(graph: Graph, cut: Cut, batch: int, cores: int, data: Collection[str]) -> Need:
    """What a training step takes in lanes, besides the parameters it is handed.

    Args:
        graph: the step.
        cut: how it is cut into phases.
        batch: samples in a batch.
        cores: for how many the plan is made.
        data: the inputs whose rows are fetched from a data set.
    """
    split = split_batch(graph, batch, cut, cores)
    pieces = Pieces()
    for rows in dict.fromkeys((split.rows, batch - (split.parts - 1) * split.rows)):
        made = plan(graph, {"B": batch}, replace(cut, rows=rows))
        for lane, buffer in _touched(made, split.lanes, data):
            pieces.find(made, lane, buffer)
    uses: Counter[str] = Counter()
    for one in pieces.known.values():
        uses[one.use] += one.bytes
    return Need({use: uses[use] for use in USES if uses[use]})


def _touched(made: Plan, lanes: int, data: Collection[str]) -> Iterator[tuple[int, Buffer]]:
    """The buffers that the lanes' calls read and write, and that are not handed in; each with the lane."""
    touched = {
        (view.buffer, lane)
        for task in made.tasks
        for view in (*task.reads, *task.writes)
        for lane in range(lanes if task.phase == PARTS else 1)
    }
    for buffer in made.buffers:
        if buffer.label in data or buffer.origin == "joined":  # every lane fetches its rows and has its sums
            touched |= {(buffer.number, lane) for lane in range(lanes)}
    for number, lane in sorted(touched):
        buffer = made.buffers[number]
        if buffer.origin != "input" or buffer.label in data:
            yield lane, buffer


def run_need(made: Plan) -> Need:
    """What a plan takes that runs as a whole, once: its arena, its outputs, and their copies handed out."""
    joined = sum(buffer.bytes for buffer in made.buffers if buffer.origin == "joined")
    outputs = sum(buffer.bytes for buffer in made.buffers if buffer.origin == "output")
    laws = (made.buffers[v.buffer].bytes for t in made.tasks if t.kind == "law" for v in t.writes)
    handed_out = sum(
        math.prod(view.shape) * np.dtype(made.buffers[view.buffer].dtype).itemsize
        for view in made.outputs.values()
    )
    work = max(made.layout.size, 1) + ALIGN + max(laws, default=0)  # a law's result is copied into the arena
    return Need({"work": work, "sums": joined, "outputs": outputs + handed_out})


PLAIN = {"matmul", "add", "subtract", "multiply", "divide", "negative", "sqrt", "square"}
"""Operations that are one call of NumPy, which takes nothing besides its result."""


def law_need(graph: Graph, sizes: Mapping[str, int], keeps_outputs: bool = True) -> Need:
    """What running a graph node by node takes, when each value is dropped after its last reader.

    What an operation takes besides its result is counted as one more result, but for those of ``PLAIN``.

    Args:
        graph: what is run.
        sizes: the number each symbolic size stands for.
        keeps_outputs: whether outputs live to the end.
    """
    last: dict[Node, Node | None] = {seen_through(node): node for node in graph.nodes}
    last |= {seen_through(s): node for node in graph.nodes for s in node.inputs}
    if keeps_outputs:
        last.update(dict.fromkeys(map(seen_through, graph.outputs.values())))
    alive = peak = 0
    for node in graph.nodes:
        own = 0 if is_leaf(node) or is_layout(node) else _bytes(node, sizes)
        alive += own
        peak = max(peak, alive + (0 if node.op.name in PLAIN else own))
        done = {s for s in map(seen_through, (*node.inputs, node)) if last[s] is node and not is_leaf(s)}
        alive -= sum(_bytes(source, sizes) for source in done)
    return Need({"work": peak})


def ceiling(graph: Graph, batch: int, cores: int) -> int:
    """Bytes that no plan of this graph comes near: every value, copied for every reader, in every lane.

    It is counted at once, where a plan takes its time; what is far below what is free needs no plan to be
    known to fit.
    """
    sizes = {"B": batch}
    each = sum((2 + len(node.inputs)) * (_bytes(node, sizes) + ALIGN) for node in graph.nodes)
    return 2 * (1 + cores) * each


def _bytes(node: Node, sizes: Mapping[str, int]) -> int:
    count = math.prod(size_at(axis, sizes) for axis in node.shape)
    return count * np.dtype(node.dtype).itemsize


def largest_batch(need: Callable[[int], int], available: int, sizes: Sequence[int]) -> int:
    """The largest of some batch sizes that fits, by halving the interval it lies in; 0 when none does.

    Args:
        need: bytes by batch size.
        available: bytes there are.
        sizes: in rising order.

    Example:
        >>> largest_batch(lambda batch: 100 + 7 * batch, 1000, range(1, 4096))
        128
    """
    fits, fails = 0, len(sizes) + 1  # how many of the sizes are known to fit; how many do not
    while fails - fits > 1:
        middle = (fits + fails) // 2
        if need(sizes[middle - 1]) <= available:
            fits = middle
        else:
            fails = middle
    return sizes[fits - 1] if fits else 0
