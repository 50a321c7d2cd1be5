"""Memory allocation: the offset of each buffer in the arena, whose memory is reused after the last reader."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence

from chainrule.plan.tasks import Buffer, Task
from chainrule.records import frozen

ALIGN = 64  # a cache line


@frozen
class Layout:
    """Offsets in one arena.

    Args:
        offsets: first byte of each work buffer, by its number.
        size: bytes of the arena.
    """

    offsets: Mapping[int, int]
    size: int


def allocate(
    buffers: Sequence[Buffer], tasks: Sequence[Task], pinned: set[int], phase: int | None = None
) -> Layout:
    """Give every work buffer an offset, so that buffers with overlapping lifetimes do not overlap.

    Buffers are placed in the order in which they are first written, each into the smallest gap that fits.

    Args:
        pinned: buffers that live to the end.
        phase: allocate only what is written in this phase; other buffers are allocated separately.
    """
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for i, task in enumerate(tasks):
        for view in (*task.reads, *task.writes):
            first.setdefault(view.buffer, i)
            last[view.buffer] = i
    alive: list[tuple[int, int, int]] = []  # (place, end, last task), in order
    offsets, arena_size = {}, 0
    for number in sorted(first, key=lambda n: first[n]):
        buffer = buffers[number]
        if buffer.origin != "work" or phase not in (None, buffer.phase):
            continue
        last_task = len(tasks) if number in pinned else last[number]
        alive = [a for a in alive if a[2] >= first[number]]
        size = -(-max(buffer.bytes, 1) // ALIGN) * ALIGN
        offset = _gap(alive, size)
        offsets[number] = offset
        insort(alive, (offset, offset + size, last_task))
        arena_size = max(arena_size, offset + size)
    return Layout(offsets, arena_size)


def _gap(alive: list[tuple[int, int, int]], size: int) -> int:
    """Return the start of the smallest gap of at least ``size`` bytes between live buffers, in order."""
    best, best_size, end = None, 0, 0
    for offset, stop, _ in alive:
        gap = offset - end
        if gap >= size and (best is None or gap < best_size):
            best, best_size = end, gap
        end = max(end, stop)
    return end if best is None else best
