"""Plan record: a plan without its graph, which can be printed, saved, loaded and compared.

A saved plan is one strict JSON text::

    {"format": "chainrule", "kind": "plan", "version": 1, "record": {"sizes": {"B": 32}, "tasks": [...], ...}}

It contains no code and no numbers of a network. A loaded file is validated as untrusted input.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Protocol

import numpy as np

from chainrule.errors import FileError, fact, message_of
from chainrule.messages import Texts, translated
from chainrule.notation.number_format import amount
from chainrule.notation.text_columns import aligned
from chainrule.plan.memory_allocation import Layout
from chainrule.plan.tasks import AFTER, BEFORE, LOSS, MICROBATCHES, Buffer, Task
from chainrule.plan.views import View
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.store import atomic_write, json_document
from chainrule.symbolic_shape import DTYPES

# Task record: a task of a plan without its nodes, which can be printed, saved and compared.


@frozen
class TaskRecord:
    """A task without its nodes.

    Args:
        kind: as in ``Task``.
        layer: path of the layer that the task belongs to; ``""`` if it belongs to the loss or to no single
            layer.
        operations: names of its operations, in order.
        reads, writes: its memory.
        phase, adds: as in ``Task``.
        flops: floating-point operations.
        bytes: bytes that it reads and writes; a value that is repeated along an axis counts once.
    """

    kind: str
    layer: str
    operations: tuple[str, ...]
    reads: tuple[View, ...]
    writes: tuple[View, ...]
    phase: int
    adds: bool
    flops: int
    bytes: int


def task_record(task: Task, buffers: Sequence[Buffer], homes: Mapping[str, str] | None = None) -> TaskRecord:
    """Return the record of a task.

    Args:
        homes: outputs that replace an input: output name to input label.
    """
    operations = tuple(node.op.name for node in task.nodes)
    traffic = sum(
        _distinct(view) * np.dtype(buffers[view.buffer].dtype).itemsize
        for view in (*task.reads, *task.writes)
    )
    layer, views = task.layer or _owner(task, buffers, homes or {}), (task.reads, task.writes)
    return TaskRecord(task.kind, layer, operations, *views, task.phase, task.adds, task.flops, traffic)


def _distinct(view: View) -> int:
    """Return the number of distinct elements of a view."""
    count = 1
    for length, stride in zip(view.shape, view.strides, strict=True):
        count *= min(length, 1) if stride == 0 else length
    return count


def _owner(task: Task, buffers: Sequence[Buffer], homes: Mapping[str, str]) -> str:
    """Return the layer whose parameter or optimizer state a task writes."""
    for view in task.writes:
        buffer = buffers[view.buffer]
        label = buffer.label if buffer.origin == "input" else homes.get(buffer.label, "")
        if label:  # such as "dense1.weight", or "dense1.weight/velocity"
            return label.partition("/")[0].rpartition(".")[0]
    return ""


# Text table of a plan: what runs when, for which layer, at what cost, in which memory.

MAX_NAMES = 6  # operations of a loop that are listed in its line
WORDS: Texts = {
    "whole": "plan for {sizes}: {tasks} tasks, {flops}",
    "divided": (
        "plan for {sizes}, {microbatches} microbatches of up to {rows} samples: {tasks} tasks, {flops}"
    ),
    "memory": "memory: {uses}",
    "work": "{bytes} work",
    "summed": "{bytes} sums over the microbatches",
    "deferred": "{bytes} factors of deferred gradients",
    "constant": "{bytes} constants",
    "input": "{bytes} inputs and state",
    "output": "{bytes} outputs",
    "uses_comma": ", ",
    "phase": "phase",
    "kernel": "kernel",
    "layer": "layer",
    "flops": "flops",
    "bytes": "bytes",
    "computes": "computes",
    "writes": "writes",
    "reads": "reads",
    "before": "before",
    "microbatches": "microbatches",
    "loss": "loss",
    "after": "after",
}
PHASES = {BEFORE: "before", MICROBATCHES: "microbatches", LOSS: "loss", AFTER: "after"}


class PlanFacts(Protocol):
    """The facts of a plan in its table; ``PlanRecord`` has them."""

    @property
    def sizes(self) -> Mapping[str, int]: ...
    @property
    def rows(self) -> int: ...
    @property
    def buffers(self) -> tuple[Buffer, ...]: ...
    @property
    def tasks(self) -> tuple[TaskRecord, ...]: ...
    @property
    def microbatches(self) -> int: ...
    @property
    def flops(self) -> int: ...
    @property
    def memory(self) -> Mapping[str, int]: ...


def plan_words(key: str) -> str:
    """Return the text of a key in the user's language."""
    return translated(WORDS[key], settings.lang, key)


