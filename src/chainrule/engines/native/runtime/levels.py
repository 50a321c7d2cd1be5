"""Which tasks may run at once: those of a *level* touch nothing that another of the level writes.

It follows from the memory they touch, places in the arena included.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chainrule.plan.plan import Plan
from chainrule.plan.tasks import Task
from chainrule.plan.views import View


def levels(made: Plan, tasks: Iterable[Task], first: int = 0) -> dict[Task, int]:
    """For each task its level; levels never fall along the tasks.

    Args:
        made: the plan.
        tasks: in the order in which they run.
        first: the number of the first level.
    """
    found: dict[Task, int] = {}
    level, reads, writes = first, list[tuple](), list[tuple]()
    for task in tasks:
        r, w = ([_place(made, v) for v in views] for views in (task.reads, task.writes))
        if _meet(r, writes) or _meet(w, reads) or _meet(w, writes):
            level += 1
            reads, writes = [], []
        reads += r
        writes += w
        found[task] = level
    return found


def _place(made: Plan, view: View) -> tuple:
    """Where a buffer lies: in which memory, its first and last byte."""
    buffer, place = made.buffers[view.buffer], made.layout.places.get(view.buffer)
    return (view.buffer, 0, 1) if place is None else ("arena", place, place + buffer.bytes)


def _meet(some: Sequence[tuple], others: Sequence[tuple]) -> bool:
    """Whether one of these pieces of memory overlaps one of the others."""
    return any(a[0] == b[0] and a[1] < b[2] and b[1] < a[2] for a in some for b in others)
