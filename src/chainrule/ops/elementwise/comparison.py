"""Comparisons, logic, and the choice between two values."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from chainrule.errors import DtypeError, ShapeError
from chainrule.ops.elementwise.elementwise import Elementwise, same_kind
from chainrule.ops.operation_card import Flat, NoGradient, Sample, Says, card, draw
from chainrule.symbolic_shape import Spec, shape_text

MANY = 1 << 12  # values whose bits are combined instead of chosen by branches
MAX_BYTES = 4  # of such a value
_STEP = Flat("a comparison is piecewise constant")
_LOGIC = NoGradient("booleans are not differentiable")


class Comparison(Elementwise):
    """Base of the comparisons of two values, whose result is boolean."""

    arguments = ("a", "b")
    pullbacks = {"a": _STEP, "b": _STEP}
    takes = "any"
    gives = "bool"
    kinks = (0.0,)


def _comparison_texts(relation: str, relation_zh: str) -> Says:
    return Says(
        f"tests whether the first value is {relation} the second",
        f"判断第一个数是否{relation_zh}第二个数",
        "passes no gradient: the result is piecewise constant",
        "不传梯度：判断结果处处平坦",
    )


@card
class Less(Comparison):
    """Whether the first value is less than the second."""

    name = "less"
    chinese = "小于"
    formula = "a < b"
    says = _comparison_texts("less than", "小于")

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a < b


@card
class LessEqual(Comparison):
    """Whether the first value is at most the second."""

    name = "less_equal"
    chinese = "小于等于"
    formula = "a <= b"
    says = _comparison_texts("at most", "小于等于")

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a <= b


@card
class Greater(Comparison):
    """Whether the first value is greater than the second."""

    name = "greater"
    chinese = "大于"
    formula = "a > b"
    says = _comparison_texts("greater than", "大于")

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a > b


@card
class GreaterEqual(Comparison):
    """Whether the first value is at least the second."""

    name = "greater_equal"
    chinese = "大于等于"
    formula = "a >= b"
    says = _comparison_texts("at least", "大于等于")

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a >= b


@card
class Equal(Comparison):
    """Whether two values are the same."""

    name = "equal"
    chinese = "等于"
    formula = "a == b"
    says = _comparison_texts("equal to", "等于")

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a == b


@card
class NotEqual(Comparison):
    """Whether two values differ; true for NaN and any value."""

    name = "not_equal"
    chinese = "不等于"
    formula = "a != b"
    says = _comparison_texts("different from", "不等于")

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a != b


@card
class LogicalAnd(Elementwise):
    """True where both are true."""

    name = "logical_and"
    chinese = "逻辑与"
    arguments = ("a", "b")
    formula = "a & b"
    pullbacks = {"a": _LOGIC, "b": _LOGIC}
    takes = "true/false"
    says = Says("tests whether both are true", "判断是否都为真", "passes no gradient", "不传梯度")

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a & b


@card
class LogicalOr(Elementwise):
    """True where at least one is true."""

    name = "logical_or"
    chinese = "逻辑或"
    arguments = ("a", "b")
    formula = "a | b"
    pullbacks = {"a": _LOGIC, "b": _LOGIC}
    takes = "true/false"
    says = Says("tests whether one is true", "判断是否至少一个为真", "passes no gradient", "不传梯度")

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a | b


@card
class LogicalNot(Elementwise):
    """True where the value is false."""

    name = "logical_not"
    chinese = "逻辑非"
    arguments = ("x",)
    formula = "not(x)"
    pullbacks = {"x": _LOGIC}
    takes = "true/false"
    says = Says("negates the value", "取反", "passes no gradient", "不传梯度")

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return ~x


@card
class IsFinite(Elementwise):
    """Whether the value is finite: neither NaN nor infinite."""

    name = "is_finite"
    chinese = "是否有限"
    arguments = ("x",)
    formula = "abs(x) <= 1.7976931348623157e308"
    pullbacks = {"x": _STEP}
    gives = "bool"
    says = Says(
        "tests whether the value is finite",
        "判断是否为有限数",
        "passes no gradient: the result is piecewise constant",
        "不传梯度",
    )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.isfinite(x)


@card
class Where(Elementwise):
    """The first value where the condition is true, else the second.

    Numerics: the value that is not chosen does not affect the gradient, even if it is infinite or NaN.
    """

    name = "where"
    chinese = "按条件选择"
    arguments = ("c", "a", "b")
    formula = "where(c, a, b)"
    pullbacks = {
        "c": Flat("a condition is piecewise constant"),
        "a": "where(c, dy, 0)",
        "b": "where(c, 0, dy)",
    }
    constraints: ClassVar = {
        "C1": "all inputs have one shape",
        "C2": "both values have one dtype",
        "C3": "the condition is true/false",
    }
    says = Says(
        "selects one of two values",
        "按条件二选一",
        "passes the gradient to the selected value",
        "选通：梯度只传给被选中的值",
    )

    def infer(self, *specs: Spec) -> Spec:
        condition, *values = specs
        if any(spec.shape != condition.shape for spec in values):
            shapes = " and ".join(shape_text(spec.shape) for spec in specs)
            raise ShapeError("E201", op=self.name, expected=shape_text(condition.shape), received=shapes)
        if condition.dtype != "bool":
            raise DtypeError(
                "E253",
                op=self.name,
                kind="true/false",
                expected="bool",
                received=condition.dtype,
                fix="c > 0",
            )
        same_kind(self.name, tuple(values), "any")
        return values[0]

    def evaluate(self, c: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        is_plain = c.flags.c_contiguous and all(v.flags.c_contiguous or not any(v.strides) for v in (a, b))
        if not is_plain or a.size < MANY or a.itemsize > MAX_BYTES:
            return np.where(c, a, b)
        bits = np.dtype(f"i{a.itemsize}")
        mask = (-c.view(np.int8)).astype(bits)  # all bits are 1 where the condition is true
        other = b.view(bits)
        return (((a.view(bits) ^ other) & mask) ^ other).view(a.dtype)

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        a, b = draw(5, 3), draw(5, 3, seed=1)
        c = draw(5, 3, seed=2) > 0
        return (
            Sample(cls(), (c, a, b), batch=(0, 0, 0)),
            Sample(cls(), (np.array(True), np.array(2.0), np.array(3.0))),
            Sample(cls(), (c[:0], a[:0], b[:0])),
            Sample(cls(), (c, np.where(c, a, np.nan), np.where(c, np.inf, b)), smooth=False),
            Sample(cls(), (c, a[:4], b), breaks="C1"),
            Sample(cls(), (c, a, b.astype("int64")), breaks="C2"),
            Sample(cls(), (a, a, b), breaks="C3"),
        )


_LOGICAL = (LogicalAnd, LogicalOr, LogicalNot)
CARDS = (Less, LessEqual, Greater, GreaterEqual, Equal, NotEqual, *_LOGICAL, IsFinite, Where)
