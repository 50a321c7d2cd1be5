"""A plan with its memory and blocks, ready to be handed arrays and called.

Everything that does not change from run to run is worked out once: places in memory, blocks, the views that
outputs are read through. What is left of a run in Python is to write the addresses of the arrays that were
not there before, one call into machine code, and copies of the outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I64, Assembly
from chainrule.engines.native.jit.cache import cache_folder
from chainrule.engines.native.jit.compiler import Machine, callable_at
from chainrule.engines.native.jit.target import host_target
from chainrule.engines.native.runtime.buffers import aligned
from chainrule.engines.native.runtime.call import Address, Adds, Call, Place
from chainrule.engines.native.runtime.kernel_calls import Blocks
from chainrule.engines.native.runtime.levels import levels
from chainrule.engines.native.runtime.partition import WORTH_A_CREW, effort, pays
from chainrule.engines.native.runtime.thread_team import Crew
from chainrule.errors import ShapeError
from chainrule.events import notices
from chainrule.fork import fork_safe_lock
from chainrule.plan.plan import Plan
from chainrule.plan.tasks import Buffer, Task
from chainrule.plan.views import View
from chainrule.settings import settings

Arrays: TypeAlias = Mapping[str, np.ndarray]
NOTHING = object()  # what no caller hands in
SMALL = 32 * 1024  # bytes of an input that are copied
_ONE_AT_A_TIME = fork_safe_lock()


def machine() -> Machine:
    """The compiler of this process for the target that the settings name; it stays until the process ends."""
    with _ONE_AT_A_TIME:
        return _machine(settings.vector_bytes)


@cache
def _machine(vector_bytes: int) -> Machine:
    made = Machine(None, host_target(vector_bytes))
    made.folder = cache_folder(made.stamp)
    return made


@cache
def _caller() -> Callable[[int], None]:
    """Calls the kernels of some rows of a table, one after the other. Block: [table, first row, end]."""
    text = "call the kernels of the rows first .. end - 1 of a table"
    address = machine().function("run_calls", text, _write_caller)
    return callable_at(address)


def _write_caller(name: str) -> ir.Module:
    module = ir.Module(name)
    code = Assembly(module, name)
    table, first, end = (code.word(i) for i in range(3))
    kernel = ir.FunctionType(ir.VoidType(), [I64]).as_pointer()
    with code.counting(first, end) as i:
        row = code.plus(table, code.times(i, 16))
        address, block = code.load(row, I64), code.load(code.plus(row, 8), I64)
        code.builder.call(code.builder.inttoptr(address, kernel), [block])
    code.builder.ret_void()
    return module


def run_calls(table: np.ndarray, first: int, end: int) -> None:
    """Call the kernels of the rows first .. end - 1 of a table, one after the other."""
    prepared_calls(table, first, end)()


def prepared_calls(table: np.ndarray, first: int, end: int, owner: object = None) -> Callable[[], None]:
    """What calls these kernels as often as it is called, with nothing left to prepare.

    Args:
        table, first, end: as for ``run_calls``.
        owner: whose memory the kernels work in; it lives as long as what is returned.
    """
    block, call = np.array([table.ctypes.data, first, end]), _caller()
    address = block.ctypes.data

    def run(held: object = (block, table, owner)) -> None:
        call(address)

    return run


@dataclass(eq=False, slots=True)
class Seat:
    """Where the array of an input is handed in.

    Args:
        label: of the input.
        shape, dtype: of the array.
        words: the words of the blocks that hold its address, and how many bytes further each points.
        is_kept: whether the last array is remembered, because parameters are the same from run to run.
        inbox: where a small array that changes is copied to: sooner done than asking NumPy for its address.
        array: the array that is remembered: its address is in the words.
    """

    label: str
    shape: tuple[int, ...]
    dtype: np.dtype
    words: list[tuple[int, int]]
    is_kept: bool
    inbox: np.ndarray | None
    array: object = NOTHING


class Ready:
    """A plan laid out in memory; for one caller at a time.

    Args:
        plan: what is done.
        kept: labels of inputs of which the last array is remembered.
        lanes: into how many runs long calls are divided, for as many threads, where the plan is worth it.
    """

    def __init__(self, plan: Plan, kept: set[str], lanes: int = 1) -> None:
        self.plan = plan
        self.arena, self.flag = aligned(max(plan.layout.size, 1)), np.zeros(1, np.int64)
        self.memory = _memory(plan, self.arena, kept)
        self._seats = [
            Seat(b.label, b.shape, np.dtype(b.dtype), [], b.label in kept, self.memory.get(b.number))
            for b in plan.buffers
            if b.origin == "input"
        ]
        lines, spans = _lines(plan)
        is_worth_it = sum(effort(task) for task, _ in lines) >= WORTH_A_CREW
        is_shared = lanes > 1 and is_worth_it and len(spans) == 1
        self.words, tables = self._blocks(
            [call for _, call in lines], _shares(lines, lanes if is_shared else 1)
        )
        self.table = tables[0]
        self.crew = Crew(machine(), _marks(plan, lines), tables) if is_shared else None
        self._patched = self.words.data
        ends = [(self.table.ctypes.data, *span) for span in spans if isinstance(span, tuple)]
        self._ends = np.array(ends, np.int64).reshape(-1, 3)
        blocks = iter(range(self._ends.ctypes.data, self._ends.ctypes.data + self._ends.nbytes, 24))
        self._work: list[int | Task] = [next(blocks) if isinstance(s, tuple) else s for s in spans]
        views = plan.outputs.items()
        # What an output shows is the same array in every run, but for a part of an input.
        self._seen = {n: look(self, v, {}) if v.buffer in self.memory else None for n, v in views}

    def _blocks(
        self, calls: Sequence[Call], shares: Sequence[Sequence[Mapping[int, tuple[int, int]]]]
    ) -> tuple[np.ndarray, np.ndarray]:
        """All blocks of every lane, one behind the other, and tables (lanes, calls, 2) of kernels and blocks.

        Seats learn their words.

        Args:
            shares: for each lane and call what is different there, as ``_shares`` tells.
        """
        lanes = range(len(shares))
        words = np.zeros(len(lanes) * sum(len(c.words) for c in calls) + 1, np.int64)
        tables = np.zeros((len(lanes), max(len(calls), 1), 2), np.int64)
        seats = {seat.label: seat for seat in self._seats}
        nothing, place = machine().kernel("training_steps.nothing") if len(lanes) > 1 else 0, 0
        for lane in lanes:
            for i, call in enumerate(calls):
                share = shares[lane][i]
                has_share = lane == 0 or share
                tables[lane, i] = call.kernel if has_share else nothing, words.ctypes.data + 8 * place
                for at, word in enumerate(call.words):
                    factor, move = share.get(at, (1, 0))
                    self._set(words, place, word, factor, move, seats)
                    place += 1
        return words, tables

    def _set(
        self, words: np.ndarray, place: int, word: Any, factor: int, move: int, seats: Mapping[str, Seat]
    ) -> None:
        """Write a word of a block: ``factor`` times what it says (0 or 1), moved on."""
        if isinstance(word, Adds | Place):  # the whole batch is the first and only part
            words[place] = word.others if isinstance(word, Adds) else 0
        elif not isinstance(word, Address):
            words[place] = factor * word + move
        elif word.buffer < 0:
            words[place] = self.flag.ctypes.data
        elif word.buffer in self.memory:
            words[place] = self.memory[word.buffer].ctypes.data + word.offset + move
        else:
            seats[self.plan.buffers[word.buffer].label].words.append((place, word.offset + move))

    def takes(self, arrays: Arrays) -> bool:
        """Whether these are arrays that the plan was made for, lying as it wants them; then it has them."""
        for seat in self._seats:
            array = arrays.get(seat.label)
            if array is seat.array:
                continue
            if array is None or array.shape != seat.shape or array.dtype != seat.dtype:
                return False
            if seat.inbox is not None:
                seat.inbox[...] = array
                continue
            if not array.flags.c_contiguous:
                return False
            address = array.__array_interface__["data"][0]
            for place, offset in seat.words:
                self._patched[place] = address + offset
            if seat.is_kept:
                seat.array = array
        return True

    def run(self, arrays: Arrays, threads: int = 1) -> dict[str, np.ndarray]:
        """The outputs, as arrays of their own, for the arrays it took last.

        Args:
            arrays: those that it took.
            threads: how many may compute; the bits are the same for any number.

        Fails:
            ShapeError E211: an index outside its table.
        """
        self.compute(arrays, threads)
        refuse_outside(self.flag)
        return {
            name: (look(self, self.plan.outputs[name], arrays) if seen is None else seen).copy()
            for name, seen in self._seen.items()
        }

    def compute(self, arrays: Arrays, threads: int = 1) -> None:
        """Run all calls, and the law where it is needed; the outputs stay where they are."""
        if self.crew is not None:
            self.crew.run(threads)
            return
        call = _caller()
        for work in self._work:
            if isinstance(work, int):
                call(work)
            else:
                by_law(work, self, arrays)


def look(made: Ready, view: View, held: Arrays) -> np.ndarray:
    """The array a view shows.

    Args:
        held: the arrays that were handed in, by input label.
    """
    array = made.memory.get(view.buffer)
    if array is None:
        array = held[made.plan.buffers[view.buffer].label]
    size = array.dtype.itemsize
    flat = array.reshape(-1)[view.offset :] if array.size else array.reshape(-1)
    return np.lib.stride_tricks.as_strided(flat, view.shape, tuple(s * size for s in view.strides))


def say_by_law(task: Task) -> None:
    """Say, once for each operation, that it has no kernel."""
    names = ", ".join(node.op.name for node in task.nodes)
    notices.emit(
        f"{names} has no compiled kernel and is computed by NumPy", f"{names} 没有编译的内核，由 NumPy 计算"
    )


def by_law(task: Task, made: Ready, held: Arrays) -> None:
    """Run a task by its card's own evaluate."""
    op: Any = task.facts.get("op")
    with np.errstate(all="ignore"):
        value = op.evaluate(*(look(made, view, held) for view in task.reads))
    look(made, task.writes[0], held)[...] = value


