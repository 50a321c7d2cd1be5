"""Convolution with a kernel of 3 by 3 and a quarter of the multiplications.

Four neighbouring results along an axis are made of six numbers: y = A^T ((G w) * (B^T x)), where * is number
by number. It is multiplying polynomials by their values at the places 0, 1, -1, 2, -2 and infinity. Along
both axes a *tile* of 4 x 4 results needs 6 x 6 = 36 multiplications instead of 144; and the sums over
channels make of each of the 36 a product of matrices:

    V[k; c, b] = B^T x B        of every tile        (spread)
    M[k; o, b] = U[k; o, c] V[k; c, b]               U = G w G^T
    y[; o, b]  = A^T M A                             (gather)

The gradient by the image is the same convolution of the upstream gradient with the kernel turned about. The
gradient by the weights is the same chain backwards: dU[k; o, c] = sum over tiles and samples of (A dy A^T)
V, and dw = G^T dU G.

Images lie with the samples innermost, or with the channels where samples are few (see ``layout``), so every
step above does the same to full vectors. With the channels innermost the products are turned, M^T = V^T U^T.
The tiles are taken in *bands* of rows, so that V and M are still in the cache when they are read.

Sums of numbers times 4, 5 and 8 cost accuracy: about one digit of the seven that float32 has. In float64, and
for kernels, strides and sizes where it does not pay, convolution stays as it is in ``sliding``.

Reference: Winograd (1980), Arithmetic complexity of computations (SIAM); Lavin and Gray (2016), Fast
algorithms for convolutional neural networks (CVPR).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from chainrule.graph import Node
from chainrule.plan.rules.linear_transform import Blend, blend
from chainrule.plan.rules.matmul import multiply
from chainrule.plan.views import View, tapped
from chainrule.spec import size_at

if TYPE_CHECKING:
    from chainrule.plan.lower import Lowering

TILE, SEEN = 4, 6  # results of a tile along an axis, and the numbers they are made of
CHANNELS = 16  # on both sides, from which on it pays
MANY = 256  # places, of all samples together, from which on it pays to prepare the weights
GAIN = 1.8  # at least so many times fewer multiplications: tiles reach over the edge of small images
BAND, BANDS = 4 * 2**20, 8  # bytes of V in a band; how many bands at most

SPREAD = Blend(6, (
    ((4, 0), (1, 4), (-5, 2)),
    ((1, 4), (-4, 2)), ((1, 3), (-4, 1)), ((1, 7), (1, 8)), ((1, 7), (-1, 8)),
    ((1, 4), (-1, 2)), ((2, 3), (-2, 1)), ((1, 11), (1, 12)), ((1, 11), (-1, 12)),
    ((4, 1), (1, 5), (-5, 3)),
), (6, 9, 10, 13, 14, 15))  # fmt: skip
"""B^T"""
GATHER = Blend(6, (
    ((1, 1), (1, 2)), ((1, 1), (-1, 2)), ((1, 3), (1, 4)), ((1, 3), (-1, 4)),
    ((1, 0), (1, 6), (1, 8)), ((1, 7), (2, 9)), ((1, 6), (4, 8)), ((1, 7), (8, 9), (1, 5)),
), (10, 11, 12, 13))  # fmt: skip
"""A^T"""
SPREAD_BACK = Blend(4, (
    ((1, 0), (1, 2)), ((1, 1), (1, 3)), ((1, 4), (1, 5)), ((1, 4), (-1, 5)),
    ((1, 0), (4, 2)), ((2, 1), (8, 3)), ((1, 8), (1, 9)), ((1, 8), (-1, 9)),
), (0, 6, 7, 10, 11, 3))  # fmt: skip
"""A"""
WEIGH = Blend(3, (
    ((1 / 4, 0),),
    ((-1 / 6, 0), (-1 / 6, 2)), ((1, 4), (-1 / 6, 1)), ((1, 4), (1 / 6, 1)),
    ((1 / 24, 0), (1 / 6, 2)), ((1, 7), (1 / 12, 1)), ((1, 7), (-1 / 12, 1)),
), (3, 5, 6, 8, 9, 2))  # fmt: skip
"""G"""
WEIGH_BACK = Blend(6, (
    ((1, 1), (1, 2)), ((1, 2), (-1, 1)), ((1, 3), (1, 4)), ((1, 3), (-1, 4)),
    ((1 / 4, 0), (-1 / 6, 6), (1 / 24, 8)), ((1 / 6, 7), (1 / 12, 9)), ((1 / 6, 8), (-1 / 6, 6), (1, 5)),
), (10, 11, 12))  # fmt: skip
"""G^T"""


def pays(low: Lowering, node: Node, op: Any, weights: Sequence[int], places: Sequence[int]) -> bool:
    """Whether a convolution with these weights (O, *kernel, I) and so many places is made this way."""
    is_plain = op.groups == 1 and set(op.strides) == set(op.dilation) == {1}
    if node.dtype != "float32" or tuple(weights[1:-1]) != (3, 3) or not is_plain:
        return False
    if size_at(node.inputs[0].shape[0], low.whole) * math.prod(places) < MANY:
        return False
    done = SEEN * SEEN * math.prod(_tiles(n) for n in places)
    return min(weights[0], weights[-1]) >= CHANNELS and 9 * math.prod(places) >= GAIN * done


def _tiles(length: int) -> int:
    """How many tiles cover so many results."""
    return -(-length // TILE)


def reach(places: Sequence[int], more: int) -> tuple[int, int]:
    """The height and width of what all tiles of so many places look at.

    Args:
        more: numbers beyond the results: 2 for a kernel of 3, 0 for the results themselves.

    Example:
        >>> reach((7, 8), 2)
        (10, 10)
    """
    height, width = (_tiles(n) * TILE + more for n in places)
    return height, width


def weighed(low: Lowering, node: Node, w: Node, phase: int, is_back: bool = False) -> View:
    """U, (6, 6, O, I): the weights of every tile's products; computed once for all that ask.

    Args:
        w: the weights, (O, 3, 3, I).
        is_back: for the gradient by the image: (6, 6, I, O), the kernel turned about.
    """
    key = (w, "winograd", is_back)
    if key not in low.copies:
        weights = low.view(w, phase)
        cells = _weights(weights)
        if is_back:
            cells = [cell.turned((1, 0)) for cell in reversed(cells)]
        # What stands on the right of a product has its columns side by side.
        order = range(4) if low.is_inner else (0, 1, 3, 2)
        made = low.ordered((SEEN, SEEN, *cells[0].shape), node.dtype, order)
        blend(low, node, WEIGH.squared(), cells, _cells(made), phase)
        low.copies[key] = made
    return low.copies[key]


def _cells(view: View) -> list[View]:
    """The numbers of a square, row by row: of (n, n, ...) n x n views (...)."""
    return [tapped(view, 0, (i, j)) for i in range(view.shape[0]) for j in range(view.shape[1])]


def convolve(low: Lowering, node: Node, image: View, weights: View, made: View, phase: int) -> None:
    """An image convolved, tile by tile.

    Args:
        image: (B, H + 2, W + 2, C), as high and wide as ``reach`` says.
        weights: U, (6, 6, O, C).
        made: (B, H, W, O), where it is written.
    """
    outputs, batch = weights.shape[2], image.shape[0]
    for seen, written in zip(_bands(image, 2, image.shape[3]), _bands(made, 0, image.shape[3]), strict=True):
        v = _spread(low, node, seen, SPREAD, phase)  # (6, 6, tiles down, tiles across, C, B)
        m = _room(low, (*v.shape[:4], outputs, batch), node.dtype)
        _sum_channels(low, node, weights, v, m, phase)
        _gather(low, node, m, written, phase)


def _sum_channels(low: Lowering, node: Node, weights: View, v: View, m: View, phase: int) -> None:
    """M of the weights and V: for each place of a tile, the sums over channels."""
    if low.is_inner:
        many = v.shape[:4]
        strides = (*weights.strides[:2], 0, 0, *weights.strides[2:])
        table = View(weights.buffer, (*many, *weights.shape[2:]), strides, weights.offset)
        stack = range(4)
        multiply(low, node, (table, stack, (4,), (5,)), (v, stack, (4,), (5,)), (m, stack, (4,), (5,)), phase)
        return
    stack, rows = (0, 1), (2, 3, 5)
    multiply(low, node, (v, stack, rows, (4,)), (weights, stack, (3,), (2,)), (m, stack, rows, (4,)), phase)


def weight_gradient(low: Lowering, node: Node, image: View, upstream: View, made: View, phase: int) -> None:
    """The gradient by the weights, (O, 3, 3, C).

    Args:
        image: (B, H + 2, W + 2, C).
        upstream: (B, H, W, O).
        made: where it is written.
    """
    square = low.new((SEEN, SEEN, upstream.shape[3], image.shape[3]), node.dtype)  # dU
    wide = max(image.shape[3], upstream.shape[3])
    bands = zip(_bands(image, 2, wide), _bands(upstream, 0, wide), strict=True)
    for number, (seen, flown) in enumerate(bands):
        v = _spread(low, node, seen, SPREAD, phase)
        d = _spread(low, node, flown, SPREAD_BACK, phase)
        stack, sums = (0, 1), (2, 3, 5)  # each sums over tiles and samples
        factors = (d, stack, (4,), sums), (v, stack, sums, (4,))
        multiply(low, node, *factors, (square, stack, (2,), (3,)), phase, how=min(number, 1))
    blend(low, node, WEIGH_BACK.squared(), _cells(square), _weights(made), phase)


def _weights(view: View) -> list[View]:
    """Of weights (O, 3, 3, C) the nine cells (O, C)."""
    return [tapped(view, 1, (a, b)) for a in range(3) for b in range(3)]


def _bands(image: View, more: int, channels: int) -> Iterator[View]:
    """An image in bands: each (rows of a tile, tiles down, W, C, B), the rows of a tile overlapping.

    Args:
        more: how many rows a tile sees beyond its results.
        channels: by which the bands are measured.
    """
    batch, height, width, _ = image.shape
    b, row, column, c = image.strides
    down, across = (height - more) // TILE, (width - more) // TILE
    each = SEEN * SEEN * across * channels * batch * 4
    count = min(max(1, BAND // each), down)
    count = max(count, -(-down // BANDS))
    for first in range(0, down, count):
        tiles = min(count, down - first)
        shape = (TILE + more, tiles, width, image.shape[3], batch)
        yield View(image.buffer, shape, (row, TILE * row, column, c, b), image.offset + first * TILE * row)


def _spread(low: Lowering, node: Node, seen: View, by: Blend, phase: int) -> View:
    """A band through a map along both axes: (6, 6, tiles down, tiles across, C, B)."""
    _, down, width, channels, batch = seen.shape
    rows = _room(low, (SEEN, down, width, channels, batch), node.dtype)
    blend(low, node, by, _lines(seen), _lines(rows), phase)
    across = (width - (by.inputs - TILE)) // TILE
    i, t, column, c, b = rows.strides
    shape = (by.inputs, SEEN, down, across, channels, batch)
    windows = View(rows.buffer, shape, (column, i, t, TILE * column, c, b), rows.offset)
    made = _room(low, (SEEN, SEEN, down, across, channels, batch), node.dtype)
    blend(low, node, by, _lines(windows), _lines(made.turned((1, 0, 2, 3, 4, 5))), phase)
    return made


def _gather(low: Lowering, node: Node, m: View, band: View, phase: int) -> None:
    """The tiles' results, written into a band of the image."""
    _, _, down, across, outputs, batch = m.shape
    rows = _room(low, (TILE, SEEN, down, across, outputs, batch), node.dtype)
    blend(low, node, GATHER, _lines(m), _lines(rows), phase)
    i, t, column, o, b = band.strides
    shape = (TILE, TILE, down, across, outputs, batch)
    cells = View(band.buffer, shape, (column, i, t, TILE * column, o, b), band.offset)
    blend(low, node, GATHER, _lines(rows.turned((1, 0, 2, 3, 4, 5))), _lines(cells), phase)


def _room(low: Lowering, shape: tuple[int, ...], dtype: str) -> View:
    """Memory for (..., channels, samples), with those innermost that are so in images."""
    *others, channels, samples = range(len(shape))
    last = (channels, samples) if low.is_inner else (samples, channels)
    return low.ordered(shape, dtype, (*others, *last))


def _lines(view: View) -> list[View]:
    """The views along the first axis."""
    return [tapped(view, 0, (i,)) for i in range(view.shape[0])]
