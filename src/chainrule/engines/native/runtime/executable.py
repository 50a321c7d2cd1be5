"""An executable plan: its memory and argument blocks are laid out, and arrays can be bound and computed.

Everything that does not change from run to run is computed once: positions in memory, blocks, the views that
outputs are read through. A run then consists, in Python, of writing the addresses of arrays that were not
bound before, one call into machine code, and copies of the outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import FunctionBuilder
from chainrule.engines.native.jit.cache import folder_of
from chainrule.engines.native.jit.compiler import Machine, callable_at
from chainrule.engines.native.jit.kernel_source import KernelSource
from chainrule.engines.native.jit.target import host_target
from chainrule.engines.native.runtime.buffers import address, aligned
from chainrule.engines.native.runtime.call_builder import (
    Accumulate,
    Address,
    Call,
    CallBuilder,
    Panels,
    RowOffset,
)
from chainrule.engines.native.runtime.kernel_calls import task_calls
from chainrule.engines.native.runtime.packed_weights import PackedFactors
from chainrule.engines.native.runtime.partition import (
    MIN_INFERENCE_EFFORT,
    MIN_WAKING_EFFORT,
    effort,
    is_worth_dividing,
    levels,
)
from chainrule.engines.native.runtime.thread_team import LevelTeam
from chainrule.errors import ShapeError
from chainrule.events import notices
from chainrule.fork_safety import fork_safe_lock
from chainrule.messages import fact
from chainrule.plan.plan import Plan
from chainrule.plan.tasks import Buffer, Task
from chainrule.plan.views import View
from chainrule.settings import settings

Arrays: TypeAlias = Mapping[str, np.ndarray]
UNBOUND = object()  # no array is bound yet
MAX_COPIED_BYTES = 32 * 1024  # of an input that is copied instead of bound by address
_MACHINE_LOCK = fork_safe_lock()


def machine() -> Machine:
    """Return this process's compiler for the target that the settings name; it lives until the end."""
    with _MACHINE_LOCK:
        return _machine(settings.vector_bytes)


@cache
def _machine(vector_bytes: int) -> Machine:
    compiler = Machine(None, host_target(vector_bytes))
    compiler.folder = folder_of(compiler.stamp)
    return compiler


@cache
def _caller() -> Callable[[int], None]:
    """Return the function that calls the kernels of some rows of a table. Block: [table, first row, end]."""
    source = KernelSource("run_calls", (), "call the kernels of the rows first .. end - 1 of a table")
    return callable_at(machine().function(source, _write_caller))


def _write_caller(name: str) -> ir.Module:
    module = ir.Module(name)
    code = FunctionBuilder(module, name)
    table, first, end = (code.word(i) for i in range(3))
    code.call_lines(*(code.plus(table, code.times(i, 16)) for i in (first, end)))
    code.builder.ret_void()
    return module


def run_calls(table: np.ndarray, first: int, end: int) -> None:
    """Call the kernels of the rows ``first`` to ``end - 1`` of a table, in order."""
    prepared_calls(table, first, end)()


def prepared_calls(table: np.ndarray, first: int, end: int, owner: object = None) -> Callable[[], None]:
    """Return a function that calls these kernels each time it is called, without further preparation.

    Args:
        table, first, end: as for ``run_calls``.
        owner: the object in whose memory the kernels work; it is kept alive by the returned function.
    """
    block, call = np.array([table.ctypes.data, first, end]), _caller()
    start = address(block)

    def run(references: object = (block, table, owner)) -> None:
        call(start)

    return run


@dataclass(eq=False, slots=True)
class InputBinding:
    """Binding of an array to an input.

    Args:
        words: the words of the blocks that hold its address, and how many bytes further each points.
        is_parameter: whether the last array is kept, because parameters are the same from run to run.
        copy: receives a copy of a small array that changes, which is faster than asking NumPy for its
            address.
        array: the last array, whose address the words hold.
        factors: the packed factors that are views of it.
    """

    label: str
    shape: tuple[int, ...]
    dtype: np.dtype
    words: list[tuple[int, int]]
    is_parameter: bool
    copy: np.ndarray | None
    array: object = UNBOUND
    factors: list[FactorBinding] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class FactorBinding:
    """Binding of the panels of a right factor (see ``packed_weights``).

    Args:
        words: the words of the blocks that hold their address, and how many bytes further each points.
        panels: the panels, which are kept as long as words point to them.
    """

    factor: Panels
    words: list[tuple[int, int]] = field(default_factory=list)
    panels: np.ndarray | None = None