def _lines(plan: Plan) -> tuple[list[tuple[Task, Call]], list[tuple[int, int] | Task]]:
    """The calls of a plan with their tasks; and runs (first, end), between them tasks of the law."""
    lines: list[tuple[Task, Call]] = []
    spans: list[tuple[int, int] | Task] = []
    begin, blocks = 0, Blocks(machine(), plan.buffers)
    for task in plan.tasks:
        found = blocks.calls(task)
        if found is None:
            say_by_law(task)
            spans += [(begin, len(lines)), task]
            begin = len(lines)
        else:
            lines += [(task, call) for call in found]
    spans.append((begin, len(lines)))
    return lines, [span for span in spans if not isinstance(span, tuple) or span[0] < span[1]]


def _shares(lines: Sequence[tuple[Task, Call]], lanes: int) -> list[list[dict[int, tuple[int, int]]]]:
    """For each lane and call, the words that are different there: times 0 or 1, and what is added.

    Calls that are not divided have none; they are lane 0's.
    """
    found: list[list[dict[int, tuple[int, int]]]] = [[] for _ in range(lanes)]
    for task, call in lines:
        share = call.share if lanes > 1 and pays(call.share, task) else None
        cuts = share.cuts(lanes) if share is not None else []
        for lane in range(lanes):
            own: dict[int, tuple[int, int]] = {}
            if share is not None:
                own = {at: (1, cuts[lane] * step) for at, step in share.moves}
                own[share.count] = 0, cuts[lane + 1] - cuts[lane]
            found[lane].append(own)
    return found


