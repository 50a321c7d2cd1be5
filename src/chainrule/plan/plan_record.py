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
from typing import Any

from chainrule.errors import FileError, fact, message_of
from chainrule.plan.memory_allocation import Layout
from chainrule.plan.plan_table import plan_text
from chainrule.plan.task_record import TaskRecord
from chainrule.plan.tasks import MICROBATCHES, Buffer
from chainrule.plan.views import View
from chainrule.records import frozen
from chainrule.spec import DTYPES
from chainrule.store import atomic_write, json_document

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
            "sizes": dict(self.sizes), "rows": self.rows, "divided": self.is_divided, "buffers": buffers,
            "arena": self.layout.size, "tasks": tasks,
            "outputs": {name: asdict(view) for name, view in self.outputs.items()},
        }  # fmt: skip

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
            raise FileError(
                "E424", where=where, expected=fact("a plan's record"),
                received=f"{type(cause).__name__}: {cause}"[:120],
                fix=fact("write it again: model.plan().save(path)"),
            ) from cause  # fmt: skip


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
        raise FileError(
            "E422", where=where, expected=fact("format version {version} or less", version=VERSION),
            received=fact("format version {version}", version=version),
            fix="python -m pip install --upgrade chainrule",
        )  # fmt: skip
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