class Executable:
    """A plan laid out in memory; for one caller at a time.

    Args:
        parameters: labels of inputs of which the last array is kept.
        slices: into how many slices long calls are divided, for as many threads, if the plan is large enough.
        packed: the packed right factors of products of constants and parameters, whose arrays then must not
            change; ``None``: every product reads the arrays.
        max_copied: bytes up to which an input with rows is copied and not bound by its address.
    """

    def __init__(
        self,
        plan: Plan,
        parameters: set[str],
        slices: int = 1,
        packed: PackedFactors | None = None,
        *,
        max_copied: int = MAX_COPIED_BYTES,
    ) -> None:
        self.plan, self.packed = plan, packed
        self._builder = CallBuilder(machine(), plan.buffers, None if packed is None else parameters)
        self._factors: dict[Panels, FactorBinding] = {}
        self.arena, self.flag = aligned(max(plan.layout.size, 1)), np.zeros(1, np.int64)
        self.memory = _memory(plan, self.arena, parameters, max_copied)
        self._bindings = [
            InputBinding(
                b.label, b.shape, np.dtype(b.dtype), [], b.label in parameters, self.memory.get(b.number)
            )
            for b in plan.buffers
            if b.origin == "input"
        ]
        lines, spans = _calls_and_spans(plan, self._builder)
        total = sum(effort(task) for task, _ in lines)
        slices = min(slices, total // max(1, MIN_INFERENCE_EFFORT // 2))
        is_shared = slices > 1 and len(spans) == 1
        slice_words = _slice_words(lines, slices if is_shared else 1)
        self.words, tables = self._blocks([call for _, call in lines], slice_words)
        self.table, self.team = tables[0], None
        if is_shared:
            marks = _marks(plan, lines, list(map(bool, slice_words[0])))
            self.team = LevelTeam(machine(), marks, tables, may_wake=total >= MIN_WAKING_EFFORT)
        self._word_view = self.words.data
        self._prepare_factors()
        ends = [(self.table.ctypes.data, *span) for span in spans if isinstance(span, tuple)]
        self._span_blocks = np.array(ends, np.int64).reshape(-1, 3)
        blocks = iter(
            range(self._span_blocks.ctypes.data, self._span_blocks.ctypes.data + self._span_blocks.nbytes, 24)
        )
        self._items: list[int | Task] = [next(blocks) if isinstance(s, tuple) else s for s in spans]
        views = plan.outputs.items()
        # The array of an output is the same in every run, unless it is a view of an input.
        self._output_views = {
            n: view_array(self, v, {}) if v.buffer in self.memory else None for n, v in views
        }

    def _blocks(
        self, calls: Sequence[Call], slice_words: Sequence[Sequence[Mapping[int, tuple[int, int]]]]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the blocks of every slice, and tables (slices, calls, 2) of kernels and blocks.

        Input bindings record their words.

        Args:
            slice_words: for each slice and call the words that differ, as ``_slice_words`` returns them.
        """
        slices = range(len(slice_words))
        words = np.zeros(len(slices) * sum(len(c.words) for c in calls) + 1, np.int64)
        tables = np.zeros((len(slices), max(len(calls), 1), 2), np.int64)
        bindings = {binding.label: binding for binding in self._bindings}
        no_operation, position = machine().kernel("training_steps.no_operation") if len(slices) > 1 else 0, 0
        for index in slices:
            for i, call in enumerate(calls):
                differing = slice_words[index][i]
                is_called = index == 0 or differing
                tables[index, i] = (
                    call.kernel if is_called else no_operation,
                    words.ctypes.data + 8 * position,
                )
                for at, word in enumerate(call.words):
                    factor, move = differing.get(at, (1, 0))
                    self._set(words, position, word, factor, move, bindings)
                    position += 1
        return words, tables

    def _set(
        self,
        words: np.ndarray,
        position: int,
        word: Any,
        factor: int,
        move: int,
        bindings: Mapping[str, InputBinding],
    ) -> None:
        """Write a word of a block: ``factor`` (0 or 1) times its value, plus ``move``."""
        if isinstance(word, Accumulate | RowOffset):  # the whole batch is one microbatch
            words[position] = word.flags if isinstance(word, Accumulate) else 0
        elif isinstance(word, Panels):
            self._factors.setdefault(word, FactorBinding(word)).words.append((position, move))
        elif not isinstance(word, Address):
            words[position] = factor * word + move
        elif word.buffer < 0:
            words[position] = self.flag.ctypes.data
        elif word.buffer in self.memory:
            words[position] = self.memory[word.buffer].ctypes.data + word.offset + move
        else:
            bindings[self.plan.buffers[word.buffer].label].words.append((position, word.offset + move))

    def bind(self, arrays: Arrays) -> bool:
        """Bind arrays to the inputs; return whether their shapes, dtypes and layouts fit the plan."""
        for binding in self._bindings:
            array = arrays.get(binding.label)
            if array is binding.array:
                continue
            if array is None or array.shape != binding.shape or array.dtype != binding.dtype:
                return False
            if binding.copy is not None:
                binding.copy[...] = array
                continue
            if not array.flags.c_contiguous:
                return False
            start = address(array)
            for position, offset in binding.words:
                self._word_view[position] = start + offset
            if binding.is_parameter:
                binding.array = array
            for factor in binding.factors:
                self._bind_panels(factor, binding.label, array)
        return True

    # --- chunks of rows

    @property
    def can_be_part(self) -> bool:
        """Whether machine code alone can run the plan for chunk after chunk: see ``chunks``."""
        has_kernels = len(self._items) == 1 and isinstance(self._items[0], int)
        views = self._output_views.values()
        return has_kernels and all(view is not None and view.flags.c_contiguous for view in views)

    @property
    def lines(self) -> tuple[int, int]:
        """The addresses of the first call of the plan, and of the end of its calls."""
        _, first, end = self._span_blocks[0].tolist()
        return self.table.ctypes.data + 16 * first, self.table.ctypes.data + 16 * end

    def input_words(self, label: str) -> list[tuple[int, int]]:
        """Return the addresses of the words that point into an input, and how many bytes further."""
        words = next((binding.words for binding in self._bindings if binding.label == label), [])
        return [(self.words.ctypes.data + 8 * position, offset) for position, offset in words]

    def output_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays that every run writes the outputs to, by name."""
        return {name: view for name, view in self._output_views.items() if view is not None}

    def _prepare_factors(self) -> None:
        """Assign packed factors to the inputs that they are views of, and pack those of constants."""
        bindings = {binding.label: binding for binding in self._bindings}
        for panels, factor in self._factors.items():
            buffer = self.plan.buffers[panels.matrix.buffer]
            if buffer.origin == "input":
                bindings[buffer.label].factors.append(factor)
            else:
                assert buffer.array is not None
                self._bind_panels(factor, id(buffer.array), np.ascontiguousarray(buffer.array))

    def _bind_panels(self, factor: FactorBinding, name: str | int, array: np.ndarray) -> None:
        """Write the address of a factor's panels into the blocks."""
        assert self.packed is not None
        factor.panels = self.packed.panels(self._builder, name, factor.factor, array)
        start = address(factor.panels)
        for position, move in factor.words:
            self._word_view[position] = start + move

    def run(self, arrays: Arrays, threads: int = 1) -> dict[str, np.ndarray]:
        """Return the outputs for the arrays bound last, as new arrays; see ``views``."""
        return {name: view.copy() for name, view in self.views(arrays, threads).items()}

    def views(self, arrays: Arrays, threads: int = 1) -> dict[str, np.ndarray]:
        """Return the outputs for the arrays bound last, in memory that the next run overwrites.

        Args:
            threads: maximal number of threads; the bits are the same for any number.

        Raises:
            ShapeError E211: an index outside its table.
        """
        self.compute(arrays, threads)
        refuse_outside(self.flag)
        return {
            name: view_array(self, self.plan.outputs[name], arrays) if view is None else view
            for name, view in self._output_views.items()
        }

    def compute(self, arrays: Arrays, threads: int = 1) -> None:
        """Run all calls, and operations without kernel by reference; outputs stay in memory."""
        if self.team is not None:
            self.team.run(threads)
            return
        call = _caller()
        for item in self._items:
            if isinstance(item, int):
                call(item)
            else:
                run_reference(item, self, arrays)


def view_array(executable: Executable, view: View, inputs: Arrays) -> np.ndarray:
    """Return the array of a view.

    Args:
        inputs: the bound arrays by input label.
    """
    array = executable.memory.get(view.buffer)
    if array is None:
        array = inputs[executable.plan.buffers[view.buffer].label]
    size = array.dtype.itemsize
    flat = array.reshape(-1)[view.offset :] if array.size else array.reshape(-1)
    return np.lib.stride_tricks.as_strided(flat, view.shape, tuple(s * size for s in view.strides))


def report_missing_kernel(task: Task) -> None:
    """Emit a notice, once for each operation, that it has no kernel."""
    names = ", ".join(node.op.name for node in task.nodes)
    notices.emit(fact("{names} has no compiled kernel and is computed by NumPy", names=names))


def run_reference(task: Task, executable: Executable, inputs: Arrays) -> None:
    """Compute a task by the reference implementation of its card."""
    op: Any = task.facts.get("op")
    with np.errstate(all="ignore"):
        value = op.evaluate(*(view_array(executable, view, inputs) for view in task.reads))
    view_array(executable, task.writes[0], inputs)[...] = value


def _calls_and_spans(
    plan: Plan, builder: CallBuilder
) -> tuple[list[tuple[Task, Call]], list[tuple[int, int] | Task]]:
    """Return the calls of a plan with their tasks, and spans (first, end), between them other tasks."""
    lines: list[tuple[Task, Call]] = []
    spans: list[tuple[int, int] | Task] = []
    begin = 0
    for task in plan.tasks:
        calls = task_calls(builder, task)
        if calls is None:
            report_missing_kernel(task)
            spans += [(begin, len(lines)), task]
            begin = len(lines)
        else:
            lines += [(task, call) for call in calls]
    spans.append((begin, len(lines)))
    return lines, [span for span in spans if not isinstance(span, tuple) or span[0] < span[1]]


def _slice_words(lines: Sequence[tuple[Task, Call]], slices: int) -> list[list[dict[int, tuple[int, int]]]]:
    """Return for each slice and call the words that differ there: a factor 0 or 1, and what is added.

    Calls that are not divided have none; they belong to slice 0.
    """
    differing: list[list[dict[int, tuple[int, int]]]] = [[] for _ in range(slices)]
    for task, call in lines:
        partition = call.partition if slices > 1 and is_worth_dividing(call.partition, task) else None
        cuts = partition.cuts(slices) if partition is not None else []
        for index in range(slices):
            words: dict[int, tuple[int, int]] = {}
            if partition is not None:
                words = {at: (1, cuts[index] * step) for at, step in partition.moves}
                words[partition.count] = 0, cuts[index + 1] - cuts[index]
            differing[index].append(words)
    return differing


def _marks(plan: Plan, lines: Sequence[tuple[Task, Call]], are_divided: Sequence[bool]) -> np.ndarray:
    """Return the first call and the end of each level, (levels, 2).

    Levels of which no call is divided belong to slice 0 alone: several one after the other are one level.
    """
    level = levels(plan, plan.tasks)
    groups = [[i for i, _ in group] for _, group in groupby(enumerate(lines), lambda line: level[line[1][0]])]
    first, was_divided = [], True
    for group in groups:
        is_divided = any(are_divided[i] for i in group)
        if is_divided or was_divided:
            first.append(group[0])
        was_divided = is_divided
    return np.array([*zip(first, [*first[1:], len(lines)], strict=True)], np.int64).reshape(-1, 2)


def _memory(plan: Plan, arena: np.ndarray, parameters: set[str], max_copied: int) -> dict[int, np.ndarray]:
    """Return the array behind every buffer except those that are bound by address."""
    memory: dict[int, np.ndarray] = {}
    for buffer in plan.buffers:
        position = plan.layout.offsets.get(buffer.number)
        if position is not None:
            raw = arena[position : position + buffer.bytes]
            memory[buffer.number] = raw.view(buffer.dtype).reshape(buffer.shape)
        elif buffer.origin == "constant":
            memory[buffer.number] = np.ascontiguousarray(buffer.array).reshape(buffer.shape)
        elif buffer.origin in ("output", "summed") or _is_copied(buffer, parameters, max_copied):
            memory[buffer.number] = np.zeros(buffer.shape, buffer.dtype)
    return memory


def _is_copied(buffer: Buffer, parameters: set[str], max_copied: int) -> bool:
    return buffer.origin == "input" and buffer.label not in parameters and buffer.bytes <= max_copied


def refuse_outside(flag: np.ndarray) -> None:
    """Raise the error that a kernel has flagged.

    Raises:
        ShapeError E211: an index outside its table.
    """
    if flag[0]:
        position, flag[0] = int(flag[0]) - 1, 0
        raise ShapeError("E211", where="gather or one_hot", received=f"position {position}")
