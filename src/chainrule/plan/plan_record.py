"""A plan in plain words and numbers: what is printed, saved, and printed again without the graph.

A saved plan is one strict JSON text::

    {"format": "chainrule", "kind": "plan", "version": 1, "record": {"sizes": {"B": 32}, "tasks": [...], ...}}

It names no code and holds no number of a net. On the way in everything is checked as if the file were
hostile.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from chainrule.errors import FileError
from chainrule.plan.allocation import Layout
from chainrule.plan.plan_table import plan_text
from chainrule.plan.tasks import PARTS, Buffer, Task
from chainrule.plan.views import View
from chainrule.records import frozen
from chainrule.spec import DTYPES
from chainrule.store import atomic_write, json_document

VERSION = 1
LIMIT = 64 * 2**20  # bytes of a file; a plan of a thousand tasks takes one
KINDS = ("input", "constant", "work", "joined", "kept", "output")  # of memory
ORIGINS = (*KINDS, "moving")
_PHASES = ("before", "parts", "loss", "after")


@frozen
class Entry:
    """A task without its nodes.

    Args:
        kind: as in ``Task``.
        layer: the path of the layer it works for; ``""`` for what belongs to the loss or to no layer alone.
        operations: what it computes, in order.
        reads, writes: the memory.
        phase, adds: as in ``Task``.
        flops: floating-point operations.
        bytes: what it reads and writes; a value that is repeated along an axis counts once.
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


