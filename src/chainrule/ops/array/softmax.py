"""Softmax, its logarithm, and the logarithm of a sum of exponentials.

All three subtract the largest score first. In exact arithmetic that changes nothing; it keeps every
exponential at most 1, so scores of any size are safe.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.notation.tree import Apply, Element, Negative, Quotient, Sum, Tree
from chainrule.ops.array.shape import broadcast_to, reshape
from chainrule.ops.elementwise.elementwise import same_kind
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
from chainrule.symbolic_shape import Spec


@frozen
class Scores(Card):
    """Base of the operations on scores along one axis.

    Args:
        axis: the axis of the scores; it exists (C1) and is not empty (C2).
    """

    axis: int = 1
    arguments: ClassVar = ("x",)
    constraints: ClassVar = {
        "C1": "the axis exists",
        "C2": "the axis is not empty",
        "C3": "the numbers are floating-point",
    }
    keeps: ClassVar[bool] = True

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        if not 0 <= self.axis < x.rank:
            raise ShapeError(
                "E205", axis=self.axis, expected=fact("0 to {last} (C1)", last=x.rank - 1), received=self.axis
            )
        if x.shape[self.axis] == 0:
            raise ShapeError(
                "E208", op=self.name, constraint=fact("an axis that is not empty (C2)"), received=0
            )
        same_kind(self.name, specs, "floating-point")
        return x if self.keeps else x.with_shape((*x.shape[: self.axis], *x.shape[self.axis + 1 :]))

    def across(self, index: tuple[int, ...], x: np.ndarray) -> tuple[Element, ...]:
        """Return all scores that the result at ``index`` depends on."""
        before, after = index[: self.axis], index[self.axis + self.keeps :]
        return tuple(Element(0, (*before, k, *after)) for k in range(x.shape[self.axis]))

    def shifted(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores minus the largest one, and the largest one (0 where it is infinite)."""
        top = np.max(x, axis=self.axis, keepdims=True)
        top = np.where(np.isfinite(top), top, 0)
        return x - top, top

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        (axis,) = axes
        if axis is None:
            return Shared()
        if axis == self.axis:
            return Whole("all samples share one sum")
        return Apart(axis if self.keeps or axis < self.axis else axis - 1)

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        return (
            Sample(cls(1), (draw(4, 3),), batch=(0,)),
            Sample(cls(0), (draw(3, 5),), batch=(1,)),
            Sample(cls(1), (draw(2, 3, 2),), batch=(0,)),
            Sample(cls(0), (draw(1),)),
            Sample(cls(1), (draw(0, 3),)),
            Sample(cls(1), (np.array([[5.0, 5.0, 5.0]]),)),
            Sample(cls(1), (np.array([[1000.0, -1000.0, 999.0]]),), smooth=False),
            Sample(cls(1), (np.array([[-np.inf, 0.0, 1.0]]),), smooth=False),
            Sample(cls(2), (draw(2, 2),), breaks="C1"),
            Sample(cls(1), (draw(2, 0),), breaks="C2"),
            Sample(cls(1), (np.ones((2, 2), "int64"),), breaks="C3"),
        )


@card
class Softmax(Scores):
    """Softmax: probabilities with sum 1.

    Numerics: does not overflow; a score of minus infinity gets probability 0.
    """

    name = "softmax"
    chinese = "softmax"
    formula = "exp(x[j]) / sum(k, exp(x[k]))"
    pullbacks = {"x": "y * (dy - sum(k, dy[k] * y[k]))"}
    says = Says(
        "turns scores into probabilities",
        "把得分变成概率",
        "passes each score its probability times (the gradient minus its weighted mean)",
        "每个得分得到“概率 ×（梯度减去加权平均）”",
    )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        raised = np.exp(self.shifted(x)[0])
        return raised / np.sum(raised, axis=self.axis, keepdims=True)

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        mean = FUNCTIONS["sum"](dy * y, self.axis, True)
        return (y * (dy - mean),)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        raised = tuple(Apply("exp", (e,)) for e in self.across(index, inputs[0]))
        return Quotient(Apply("exp", (Element(0, index),)), Sum(raised))


@card
class LogSoftmax(Scores):
    """The logarithm of softmax, computed without the probabilities.

    Numerics: exact where softmax would underflow to 0 and its logarithm to minus infinity.
    """

    name = "log_softmax"
    chinese = "对数 softmax"
    formula = "x[j] - log(sum(k, exp(x[k])))"
    pullbacks = {"x": "dy - exp(y) * sum(k, dy[k])"}
    says = Says(
        "turns scores into log-probabilities",
        "把得分变成对数概率",
        "passes each score the gradient minus its probability times the sum of the gradients",
        "每个得分得到“梯度减去概率乘以梯度之和”",
    )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        shifted, _ = self.shifted(x)
        return shifted - np.log(np.sum(np.exp(shifted), axis=self.axis, keepdims=True))

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        return (dy - FUNCTIONS["exp"](y) * FUNCTIONS["sum"](dy, self.axis, True),)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        raised = tuple(Apply("exp", (e,)) for e in self.across(index, inputs[0]))
        return Sum((Element(0, index), Negative(Apply("log", (Sum(raised),)))))


@card
class LogSumExp(Scores):
    """The logarithm of the sum of exponentials: a smooth maximum.

    Numerics: does not overflow; minus infinity if all scores are.
    """

    name = "logsumexp"
    chinese = "指数和的对数"
    formula = "log(sum(k, exp(x[k])))"
    pullbacks = {"x": "dy * exp(x[k] - y)"}
    keeps = False
    says = Says(
        "takes the smooth maximum",
        "取平滑的最大值",
        "distributes the gradient by the softmax of the scores",
        "按 softmax 分配梯度",
    )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        shifted, top = self.shifted(x)
        return (np.log(np.sum(np.exp(shifted), axis=self.axis, keepdims=True)) + top).squeeze(self.axis)

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        (x,) = inputs
        wide = (*x.shape[: self.axis], 1, *x.shape[self.axis + 1 :])
        share = FUNCTIONS["exp"](x - broadcast_to(reshape(y, wide), x.shape))
        return (broadcast_to(reshape(dy, wide), x.shape) * share,)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        return Apply("log", (Sum(tuple(Apply("exp", (e,)) for e in self.across(index, inputs[0]))),))


CARDS = (Softmax, LogSoftmax, LogSumExp)
