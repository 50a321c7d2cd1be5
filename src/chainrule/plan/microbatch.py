"""Division of a batch: number and size of the microbatches, and number of replicas.

A microbatch should be small enough that everything between its input and its gradients stays in a core's
cache, and large enough that reading the weights again for each microbatch does not cost more than it saves.
Both are measured in bytes. If segments of the graph are recomputed to save memory, microbatches stay small.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from chainrule.graph import Graph
from chainrule.ops.recomputed_segments import Remat
from chainrule.plan.passes.axis_layout import WINDOW_OPS
from chainrule.plan.plan import Cut, Plan, has_microbatches, plan
from chainrule.plan.tasks import AFTER, MICROBATCHES, Task
from chainrule.records import frozen
from chainrule.symbolic_shape import size_at

CACHE = 512 * 1024  # bytes of a core's second-level cache
MAX_BYTES, MIN_SAMPLES = 8 * 1024 * 1024, 16  # of a microbatch; the second overrides the first
HARD_MAX_BYTES = 24 * 1024 * 1024  # overrides MIN_SAMPLES down to two samples; not for images
CACHE_BANDWIDTH, MEMORY_BANDWIDTH = 40e9, 12e9  # bytes a second
TRIAL = 8  # rows of the trial of a larger batch
CALL = 60e-9  # seconds of overhead of a call
MIN_FLOPS = 2_000_000  # of a batch, below which the synchronization of replicas costs more than it saves


@frozen
class Split:
    """The division of a batch.

    Args:
        rows: samples of a microbatch (the last one may have fewer).
        replicas: number of replicas, each with separate sums.
    """

    rows: int
    microbatches: int
    replicas: int


def split_batch(graph: Graph, batch: int, cut: Cut, cores: int) -> Split:
    """Return the split of a batch.

    Args:
        cores: cores of the machine; the split depends on them, not on the number of threads.
    """
    return planned_split(graph, batch, cut, cores)[0]


def planned_split(graph: Graph, batch: int, cut: Cut, cores: int) -> tuple[Split, Plan]:
    """Return the split of a batch, and the plan of a full microbatch.

    The split is chosen by the plan of a trial. If the batch is small, the trial has all of it: then it
    usually is the plan of the microbatch, and nothing is planned twice.

    Args:
        graph, batch, cut, cores: those of ``split_batch``.
    """
    rows = batch if not has_microbatches(graph) or _is_small(graph, batch) else min(batch, TRIAL)
    trial = plan(graph, {"B": batch}, replace(cut, rows=rows))
    split = _best_split(trial, batch, cores) if trial.is_divided else Split(batch, 1, 1)
    if split.rows == rows:
        return split, trial
    return split, plan(graph, {"B": batch}, replace(cut, rows=split.rows))


def _is_small(graph: Graph, batch: int) -> bool:
    """Return whether all values of a batch, stored or not, fit in the cache."""
    shapes = ([size_at(axis, {"B": batch}) for axis in node.shape] for node in graph.nodes)
    return sum(map(math.prod, shapes)) * np.dtype(np.float32).itemsize <= CACHE


def _best_split(trial: Plan, batch: int, cores: int) -> Split:
    """Return the split of a batch by the plan of some of its rows."""
    graph, rows = trial.graph, trial.rows
    repeated_tasks = [task for task in trial.tasks if task.phase == MICROBATCHES]
    flops = sum(task.flops for task in repeated_tasks) * batch / rows
    replicas = 1 if flops < MIN_FLOPS else max(1, min(cores, batch // 4))
    per_sample = (
        sum(trial.buffers[v.buffer].bytes for t in repeated_tasks for v in t.writes if not t.adds) / rows
    )
    deferred = sum(
        _product_bytes(task) for task in trial.tasks if (task.kind, task.phase) == ("matmul", AFTER)
    )
    weights = (sum(b.bytes for b in trial.buffers if b.origin == "summed") + deferred) * 2
    arena = trial.layout.size / rows
    max_bytes = MAX_BYTES / 2 if any(isinstance(node.op, Remat) for node in graph.nodes) else MAX_BYTES
    has_images = any(node.op.name in WINDOW_OPS for node in graph.nodes)
    min_samples = MIN_SAMPLES if has_images else min(MIN_SAMPLES, HARD_MAX_BYTES // max(arena, 1))
    sizes = _candidates(batch, replicas, MIN_SAMPLES if has_images else 2)
    fitting = [m for m in sizes if m <= max(max_bytes / max(arena, 1), min_samples)]
    best = min(
        fitting or sizes[:1],
        key=lambda m: _cost(m, batch, replicas, per_sample, weights, len(repeated_tasks)),
    )
    microbatches = -(-batch // best)
    return Split(best, microbatches, min(replicas, microbatches))


def _product_bytes(task: Task) -> int:
    """Return the bytes that a product writes: of a large gradient a strip."""
    return math.prod(task.writes[0].shape) * np.dtype(task.nodes[0].dtype).itemsize


def _candidates(batch: int, replicas: int, min_samples: int) -> list[int]:
    """Return the sizes from ``min_samples`` on that give every replica about equally many microbatches."""
    share = -(-batch // replicas)
    return sorted({-(-share // n) for n in range(1, share + 1) if -(-share // n) >= min(min_samples, share)})


def _cost(rows: int, batch: int, replicas: int, per_sample: float, weights: float, calls: int) -> float:
    """Return the seconds of memory traffic and calls for a batch, for one replica."""
    microbatches = -(-batch // rows) / replicas
    fits = rows * per_sample < CACHE / 2
    traffic = 2 * batch / replicas * per_sample / (CACHE_BANDWIDTH if fits else MEMORY_BANDWIDTH)
    weight_traffic = microbatches * weights / (CACHE_BANDWIDTH if weights < CACHE / 2 else MEMORY_BANDWIDTH)
    return traffic + weight_traffic + microbatches * calls * CALL
