"""Levels of a plan: tasks of one level access no memory that another task of the level writes.

Tasks of a level may therefore run at the same time. Memory includes positions in the arena, where buffers
with disjoint lifetimes overlap.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chainrule.plan.plan import Plan
from chainrule.plan.tasks import Task
from chainrule.plan.views import View


def levels(plan: Plan, tasks: Iterable[Task], first: int = 0) -> dict[Task, int]:
    """Return the level of each task; levels never decrease along the tasks.

    Args:
        plan: the plan.
        tasks: tasks in the order in which they run.
        first: number of the first level.
    """
    level_of: dict[Task, int] = {}
    level, reads, writes = first, list[tuple](), list[tuple]()
    for task in tasks:
        reading, writing = ([_span(plan, v) for v in views] for views in (task.reads, task.writes))
        if _overlaps(reading, writes) or _overlaps(writing, reads) or _overlaps(writing, writes):
            level += 1
            reads, writes = [], []
        reads += reading
        writes += writing
        level_of[task] = level
    return level_of


def _span(plan: Plan, view: View) -> tuple:
    """Return the memory of a buffer: which memory, its first byte and the end."""
    buffer, start = plan.buffers[view.buffer], plan.layout.offsets.get(view.buffer)
    return (view.buffer, 0, 1) if start is None else ("arena", start, start + buffer.bytes)


def _overlaps(spans: Sequence[tuple], others: Sequence[tuple]) -> bool:
    """Return whether one of these spans overlaps one of the others."""
    return any(a[0] == b[0] and a[1] < b[2] and b[1] < a[2] for a in spans for b in others)
