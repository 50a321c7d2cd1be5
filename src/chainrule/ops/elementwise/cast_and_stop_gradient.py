"""Operations that change the dtype, count elements, or stop the gradient."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from chainrule.errors import DtypeError, ShapeError, fact
from chainrule.graph import Node, make
from chainrule.notation.tree import Apply, Compare, Element, Number, Tree
from chainrule.ops.elementwise.elementwise import Elementwise, aligned
from chainrule.ops.operation_card import (
    Axes,
    BatchRule,
    Card,
    Flat,
    NoGradient,
    Pulled,
    Sample,
    Says,
    Shared,
    card,
    draw,
)
from chainrule.records import frozen
from chainrule.symbolic_shape import DTYPES, FLOATS, Spec


@frozen
class _Kind(Card):
    dtype: str = "float64"


@card
class Cast(_Kind):
    """The values converted to another dtype.

    Args:
        dtype: the new dtype, a supported one (C1).

    Numerics: to a float of lower precision, rounds to nearest; to an integer, truncates towards 0; to bool,
        true where the value is not 0.
    """

    name = "cast"
    chinese = "类型转换"
    arguments = ("x",)
    formula = "x"
    pullbacks = {"x": "dy"}
    constraints = {"C1": "the dtype is supported"}
    says = Says("converts the dtype", "转换数值类型", "converts the gradient back", "转换回原来的数值类型")

    def infer(self, *specs: Spec) -> Spec:
        if self.dtype not in DTYPES:
            raise DtypeError("E251", dtype=self.dtype, expected=", ".join(DTYPES), received=self.dtype)
        return specs[0].with_dtype(self.dtype)

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return x.astype(self.dtype)

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        (x,) = inputs
        if x.spec.is_float and y.spec.is_float:
            return (make(Cast(x.dtype), dy),)
        if x.spec.is_float:
            return (Flat("integers are piecewise constant"),)
        return (NoGradient("integers are not differentiable"),)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        (x,) = inputs
        if self.dtype == "bool":
            return Compare("!=", Element(0, index), Number(0))
        if x.dtype == np.bool_:
            return Apply("where", (Element(0, index), Number(1), Number(0)))
        is_truncated = self.dtype not in FLOATS and x.dtype.kind == "f"
        return Number(int(x[index])) if is_truncated else Element(0, index)

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        return aligned(axes)

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        x = draw(4, 3)
        return (
            Sample(cls("float64"), (x,), batch=(0,)),
            Sample(cls("float32"), (np.array([1.0, 2.0]),), smooth=False),
            Sample(cls("int64"), (x,), smooth=False),
            Sample(cls("bool"), (np.array([0.0, -2.0]),), smooth=False),
            Sample(cls("float64"), (np.array([3, -1]),)),
            Sample(cls("float64"), (x > 0,)),
            Sample(cls("float64"), (draw(1),)),
            Sample(cls("float64"), (draw(0),)),
            Sample(cls("complex64"), (x,), breaks="C1"),
        )


@card
class StopGradient(Elementwise):
    """The value, treated as a constant by differentiation."""

    name = "stop_gradient"
    chinese = "截断梯度"
    arguments = ("x",)
    formula = "x"
    pullbacks = {"x": Flat("stop_gradient stops the gradient")}
    takes = "any"
    says = Says("passes the value", "原样传递", "stops the gradient", "截断梯度")

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return x


@frozen
class _Counted(Card):
    axes: tuple[int, ...] = (0,)
    dtype: str = "float64"


@card
class Extent(_Counted):
    """The number of elements along some axes: the n of a mean, known once the batch size is.

    Args:
        axes: the axes to count along; each exists (C1).
        dtype: dtype of the count.
    """

    name = "extent"
    chinese = "计数"
    arguments = ("x",)
    formula = "n"
    pullbacks = {"x": Flat("a count does not depend on the values")}
    constraints = {"C1": "every axis exists"}
    says = Says("counts", "计数", "passes no gradient: a count does not depend on the values", "不传梯度")
    shared: ClassVar = Shared()

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        for axis in self.axes:
            if not 0 <= axis < x.rank:
                raise ShapeError(
                    "E205", axis=axis, expected=fact("0 to {last} (C1)", last=x.rank - 1), received=self.axes
                )
        return Spec((), self.dtype)

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.array(np.prod([x.shape[axis] for axis in self.axes]), self.dtype)

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        return (Flat("a count does not depend on the values"),)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        return Number(int(self.evaluate(inputs[0])))

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        return self.shared  # the length of the full batch, which is known to every part

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        return (
            Sample(cls((0,)), (draw(4, 3),)),
            Sample(cls((0, 1)), (draw(4, 3),)),
            Sample(cls((1,)), (draw(4, 3),), batch=(0,)),
            Sample(cls((0,)), (draw(0, 3),)),
            Sample(cls(()), (draw(),)),
            Sample(cls((2,)), (draw(4, 3),), breaks="C1"),
        )


def cast(x: Node, dtype: str) -> Node:
    """Return ``x`` converted to a dtype.

    Args:
        x: a node of any shape.
        dtype: its name, such as ``"float32"``, ``"int64"`` or ``"bool"``.
    """
    return x if x.dtype == dtype else make(Cast(dtype), x)


def stop_gradient(x: Node) -> Node:
    """Return ``x``, treated as a constant by differentiation.

    Args:
        x: a node of any shape.
    """
    return make(StopGradient(), x)


def extent(x: Node, axes: tuple[int, ...]) -> Node:
    """Return the number of elements along ``axes`` of ``x``, in its dtype."""
    return make(Extent(axes, x.dtype), x)


CARDS = (Cast, StopGradient, Extent)
