"""Preprocessing layers with fixed settings: rescaling, normalization, discretization, category encoding.

They are the first layers of a network, so that a saved model takes the same raw values as in training.
``Model.fit`` on a table prepares its columns before the network (``chainrule.data.tables``);
these layers are for networks that receive arrays.
"""

from __future__ import annotations

from dataclasses import KW_ONLY

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, constant
from chainrule.nn.layer import Layer, layer
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.symbolic_shape import shape_text
from chainrule.validation import is_number, require, require_choice, require_integer, require_number, tupled

MODES = ["one_hot", "multi_hot", "count"]


@layer
class Rescaling(Layer):
    """Multiplies by a scale and adds an offset, for example to map 0 to 255 to 0 to 1.

    Shapes: any -> the same.

    Formula: y = x scale + offset.

    Args:
        scale, offset: any numbers.

    Raises:
        UsageError E102: something that is no finite number.

    Example:
        >>> print(Rescaling(1 / 255))
        Rescaling(0.00392156862745098)
    """

    chinese = ("缩放层", "每个数乘以一个数再加一个数，如 0 到 255 变为 0 到 1。")
    takes_one = True
    scale: float
    offset: float = 0.0

    def check(self) -> None:
        require_number(self, "scale")
        require_number(self, "offset")

    def __call__(self, x: Node, scope: Scope) -> Node:
        return (_numbers(x) * float(self.scale) + float(self.offset)).astype(scope.dtype)


@layer
class Normalization(Layer):
    """Scales each feature to mean 0 and variance 1, with given mean and variance.

    Shapes: (B, ..., C) -> the same.

    Formula: y = (x - mean) / sqrt(variance).

    Args:
        mean: of the data, one number, or one for each of the C features.
        variance: in the same way, above 0.

    Raises:
        ShapeError E208: another number of features.
        UsageError E102: something else than numbers; a variance that is not above 0.

    Example:
        >>> print(Normalization(mean=(1.0, 5.0), variance=(4.0, 0.25)))
        Normalization(mean=(1.0, 5.0), variance=(4.0, 0.25))

    Reference: Keras's layer of this name; ``BatchNorm`` finds mean and variance while it trains.
    """

    chinese = ("标准化层", "用事先给定的均值和方差把每个特征标准化。")
    takes_one = True
    _: KW_ONLY
    mean: float | tuple[float, ...]
    variance: float | tuple[float, ...]

    def check(self) -> None:
        for name in ("mean", "variance"):
            object.__setattr__(self, name, tupled(getattr(self, name)))
            numbers = _as_tuple(getattr(self, name))
            above = name == "mean" or all(is_number(v) and v > 0 for v in numbers)
            expected = (
                fact("a number, or one for each feature")
                if name == "mean"
                else fact("a number, or one for each feature, above 0")
            )
            fits = bool(numbers) and all(map(is_number, numbers)) and above
            require(self, name, fits, expected, f"{name}=1.0")

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, ..., C) -> the same
        for name in ("mean", "variance"):
            numbers = getattr(self, name)
            if isinstance(numbers, tuple) and (x.rank < 2 or x.shape[-1] != len(numbers)):
                constraint = fact("a {name} for each feature", name=name)
                expected = f"(B, ..., {len(numbers)})"
                received = shape_text(x.shape)
                raise ShapeError(
                    "E208", op="Normalization", constraint=constraint, expected=expected, received=received
                )
        x = _numbers(x)
        middle, spread = np.asarray(self.mean, x.dtype), np.sqrt(np.asarray(self.variance, x.dtype))
        return ((x - constant(middle)) / constant(spread)).astype(scope.dtype)


@layer
class Discretization(Layer):
    """Replaces each number by the index of its interval: an age becomes an age group.

    Shapes: any -> the same, integers 0 to n for n boundaries.

    Formula: y = how many boundaries b have b <= x.

    Args:
        boundaries: where one interval ends and the next begins, ascending; a number on a boundary belongs to
            the upper one.

    Numerics: no gradient passes. NaN lies in interval 0.

    Raises:
        UsageError E102: no ascending numbers.

    Example:
        >>> print(Discretization((18.0, 65.0)))
        Discretization((18.0, 65.0))
    """

    chinese = ("离散化层", "给出每个数所在的区间。")
    takes_one = True
    boundaries: tuple[float, ...]

    def check(self) -> None:
        object.__setattr__(self, "boundaries", tupled(self.boundaries))
        numbers = _as_tuple(self.boundaries) if isinstance(self.boundaries, tuple) else ()
        fits = bool(numbers) and all(map(is_number, numbers)) and all(np.diff(numbers) > 0)
        require(
            self, "boundaries", fits, fact("numbers, each above the one before"), "boundaries=(18.0, 65.0)"
        )

    def __call__(self, x: Node, scope: Scope) -> Node:
        numbers = _numbers(x)
        edges = constant(np.asarray(self.boundaries, numbers.dtype))
        beyond = F.reshape(numbers, (*x.shape, 1)) >= edges  # (...) -> (..., n)
        return F.sum(beyond.astype(scope.dtype), -1).astype("int64")


@layer
class CategoryEncoding(Layer):
    """One-hot, multi-hot or count encoding of category indices.

    Shapes: integers (B, ...) -> (B, ..., classes) for ``"one_hot"``; (B, ..., T) -> (B, ..., classes)
    for the others.

    Args:
        classes: the number of categories: x is 0 to classes - 1. An input of integers alone is int64 in a
            ``Model``, so that large indices stay exact.
        mode: ``"one_hot"``: a row for each number; ``"multi_hot"``: one for T numbers, 1 where a category is
            among them; ``"count"``: how often it is.

    Raises:
        ShapeError E208: several numbers are needed, and there is one.
        ShapeError E211: a number outside, with its place and value.
        UsageError E101, E102: unknown mode; fewer than one class.

    Example:
        >>> print(CategoryEncoding(4, mode="count"))
        CategoryEncoding(4, mode='count')
    """

    chinese = ("类别编码层", "把类别编号变成 0 和 1 的行，或计数。")
    takes_one = True
    classes: int
    _: KW_ONLY
    mode: str = "multi_hot"

    def check(self) -> None:
        require_integer(self, "classes", 1, fix="cr.CategoryEncoding(10)")
        require_choice(self, "mode", MODES)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, ..., T) -> (B, ..., classes)
        numbers = x.astype("int64") if x.spec.is_float else x
        scope.require_rows(numbers, int(self.classes))
        hot = F.one_hot(numbers, int(self.classes), scope.dtype)  # (B, ..., T, classes)
        if self.mode == "one_hot":
            return hot
        if x.rank < 2:
            op = "CategoryEncoding"
            constraint = fact("several numbers of each sample")
            fix = 'mode="one_hot"'
            raise ShapeError(
                "E208", op=op, constraint=constraint, expected="(B, T)", received=shape_text(x.shape), fix=fix
            )
        return getattr(F, "max" if self.mode == "multi_hot" else "sum")(hot, -2)


def _as_tuple(value: object) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def _numbers(x: Node) -> Node:
    """Convert raw features to floating-point numbers: integers to float64, which keeps timestamps exact."""
    return x if x.spec.is_float else x.astype("float64")
