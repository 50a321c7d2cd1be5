"""The gradient of each sample, and the sum of clipped gradients, from one backward pass over the batch.

Clipping needs the norm of every sample's gradient over all parameters, which the sum over the batch hides.
Running the backward pass once for each sample would cost B small passes. Here the gradient graph of the whole
batch is built as usual, and the analysis of the batch axis (``ops.batch_axis``) finds the operations in it
that sum over the samples. What they add up are the gradients of the samples; ``sample_sums`` has the squared
norm of each term, often without the term itself. With the clipping factor c_b = min(1, C / norm_b) of each
sample the same sum is taken once more, with its terms scaled:

    sum over b of c_b outer(a[b], d[b])  =  a.T @ (c d)

So there is no second backward pass (book-keeping; Bu et al., 2023). Everything up to the sums is computed for
each sample on its own: the planner still divides the batch into microbatches, and the norm of a sample needs
no value of another microbatch.

A gradient exists for each sample only if no value of a sample depends on other samples. Batch normalization
violates this; the analysis finds the first such operation.

Reference: Bu, Wang, Zha and Karypis (2023), Differentially private optimization on large model at small cost,
ICML.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from chainrule.errors import GradientError, fact
from chainrule.gradient.forward_and_reverse import grad
from chainrule.graph import Input, Node, make, order, rebuild
from chainrule.ops import functional as F
from chainrule.ops.batch_axis import BATCH, Role, roles
from chainrule.ops.vmap import Terms, lifted_operation, place_rows, window_rows
from chainrule.records import frozen
from chainrule.symbolic_shape import Axis, Size

# Operations after a sum over the samples, applied to the term of each sample.
#
# Between the sum over the samples and the gradient of a parameter lie linear operations: a transpose, the
# factor of a weight normalization, the sum of several uses. Applied to terms (B, ...) instead of their sum
# they give the gradient of each sample.


def by_sample(node: Node, terms: Terms) -> Node | None:
    """Return the operation applied to the terms of each sample, (B, ...).

    Args:
        node: the operation on sums over the samples.
        terms: for each of its inputs the terms, (B, ...), or ``None`` where it does not depend on samples.

    Returns:
        ``None`` where the operation is not linear in the terms, or has no rule.
    """
    linear = _LINEAR.get(node.op.name)
    depends = [term is not None for term in terms]
    return lifted_operation(node, terms, BATCH) if linear is not None and linear(depends) else None


def _in_one(depends: Sequence[bool]) -> bool:
    return depends.count(True) == 1


def _in_first(depends: Sequence[bool]) -> bool:
    return depends[0] and not any(depends[1:])


def _in_all_but_first(depends: Sequence[bool]) -> bool:
    return not depends[0]


_LINEAR: Mapping[str, Callable[[Sequence[bool]], bool]] = {
    **dict.fromkeys(("add", "subtract", "negative", "cast", "stop_gradient", "concatenate"), all),
    **dict.fromkeys(("transpose", "reshape", "broadcast", "sum", "slice", "pad", "resample"), all),
    **dict.fromkeys(("multiply", "matmul"), _in_one),
    **dict.fromkeys(("divide", "gather", "scatter_add"), _in_first),
    "where": _in_all_but_first,
}
"""Whether an operation is linear in the inputs that depend on the samples, by its name."""


# Operations that sum over the samples of a batch, as one term for each sample.
#
# The gradient of a sum of losses by a parameter is a sum over the samples: somewhere in the gradient graph an
# operation adds them up. For a fully connected layer it is the product ``a.T @ d`` of activations and output
# gradients, whose term of sample b is ``outer(a[b], d[b])``. Each operation that reduces the batch has a rule
# here with three parts:
#
#     terms    the terms themselves, (B, ...)
#     squares  the sum of squares of each term, (B,); often much cheaper than the terms
#     scaled   the same sum with a factor for each sample
#
# The squares of an outer product are |a[b]|^2 |d[b]|^2, without the product (Goodfellow, 2015). A layer that
# is applied at k places of a sample has terms A.T D with A (k, I) and D (k, J); their squares are those of
# the product, or the sum over A A.T * D D.T where k is small (Li et al., 2022), whichever is smaller.
#
# Numerics: the k parts of a term may cancel, and then rounding errors of the parts are as large as the term,
# or larger: the sum over A A.T * D D.T may even be negative. A norm that is too small would let a sample
# through that should be clipped. So ``squares`` adds a bound of these errors, a small multiple of the square
# of
#
#     mass = sum over the parts of |a| |d|
#
# which is negligible unless parts cancel almost completely. It also bounds the mass of a clipped term, and
# with it the rounding errors of the sum over the samples.
#
# The samples lie along one axis of the operands, with k consecutive elements each; ``split`` makes them the
# first axis.
#
# Reference: Goodfellow (2015), Efficient per-example gradient computations, arXiv:1510.01799; Li, Tramer,
# Liang and Hashimoto (2022), Large language models can be strong differentially private learners, ICLR.

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
    """Return the squared norms of sums of parts with a bound of their rounding errors, (B,).

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
    """Return the number of elements of each sample along the batch axis."""
    length = x.shape[axis]
    return length // BATCH if isinstance(length, Size) else 0


