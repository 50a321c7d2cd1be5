"""Text table of a plan: what runs when, for which layer, at what cost, in which memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from chainrule.messages import Texts, translated
from chainrule.notation.text_columns import aligned
from chainrule.notation.units import amount
from chainrule.plan.task_record import TaskRecord
from chainrule.plan.tasks import AFTER, BEFORE, LOSS, MICROBATCHES, Buffer
from chainrule.plan.views import View
from chainrule.settings import settings

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
    """What the table shows of a plan; ``PlanRecord`` has it."""

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
    return [
        plan_words(PHASES[task.phase]), task.kind, task.layer, amount(task.flops), amount(task.bytes, "B"),
        operations_text(task.operations), f"{'+= ' if task.adds else ''}{writes}", reads,
    ]  # fmt: skip


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
