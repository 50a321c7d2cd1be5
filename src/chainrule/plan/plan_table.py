"""A plan as a table for people: what runs when, for which layer, at what cost, in which memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chainrule.notation.text_columns import aligned
from chainrule.notation.units import amount
from chainrule.plan.tasks import AFTER, BEFORE, LOSS, PARTS
from chainrule.plan.views import View
from chainrule.settings import settings

if TYPE_CHECKING:
    from chainrule.plan.plan_record import Entry, PlanRecord

MOST_NAMES = 6  # operations of a loop named in its line
WORDS: dict[str, tuple[str, str]] = {
    "whole": ("plan for {sizes}: {tasks} tasks, {flops}", "计划（{sizes}）：{tasks} 个任务，{flops}"),
    "divided": (
        "plan for {sizes}, in {parts} parts of up to {rows} samples: {tasks} tasks, {flops} in all parts",
        "计划（{sizes}），分为 {parts} 份，每份至多 {rows} 个样本：{tasks} 个任务，所有份共 {flops}",
    ),
    "memory": ("memory: {parts}", "内存：{parts}"),
    "work": ("{bytes} work", "工作区 {bytes}"),
    "joined": ("{bytes} sums over the parts", "各份之和 {bytes}"),
    "kept": ("{bytes} rows kept of all parts", "各份保留的行 {bytes}"),
    "constant": ("{bytes} constants", "常量 {bytes}"),
    "input": ("{bytes} inputs and state", "输入与状态 {bytes}"),
    "output": ("{bytes} outputs", "输出 {bytes}"),
    "comma": (", ", "，"),
    "phase": ("phase", "阶段"),
    "kernel": ("kernel", "内核"),
    "layer": ("layer", "层"),
    "flops": ("flops", "浮点运算"),
    "bytes": ("bytes", "字节"),
    "computes": ("computes", "计算"),
    "writes": ("writes", "写入"),
    "reads": ("reads", "读取"),
    "before": ("before", "之前"),
    "parts": ("parts", "各份"),
    "loss": ("loss", "损失"),
    "after": ("after", "之后"),
}
PHASES = {BEFORE: "before", PARTS: "parts", LOSS: "loss", AFTER: "after"}


def say(key: str) -> str:
    """The word of a key in the user's language."""
    return WORDS[key][settings.lang == "zh"]


def plan_text(record: PlanRecord) -> str:
    """The whole table: a line of sums, the memory, one line for each task."""
    kinds = [key for key in ("work", "joined", "kept", "constant", "input", "output") if record.memory[key]]
    memory = say("comma").join(say(key).format(bytes=amount(record.memory[key], "B")) for key in kinds)
    lines = [_heading(record), say("memory").format(parts=memory), ""]
    has_phases = len({entry.phase for entry in record.entries}) > 1
    keys = ["phase", "kernel", "layer", "flops", "bytes", "computes", "writes", "reads"]
    rows = [[say(key) for key in keys], *(_row(record, entry) for entry in record.entries)]
    if not has_phases:
        rows = [row[1:] for row in rows]
    return "\n".join([*lines, *aligned(rows, [3, 4] if has_phases else [2, 3])])


def _heading(record: PlanRecord) -> str:
    sizes = ", ".join(f"{name}={size}" for name, size in record.sizes.items())
    facts = {"sizes": sizes, "tasks": len(record.entries), "flops": amount(record.flops, "flop")}
    if record.parts == 1:
        return say("whole").format(**facts)
    return say("divided").format(**facts, parts=record.parts, rows=record.rows)


def _row(record: PlanRecord, entry: Entry) -> list[str]:
    writes, reads = (
        " ".join(_named(record, view) for view in views) for views in (entry.writes, entry.reads)
    )
    return [
        say(PHASES[entry.phase]), entry.kind, entry.layer, amount(entry.flops), amount(entry.bytes, "B"),
        computed(entry.operations), f"{'+= ' if entry.adds else ''}{writes}", reads,
    ]  # fmt: skip


def computed(operations: Sequence[str]) -> str:
    """The operations of a task in one word; of many the first.

    Example:
        >>> computed(["multiply", "add"]), computed(["add"] * 9)
        ('multiply+add', 'add+add+add+add+add+...(9)')
    """
    if len(operations) <= MOST_NAMES:
        return "+".join(operations)
    return "+".join([*operations[: MOST_NAMES - 1], f"...({len(operations)})"])


def _named(record: PlanRecord, view: View) -> str:
    """A value by the name it is handed in or out by, or the number of its buffer; with its shape."""
    buffer = record.buffers[view.buffer]
    return f"{buffer.label or f'b{view.buffer}'}[{', '.join(map(str, view.shape))}]"
