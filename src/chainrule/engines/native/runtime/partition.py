"""Partition of a call: each replica computes a slice of one axis of the result.

The axis depends on what each number of the result is computed from. No two replicas write the same number,
and each number is computed as in the undivided call, in the same order, so the bits do not depend on the
number of replicas.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from chainrule.plan.plan import Plan
from chainrule.plan.tasks import Task
from chainrule.plan.views import View
from chainrule.records import frozen

# Levels of a plan: tasks of one level access no memory that another task of the level writes.
#
# Tasks of a level may therefore run at the same time. Memory includes positions in the arena, where buffers
# with disjoint lifetimes overlap.


def levels(plan: Plan, tasks: Iterable[Task], first: int = 0) -> dict[Task, int]:
    """Return the level of each task; levels never decrease along the tasks.

    Args:
        tasks: tasks in the order in which they run.
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
    return any(a[0] == b[0] and a[1] < b[2] and b[1] < a[2] for a in spans for b in others)


MIN_STEP_FLOPS = 20_000_000  # of a step without microbatches, from which on its calls are divided
MIN_INFERENCE_EFFORT = 1_000_000  # of an inference, by ``effort``, from which on its calls are divided
MIN_WAKING_EFFORT = 5_000_000  # from which on an inference wakes blocked threads
MIN_ELEMENTS = 8192  # that a call writes, from which on the replicas share it
COLUMNS = 32  # of a matrix product: full tiles on every processor
MIN_PRODUCTS = 8  # products by tables from which on the products are divided, not their rows
ROWS = 12  # of a matrix product or of dot products: full tiles of every height


@frozen
class Partition:
    """The division of a call.

    Args:
        length: length of the axis.
        count: index of the word of the block that holds the length.
        moves: indices of the words that hold addresses, and by how many bytes each advances per index of the
            axis.
        grain: number of indices that stay together.
    """

    length: int
    count: int
    moves: tuple[tuple[int, int], ...]
    grain: int = 1

    def cuts(self, slices: int) -> list[int]:
        """Return the first index of each slice, and the end of the last.

        Example:
            >>> Partition(100, 0, (), grain=16).cuts(3)
            [0, 32, 64, 100]
        """
        grains = -(-self.length // self.grain)
        return [min(grains * i // slices * self.grain, self.length) for i in range(slices + 1)]


def effort(task: Task) -> int:
    """Return the floating-point operations of a task, at least four for each element that it writes and for
    each weight of dot products: with one or two rows they take as long as reading the weights.
    """
    elements = math.prod(task.writes[0].shape) if task.writes else 0
    weights = 0
    if task.kind == "dot_products":
        positions, _, columns, k = task.facts["shape"]
        weights = positions * columns * k
    return max(task.flops, 4 * elements, 4 * weights)


def is_worth_dividing(partition: Partition | None, task: Task) -> bool:
    """Return whether a call of a task is divided: it has at least two slices and enough work."""
    return (
        partition is not None and partition.length >= 2 * partition.grain and effort(task) >= 4 * MIN_ELEMENTS
    )


def matmul_partition(words: Sequence[Any], size: int, operands: Sequence[tuple[int, int]] = ()) -> Partition:
    """Return the partition of a product by strides: whole products, else the longer of rows and columns.

    Args:
        words: words of its block; see ``gemm.matmul``.
        size: bytes of a number.
        operands: for each operand of an epilogue, the index of its first word and the bytes of a number.
    """
    products, m, n, _, _, a_step, a_row, _, _, b_step, _, b_column, _, c_step, c_row, _ = words[:16]
    if products > 1 and c_step != 0:
        return Partition(products, 0, ((4, a_step * size), (8, b_step * size), (12, c_step * size)))
    if m // ROWS >= n // COLUMNS:
        operand_moves = ((at, words[at + 1] * bytes) for at, bytes in operands)
        return Partition(m, 1, ((4, a_row * size), (12, c_row * size), *operand_moves), ROWS)
    operand_moves = ((at, words[at + 2] * bytes) for at, bytes in operands)
    return Partition(n, 2, ((8, b_column * size), (12, size), *operand_moves), COLUMNS)


def table_partition(
    words: Sequence[Any],
    size: int,
    mode: int,
    positions: tuple[np.ndarray, np.ndarray],
    moves: tuple[tuple[int, int], ...],
) -> Partition | None:
    """Return the partition of a product by tables: products or rows, or columns if rows of several products
    overlap.

    If the product is added to memory, rows may overlap, as those of windows do. Only rows that do not overlap
    are divided; if there are none, the result is ``None``.

    Args:
        words: words of its block; see ``gemm.matmul``.
        size: bytes of a number.
        mode: how C is written.
        positions: those of products and of rows in C, in elements.
        moves: those of the rows of A and C.
    """
    (count, _, n), (products, rows) = words[:3], positions
    by_products = Partition(count, 0, ((5, 8), (9, 8), (13, 8)))
    if mode == 0:
        return by_products if count >= MIN_PRODUCTS else Partition(words[1], 1, moves, ROWS)
    if count > 1 and np.diff(np.sort(products)).min() >= rows.max(initial=0) - rows.min(initial=0) + n:
        return by_products
    distance = np.gcd.reduce(np.concatenate([np.diff(products), np.diff(rows)]))  # of any two: a multiple
    if 0 < distance < n:
        return None
    return Partition(n, 2, ((8, words[11] * size), (12, size)), COLUMNS // 2)


def dot_product_partition(words: Sequence[Any], size: int) -> Partition:
    """Return the partition of dot products: their rows, or of few rows their columns."""
    rows, columns = words[1:3]
    if rows >= 2 * ROWS:
        return Partition(rows, 1, ((5, 8), (10, words[11] * size)), ROWS)
    return Partition(columns, 2, ((8, 8), (10, words[12] * size)), COLUMNS)


def reduction_partition(words: Sequence[Any], size: int, result_size: int) -> Partition:
    """Return the partition of a reduction: its outer indices, else its columns.

    Args:
        words: words of its block; see ``kernels.reduction``.
        size, result_size: bytes of a number that is read, and of a result.
    """
    n, _, c, _, outer, _, inner, *_ = words
    if n > 1:
        return Partition(n, 0, ((3, outer * size), (7, c * result_size)))
    return Partition(c, 2, ((3, inner * size), (7, result_size)), COLUMNS)
