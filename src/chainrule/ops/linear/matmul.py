"""The matrix product."""

from __future__ import annotations

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, make
from chainrule.notation.tree import Element, Product, Sum, Tree
from chainrule.ops.array.shape import broadcast_shapes, broadcast_to, reshape, swap
from chainrule.ops.elementwise.elementwise import same_kind
from chainrule.ops.operation_card import (
    Apart,
    Axes,
    BatchRule,
    Card,
    Pulled,
    Reduced,
    Sample,
    Says,
    Shared,
    Whole,
    card,
    draw,
)
from chainrule.symbolic_shape import Spec, count, shape_text


@card
class Matmul(Card):
    """The product of two matrices, or of two stacks of matrices.

    Shapes: (..., I, K) @ (..., K, J) -> (..., I, J), with equal leading axes.

    Numerics: each element is a sum of K products; engines add in different orders, so the last bits may
        differ between them.

    Cost: 2 I K J flops for each matrix.
    """

    name = "matmul"
    chinese = "矩阵乘法"
    arguments = ("a", "b")
    formula = "sum(k, a[i,k] * b[k,j])"
    pullbacks = {"a": "sum(j, dy[i,j] * b[k,j])", "b": "sum(i, a[i,k] * dy[i,j])"}
    constraints = {
        "C1": "the last axis of the left is as long as the last but one of the right",
        "C2": "both have the same number of axes, two at least, and equal leading axes",
        "C3": "both have one floating-point dtype",
    }
    says = Says(
        "computes weighted sums of the inputs",
        "加权求和",
        "passes each input its weight times the gradient, and each weight its input times the gradient",
        "每个输入得到“权重乘以梯度”，每个权重得到“输入乘以梯度”",
    )

    def infer(self, *specs: Spec) -> Spec:
        a, b = specs
        if a.rank != b.rank or a.rank < 2 or a.shape[:-2] != b.shape[:-2]:
            constraint = fact("matrices with equal leading axes (C2)")
            expected = shape_text(a.shape)
            raise ShapeError(
                "E208", op=self.name, constraint=constraint, expected=expected, received=shape_text(b.shape)
            )
        if a.shape[-1] != b.shape[-2]:
            raise ShapeError(
                "E203", expected=shape_text((*a.shape[:-1], b.shape[-2])), received=shape_text(a.shape)
            )
        same_kind(self.name, specs, "floating-point")
        return a.with_shape((*a.shape[:-1], b.shape[-1]))

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.matmul(a, b)

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        a, b = inputs
        return make(self, dy, swap(b)), make(self, swap(a), dy)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        (*stack, i, j), inner = index, inputs[0].shape[-1]
        return Sum(
            tuple(Product((Element(0, (*stack, i, k)), Element(1, (*stack, k, j)))) for k in range(inner))
        )

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        left, right, last = axes[0], axes[1], specs[0].rank - 1
        if left is None and right is None:
            return Shared()
        if left == right and left is not None and left < last - 1:
            return Apart(left)
        if (left == last - 1 and right is None) or (left is None and right == last):
            return Apart(last - 1 if right is None else last)
        if left == last and right == last - 1:
            return Reduced("sum")
        return Whole("samples are combined with other samples")

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        return (
            Sample(cls(), (draw(5, 3), draw(3, 2)), batch=(0, None)),
            Sample(cls(), (draw(3, 5), draw(5, 2)), batch=(1, 0)),
            Sample(cls(), (draw(4, 2, 3), draw(4, 3, 2)), batch=(0, 0)),
            Sample(cls(), (draw(2, 3), draw(3, 6)), batch=(None, 1)),
            Sample(cls(), (draw(1, 1), draw(1, 1))),
            Sample(cls(), (draw(2, 0), draw(0, 3))),
            Sample(cls(), (draw(0, 2), draw(2, 3))),
            Sample(cls(), (draw(2, 3), draw(2, 3)), breaks="C1"),
            Sample(cls(), (draw(2, 2, 3), draw(3, 2)), breaks="C2"),
            Sample(cls(), (draw(2, 3).astype("int64"), draw(3, 2).astype("int64")), breaks="C3"),
        )


def matmul(a: Node, b: Node) -> Node:
    """Return the matrix product with the rules of NumPy's ``@``: vectors and stacks of matrices on either
    side.

    A stack of matrices times one matrix is computed as a single large product, which is faster.

    Args:
        a, b: floating-point numbers (..., M, K) and (..., K, N), or vectors (K,); axes in front are
            broadcast.

    Raises:
        ShapeError E203: the inner axes differ.
    """
    if a.rank == 1 or b.rank == 1:
        wide = matmul(
            reshape(a, (1, a.shape[0])) if a.rank == 1 else a,
            reshape(b, (b.shape[0], 1)) if b.rank == 1 else b,
        )
        shape = [n for i, n in enumerate(wide.shape) if not _is_dropped(i, wide.rank, a.rank, b.rank)]
        return reshape(wide, shape)
    if b.rank == 2 and a.rank > 2:
        flat = make(Matmul(), reshape(a, (count(a.shape[:-1]), a.shape[-1])), b)
        return reshape(flat, (*a.shape[:-1], b.shape[-1]))
    lead = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return make(Matmul(), broadcast_to(a, (*lead, *a.shape[-2:])), broadcast_to(b, (*lead, *b.shape[-2:])))


def _is_dropped(axis: int, rank: int, left: int, right: int) -> bool:
    """Return whether an axis of the product was added only to convert a vector into a matrix."""
    return (axis == rank - 2 and left == 1) or (axis == rank - 1 and right == 1)


CARDS = (Matmul,)
