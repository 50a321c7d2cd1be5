"""How a batch is divided: into how many parts, of how many samples, for how many lanes.

A part should be small enough that everything between its input and its gradients stays in a core's cache, and
large enough that reading the weights once more for each part does not cost more than it saves. Both are
counted in bytes. Where stretches are computed again to save memory, what is saved is not spent on larger
parts.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from chainrule.graph import Graph
from chainrule.ops.recomputation import Remat
from chainrule.plan.passes.memory_layout import SEEDS
from chainrule.plan.plan import Cut, has_parts, plan
from chainrule.plan.tasks import AFTER, PARTS, Task
from chainrule.records import frozen

CACHE = 512 * 1024  # bytes of a core's second-level cache
MOST, LEAST = 8 * 1024 * 1024, 16  # bytes a part's values may take; samples a part has all the same
HEAVY = 24 * 1024 * 1024  # bytes that those may take, of two samples at least; images need theirs, innermost
NEAR, FAR = 40e9, 12e9  # bytes a second from that cache, and from beyond it
CALL = 60e-9  # seconds a call costs besides its work
WORTH_A_LANE = 2_000_000  # flops below which a second lane costs more than it brings: cores talk slowly


@frozen
class Split:
    """How a batch is divided.

    Args:
        rows: samples in a part (the last part may hold fewer).
        parts: how many.
        lanes: how many have sums of their own.
    """

    rows: int
    parts: int
    lanes: int


def split_batch(graph: Graph, batch: int, cut: Cut, cores: int) -> Split:
    """The split of a batch.

    Args:
        graph: the training step.
        batch: samples in the batch.
        cut: how the step is cut into phases.
        cores: of the machine; the split depends on them, not on how many threads are used.
    """
    if not has_parts(graph):
        return Split(batch, 1, 1)
    trial = plan(graph, {"B": batch}, replace(cut, rows=min(batch, 8)))
    rows = trial.rows
    inside = [task for task in trial.tasks if task.phase == PARTS]
    flops = sum(task.flops for task in inside) * batch / rows
    lanes = 1 if flops < WORTH_A_LANE else max(1, min(cores, batch // 4))
    per_sample = sum(trial.buffers[v.buffer].bytes for t in inside for v in t.writes if not t.adds) / rows
    late = sum(_written(task) for task in trial.tasks if (task.kind, task.phase) == ("matmul", AFTER))
    weights = (sum(b.bytes for b in trial.buffers if b.origin == "joined") + late) * 2
    arena = trial.layout.size / rows
    most = MOST / 2 if any(isinstance(node.op, Remat) for node in graph.nodes) else MOST
    has_images = any(node.op.name in SEEDS for node in graph.nodes)
    least = LEAST if has_images else min(LEAST, HEAVY // max(arena, 1))
    sizes = _candidates(batch, lanes, LEAST if has_images else 2)
    small = [m for m in sizes if m <= max(most / max(arena, 1), least)]
    best = min(
        small or sizes[:1],
        key=lambda m: _cost(m, batch, lanes, per_sample, weights, len(inside)),
    )
    parts = -(-batch // best)
    return Split(best, parts, min(lanes, parts))


def _written(task: Task) -> int:
    """Bytes of what a product writes: of a large gradient a strip."""
    return math.prod(task.writes[0].shape) * np.dtype(task.nodes[0].dtype).itemsize


def _candidates(batch: int, lanes: int, least: int) -> list[int]:
    """Sizes of a part, not below the least, that give every lane equally many parts, or nearly."""
    share = -(-batch // lanes)
    return sorted({-(-share // n) for n in range(1, share + 1) if -(-share // n) >= min(least, share)})


def _cost(rows: int, batch: int, lanes: int, per_sample: float, weights: float, calls: int) -> float:
    """Seconds of memory traffic and calls for a batch, one lane's share."""
    parts = -(-batch // rows) / lanes
    fits = rows * per_sample < CACHE / 2
    moved = 2 * batch / lanes * per_sample / (NEAR if fits else FAR)
    again = parts * weights / (NEAR if weights < CACHE / 2 else FAR)
    return moved + again + parts * calls * CALL
