"""Where each buffer lies: memory is used again as soon as its last reader is done."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence

from chainrule.plan.tasks import Buffer, Task
from chainrule.records import frozen

ALIGN = 64  # a cache line


@frozen
class Layout:
    """Places in one arena.

    Args:
        places: the first byte of each work buffer, by its number.
        size: how many bytes the arena has.
    """

    places: Mapping[int, int]
    size: int


def lay_out(
    buffers: Sequence[Buffer], tasks: Sequence[Task], pinned: set[int], phase: int | None = None
) -> Layout:
    """Give every work buffer a place, so that no two that are alive at once overlap.

    Buffers are placed in the order in which they are first written, each into the smallest gap that fits.

    Args:
        pinned: buffers that must live to the end.
        phase: lay out what is written in this phase alone; the others have memory of their own.
    """
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for i, task in enumerate(tasks):
        for view in (*task.reads, *task.writes):
            first.setdefault(view.buffer, i)
            last[view.buffer] = i
    alive: list[tuple[int, int, int]] = []  # (place, end, last task), in order
    places, size = {}, 0
    for number in sorted(first, key=lambda n: first[n]):
        buffer = buffers[number]
        if buffer.origin != "work" or phase not in (None, buffer.phase):
            continue
        until = len(tasks) if number in pinned else last[number]
        alive = [a for a in alive if a[2] >= first[number]]
        need = -(-max(buffer.bytes, 1) // ALIGN) * ALIGN
        place = _gap(alive, need)
        places[number] = place
        insort(alive, (place, place + need, until))
        size = max(size, place + need)
    return Layout(places, size)


def _gap(alive: list[tuple[int, int, int]], need: int) -> int:
    """The start of the smallest gap of at least ``need`` bytes between pieces that are alive, in order."""
    best, best_size, end = None, 0, 0
    for place, stop, _ in alive:
        room = place - end
        if room >= need and (best is None or room < best_size):
            best, best_size = end, room
        end = max(end, stop)
    return end if best is None else best