def _marks(plan: Plan, lines: Sequence[tuple[Task, Call]]) -> np.ndarray:
    """The first and the end of each level's calls, (levels, 2)."""
    level = levels(plan, plan.tasks)
    first = [i for i, (task, _) in enumerate(lines) if i == 0 or level[task] != level[lines[i - 1][0]]]
    return np.array([*zip(first, [*first[1:], len(lines)], strict=True)], np.int64).reshape(-1, 2)


def _memory(plan: Plan, arena: np.ndarray, kept: set[str]) -> dict[int, np.ndarray]:
    """The array behind every buffer but those that are handed in by their addresses."""
    memory: dict[int, np.ndarray] = {}
    for buffer in plan.buffers:
        place = plan.layout.places.get(buffer.number)
        if place is not None:
            raw = arena[place : place + buffer.bytes]
            memory[buffer.number] = raw.view(buffer.dtype).reshape(buffer.shape)
        elif buffer.origin == "constant":
            memory[buffer.number] = np.ascontiguousarray(buffer.array).reshape(buffer.shape)
        elif buffer.origin in ("output", "joined") or _is_copied(buffer, kept):
            memory[buffer.number] = np.zeros(buffer.shape, buffer.dtype)
    return memory


def _is_copied(buffer: Buffer, kept: set[str]) -> bool:
    return buffer.origin == "input" and buffer.label not in kept and buffer.bytes <= SMALL


def refuse_outside(flag: np.ndarray) -> None:
    """Raise what a kernel has flagged.

    Fails:
        ShapeError E211: an index outside its table.
    """
    if flag[0]:
        place, flag[0] = int(flag[0]) - 1, 0
        raise ShapeError("E211", where="gather or one_hot", received=f"position {place}")