def split(x: Node, axis: int) -> Node:
    """Return a value with the samples along a new first axis: (..., B k, ...) -> (B, ..., k, ...)."""
    if x.op.name == "transpose":
        order = list(x.op.attributes["axes"])
        source, moved = x.inputs[0], order[axis]
        first = split(source, moved)
        return _moved(first, (0, *(a + 1 for a in order)))
    shape = (*x.shape[:axis], BATCH, places(x, axis), *x.shape[axis + 1 :])
    return _moved(F.reshape(x, shape), (axis, *range(axis), *range(axis + 1, x.rank + 1)))


def _moved(x: Node, axes: Sequence[int]) -> Node:
    """Return axes in another order, as one operation where ``x`` is transposed already."""
    if x.op.name == "transpose":
        before = x.op.attributes["axes"]
        return F.transpose(x.inputs[0], tuple(before[a] for a in axes))
    return F.transpose(x, tuple(axes))


def scaled(node: Node, axes: Axes, factor: Node, is_used: Node) -> Node:
    """Return the sum with a factor for each sample.

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
    """Return the floating-point operand with the fewest elements for each sample."""
    sizes = {i: _size(x) for i, x in enumerate(node.inputs[: len(axes)]) if x.spec.is_float}
    return min(sizes, key=lambda i: sizes[i])


def _size(x: Node) -> float:
    """Return the number of elements of each sample; infinite if it is not known."""
    return math.prod(n if isinstance(n, int) else _factor(n) for n in x.shape)


def _factor(n: Size) -> float:
    try:
        k = n // BATCH
    except ValueError:
        return math.inf
    return k if isinstance(k, int) else math.inf


def _times(x: Node, axis: int, factor: Node, is_used: Node) -> Node:
    """Return a value times the factor of its sample."""
    split_shape = (*x.shape[:axis], BATCH, places(x, axis), *x.shape[axis + 1 :])
    lengths = (*(1 for _ in x.shape[:axis]), BATCH, *(1 for _ in x.shape[axis:]))
    by_sample = F.reshape(x, split_shape)
    factors, used = F.reshape(factor, lengths), F.reshape(is_used, lengths)
    return F.reshape(F.where(used, by_sample * factors, 0.0), x.shape)


def squared(terms: Node) -> Node:
    """Return the sum of squares of each sample's term: (B, ...) -> (B,)."""
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
    """Return the operands of a product as (B, ..., I, k) and (B, ..., k, J)."""
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
    """Return whether two products of k rows with themselves are smaller than that of I by J numbers."""
    if not (isinstance(k, int) and isinstance(i, int) and isinstance(j, int)):
        return False
    return k * (i + j) <= i * j


# --- convolutions


def _windows(node: Node) -> tuple[Node, Node]:
    """Return image windows and output gradients of each sample: (B, [G,] P, K) and (B, [G,] P, O)."""
    x, g = node.inputs
    parts = BATCH, places(g, 0)
    return window_rows(node.op, x, parts, node.op.attributes["kernel"]), place_rows(node.op, g, parts)


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
    """Return each sample's sum of squares of ``columns.T @ rows``, from products of rows with rows."""
    gram = F.matmul(rows, rows.T) * F.matmul(columns, columns.T)
    return F.sum(gram, tuple(range(1, gram.rank)))


# --- rows of tables


def _rows(node: Node, axes: Axes) -> tuple[Node, Node]:
    """Return the values (B, k, D) and their rows (B, k) of each sample."""
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


ISOMETRIES = frozenset({"transpose", "reshape", "negative", "pad"})
"""Operations that do not change the sum of squares."""


@frozen(eq=False)
class ClippedSum:
    """The sum of clipped gradients.

    Args:
        gradients: for each parameter the sum over the samples of c_b times the gradient of sample b.
        squared_norms: the squared norm of each sample's gradient over all parameters, before clipping, (B,).
        factors: the factor c_b of each sample, (B,).
    """

    gradients: tuple[Node, ...]
    squared_norms: Node
    factors: Node


