"""Folding of repeated blocks into one block with a count.

Two frames are equal if their boxes have equal names and shapes. Of consecutive equal frames within the same
frame, the first is kept. Arrows between them are dropped; arrows into or out of any of them are attached to
the first.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from chainrule.plotting.network.blocks import Box, Flow


def fold_repeated(flow: Flow) -> Flow:
    """Return the flow with every run of equal blocks drawn once.

    Example:
        >>> from chainrule.plotting.network.blocks import flow_of
        >>> from chainrule.nn import Dense, Residual, Sequential, build
        >>> from chainrule.spec import Size, Spec
        >>> net = Sequential(*[Residual(Dense(4, "relu"))] * 5)
        >>> built = build(net, {"x": Spec((Size.symbol("B"), 4), "float32")}, "float32")
        >>> flow = fold_repeated(flow_of(net, built))
        >>> len(flow.boxes), flow.frames["residual1"].times
        (3, 5)
    """
    deepest = max((len(box.frames) for box in flow.boxes), default=0)
    for depth in range(deepest, 0, -1):
        flow = _fold_depth(flow, depth)
    return flow


def _fold_depth(flow: Flow, depth: int) -> Flow:
    """Fold the frames of one nesting depth."""
    inside: dict[str, list[int]] = {}
    for i, box in enumerate(flow.boxes):
        if len(box.frames) >= depth:
            inside.setdefault(box.frames[depth - 1], []).append(i)
    marks = {path: (path.rpartition(".")[0], _block_key(flow, path, own)) for path, own in inside.items()}
    same: dict[int, int] = {}  # box of a later block -> the equal box of the first
    block: dict[
        int, tuple[str, int]
    ] = {}  # box -> run of blocks that contains it, and the index of its block
    frames = dict(flow.frames)
    for _, run in groupby(inside, key=lambda path: marks[path]):
        paths = list(run)
        if len(paths) > 1:
            frames[paths[0]] = replace(frames[paths[0]], times=len(paths))
        for number, path in enumerate(paths):
            block |= dict.fromkeys(inside[path], (paths[0], number))
            same |= dict(zip(inside[path], inside[paths[0]], strict=True)) if number else {}
    return _without_repeats(replace(flow, frames=frames), same, block)


def _block_key(flow: Flow, path: str, own: list[int]) -> tuple[object, ...]:
    """Return the key by which blocks are compared."""
    times = tuple(
        sorted((f[len(path) :], flow.frames[f].times) for f in flow.frames if f.startswith(f"{path}."))
    )
    return (flow.frames[path].what, times, *(_box_key(flow.boxes[i], len(path)) for i in own))


def _box_key(box: Box, start: int) -> tuple[object, ...]:
    lines = tuple((line.path[start:], line.what, line.parameters, line.shape) for line in box.lines)
    return (box.kind, tuple(frame[start:] for frame in box.frames if len(frame) > start), lines)


def _without_repeats(flow: Flow, same: dict[int, int], block: dict[int, tuple[str, int]]) -> Flow:
    """Return the flow without the later blocks of each run."""
    remaining = [i for i in range(len(flow.boxes)) if i not in same]
    index = {old: new for new, old in enumerate(remaining)}
    arrows = {}
    for a, b in flow.arrows:
        (row_a, n_a), (row_b, n_b) = block.get(a, ("", -1)), block.get(b, ("", -2))
        if row_a == row_b and n_a != n_b and row_a:
            continue  # from one block of a run to the next
        arrows[index[same.get(a, a)], index[same.get(b, b)]] = None
    paths = {path for i in remaining for path in flow.boxes[i].frames}
    frames = {path: frame for path, frame in flow.frames.items() if path in paths}
    return replace(flow, boxes=tuple(flow.boxes[i] for i in remaining), arrows=tuple(arrows), frames=frames)