def plan_text(record: PlanFacts) -> str:
    """Return the whole table: a line of totals, the memory, one line for each task."""
    kinds = [
        key for key in ("work", "summed", "deferred", "constant", "input", "output") if record.memory[key]
    ]
    memory = plan_words("uses_comma").join(
        plan_words(key).format(bytes=amount(record.memory[key], "B")) for key in kinds
    )
    lines = [_heading(record), plan_words("memory").format(uses=memory), ""]
    has_phases = len({task.phase for task in record.tasks}) > 1
    keys = ["phase", "kernel", "layer", "flops", "bytes", "computes", "writes", "reads"]
    rows = [[plan_words(key) for key in keys], *(_row(record, task) for task in record.tasks)]
    if not has_phases:
        rows = [row[1:] for row in rows]
    return "\n".join([*lines, *aligned(rows, [3, 4] if has_phases else [2, 3])])


def _heading(record: PlanFacts) -> str:
    sizes = ", ".join(f"{name}={size}" for name, size in record.sizes.items())
    facts = {"sizes": sizes, "tasks": len(record.tasks), "flops": amount(record.flops, "flop")}
    if record.microbatches == 1:
        return plan_words("whole").format(**facts)
    return plan_words("divided").format(**facts, microbatches=record.microbatches, rows=record.rows)


def _row(record: PlanFacts, task: TaskRecord) -> list[str]:
    writes, reads = (
        " ".join(_value_text(record, view) for view in views) for views in (task.writes, task.reads)
    )
    phase, operations = plan_words(PHASES[task.phase]), operations_text(task.operations)
    costs = [amount(task.flops), amount(task.bytes, "B")]
    return [phase, task.kind, task.layer, *costs, operations, f"{'+= ' if task.adds else ''}{writes}", reads]


def operations_text(operations: Sequence[str]) -> str:
    """Return the operations of a task as one word, shortened if there are many.

    Example:
        >>> operations_text(["multiply", "add"]), operations_text(["add"] * 9)
        ('multiply+add', 'add+add+add+add+add+...(9)')
    """
    if len(operations) <= MAX_NAMES:
        return "+".join(operations)
    return "+".join([*operations[: MAX_NAMES - 1], f"...({len(operations)})"])


def _value_text(record: PlanFacts, view: View) -> str:
    """Return a value as the label of its input or output, or the number of its buffer; with its shape."""
    buffer = record.buffers[view.buffer]
    return f"{buffer.label or f'b{view.buffer}'}[{', '.join(map(str, view.shape))}]"


VERSION = 1
MAX_FILE_BYTES = 64 * 2**20  # a plan of a thousand tasks takes about one MiB
KINDS = ("input", "constant", "work", "summed", "deferred", "output")  # of memory
ORIGINS = (*KINDS, "moving")
_PHASES = ("before", "microbatches", "loss", "after")


