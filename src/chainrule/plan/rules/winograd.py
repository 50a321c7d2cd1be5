"""Winograd convolution: 3 x 3 kernels with a quarter of the multiplications.

Four adjacent results along an axis depend on six numbers: y = A^T ((G w) * (B^T x)), where * is elementwise.
This multiplies polynomials by their values at the points 0, 1, -1, 2, -2 and infinity. Along both axes a
*tile* of 4 x 4 results needs 6 x 6 = 36 multiplications instead of 144, and the sums over channels make a
matrix product of each of the 36:

    V[k; c, b] = B^T x B        of every tile        (INPUT_TRANSFORM)
    M[k; o, b] = U[k; o, c] V[k; c, b]               U = G w G^T
    y[; o, b]  = A^T M A                             (OUTPUT_TRANSFORM)

The gradient with respect to the image is the same convolution of the upstream gradient with the flipped
kernel. The gradient with respect to the weights reverses the chain: dU[k; o, c] = sum over tiles and samples
of (A dy A^T) V, and dw = G^T dU G.

Images are stored with the samples innermost, or with the channels if samples are few (see ``axis_layout``),
so every step above applies to full vectors. With channels innermost the products are transposed, M^T = V^T
U^T. The tiles are processed in *bands* of rows, so that V and M are still in the cache when they are read.

Sums of numbers times 4, 5 and 8 cost accuracy: about one digit of the seven of float32. In float64, and for
kernels, strides and sizes where it is not faster, ``convolution`` is used instead.

Reference: Winograd (1980), Arithmetic complexity of computations (SIAM); Lavin and Gray (2016), Fast
algorithms for convolutional neural networks (CVPR).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from chainrule.graph import Node
from chainrule.ops.linear.int8 import ExactConvolution
from chainrule.plan.lowering_context import Lowering
from chainrule.plan.rules.matmul import multiply
from chainrule.plan.views import View, window_cell
from chainrule.records import frozen
from chainrule.symbolic_shape import size_at

# Linear transforms with few multiplications: fixed small matrices applied to many columns of numbers.
#
# A transform is written as *steps*, so that common subexpressions are computed once; a task of kind
# ``"linear_transform"`` computes it in one loop.

Terms: TypeAlias = tuple[tuple[float, int], ...]


@frozen
class LinearTransform:
    """A linear transform as steps.

    Args:
        inputs: number of inputs; they are the values 0, 1, ...
        steps: each computes the next value: the sum of factors times earlier values.
        results: the values that are returned.

    Example:
        >>> butterfly = LinearTransform(2, (((1.0, 0), (1.0, 1)), ((1.0, 0), (-1.0, 1))), (2, 3))
        >>> butterfly.matrix.tolist()
        [[1.0, 1.0], [1.0, -1.0]]
    """

    inputs: int
    steps: tuple[Terms, ...]
    results: tuple[int, ...]

    @property
    def matrix(self) -> np.ndarray:
        """The transform as a matrix, (results, inputs)."""
        values = np.eye(self.inputs)
        for terms in self.steps:
            value = sum((factor * values[of] for factor, of in terms), np.zeros(self.inputs))
            values = np.vstack([values, value])
        return values[list(self.results)]

    @property
    def factors(self) -> tuple[float, ...]:
        """The absolute values of the factors, except 1."""
        return tuple(sorted({abs(f) for terms in self.steps for f, _ in terms} - {1.0}))

    def squared(self) -> LinearTransform:
        """Return the transform of a square of numbers along both axes: A X A^T, row by row.

        Example:
            >>> difference = LinearTransform(2, (((1.0, 0), (-1.0, 1)),), (2,))
            >>> difference.squared().matrix.tolist()
            [[1.0, -1.0, -1.0, 1.0]]
        """
        n, steps = self.inputs, list[Terms]()

        def apply(inputs: Sequence[int]) -> list[int]:
            names = list(inputs)
            for terms in self.steps:
                steps.append(tuple((factor, names[of]) for factor, of in terms))
                names.append(n * n + len(steps) - 1)
            return [names[of] for of in self.results]

        columns = [apply(range(column, n * n, n)) for column in range(n)]  # results of each column
        rows = [apply([column[row] for column in columns]) for row in range(len(self.results))]
        return LinearTransform(n * n, tuple(steps), tuple(value for row in rows for value in row))


def lower_transform(
    lowering: Lowering,
    node: Node,
    transform: LinearTransform,
    reads: Sequence[View],
    writes: Sequence[View],
    phase: int,
) -> None:
    """Add the task of a linear transform: one view for each input, one for each result."""
    shape, factors = writes[0].shape, [lowering.table(np.array(f, node.dtype)) for f in transform.factors]
    repeated = [View(n.buffer, shape, (0,) * len(shape)) for n in factors]
    lowering.add("linear_transform", (node,), (*reads, *repeated), tuple(writes), phase, transform=transform)


TILE, TILE_INPUTS = 4, 6  # results of a tile along an axis, and the numbers that they depend on
MIN_CHANNELS = 16  # of input and output
MIN_POSITIONS = 256  # of all samples, from which on transforming the weights pays
MIN_GAIN = 1.8  # ratio of multiplications saved: tiles reach over the edge of small images
BAND_BYTES, MAX_BANDS = 4 * 2**20, 8  # bytes of V in a band, and maximal number of bands


def _transform(inputs: int, steps: str, results: tuple[int, ...]) -> LinearTransform:
    """Return a transform whose steps are text: ``"4*0 -5*2"`` is 4 times value 0 minus 5 times value 2."""
    terms = [[term.split("*") for term in step.split()] for step in steps.split(",")]
    numbers = tuple(tuple((_factor(factor), int(value)) for factor, value in step) for step in terms)
    return LinearTransform(inputs, numbers, results)


def _factor(text: str) -> float:
    numerator, _, denominator = text.partition("/")
    return int(numerator) / int(denominator) if denominator else int(numerator)


INPUT_TRANSFORM = _transform(
    6,
    "4*0 1*4 -5*2, 1*4 -4*2, 1*3 -4*1, 1*7 1*8, 1*7 -1*8, 1*4 -1*2, 2*3 -2*1, 1*11 1*12, 1*11 -1*12, "
    "4*1 1*5 -5*3",
    (6, 9, 10, 13, 14, 15),
)
"""B^T"""
OUTPUT_TRANSFORM = _transform(
    6, "1*1 1*2, 1*1 -1*2, 1*3 1*4, 1*3 -1*4, 1*0 1*6 1*8, 1*7 2*9, 1*6 4*8, 1*7 8*9 1*5", (10, 11, 12, 13)
)
"""A^T"""
OUTPUT_TRANSFORM_TRANSPOSED = _transform(
    4, "1*0 1*2, 1*1 1*3, 1*4 1*5, 1*4 -1*5, 1*0 4*2, 2*1 8*3, 1*8 1*9, 1*8 -1*9", (0, 6, 7, 10, 11, 3)
)
"""A"""
WEIGHT_TRANSFORM = _transform(
    3,
    "1/4*0, -1/6*0 -1/6*2, 1*4 -1/6*1, 1*4 1/6*1, 1/24*0 1/6*2, 1*7 1/12*1, 1*7 -1/12*1",
    (3, 5, 6, 8, 9, 2),
)
"""G"""
WEIGHT_TRANSFORM_TRANSPOSED = _transform(
    6,
    "1*1 1*2, 1*2 -1*1, 1*3 1*4, 1*3 -1*4, 1/4*0 -1/6*6 1/24*8, 1/6*7 1/12*9, 1/6*8 -1/6*6 1*5",
    (10, 11, 12),
)
"""G^T"""


def is_worth_it(
    lowering: Lowering, node: Node, op: Any, weights: Sequence[int], positions: Sequence[int]
) -> bool:
    """Return whether a convolution of weights (O, *kernel, I) at these positions uses Winograd."""
    if isinstance(op, ExactConvolution):
        return False  # transformed integers are none
    is_plain = op.groups == 1 and set(op.strides) == set(op.dilation) == {1}
    if node.dtype != "float32" or tuple(weights[1:-1]) != (3, 3) or not is_plain:
        return False
    if size_at(node.inputs[0].shape[0], lowering.batch_sizes) * math.prod(positions) < MIN_POSITIONS:
        return False
    multiplications = TILE_INPUTS * TILE_INPUTS * math.prod(_tiles(n) for n in positions)
    return (
        min(weights[0], weights[-1]) >= MIN_CHANNELS
        and 9 * math.prod(positions) >= MIN_GAIN * multiplications
    )


def _tiles(length: int) -> int:
    """Return the number of tiles that cover ``length`` results."""
    return -(-length // TILE)


def tiled_size(positions: Sequence[int], extra: int) -> tuple[int, int]:
    """Return the height and width of the input of all tiles.

    Args:
        positions: height and width of the result.
        extra: input rows beyond the results: 2 for a 3 x 3 kernel, 0 for the results themselves.

    Example:
        >>> tiled_size((7, 8), 2)
        (10, 10)
    """
    height, width = (_tiles(n) * TILE + extra for n in positions)
    return height, width


def transformed_weights(lowering: Lowering, node: Node, w: Node, phase: int, is_back: bool = False) -> View:
    """Return U, (6, 6, O, I): the weights of every tile's products, computed once for all readers.

    Args:
        w: the weights, (O, 3, 3, I).
        is_back: for the gradient with respect to the image: (6, 6, I, O), with the kernel flipped.
    """
    key = (w, "winograd", is_back)
    if key not in lowering.copies:
        weights = lowering.view(w, phase)
        cells = _weights(weights)
        if is_back:
            cells = [cell.transposed((1, 0)) for cell in reversed(cells)]
        # The right factor of a product has contiguous columns.
        order = range(4) if lowering.is_inner else (0, 1, 3, 2)
        transformed = lowering.ordered((TILE_INPUTS, TILE_INPUTS, *cells[0].shape), node.dtype, order)
        lower_transform(lowering, node, WEIGHT_TRANSFORM.squared(), cells, _cells(transformed), phase)
        lowering.copies[key] = transformed
    return lowering.copies[key]


def _cells(view: View) -> list[View]:
    """Return the cells of a square, row by row: of (n, n, ...) n x n views (...)."""
    return [window_cell(view, 0, (i, j)) for i in range(view.shape[0]) for j in range(view.shape[1])]


def convolve(lowering: Lowering, node: Node, image: View, weights: View, result: View, phase: int) -> None:
    """Convolve an image tile by tile.

    Args:
        image: (B, H + 2, W + 2, C), of the size that ``tiled_size`` returns.
        weights: U, (6, 6, O, C).
        result: (B, H, W, O).
    """
    outputs, batch = weights.shape[2], image.shape[0]
    for band, result_band in zip(
        _bands(image, 2, image.shape[3]), _bands(result, 0, image.shape[3]), strict=True
    ):
        v = _transform_tiles(
            lowering, node, band, INPUT_TRANSFORM, phase
        )  # (6, 6, tiles down, tiles across, C, B)
        m = _new_tiles(lowering, (*v.shape[:4], outputs, batch), node.dtype)
        _multiply_tiles(lowering, node, weights, v, m, phase)
        _write_tiles(lowering, node, m, result_band, phase)


def _multiply_tiles(lowering: Lowering, node: Node, weights: View, v: View, m: View, phase: int) -> None:
    """Add the products of the weights and V: sums over channels for each position of a tile."""
    if lowering.is_inner:
        tile_shape = v.shape[:4]
        strides = (*weights.strides[:2], 0, 0, *weights.strides[2:])
        table = View(weights.buffer, (*tile_shape, *weights.shape[2:]), strides, weights.offset)
        stack = range(4)
        multiply(
            lowering, node, (table, stack, (4,), (5,)), (v, stack, (4,), (5,)), (m, stack, (4,), (5,)), phase
        )
        return
    stack, rows = (0, 1), (2, 3, 5)
    multiply(
        lowering, node, (v, stack, rows, (4,)), (weights, stack, (3,), (2,)), (m, stack, rows, (4,)), phase
    )


def weight_gradient(
    lowering: Lowering, node: Node, image: View, upstream: View, result: View, phase: int
) -> None:
    """Lower the gradient with respect to the weights, (O, 3, 3, C).

    Args:
        image: (B, H + 2, W + 2, C).
        upstream: (B, H, W, O).
        result: receives the gradient.
    """
    square = lowering.new((TILE_INPUTS, TILE_INPUTS, upstream.shape[3], image.shape[3]), node.dtype)  # dU
    channels = max(image.shape[3], upstream.shape[3])
    bands = zip(_bands(image, 2, channels), _bands(upstream, 0, channels), strict=True)
    for number, (band, upstream_band) in enumerate(bands):
        v = _transform_tiles(lowering, node, band, INPUT_TRANSFORM, phase)
        d = _transform_tiles(lowering, node, upstream_band, OUTPUT_TRANSFORM_TRANSPOSED, phase)
        stack, sums = (0, 1), (2, 3, 5)  # sums over tiles and samples
        factors = (d, stack, (4,), sums), (v, stack, sums, (4,))
        multiply(lowering, node, *factors, (square, stack, (2,), (3,)), phase, mode=min(number, 1))
    lower_transform(
        lowering, node, WEIGHT_TRANSFORM_TRANSPOSED.squared(), _cells(square), _weights(result), phase
    )


def _weights(view: View) -> list[View]:
    """Return the nine cells (O, C) of weights (O, 3, 3, C)."""
    return [window_cell(view, 1, (a, b)) for a in range(3) for b in range(3)]


def _bands(image: View, extra: int, channels: int) -> Iterator[View]:
    """Yield an image in bands: each (rows of a tile, tiles down, W, C, B), with overlapping tile rows.

    Args:
        extra: input rows of a tile beyond its results.
        channels: channels that determine the size of a band.
    """
    batch, height, width, _ = image.shape
    b, row, column, c = image.strides
    down, across = (height - extra) // TILE, (width - extra) // TILE
    row_bytes = TILE_INPUTS * TILE_INPUTS * across * channels * batch * 4
    count = min(max(1, BAND_BYTES // row_bytes), down)
    count = max(count, -(-down // MAX_BANDS))
    for first in range(0, down, count):
        tiles = min(count, down - first)
        shape = (TILE + extra, tiles, width, image.shape[3], batch)
        yield View(image.buffer, shape, (row, TILE * row, column, c, b), image.offset + first * TILE * row)


def _transform_tiles(
    lowering: Lowering, node: Node, band: View, transform: LinearTransform, phase: int
) -> View:
    """Return a band transformed along both axes: (6, 6, tiles down, tiles across, C, B)."""
    _, down, width, channels, batch = band.shape
    rows = _new_tiles(lowering, (TILE_INPUTS, down, width, channels, batch), node.dtype)
    lower_transform(lowering, node, transform, _lines(band), _lines(rows), phase)
    across = (width - (transform.inputs - TILE)) // TILE
    i, t, column, c, b = rows.strides
    shape = (transform.inputs, TILE_INPUTS, down, across, channels, batch)
    windows = View(rows.buffer, shape, (column, i, t, TILE * column, c, b), rows.offset)
    tiles = _new_tiles(lowering, (TILE_INPUTS, TILE_INPUTS, down, across, channels, batch), node.dtype)
    lower_transform(
        lowering, node, transform, _lines(windows), _lines(tiles.transposed((1, 0, 2, 3, 4, 5))), phase
    )
    return tiles


def _write_tiles(lowering: Lowering, node: Node, m: View, band: View, phase: int) -> None:
    """Write the results of tiles into a band of the image."""
    _, _, down, across, outputs, batch = m.shape
    rows = _new_tiles(lowering, (TILE, TILE_INPUTS, down, across, outputs, batch), node.dtype)
    lower_transform(lowering, node, OUTPUT_TRANSFORM, _lines(m), _lines(rows), phase)
    i, t, column, o, b = band.strides
    shape = (TILE, TILE, down, across, outputs, batch)
    cells = View(band.buffer, shape, (column, i, t, TILE * column, o, b), band.offset)
    lower_transform(
        lowering, node, OUTPUT_TRANSFORM, _lines(rows.transposed((1, 0, 2, 3, 4, 5))), _lines(cells), phase
    )


def _new_tiles(lowering: Lowering, shape: tuple[int, ...], dtype: str) -> View:
    """Return memory for (..., channels, samples), with the innermost axis of images innermost."""
    *others, channels, samples = range(len(shape))
    last = (channels, samples) if lowering.is_inner else (samples, channels)
    return lowering.ordered(shape, dtype, (*others, *last))


def _lines(view: View) -> list[View]:
    return [window_cell(view, 0, (i,)) for i in range(view.shape[0])]
