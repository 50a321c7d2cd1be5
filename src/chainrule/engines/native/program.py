"""A graph as a program: a table of (kernel, block) pairs that one native loop calls through.

For each size of batch the graph is planned once and its blocks are laid out once; a run then writes the
addresses of the arrays it was handed into the blocks and makes one call into machine code.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numba import njit

from chainrule.engines.binding import at_sizes, bind
from chainrule.engines.native.block import Address, Adds, Blocks, Call, Place
from chainrule.engines.native.machine import Blas, Machine, cache_folder, cached
from chainrule.engines.native.memory import aligned
from chainrule.engines.native.pointer import call
from chainrule.errors import ShapeError
from chainrule.graph import Graph
from chainrule.plan.loop import is_leaf
from chainrule.plan.plan import Plan, plan
from chainrule.plan.task import Task
from chainrule.plan.view import View


@cache
def machine() -> Machine:
    """The compiler of this process."""
    return Machine(cache_folder())


@cache
def blas() -> Blas:
    """The BLAS of this process."""
    return Blas()


@cached(njit, nogil=True)
def run_calls(table, first, last):
    """Call the kernels of the rows first .. last - 1 of a table, one after the other."""
    for i in range(first, last):
        call(table[i, 0], table[i, 1])


@dataclass(eq=False)
class Ready:
    """A plan with its memory and blocks.

    Args:
        plan: what is done.
        words: all blocks, one behind the other.
        table: kernel and block address of each call.
        stretches: runs of calls (first, last), and between them tasks for the law.
        patches: where the addresses of arrays handed in belong: (word, input label, offset in bytes).
        memory: the arena, constants and outputs, by buffer number.
        flag: where a kernel says that an index was out of range.
        uses_blas: whether some call leaves its work to the BLAS.
    """

    plan: Plan
    words: np.ndarray
    table: np.ndarray
    stretches: list[tuple[int, int] | Task]
    patches: list[tuple[int, str, int]]
    memory: dict[int, np.ndarray]
    flag: np.ndarray
    arena: np.ndarray
    uses_blas: bool


def ready(made: Plan) -> Ready:
    """Lay out memory and blocks of a plan."""
    arena, flag = aligned(max(made.layout.size, 1)), np.zeros(1, np.int64)
    memory = _memory(made, arena)
    calls: list[Call] = []
    stretches: list[tuple[int, int] | Task] = []
    begin, blocks = 0, Blocks(machine(), made.buffers)
    for task in made.tasks:
        found = blocks.calls(task)
        if found is None:
            stretches += [(begin, len(calls)), task]
            begin = len(calls)
        else:
            calls += found
    stretches.append((begin, len(calls)))
    return _fill_in(made, calls, stretches, memory, flag, arena)


def _memory(made: Plan, arena: np.ndarray) -> dict[int, np.ndarray]:
    """The array behind every buffer that is not handed in."""
    memory: dict[int, np.ndarray] = {}
    for buffer in made.buffers:
        place = made.layout.places.get(buffer.number)
        if place is not None:
            raw = arena[place : place + buffer.bytes]
            memory[buffer.number] = raw.view(buffer.dtype).reshape(buffer.shape)
        elif buffer.origin == "constant":
            memory[buffer.number] = np.ascontiguousarray(buffer.array).reshape(buffer.shape)
        elif buffer.origin in ("output", "joined"):
            memory[buffer.number] = np.zeros(buffer.shape, buffer.dtype)
    return memory


def _fill_in(
    made: Plan, calls: list[Call], stretches: list, memory: dict, flag: np.ndarray, arena: np.ndarray
) -> Ready:
    """Write the blocks: numbers, addresses of our own memory, and a list of the words still to come."""
    words = np.zeros(sum(len(c.words) for c in calls) + 1, np.int64)
    table = np.zeros((max(len(calls), 1), 2), np.int64)
    patches, place, base = [], 0, words.ctypes.data
    for i, made_call in enumerate(calls):
        table[i] = made_call.kernel, base + 8 * place
        for word in made_call.words:
            if isinstance(word, Adds | Place):
                words[place] = 0  # the whole batch is the first and only part
            elif not isinstance(word, Address):
                words[place] = word
            elif word.buffer < 0:
                words[place] = flag.ctypes.data
            elif made.buffers[word.buffer].origin == "input":
                patches.append((place, made.buffers[word.buffer].label, word.offset))
            else:
                words[place] = memory[word.buffer].ctypes.data + word.offset
            place += 1
    kept = [s for s in stretches if not isinstance(s, tuple) or s[0] < s[1]]
    return Ready(made, words, table, kept, patches, memory, flag, arena, any(c.is_blas for c in calls))


def refuse_outside(flag: np.ndarray) -> None:
    """Raise what a kernel has flagged.

    Fails:
        ShapeError E211: an index outside its table.
    """
    if flag[0]:
        place, flag[0] = int(flag[0]) - 1, 0
        raise ShapeError("E211", where="gather or one_hot", received=f"position {place}")


class Program:
    """A graph ready to run natively.

    Args:
        graph: what to compute.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._specs = {name: node.spec for name, node in graph.inputs.items()}
        self._ready: dict[tuple[tuple[str, int], ...], Ready] = {}

    def ready(self, sizes: Mapping[str, int]) -> Ready:
        """The laid-out plan for these sizes."""
        key = tuple(sizes.items())
        if key not in self._ready:
            for node in self.graph.nodes:
                if not is_leaf(node):
                    at_sizes(node, sizes)
            self._ready[key] = ready(plan(self.graph, sizes))
        return self._ready[key]

    def run(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs for these inputs.

        Args:
            arrays: for each input its array, of the input's number kind.

        Fails:
            ShapeError E209, E210: an array is missing or does not fit. E211: an index outside its table.
        """
        made = self.ready(bind(self._specs, arrays))
        held = {name: np.ascontiguousarray(arrays[name], spec.dtype) for name, spec in self._specs.items()}
        for place, label, offset in made.patches:
            made.words[place] = held[label].__array_interface__["data"][0] + offset
        with blas().alone() if made.uses_blas else nullcontext():
            for stretch in made.stretches:
                if isinstance(stretch, tuple):
                    run_calls(made.table, *stretch)
                else:
                    by_law(stretch, made, held)
        refuse_outside(made.flag)
        return {name: np.array(look(made, view, held)) for name, view in made.plan.outputs.items()}


def look(made: Ready, view: View, held: Mapping[str, np.ndarray]) -> np.ndarray:
    """The array a view shows."""
    buffer = made.plan.buffers[view.buffer]
    array = held[buffer.label] if buffer.origin == "input" else made.memory[view.buffer]
    size = array.dtype.itemsize
    flat = array.reshape(-1)[view.offset :] if array.size else array.reshape(-1)
    return np.lib.stride_tricks.as_strided(flat, view.shape, tuple(s * size for s in view.strides))


def by_law(task: Task, made: Ready, held: Mapping[str, np.ndarray]) -> None:
    """Run a task by its card's own evaluate."""
    op: Any = task.facts.get("op")
    with np.errstate(all="ignore"):
        value = op.evaluate(*(look(made, view, held) for view in task.reads))
    look(made, task.writes[0], held)[...] = value