@frozen
class PlanRecord:
    """A plan as plain data; ``str`` returns a table.

    Args:
        sizes: value of each symbolic size, for the whole batch.
        rows: samples of one microbatch.
        is_divided: whether the batch is computed in microbatches whose sums are accumulated.
        buffers: the buffers, without the values of constants.
        layout: offset of each work buffer in the arena.
        tasks: the tasks.
        outputs: view of each output.
    """

    sizes: Mapping[str, int]
    rows: int
    is_divided: bool
    buffers: tuple[Buffer, ...]
    layout: Layout
    tasks: tuple[TaskRecord, ...]
    outputs: Mapping[str, View]

    @property
    def microbatches(self) -> int:
        """Number of microbatches."""
        return -(-self.sizes.get("B", 1) // max(self.rows, 1)) if self.is_divided else 1

    @property
    def flops(self) -> int:
        """Floating-point operations of one run over the whole batch."""
        return sum(e.flops * (self.microbatches if e.phase == MICROBATCHES else 1) for e in self.tasks)

    @property
    def memory(self) -> dict[str, int]:
        """Bytes of each kind of memory; ``"work"`` is the arena, whose memory is reused."""
        sizes: Counter[str] = Counter()
        for buffer in self.buffers:
            sizes[buffer.origin] += buffer.bytes
        return {origin: sizes[origin] if origin != "work" else self.layout.size for origin in KINDS}

    def __str__(self) -> str:
        return plan_text(self)

    # --- saving and loading

    def to_document(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        buffers = [
            {"shape": b.shape, "dtype": b.dtype, "origin": b.origin, "label": b.label, "phase": b.phase}
            for b in self.buffers
        ]
        for number, offset in self.layout.offsets.items():
            buffers[number]["offset"] = offset
        tasks = [{**asdict(task_record), "phase": _PHASES[task_record.phase]} for task_record in self.tasks]
        return {
            "sizes": dict(self.sizes),
            "rows": self.rows,
            "divided": self.is_divided,
            "buffers": buffers,
            "arena": self.layout.size,
            "tasks": tasks,
            "outputs": {name: asdict(view) for name, view in self.outputs.items()},
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan as a JSON file.

        Raises:
            FileError E401 to E410: the file cannot be written. E425: a name that a file cannot contain.
        """
        document = {"format": "chainrule", "kind": "plan", "version": VERSION, "record": self.to_document()}
        try:
            text = json_document.to_text(document, "plan")
        except json_document.UnfitError as error:
            first, *rest = error.reasons
            raise FileError(
                "E425", where=str(path), expected=fact("strict JSON"), received=first, notes=rest
            ) from error
        atomic_write.write(path, text.encode() + b"\n")

    @staticmethod
    def load(path: str | os.PathLike[str]) -> PlanRecord:
        """Load a plan that ``save`` wrote.

        Raises:
            FileError E401 to E410: the file cannot be read. E421: it is not a file of chainrule. E422: its
                version is newer. E423: it is not a plan. E424: it violates the format.
        """
        where = str(path)
        record = _parsed(atomic_write.read(path, MAX_FILE_BYTES), where)
        try:
            return _record(record)
        except (KeyError, TypeError, ValueError, AttributeError) as cause:
            expected = fact("a plan's record")
            received = f"{type(cause).__name__}: {cause}"[:120]
            fix = fact("write it again: model.plan().save(path)")
            raise FileError("E424", where=where, expected=expected, received=received, fix=fix) from cause


def without_constants(buffers: Sequence[Buffer]) -> tuple[Buffer, ...]:
    """Return the buffers without the values of constants."""
    return tuple(replace(buffer, array=None) for buffer in buffers)


# --- from a file


def _parsed(data: bytes, where: str) -> Any:
    """Return the record inside a file after checking that it is a plan of a supported version."""
    try:
        document = json_document.from_text(data.decode())
    except (json_document.UnfitError, UnicodeDecodeError) as cause:
        raise FileError(
            "E421", where=where, expected=fact("a plan"), received=message_of(cause, 120)
        ) from cause
    if not isinstance(document, dict) or document.get("format") != "chainrule":
        raise FileError("E421", where=where, expected='"format": "chainrule"', received=fact("none"))
    if document.get("kind") != "plan":
        raise FileError("E423", where=where, expected=fact("plan"), received=repr(document.get("kind"))[:60])
    version = document.get("version")
    if type(version) is int and version > VERSION:
        expected = fact("format version {version} or less", version=VERSION)
        received = fact("format version {version}", version=version)
        fix = "python -m pip install --upgrade chainrule"
        raise FileError("E422", where=where, expected=expected, received=received, fix=fix)
    return document.get("record")


def _record(document: Any) -> PlanRecord:
    """Return the record of plain data; raise ``ValueError`` or a similar error if it is malformed."""
    buffers = tuple(_buffer(number, part) for number, part in enumerate(document["buffers"]))
    arena = _integer(document["arena"])
    offsets = {
        n: _integer(part["offset"], arena) for n, part in enumerate(document["buffers"]) if "offset" in part
    }
    tasks = tuple(_task(part, len(buffers)) for part in document["tasks"])
    outputs = {name: _view(part, len(buffers)) for name, part in document["outputs"].items()}
    sizes = {str(name): _integer(size) for name, size in document["sizes"].items()}
    layout = Layout(offsets, arena)
    return PlanRecord(
        sizes, _integer(document["rows"]), _boolean(document["divided"]), buffers, layout, tasks, outputs
    )


def _buffer(number: int, part: Any) -> Buffer:
    dtype, origin = _string(part["dtype"], tuple(DTYPES)), _string(part["origin"], ORIGINS)
    phase = _integer(part["phase"], len(_PHASES) - 1)
    return Buffer(number, _shape(part["shape"]), dtype, origin, _string(part["label"]), None, phase)


def _task(part: Any, buffers: int) -> TaskRecord:
    reads, writes = (tuple(_view(view, buffers) for view in part[name]) for name in ("reads", "writes"))
    operations = tuple(_string(name) for name in part["operations"])
    phase = _PHASES.index(part["phase"])
    flops, moved = _integer(part["flops"]), _integer(part["bytes"])
    kind, layer, adds = _string(part["kind"]), _string(part["layer"]), _boolean(part["adds"])
    return TaskRecord(kind, layer, operations, reads, writes, phase, adds, flops, moved)


def _view(part: Any, buffers: int) -> View:
    strides = tuple(_integer(n, low=-(2**62)) for n in part["strides"])
    shape = _shape(part["shape"])
    if len(shape) != len(strides):
        raise ValueError(f"{len(shape)} axes with {len(strides)} strides")
    return View(_integer(part["buffer"], buffers - 1), shape, strides, _integer(part["offset"]))


def _shape(part: Any) -> tuple[int, ...]:
    return tuple(_integer(n) for n in part)


def _integer(value: Any, high: int = 2**62, low: int = 0) -> int:
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{value!r:.40} is not an integer from {low} to {high}")
    return value


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError(fact("{value!r:.40} is not a boolean", value=value))
    return value


def _string(value: Any, known: tuple[str, ...] = ()) -> str:
    if not isinstance(value, str) or (known and value not in known):
        raise ValueError(f"{value!r:.40} is not {' or '.join(known) or 'a string'}")
    return value
