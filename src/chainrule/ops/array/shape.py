"""Operations that rearrange elements without changing them: transpose, reshape, broadcast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, make
from chainrule.notation.tree import Element, Tree
from chainrule.ops.functions_by_name import FUNCTIONS
from chainrule.ops.operation_card import (
    Apart,
    Axes,
    BatchRule,
    Card,
    Pulled,
    Sample,
    Says,
    Shared,
    Whole,
    card,
    draw,
)
from chainrule.records import frozen
from chainrule.symbolic_shape import Axis, Shape, Size, Spec, bound, count, shape_text

B = Size.symbol("B")


@frozen
class _Permutation(Card):
    axes: tuple[int, ...] = ()


@card
class Transpose(_Permutation):
    """The axes in another order.

    Args:
        axes: for each axis of the result the axis of the input, each once (C1).
    """

    name = "transpose"
    chinese = "转置"
    arguments = ("x",)
    formula = "x[j,i]"
    pullbacks = {"x": "dy[j,i]"}
    constraints = {"C1": "every axis of the input is named once"}
    says = Says("exchanges axes", "交换轴", "exchanges them back", "把轴换回来")

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        if sorted(self.axes) != list(range(x.rank)):
            constraint = fact("every axis named once (C1)")
            expected = fact("an order of {axes}", axes=tuple(range(x.rank)))
            raise ShapeError(
                "E208", op=self.name, constraint=constraint, expected=expected, received=self.axes
            )
        return x.with_shape(x.shape[axis] for axis in self.axes)

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.transpose(x, self.axes)

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        return (transpose(dy, [self.axes.index(i) for i in range(len(self.axes))]),)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        return Element(0, tuple(index[self.axes.index(i)] for i in range(len(index))))

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        return Shared() if axes[0] is None else Apart(self.axes.index(axes[0]))

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        return (
            Sample(cls((1, 0)), (draw(4, 3),), batch=(0,)),
            Sample(cls((1, 2, 0)), (draw(4, 3, 2),), batch=(1,)),
            Sample(cls(()), (draw(),)),
            Sample(cls((1, 0)), (draw(0, 2),)),
            Sample(cls((0, 0)), (draw(2, 2),), breaks="C1"),
        )


@frozen
class _Shaped(Card):
    shape: Shape = ()


@card
class Reshape(_Shaped):
    """The same elements in the same order (last axis fastest), in another shape.

    Args:
        shape: axis lengths whose product is the number of elements (C1).
    """

    name = "reshape"
    chinese = "改变形状"
    arguments = ("x",)
    formula = "x[k]"
    pullbacks = {"x": "dy[k]"}
    constraints = {"C1": "the number of elements stays"}
    says = Says("changes the shape", "改变形状", "gives the gradient the old shape", "恢复原来的形状")

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        if count(self.shape) != x.size:
            expected = fact("{count} elements {shape}", count=x.size, shape=shape_text(x.shape))
            received = fact("{count} elements {shape}", count=count(self.shape), shape=shape_text(self.shape))
            raise ShapeError("E204", expected=expected, received=received)
        return x.with_shape(self.shape)

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.reshape(x, bound(self.shape))

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        return (reshape(dy, inputs[0].shape),)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        flat = int(np.ravel_multi_index(index, bound(self.shape))) if index else 0
        return Element(0, tuple(int(i) for i in np.unravel_index(flat, inputs[0].shape)))

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        (axis,), (x,) = axes, specs
        if axis is None:
            return Shared()
        before = count(x.shape[:axis])
        for i, length in enumerate(self.shape):
            if count(self.shape[:i]) == before and _holds_samples(x.shape[axis], length):
                return Apart(i)
        return Whole("the samples are mixed into another axis")

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        return (
            Sample(cls((B, 6)), (draw(4, 3, 2),), batch=(0,)),
            Sample(cls((2, 1, B)), (draw(2, 5),), batch=(1,)),
            Sample(cls((B * 3, 2)), (draw(4, 3, 2),), batch=(0,)),
            Sample(cls((2, B * 3)), (draw(2, 4, 3),), batch=(1,)),
            Sample(cls((B, 2)), (draw(2, 4),), batch=(1,)),
            Sample(cls(()), (draw(1, 1),)),
            Sample(cls((0, 7)), (draw(7, 0),)),
            Sample(cls((5,)), (draw(2, 3),), breaks="C1"),
        )


def _holds_samples(old: Axis, new: Axis) -> bool:
    """Return whether a new axis at the position of the batch axis has consecutive elements of each sample."""
    if isinstance(new, int) or isinstance(old, int):
        return isinstance(new, int) and isinstance(old, int) and old > 0 and new % old == 0
    for longer, shorter in ((new, old), (old, new)):  # each element became several, or several one
        try:
            return bool(longer // shorter)
        except ValueError:
            continue
    return False


@card
class Broadcast(_Shaped):
    """The elements repeated along axes of length 1, and along new leading axes.

    Args:
        shape: the new shape; each axis of the input, aligned at the end, is 1 or equal to it (C1).
    """

    name = "broadcast"
    chinese = "广播"
    arguments = ("x",)
    formula = "x[j]"
    pullbacks = {"x": "sum(i, dy[i,j])"}
    constraints = {"C1": "each axis, aligned at the end, is 1 or as long as in the new shape"}
    says = Says(
        "repeats the same numbers",
        "按广播机制重复同一组数",
        "adds up the gradients of all copies",
        "把传给所有副本的梯度相加",
    )

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        tail = self.shape[len(self.shape) - x.rank :] if x.rank else ()
        if x.rank > len(self.shape) or any(a not in (1, b) for a, b in zip(x.shape, tail, strict=True)):
            raise ShapeError("E202", expected=shape_text(self.shape), received=shape_text(x.shape))
        return x.with_shape(self.shape)

    def stretched(self, shape: Shape) -> tuple[int, ...]:
        """Return the axes of the result along which the input is repeated."""
        new = len(self.shape) - len(shape)
        return tuple(i for i, n in enumerate(self.shape) if i < new or (shape[i - new] == 1 and n != 1))

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.broadcast_to(x, bound(self.shape))

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        (x,) = inputs
        return (reshape(summed(dy, self.stretched(x.shape)), x.shape),)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        (x,) = inputs
        tail = index[len(index) - x.ndim :] if x.ndim else ()
        return Element(0, tuple(0 if n == 1 else i for i, n in zip(tail, x.shape, strict=True)))

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        (axis,) = axes
        if axis is not None:
            return Apart(axis + len(self.shape) - specs[0].rank)
        symbolic = [i for i, n in enumerate(self.shape) if n == B]
        return Apart(symbolic[0]) if symbolic else Shared()

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        return (
            Sample(cls((B, 3)), (draw(4, 1),), batch=(0,)),
            Sample(cls((2, B, 3)), (draw(4, 3),), batch=(0,)),
            Sample(cls((4, 3)), (draw(3),)),
            Sample(cls((2, 2)), (draw(),)),
            Sample(cls((1, 1)), (draw(1),)),
            Sample(cls((0, 3)), (draw(1, 3),)),
            Sample(cls((4, 3)), (draw(4),), breaks="C1"),
            Sample(cls((3,)), (draw(1, 3),), breaks="C1"),
        )


def transpose(x: Node, axes: Sequence[int] | None = None) -> Node:
    """Return ``x`` with its axes in another order; reversed by default.

    Args:
        x: a node of any shape.
        axes: for each axis of the result the axis of ``x``; ``None`` reverses them.

    Raises:
        ShapeError E208: an axis is missing or named twice.
    """
    order = (
        tuple(reversed(range(x.rank))) if axes is None else tuple(a + x.rank if a < 0 else a for a in axes)
    )
    return x if order == tuple(range(x.rank)) else make(Transpose(order), x)


def swap(x: Node) -> Node:
    """Return ``x`` with its last two axes exchanged: the transposed matrix."""
    if x.rank < 2:
        return x
    return transpose(x, (*range(x.rank - 2), x.rank - 1, x.rank - 2))


def reshape(x: Node, shape: Sequence[Axis]) -> Node:
    """Return ``x`` in another shape; one axis may be -1 and is inferred.

    Args:
        x: a node of any shape.
        shape: the new lengths of the axes, with the same number of elements.

    Raises:
        ShapeError E204: the number of elements would change.
    """
    new = tuple(shape)
    if -1 in new:
        known = count(n for n in new if n != -1)
        try:
            rest = x.spec.size // known
        except (ValueError, ZeroDivisionError):
            raise ShapeError(
                "E204", expected=fact("a divisor of {count}", count=x.spec.size), received=shape_text(new)
            ) from None
        new = tuple(rest if n == -1 else n for n in new)
    return x if new == x.shape else make(Reshape(new), x)


def broadcast_to(x: Node, shape: Sequence[Axis]) -> Node:
    """Return ``x`` broadcast to ``shape``.

    Args:
        x: a node of any shape.
        shape: the new lengths of the axes; axes may be added in front.

    Raises:
        ShapeError E202: an axis is neither 1 nor of the new length.
    """
    return x if tuple(shape) == x.shape else make(Broadcast(tuple(shape)), x)


def broadcast_shapes(*shapes: Shape) -> Shape:
    """Return the shape to which all can be broadcast, by the rules of NumPy.

    Raises:
        ShapeError E202: two lengths of one axis differ and neither is 1.
    """
    rank = max(len(shape) for shape in shapes)
    result: list[Axis] = []
    for i in range(rank):
        lengths = [shape[i - rank + len(shape)] for shape in shapes if i >= rank - len(shape)]
        wide = [n for n in lengths if n != 1]
        if any(n != wide[0] for n in wide):
            raise ShapeError(
                "E202", expected=shape_text(shapes[0]), received=" and ".join(map(shape_text, shapes))
            )
        result.append(wide[0] if wide else 1)
    return tuple(result)


def summed(x: Node, axes: tuple[int, ...]) -> Node:
    """Return the sum over axes; factors of a product that are constant along them are moved out: sum(a k) = k
    sum(a).

    That is one multiplication instead of many, and the sum can begin before k is known: in the backward pass
    of a normalization all sums are computed in one pass over the elements.
    """
    factors = list(_factors(x))
    same = [f for f in factors if _is_same(f, axes)]
    rest = [f for f in factors if f not in same]
    if not same or not rest:
        return FUNCTIONS["sum"](x, axes)
    inside, *others = rest
    for factor in others:
        inside = inside * factor
    total = FUNCTIONS["sum"](inside, axes)
    for factor in same:
        total = total * _without(factor, axes)
    return -total if sum(1 for _ in _signs(x)) % 2 else total


def _factors(x: Node) -> Iterator[Node]:
    """Yield the factors of a product, without its sign."""
    if x.op.name in ("multiply", "negative"):
        for source in x.inputs:
            yield from _factors(source)
    else:
        yield x


def _signs(x: Node) -> Iterator[Node]:
    """Yield the negations in a product."""
    if x.op.name in ("multiply", "negative"):
        if x.op.name == "negative":
            yield x
        for source in x.inputs:
            yield from _signs(source)


def _is_same(factor: Node, axes: tuple[int, ...]) -> bool:
    """Return whether a factor is constant along axes; a scalar is not moved, since it costs nothing."""
    if not isinstance(factor.op, Broadcast) or all(n == 1 for n in factor.inputs[0].shape):
        return False
    return set(axes) <= set(factor.op.stretched(factor.inputs[0].shape))


def _without(factor: Node, axes: tuple[int, ...]) -> Node:
    """Return a factor without the axes along which it is constant."""
    (source,) = factor.inputs
    new = factor.rank - source.rank
    remaining = [axis for axis in range(factor.rank) if axis not in axes]
    reduced = reshape(source, tuple(source.shape[axis - new] for axis in remaining if axis >= new))
    return broadcast_to(reduced, tuple(factor.shape[axis] for axis in remaining))


CARDS = (Transpose, Reshape, Broadcast)
