"""Operations that sum over the samples of a batch, as one term for each sample.

The gradient of a sum of losses by a parameter is a sum over the samples: somewhere in the gradient graph an
operation adds them up. For a fully connected layer it is the product ``a.T @ d`` of activations and output
gradients, whose term of sample b is ``outer(a[b], d[b])``. Each operation that reduces the batch has a rule
here with three parts:

    terms    the terms themselves, (B, ...)
    squares  the sum of squares of each term, (B,); often much cheaper than the terms
    scaled   the same sum with a factor for each sample

The squares of an outer product are |a[b]|^2 |d[b]|^2, without the product (Goodfellow, 2015). A layer that is
applied at k places of a sample has terms A.T D with A (k, I) and D (k, J); their squares are those of the
product, or the sum over A A.T * D D.T where k is small (Li et al., 2022), whichever is smaller.

Numerics: the k parts of a term may cancel, and then rounding errors of the parts are as large as the term, or
larger: the sum over A A.T * D D.T may even be negative. A norm that is too small would let a sample through
that should be clipped. So ``squares`` adds a bound of these errors, a small multiple of the square of

    mass = sum over the parts of |a| |d|

which is negligible unless parts cancel almost completely. It also bounds the mass of a clipped term, and with
it the rounding errors of the sum over the samples.

The samples lie along one axis of the operands, with k consecutive elements each; ``split`` makes them the
first axis.

Reference: Goodfellow (2015), Efficient per-example gradient computations, arXiv:1510.01799; Li, Tramer, Liang
and Hashimoto (2022), Large language models can be strong differentially private learners, ICLR.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from chainrule.graph import Node, make
from chainrule.ops import functional as F
from chainrule.ops.batch_axis import BATCH
from chainrule.ops.linear.patches import Patches
from chainrule.records import frozen
from chainrule.spec import Axis, Size

Axes: TypeAlias = Sequence[int]
UNIT = {"float32": 2.0**-24, "float64": 2.0**-53}  # the largest relative error of rounding
MASS = {"float32": 2.0**-14, "float64": 2.0**-40}  # the share of the squared mass that counts as a term


@frozen
class SampleSum:
    """The rule of an operation that sums over the samples.

    Args:
        terms: from the node and the batch axis of each operand to the terms, (B, ...).
        squares: the sum of squares of each term, (B,).
    """

    terms: Callable[[Node, Axes], Node]
    squares: Callable[[Node, Axes], Node]


def guarded(squares: Node, left: Node, right: Node | None = None, *, is_gram: bool = False) -> Node:
    """Squared norms of sums of parts with a bound of their rounding errors, (B,).

    Args:
        squares: the computed squared norms, (B,).
        left, right: the factors of each part, (B, ..., k, I) and (B, ..., k, J); ``None``: ``left`` are the
            parts.
        is_gram: whether the squares were computed from the products of parts with each other.
    """
    share, factors = MASS[squares.dtype], [left] if right is None else [left, right]
    lengths = [F.sqrt(F.sum(F.square(x), (x.rank - 1,))) for x in factors]
    masses = lengths[0] if right is None else lengths[0] * lengths[1]  # (B, ..., k)
    if is_gram:  # each product has the errors of its two scalar products, and the sum has k^2 of them
        sizes = [*(x.shape[-1] for x in factors), left.shape[-2] * left.shape[-2]]
        share = max(share, sum(n for n in sizes if isinstance(n, int)) * UNIT[squares.dtype])
    mass = F.sum(masses, (masses.rank - 1,))
    total = F.square(mass) if mass.rank == 1 else F.sum(F.square(mass), tuple(range(1, mass.rank)))
    return F.maximum(squares, 0.0) + total * share


def places(x: Node, axis: int) -> Axis:
    """The number of elements of each sample along the batch axis."""
    length = x.shape[axis]
    return length // BATCH if isinstance(length, Size) else 0


def split(x: Node, axis: int) -> Node:
    """A value with the samples along a new first axis: (..., B k, ...) -> (B, ..., k, ...)."""
    if x.op.name == "transpose":
        order = list(x.op.attributes["axes"])
        source, moved = x.inputs[0], order[axis]
        first = split(source, moved)
        return _moved(first, (0, *(a + 1 for a in order)))
    shape = (*x.shape[:axis], BATCH, places(x, axis), *x.shape[axis + 1 :])
    return _moved(F.reshape(x, shape), (axis, *range(axis), *range(axis + 1, x.rank + 1)))


def _moved(x: Node, axes: Sequence[int]) -> Node:
    """Axes in another order, as one operation where ``x`` is transposed already."""
    if x.op.name == "transpose":
        before = x.op.attributes["axes"]
        return F.transpose(x.inputs[0], tuple(before[a] for a in axes))
    return F.transpose(x, tuple(axes))


def scaled(node: Node, axes: Axes, factor: Node, is_used: Node) -> Node:
    """The sum with a factor for each sample.

    Args:
        node: the operation that sums over the samples.
        axes: the batch axis of each operand.
        factor: the factors, (B,).
        is_used: boolean, (B,): a sample for which it is false adds nothing, even if its values are NaN.
    """
    if node.op.name == "convolution_weight" and not _has_small_gram(node):
        terms = _convolution_terms(node, axes)  # which its squares need, too
        ones = (1,) * (terms.rank - 1)
        factors, used = (F.reshape(x, (BATCH, *ones)) for x in (factor, is_used))
        return F.sum(F.where(used, terms * factors, 0.0), 0)
    index = _smallest(node, axes)
    operands = list(node.inputs)
    operands[index] = _times(operands[index], axes[index], factor, is_used)
    return make(node.op, *operands)


def _smallest(node: Node, axes: Axes) -> int:
    """The floating-point operand with the fewest elements for each sample."""
    sizes = {i: _size(x) for i, x in enumerate(node.inputs[: len(axes)]) if x.spec.is_float}
    return min(sizes, key=lambda i: sizes[i])


def _size(x: Node) -> float:
    """The number of elements of each sample; infinite if it is not known."""
    return math.prod(n if isinstance(n, int) else _factor(n) for n in x.shape)


def _factor(n: Size) -> float:
    try:
        k = n // BATCH
    except ValueError:
        return math.inf
    return k if isinstance(k, int) else math.inf


def _times(x: Node, axis: int, factor: Node, is_used: Node) -> Node:
    """A value times the factor of its sample."""
    split_shape = (*x.shape[:axis], BATCH, places(x, axis), *x.shape[axis + 1 :])
    lengths = (*(1 for _ in x.shape[:axis]), BATCH, *(1 for _ in x.shape[axis:]))
    by_sample = F.reshape(x, split_shape)
    factors, used = F.reshape(factor, lengths), F.reshape(is_used, lengths)
    return F.reshape(F.where(used, by_sample * factors, 0.0), x.shape)


def squared(terms: Node) -> Node:
    """The sum of squares of each sample's term: (B, ...) -> (B,)."""
    return F.sum(F.square(terms), tuple(range(1, terms.rank)))


