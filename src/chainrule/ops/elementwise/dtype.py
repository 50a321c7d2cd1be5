"""What a value *is*: its number kind, its extent, and whether a gradient may pass."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from chainrule.errors import DtypeError, ShapeError, fact
from chainrule.graph import Node, make
from chainrule.notation.tree import Apply, Compare, Element, Number, Tree
from chainrule.ops.card import (
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
from chainrule.ops.elementwise.elementwise import Elementwise, aligned
from chainrule.records import frozen
from chainrule.spec import DTYPES, FLOATS, Spec


@frozen
class _Kind(Card):
    dtype: str = "float64"


@card
class Cast(_Kind):
    """The same values as numbers of another kind.

    Args:
        dtype: the new kind, one chainrule computes with (C1).

    Numerics: to a float of fewer digits rounds to nearest; to a whole number cuts towards 0; to true/false is
    "not zero".
    """

    name = "cast"
    chinese = "类型转换"
    arguments = ("x",)
    formula = "x"
    pullbacks = {"x": "dy"}
    constraints = {"C1": "the kind is known"}
    says = Says("changes the kind of number", "转换数值类型", "changes the kind back", "转换回原来的数值类型")

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
            return (Flat("integers change only in jumps"),)
        return (NoGradient("integers have no small steps"),)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        (x,) = inputs
        if self.dtype == "bool":
            return Compare("!=", Element(0, index), Number(0))
        if x.dtype == np.bool_:
            return Apply("where", (Element(0, index), Number(1), Number(0)))
        whole = self.dtype not in FLOATS and x.dtype.kind == "f"
        return Number(int(x[index])) if whole else Element(0, index)

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
    """The same value, through which no gradient passes: to the rest of the network it is a constant."""

    name = "stop_gradient"
    chinese = "截断梯度"
    arguments = ("x",)
    formula = "x"
    pullbacks = {"x": Flat("it was asked to stop here")}
    takes = "any"
    says = Says("passes the value", "原样传递", "stops what arrives", "截断梯度")

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return x


@frozen
class _Counted(Card):
    axes: tuple[int, ...] = (0,)
    dtype: str = "float64"


@card
class Extent(_Counted):
    """How many numbers lie along some axes: the n of a mean, known when the batch is.

    Args:
        axes: the axes to count along; each exists (C1).
        dtype: number kind of the count.
    """

    name = "extent"
    chinese = "计数"
    arguments = ("x",)
    formula = "n"
    pullbacks = {"x": Flat("a count does not depend on the values")}
    constraints = {"C1": "every axis exists"}
    says = Says("counts", "计数", "passes nothing on: a count is flat", "不传梯度")
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
        return self.shared  # it asks for the length of the whole batch, which every part is told

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
    """``x`` as numbers of another kind."""
    return x if x.dtype == dtype else make(Cast(dtype), x)


def stop_gradient(x: Node) -> Node:
    """``x``, as a constant to everything that follows."""
    return make(StopGradient(), x)


def extent(x: Node, axes: tuple[int, ...]) -> Node:
    """How many numbers lie along ``axes`` of ``x``, as a number of its kind."""
    return make(Extent(axes, x.dtype), x)


CARDS = (Cast, StopGradient, Extent)
