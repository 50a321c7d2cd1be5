"""Text table of a plan: what runs when, for which layer, at what cost, in which memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from chainrule.notation.text_columns import aligned
from chainrule.notation.units import amount
from chainrule.plan.task_record import TaskRecord
from chainrule.plan.tasks import AFTER, BEFORE, LOSS, MICROBATCHES, Buffer
from chainrule.plan.views import View
from chainrule.settings import settings

MAX_NAMES = 6  # operations of a loop that are listed in its line
WORDS: dict[str, tuple[str, str]] = {
    "whole": ("plan for {sizes}: {tasks} tasks, {flops}", "计划（{sizes}）：{tasks} 个任务，{flops}"),
    "divided": (
        "plan for {sizes}, {microbatches} microbatches of up to {rows} samples: {tasks} tasks, {flops}",
        "计划（{sizes}），分为 {microbatches} 个微批，每个至多 {rows} 个样本：{tasks} 个任务，共 {flops}",
    ),
    "memory": ("memory: {uses}", "内存：{uses}"),
    "work": ("{bytes} work", "工作区 {bytes}"),
    "summed": ("{bytes} sums over the microbatches", "各微批之和 {bytes}"),
    "deferred": ("{bytes} factors of deferred gradients", "延迟梯度的因子 {bytes}"),
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
    "microbatches": ("microbatches", "各微批"),
    "loss": ("loss", "损失"),
    "after": ("after", "之后"),
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


def translated(key: str) -> str:
    """Return the text of a key in the user's language."""
    return WORDS[key][settings.lang == "zh"]


def plan_text(record: PlanFacts) -> str:
    """Return the whole table: a line of totals, the memory, one line for each task."""
    kinds = [
        key for key in ("work", "summed", "deferred", "constant", "input", "output") if record.memory[key]
    ]
    memory = translated("comma").join(
        translated(key).format(bytes=amount(record.memory[key], "B")) for key in kinds
    )
    lines = [_heading(record), translated("memory").format(uses=memory), ""]
    has_phases = len({task.phase for task in record.tasks}) > 1
    keys = ["phase", "kernel", "layer", "flops", "bytes", "computes", "writes", "reads"]
    rows = [[translated(key) for key in keys], *(_row(record, task) for task in record.tasks)]
    if not has_phases:
        rows = [row[1:] for row in rows]
    return "\n".join([*lines, *aligned(rows, [3, 4] if has_phases else [2, 3])])


def _heading(record: PlanFacts) -> str:
    sizes = ", ".join(f"{name}={size}" for name, size in record.sizes.items())
    facts = {"sizes": sizes, "tasks": len(record.tasks), "flops": amount(record.flops, "flop")}
    if record.microbatches == 1:
        return translated("whole").format(**facts)
    return translated("divided").format(**facts, microbatches=record.microbatches, rows=record.rows)


def _row(record: PlanFacts, task: TaskRecord) -> list[str]:
    writes, reads = (
        " ".join(_value_text(record, view) for view in views) for views in (task.writes, task.reads)
    )
    return [
        translated(PHASES[task.phase]), task.kind, task.layer, amount(task.flops), amount(task.bytes, "B"),
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