# --- sums


def _sum_squares(node: Node, axes: Axes) -> Node:
    terms = _sum_terms(node, axes)
    if node.spec.size == node.inputs[0].spec.size // BATCH:
        return squared(terms)  # of one part each
    masses = _sum_terms(make(node.op, F.abs(node.inputs[0])), axes)
    return squared(terms) + squared(masses) * MASS[terms.dtype]


def _sum_terms(node: Node, axes: Axes) -> Node:
    (x,), (axis,) = node.inputs, axes
    added = [a for a in node.op.attributes["axes"] if a != axis]
    by_sample = split(x, axis)  # (B, ..., k, ...): an axis more
    terms = F.sum(by_sample, tuple(a + 1 for a in (*added, axis)))
    return F.reshape(terms, (BATCH, *node.shape))


# --- matrix products


def _factors(node: Node) -> tuple[Node, Node]:
    """The operands of a product as (B, ..., I, k) and (B, ..., k, J)."""
    left, right = node.inputs
    return split(left, left.rank - 1), split(right, right.rank - 2)


def _matmul_terms(node: Node, axes: Axes) -> Node:
    a, d = _factors(node)
    return a * d if a.shape[-1] == 1 else F.matmul(a, d)


def _matmul_squares(node: Node, axes: Axes) -> Node:
    a, d = _factors(node)
    over = tuple(range(1, a.rank - 2))
    k = a.shape[-1]
    if k == 1:
        products = F.sum(F.square(a), (a.rank - 2, a.rank - 1)) * F.sum(F.square(d), (d.rank - 2, d.rank - 1))
        return F.sum(products, tuple(range(1, products.rank)))
    is_gram = _is_small(k, a.shape[-2], d.shape[-1])
    if is_gram:
        gram = F.matmul(a.T, a) * F.matmul(d, d.T)
        squares = F.sum(gram, (*over, gram.rank - 2, gram.rank - 1))
    else:
        squares = squared(F.matmul(a, d))
    return guarded(squares, a.T, d, is_gram=is_gram)