class SampleGradients:
    """The gradients of the losses of single samples.

    Args:
        losses: the loss of each sample, (B,).
        inputs: the nodes to differentiate with respect to, which do not depend on samples.

    Raises:
        GradientError E275: a value of a sample depends on other samples.
    """

    def __init__(self, losses: Node, inputs: Sequence[Node]) -> None:
        self.inputs = list(inputs)
        self.gradients = grad(F.sum(losses), self.inputs, unused="zeros")
        self._nodes = order(self.gradients)
        self._roles = roles(self._nodes)
        self._terms: dict[Node, Node | None] = {}
        for node in self._nodes:
            self._refuse_mixed(node)

    def per_sample(self) -> tuple[Node, ...]:
        """Return the gradient of every sample by each input, (B, ...).

        Raises:
            GradientError E276: an operation has no rule for single samples.
        """
        return tuple(self._required(g) for g in self.gradients)

    def clipped(self, max_norm: float, weights: Node | None = None) -> ClippedSum:
        """Return the sum of the gradients of all samples, each scaled to a norm of at most ``max_norm``.

        Args:
            max_norm: the largest norm of a sample's gradient over all inputs.
            weights: a factor for each sample, (B,), from 0 to 1; 0 leaves a sample out.

        Raises:
            GradientError E276: an operation has no rule for single samples.
        """
        total: Node | None = None
        for gradient in self.gradients:
            squares = self._squares(gradient)
            if squares is not None:
                total = squares if total is None else total + squares
        if total is None:
            raise GradientError("E272", where="clipped", fix='cr.grad(output, inputs, unused="zeros")')
        limit = float(max_norm)
        factors = limit / F.maximum(F.sqrt(total), limit)
        is_used = F.is_finite(total)
        if weights is not None:
            factors = factors * weights
            is_used = F.logical_and(is_used, F.greater(weights, 0.0))
        return ClippedSum(self._scaled(factors, is_used), total, factors)

    def _scaled(self, factors: Node, is_used: Node) -> tuple[Node, ...]:
        replaced = {
            node: scaled(node, self._axes(node), factors, is_used)
            for node in self._nodes
            if self._roles[node].kind == "reduced"
        }
        return rebuild(self.gradients, replaced)

    def _axes(self, node: Node) -> tuple[int, ...]:
        """Return the batch axis of each operand."""
        axes = [self._roles[source].axis for source in node.inputs]
        return tuple(axis for axis in axes if axis is not None)

    def _squares(self, node: Node) -> Node | None:
        """Return the sum of squares of each sample's term, (B,); ``None`` where there is none."""
        if self._roles[node].kind == "reduced" and self._has_rule(node):
            return SAMPLE_SUMS[node.op.name].squares(node, self._axes(node))
        if node.op.name in ISOMETRIES and self._roles[node].kind == "shared":
            return self._squares(node.inputs[0])
        terms = self._term(node)
        return None if terms is None else squared(terms)

    def _has_rule(self, node: Node) -> bool:
        return node.op.name in SAMPLE_SUMS and len(self._axes(node)) == len(node.inputs)

    def _required(self, node: Node) -> Node:
        terms = self._term(node)
        return F.full_like(F.broadcast_to(node, (BATCH, *node.shape)), 0.0) if terms is None else terms

    def _term(self, node: Node) -> Node | None:
        """Return each sample's term in a sum, (B, ...); ``None`` if the node does not depend on samples."""
        if node not in self._terms:
            for inner in order([node], self._terms):
                self._terms[inner] = self._new_term(inner)
        return self._terms[node]

    def _new_term(self, node: Node) -> Node | None:
        role = self._roles[node]
        if role.kind == "sample":
            return None  # its sum has the terms
        if role.kind == "reduced":
            if not self._has_rule(node):
                raise _no_rule(node)
            return SAMPLE_SUMS[node.op.name].terms(node, self._axes(node))
        terms = [self._terms.get(source) for source in node.inputs]
        if all(term is None for term in terms):
            return None
        result = by_sample(node, terms)
        if result is None:
            raise _no_rule(node)
        return result

    def _refuse_mixed(self, node: Node) -> None:
        """Refuse a value of a sample that depends on others."""
        role = self._roles[node]
        is_mixed = (role.kind == "sample" and role.round > 0) or (
            role.kind == "reduced" and (role.by != "sum" or role.round > 0)
        )
        if is_mixed and not isinstance(node.op, Input):
            cause = _first_reduction(node, self._roles)
            expected = fact("operations that treat each sample separately")
            raise GradientError(
                "E275", where=str(cause.site), op=cause.op.name, expected=expected, received=f"{cause}"
            )


def _first_reduction(node: Node, known: dict[Node, Role]) -> Node:
    """Return the first operation among the ancestors of a node that combines samples."""
    return next((n for n in order([node]) if known[n].kind == "reduced" and n.site.path), node)


def _no_rule(node: Node) -> GradientError:
    expected = fact("an operation with a rule")
    return GradientError("E276", where=str(node.site), op=node.op.name, expected=expected, received=f"{node}")
