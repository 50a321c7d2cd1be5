"""How a call is divided among lanes: each takes a run of one axis of what is computed.

Which axis is a question of what each number of the result is made of. No two lanes write the same number, and
each number is computed as it would be undivided, in the same order; so the bits do not depend on how many
lanes there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.plan.tasks import Task
from chainrule.records import frozen

WORTH_SHARING = 20_000_000  # flops of a step that is not divided otherwise, from which on its calls are,
WORTH_A_CREW = 1_000_000  # and of an answer, by ``effort``
SHARED_FROM = 8192  # elements that a call writes, from which on the lanes share it
COLUMNS = 32  # of a product: whole tiles on every processor
MANY = 8  # products by places from which on the lanes share these
ROWS = 12  # of a product or of dot products: whole tiles, whatever their height


@frozen
class Share:
    """How a call can be divided.

    Args:
        length: of the axis.
        count: the word of the block that holds it.
        moves: words that hold addresses, and by how many bytes each moves on with every place along the axis.
        grain: places that stay together.
    """

    length: int
    count: int
    moves: tuple[tuple[int, int], ...]
    grain: int = 1

    def cuts(self, lanes: int) -> list[int]:
        """Where the lanes' runs begin, and the end of the last.

        Example:
            >>> Share(100, 0, (), grain=16).cuts(3)
            [0, 32, 64, 100]
        """
        grains = -(-self.length // self.grain)
        return [min(grains * lane // lanes * self.grain, self.length) for lane in range(lanes + 1)]


def effort(task: Task) -> int:
    """Floating-point operations of a task; an element that is written takes as long as four at least."""
    elements = math.prod(task.writes[0].shape) if task.writes else 0
    return max(task.flops, 4 * elements)


def pays(share: Share | None, task: Task) -> bool:
    """Whether a call of a task is divided: there are two runs of it at least, and enough to do."""
    return share is not None and share.length >= 2 * share.grain and effort(task) >= 4 * SHARED_FROM


def of_product(words: Sequence[Any], size: int, operands: Sequence[tuple[int, int]] = ()) -> Share:
    """The share of a product by strides: whole products, else the longer of rows and columns.

    Args:
        words: of its block; see ``product``.
        size: bytes of a number.
        operands: of an epilogue, for each operand where its words begin, and the bytes of a number.
    """
    many, m, n, _, _, a_step, a_row, _, _, b_step, _, b_column, _, c_step, c_row, _ = words[:16]
    if many > 1 and c_step != 0:
        return Share(many, 0, ((4, a_step * size), (8, b_step * size), (12, c_step * size)))
    if m // ROWS >= n // COLUMNS:
        own = ((at, words[at + 1] * bytes) for at, bytes in operands)
        return Share(m, 1, ((4, a_row * size), (12, c_row * size), *own), ROWS)
    own = ((at, words[at + 2] * bytes) for at, bytes in operands)
    return Share(n, 2, ((8, b_column * size), (12, size), *own), COLUMNS)


def of_places(
    words: Sequence[Any], size: int, how: int, products: np.ndarray, rows: np.ndarray
) -> Share | None:
    """The share of a product by places: products or rows, or its columns where rows of several meet.

    Where it adds to what is there, rows may overlap: those of windows do. Only what lies apart is divided;
    where nothing does, there is no share.

    Args:
        words: of its block; see ``product``.
        size: bytes of a number.
        how: it is written.
        products, rows: where they lie in C, in elements.
    """
    many, _, n = words[:3]
    by_products = Share(many, 0, ((5, 8), (9, 8), (13, 8)))
    if how == 0:
        return by_products if many >= MANY else Share(words[1], 1, ((6, 8), (14, 8)), ROWS)
    if many > 1 and np.diff(np.sort(products)).min() >= rows.max(initial=0) - rows.min(initial=0) + n:
        return by_products
    apart = np.gcd.reduce(np.concatenate([np.diff(products), np.diff(rows)]))  # a multiple of this, any two
    if 0 < apart < n:
        return None
    return Share(n, 2, ((8, words[11] * size), (12, size)), COLUMNS // 2)


def of_dots(words: Sequence[Any], size: int) -> Share:
    """The share of dot products: their rows."""
    return Share(words[1], 1, ((5, 8), (10, words[11] * size)), ROWS)


def of_sums(words: Sequence[Any], size: int, made: int) -> Share:
    """The share of a reduction: its outer places, else its columns.

    Args:
        words: of its block; see ``kernels.reduction``.
        size, made: bytes of a number that is read, and of one that is made.
    """
    n, _, c, _, outer, _, inner, *_ = words
    if n > 1:
        return Share(n, 0, ((3, outer * size), (7, c * made)))
    return Share(c, 2, ((3, inner * size), (7, made)), COLUMNS)
