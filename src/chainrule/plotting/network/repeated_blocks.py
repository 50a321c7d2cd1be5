"""Blocks that are repeated become one, with their number.

Two frames are alike when the boxes inside are, name for name, shape for shape. Of a row of frames that are
alike and stand in the same frame, the first stays. An arrow between two of them is the repetition itself and
goes; one that leads into any of them leads into the first, and so does one that leads out.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from chainrule.plotting.network.blocks import Box, Flow


def folded(flow: Flow) -> Flow:
    """The same flow with every row of equal blocks drawn once.

    Example:
        >>> from chainrule.plotting.network.blocks import flow_of
        >>> from chainrule.nn import Dense, Residual, Sequential, build
        >>> from chainrule.spec import Size, Spec
        >>> net = Sequential(*[Residual(Dense(4, "relu"))] * 5)
        >>> built = build(net, {"x": Spec((Size.symbol("B"), 4), "float32")}, "float32")
        >>> flow = folded(flow_of(net, built))
        >>> len(flow.boxes), flow.frames["residual1"].times
        (3, 5)
    """
    deepest = max((len(box.frames) for box in flow.boxes), default=0)
    for depth in range(deepest, 0, -1):
        flow = _at(flow, depth)
    return flow


def _at(flow: Flow, depth: int) -> Flow:
    """Fold the frames of one depth."""
    inside: dict[str, list[int]] = {}
    for i, box in enumerate(flow.boxes):
        if len(box.frames) >= depth:
            inside.setdefault(box.frames[depth - 1], []).append(i)
    marks = {path: (path.rpartition(".")[0], _mark(flow, path, own)) for path, own in inside.items()}
    same: dict[int, int] = {}  # a box of a later block -> the same box of the first
    block: dict[int, tuple[str, int]] = {}  # a box -> the row of blocks it is in, and which of them
    frames = dict(flow.frames)
    for _, run in groupby(inside, key=lambda path: marks[path]):
        paths = list(run)
        if len(paths) > 1:
            frames[paths[0]] = replace(frames[paths[0]], times=len(paths))
        for number, path in enumerate(paths):
            block |= dict.fromkeys(inside[path], (paths[0], number))
            same |= dict(zip(inside[path], inside[paths[0]], strict=True)) if number else {}
    return _without(replace(flow, frames=frames), same, block)


def _mark(flow: Flow, path: str, own: list[int]) -> tuple[object, ...]:
    """What two blocks must agree in to be drawn as one."""
    times = tuple(
        sorted((f[len(path) :], flow.frames[f].times) for f in flow.frames if f.startswith(f"{path}."))
    )
    return (flow.frames[path].what, times, *(_told(flow.boxes[i], len(path)) for i in own))


def _told(box: Box, start: int) -> tuple[object, ...]:
    lines = tuple((line.path[start:], line.what, line.parameters, line.shape) for line in box.lines)
    return (box.kind, tuple(frame[start:] for frame in box.frames if len(frame) > start), lines)


def _without(flow: Flow, same: dict[int, int], block: dict[int, tuple[str, int]]) -> Flow:
    """The flow without the later blocks of each row."""
    kept = [i for i in range(len(flow.boxes)) if i not in same]
    place = {old: new for new, old in enumerate(kept)}
    arrows = {}
    for a, b in flow.arrows:
        (row_a, n_a), (row_b, n_b) = block.get(a, ("", -1)), block.get(b, ("", -2))
        if row_a == row_b and n_a != n_b and row_a:
            continue  # from one block of a row to the next
        arrows[place[same.get(a, a)], place[same.get(b, b)]] = None
    held = {path for i in kept for path in flow.boxes[i].frames}
    frames = {path: frame for path, frame in flow.frames.items() if path in held}
    return replace(flow, boxes=tuple(flow.boxes[i] for i in kept), arrows=tuple(arrows), frames=frames)