@frozen
class PlanRecord:
    """How a graph is run, in plain words and numbers. Printing it gives a table.

    Args:
        sizes: of the whole batch.
        rows: samples in one part.
        is_divided: whether the batch is computed in parts whose sums are added up.
        buffers: without the numbers of constants.
        layout: where in the arena each work buffer lies.
        entries: the tasks.
        outputs: where each output lies.
    """

    sizes: Mapping[str, int]
    rows: int
    is_divided: bool
    buffers: tuple[Buffer, ...]
    layout: Layout
    entries: tuple[Entry, ...]
    outputs: Mapping[str, View]

    @property
    def parts(self) -> int:
        """How many parts the batch is computed in."""
        return -(-self.sizes.get("B", 1) // max(self.rows, 1)) if self.is_divided else 1

    @property
    def flops(self) -> int:
        """Floating-point operations of one run over the whole batch."""
        return sum(e.flops * (self.parts if e.phase == PARTS else 1) for e in self.entries)

    @property
    def memory(self) -> dict[str, int]:
        """Bytes of each kind of memory; ``"work"`` is the arena, in which places are used again."""
        sizes: Counter[str] = Counter()
        for buffer in self.buffers:
            sizes[buffer.origin] += buffer.bytes
        return {origin: sizes[origin] if origin != "work" else self.layout.size for origin in KINDS}

    def __str__(self) -> str:
        return plan_text(self)

    # --- to a file and back

    def to_document(self) -> dict[str, Any]:
        """The plan as plain data."""
        buffers = [
            {"shape": b.shape, "dtype": b.dtype, "origin": b.origin, "label": b.label, "phase": b.phase}
            for b in self.buffers
        ]
        for number, place in self.layout.places.items():
            buffers[number]["place"] = place
        tasks = [{**asdict(entry), "phase": _PHASES[entry.phase]} for entry in self.entries]
        return {
            "sizes": dict(self.sizes), "rows": self.rows, "divided": self.is_divided, "buffers": buffers,
            "arena": self.layout.size, "tasks": tasks,
            "outputs": {name: asdict(view) for name, view in self.outputs.items()},
        }  # fmt: skip

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan as a JSON file.

        Fails:
            FileError E401 to E410: the file cannot be written. E425: a name that no file can hold.
        """
        whole = {"format": "chainrule", "kind": "plan", "version": VERSION, "record": self.to_document()}
        try:
            text = json_document.to_text(whole, "plan")
        except json_document.UnfitError as unfit:
            first, *rest = unfit.reasons
            raise FileError(
                "E425", where=str(path), expected="strict JSON", received=first, notes=rest
            ) from unfit
        atomic_write.write(path, text.encode() + b"\n")

    @staticmethod
    def load(path: str | os.PathLike[str]) -> PlanRecord:
        """The plan that ``save`` wrote.

        Fails:
            FileError E401 to E410: the file cannot be read. E421: it is not chainrule's. E422: it is newer.
            E423: it is no plan. E424: it breaks a rule of the format.
        """
        where = str(path)
        record = _opened(atomic_write.read(path, LIMIT), where)
        try:
            return _record(record)
        except (KeyError, TypeError, ValueError, AttributeError) as cause:
            raise FileError(
                "E424", where=where, expected="a plan's record",
                received=f"{type(cause).__name__}: {cause}"[:120],
                fix="write it again: model.plan().save(path)",
            ) from cause  # fmt: skip


# --- from tasks


def entry(task: Task, buffers: Sequence[Buffer], homes: Mapping[str, str] | None = None) -> Entry:
    """A task in plain words and numbers.

    Args:
        task: the task.
        buffers: of its plan.
        homes: outputs that replace an input: output name to input label.
    """
    operations = tuple(node.op.name for node in task.nodes)
    moved = sum(_distinct(view) * np.dtype(buffers[view.buffer].dtype).itemsize
                for view in (*task.reads, *task.writes))  # fmt: skip
    layer, views = task.layer or _owner(task, buffers, homes or {}), (task.reads, task.writes)
    return Entry(task.kind, layer, operations, *views, task.phase, task.adds, task.flops, moved)


def bare(buffers: Sequence[Buffer]) -> tuple[Buffer, ...]:
    """The buffers without the numbers of constants."""
    return tuple(replace(buffer, array=None) for buffer in buffers)


def _distinct(view: View) -> int:
    """How many different numbers a view shows."""
    found = 1
    for length, stride in zip(view.shape, view.strides, strict=True):
        found *= min(length, 1) if stride == 0 else length
    return found


def _owner(task: Task, buffers: Sequence[Buffer], homes: Mapping[str, str]) -> str:
    """The layer whose parameter, or what the optimizer remembers of it, a task replaces."""
    for view in task.writes:
        buffer = buffers[view.buffer]
        label = buffer.label if buffer.origin == "input" else homes.get(buffer.label, "")
        if label:  # such as "dense1.weight", or "dense1.weight/velocity"
            return label.partition("/")[0].rpartition(".")[0]
    return ""


# --- from a file


def _opened(data: bytes, where: str) -> Any:
    """The record inside a file, once it is known to be a plan of a known version."""
    try:
        whole = json_document.from_text(data.decode())
    except (json_document.UnfitError, UnicodeDecodeError) as cause:
        raise FileError("E421", where=where, expected="a plan", received=str(cause)[:120]) from cause
    if not isinstance(whole, dict) or whole.get("format") != "chainrule":
        raise FileError("E421", where=where, expected='"format": "chainrule"', received="none")
    if whole.get("kind") != "plan":
        raise FileError("E423", where=where, expected="plan", received=repr(whole.get("kind"))[:60])
    version = whole.get("version")
    if type(version) is int and version > VERSION:
        raise FileError(
            "E422", where=where, expected=f"format version {VERSION} or less",
            received=f"format version {version}", fix="python -m pip install --upgrade chainrule",
        )  # fmt: skip
    return whole.get("record")


def _record(found: Any) -> PlanRecord:
    """The record of plain data; ``ValueError`` and its like where it is none."""
    buffers = tuple(_buffer(number, part) for number, part in enumerate(found["buffers"]))
    arena = _whole(found["arena"])
    places = {n: _whole(part["place"], arena) for n, part in enumerate(found["buffers"]) if "place" in part}
    tasks = tuple(_entry(part, len(buffers)) for part in found["tasks"])
    outputs = {name: _view(part, len(buffers)) for name, part in found["outputs"].items()}
    sizes = {str(name): _whole(size) for name, size in found["sizes"].items()}
    layout = Layout(places, arena)
    return PlanRecord(sizes, _whole(found["rows"]), _truth(found["divided"]), buffers, layout, tasks, outputs)


def _buffer(number: int, part: Any) -> Buffer:
    dtype, origin = _word(part["dtype"], tuple(DTYPES)), _word(part["origin"], ORIGINS)
    phase = _whole(part["phase"], len(_PHASES) - 1)
    return Buffer(number, _shape(part["shape"]), dtype, origin, _word(part["label"]), None, phase)


def _entry(part: Any, buffers: int) -> Entry:
    reads, writes = (tuple(_view(view, buffers) for view in part[name]) for name in ("reads", "writes"))
    operations = tuple(_word(name) for name in part["operations"])
    phase = _PHASES.index(part["phase"])
    flops, moved = _whole(part["flops"]), _whole(part["bytes"])
    kind, layer, adds = _word(part["kind"]), _word(part["layer"]), _truth(part["adds"])
    return Entry(kind, layer, operations, reads, writes, phase, adds, flops, moved)


def _view(part: Any, buffers: int) -> View:
    strides = tuple(_whole(n, low=-(2**62)) for n in part["strides"])
    shape = _shape(part["shape"])
    if len(shape) != len(strides):
        raise ValueError(f"{len(shape)} axes with {len(strides)} strides")
    return View(_whole(part["buffer"], buffers - 1), shape, strides, _whole(part["offset"]))


def _shape(part: Any) -> tuple[int, ...]:
    return tuple(_whole(n) for n in part)


def _whole(value: Any, most: int = 2**62, low: int = 0) -> int:
    if type(value) is not int or not low <= value <= most:
        raise ValueError(f"{value!r:.40} is no integer from {low} to {most}")
    return value


def _truth(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError(f"{value!r:.40} is neither true nor false")
    return value


def _word(value: Any, known: tuple[str, ...] = ()) -> str:
    if not isinstance(value, str) or (known and value not in known):
        raise ValueError(f"{value!r:.40} is no {' or '.join(known) or 'word'}")
    return value