def _is_small(k: Axis, i: Axis, j: Axis) -> bool:
    """Whether two products of k rows with themselves are smaller than the product of I by J numbers."""
    if not (isinstance(k, int) and isinstance(i, int) and isinstance(j, int)):
        return False
    return k * (i + j) <= i * j


# --- convolutions


def _windows(node: Node) -> tuple[Node, Node]:
    """Image windows and output gradients of each sample: (B, [G,] P, K) and (B, [G,] P, O)."""
    x, g = node.inputs
    op = node.op.attributes
    groups, kernel = op["groups"], op["kernel"]
    patches = Patches(op["strides"], op["low"], op["high"], op["dilation"], kernel, 0.0)
    cells = math.prod(kernel)
    count = places(g, 0) * math.prod(n for n in g.shape[1:-1] if isinstance(n, int))  # of all its images
    channels, out = x.shape[-1], g.shape[-1]
    assert isinstance(channels, int)
    assert isinstance(out, int)
    windows = make(patches, x)
    if groups == 1:
        rows = F.reshape(windows, (BATCH, count, cells * channels))
        return rows, F.reshape(g, (BATCH, count, out))
    deep = channels // groups
    parts = F.reshape(windows, (BATCH, count, cells, groups, deep))
    rows = F.reshape(F.transpose(parts, (0, 3, 1, 2, 4)), (BATCH, groups, count, cells * deep))
    return rows, F.transpose(F.reshape(g, (BATCH, count, groups, out // groups)), (0, 2, 1, 3))


def _convolution_terms(node: Node, axes: Axes) -> Node:
    windows, g = _windows(node)
    return F.reshape(F.matmul(g.T, windows), (BATCH, *node.shape))


def _convolution_squares(node: Node, axes: Axes) -> Node:
    windows, g = _windows(node)
    if _has_small_gram(node):
        return guarded(squared_gram(windows, g), windows, g, is_gram=True)
    return guarded(squared(F.matmul(g.T, windows)), windows, g)


def _has_small_gram(node: Node) -> bool:
    windows, g = _windows(node)
    return _is_small(g.shape[-2], windows.shape[-1], g.shape[-1])


def squared_gram(rows: Node, columns: Node) -> Node:
    """The sum of squares of ``columns.T @ rows`` of each sample, from the products of rows with rows."""
    gram = F.matmul(rows, rows.T) * F.matmul(columns, columns.T)
    return F.sum(gram, tuple(range(1, gram.rank)))


# --- rows of tables


def _rows(node: Node, axes: Axes) -> tuple[Node, Node]:
    """The values (B, k, D) and their rows (B, k) of each sample."""
    values, indices = node.inputs
    axis = axes[1]
    order = (axis, *(a for a in range(indices.rank) if a != axis))
    index = F.transpose(indices, order)
    value = F.transpose(values, (*order, *range(indices.rank, values.rank)))
    k = value.spec.size // BATCH
    depth = 1
    for n in node.shape[1:]:
        depth = depth * n
    return F.reshape(value, (BATCH, k // depth, depth)), F.reshape(index, (BATCH, k // depth))


def _scatter_terms(node: Node, axes: Axes) -> Node:
    value, index = _rows(node, axes)
    rows = node.shape[0]
    assert isinstance(rows, int)
    hot = F.one_hot(index, rows, value.dtype)  # (B, k, rows)
    return F.reshape(F.matmul(hot.T, value), (BATCH, *node.shape))


def _scatter_squares(node: Node, axes: Axes) -> Node:
    value, index = _rows(node, axes)
    k = index.shape[1]
    if k == 1:
        return squared(value)
    same = F.equal(F.reshape(index, (BATCH, k, 1)), F.reshape(index, (BATCH, 1, k)))
    squares = F.sum(F.cast(same, value.dtype) * F.matmul(value, value.T), (1, 2))
    return guarded(squares, value, is_gram=True)


SAMPLE_SUMS: Mapping[str, SampleSum] = {
    "sum": SampleSum(_sum_terms, _sum_squares),
    "matmul": SampleSum(_matmul_terms, _matmul_squares),
    "convolution_weight": SampleSum(_convolution_terms, _convolution_squares),
    "scatter_add": SampleSum(_scatter_terms, _scatter_squares),
}
"""The rule of each operation that sums over the samples, by the name of the operation."""
