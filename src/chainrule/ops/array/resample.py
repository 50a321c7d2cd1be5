"""Resampling of an axis: each new element is a weighted sum of a few old ones.

Resizing, reflection padding and adaptive pooling are built from it. An axis of n elements becomes one of m;
new element i is the sum of w x[j] over its *taps* (j, w). Taps do not depend on the values, so the transpose
is an operation of the same kind, whose taps are grouped by the old element.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, make
from chainrule.notation.tree import Element, Number, Product, Sum, Tree
from chainrule.ops.elementwise.elementwise import same_kind
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
from chainrule.symbolic_shape import Spec, shape_text

Taps: TypeAlias = tuple[tuple[tuple[int, float], ...], ...]
_LINEAR: Taps = (((0, 1.0),), ((0, 0.25), (1, 0.75)), ((1, 0.75), (2, 0.25)), (), ((2, 0.5), (2, 0.25)))


@frozen
class _Tapped(Card):
    axis: int = 0
    taps: Taps = ()


@card
class Resample(_Tapped):
    """Weighted sums of a few elements along one axis.

    Shapes: x (..., n, ...) -> (..., m, ...).

    Args:
        axis: the axis, from 0; its length is known.
        taps: for each of the m new elements, pairs of an old index, 0 to n - 1, and a weight; no taps give 0.

    Cost: a multiplication and an addition for each tap of each element.
    """

    name = "resample"
    chinese = "沿轴重采样"
    arguments = ("x",)
    formula = "sum(j, w[i,j] * x[j])"
    pullbacks = {"x": "sum(i, w[i,j] * dy[i])"}
    constraints = {
        "C1": "the axis exists, and its length is known",
        "C2": "every tap is an old cell and a number",
        "C3": "floating-point numbers",
    }
    says = Says(
        "computes weighted sums of a few elements of an axis",
        "沿一条轴把少数几个单元加权相加",
        "passes each element the gradients of the sums it is part of, times its weights",
        "每个单元按权重得到它所参与的各个和的梯度",
    )

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        same_kind(self.name, specs, "floating-point")
        length = x.shape[self.axis] if 0 <= self.axis < x.rank else None
        if not isinstance(length, int):
            constraint = self.requirement("C1")
            raise ShapeError("E208", op=self.name, constraint=constraint, received=shape_text(x.shape))
        _require(self.taps, length)
        return x.with_shape(len(self.taps) if i == self.axis else n for i, n in enumerate(x.shape))

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        first = np.moveaxis(x, self.axis, 0)
        total = np.zeros((len(self.taps), *first.shape[1:]), x.dtype)
        for place in range(max(map(len, self.taps), default=0)):
            rows = [i for i, taps in enumerate(self.taps) if place < len(taps)]
            cells = [self.taps[i][place][0] for i in rows]
            weights = np.array([self.taps[i][place][1] for i in rows], x.dtype)
            total[rows] += weights.reshape(-1, *(1,) * (x.ndim - 1)) * first[cells]
        return np.moveaxis(total, 0, self.axis)

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        (length,) = {inputs[0].shape[self.axis]}
        assert isinstance(length, int)
        return (make(Resample(self.axis, transposed(self.taps, length)), dy),)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        before, after = index[: self.axis], index[self.axis + 1 :]
        terms: list[Tree] = []
        for cell, weight in self.taps[index[self.axis]]:
            read = Element(0, (*before, cell, *after))
            terms.append(read if weight == 1 else Product((Number(weight), read)))
        return terms[0] if len(terms) == 1 else Sum(tuple(terms)) if terms else Number(0)

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        (axis,) = axes
        if axis is None:
            return Shared()
        return Apart(axis) if axis != self.axis else Whole("samples are added to others")

    def __str__(self) -> str:
        return f"{self.name}[axis={self.axis}, {len(self.taps)} cells]"

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        return (
            Sample(cls(1, _LINEAR), (draw(4, 3, 2),), batch=(0,)),
            Sample(cls(0, _LINEAR), (draw(3, 4),), batch=(1,)),
            Sample(cls(2, _LINEAR), (draw(2, 2, 3),), batch=(0,)),
            Sample(cls(0, (((0, -2.0),),)), (draw(1),)),
            Sample(cls(0, ()), (draw(2, 2),)),
            Sample(cls(1, _LINEAR), (draw(0, 3, 2),)),
            Sample(cls(1, _LINEAR), (draw(3),), breaks="C1"),
            Sample(cls(0, _LINEAR), (draw(3, 2),), breaks="C1", batch=(0,)),
            Sample(cls(0, _LINEAR), (draw(2),), breaks="C2"),
            Sample(cls(0, (((0, float("nan")),),)), (draw(2),), breaks="C2"),
            Sample(cls(0, _LINEAR), (np.arange(3),), breaks="C3"),
        )


@lru_cache(maxsize=256)
def _require(taps: Taps, length: int) -> None:
    """Refuse taps that are not pairs of an index of the axis and a number."""
    for element_taps in taps:
        for tap in element_taps:
            cell, weight = tap if len(tap) == 2 else (None, None)
            if not (isinstance(cell, int) and 0 <= cell < length and _is_number(weight)):
                constraint = Resample.requirement("C2")
                expected = fact("0 to {last}", last=length - 1)
                raise ShapeError(
                    "E208", op=Resample.name, constraint=constraint, expected=expected, received=str(tap)
                )


def _is_number(weight: object) -> bool:
    return isinstance(weight, int | float) and math.isfinite(weight)


@lru_cache(maxsize=256)
def transposed(taps: Taps, length: int) -> Taps:
    """Return for each of ``length`` old elements the new elements it is part of, and its weights.

    Example:
        >>> transposed((((0, 1.0),), ((0, 0.5), (1, 0.5))), 2)
        (((0, 1.0), (1, 0.5)), ((1, 0.5),))
    """
    transposed_taps: list[list[tuple[int, float]]] = [[] for _ in range(length)]
    for i, element_taps in enumerate(taps):
        for cell, weight in element_taps:
            transposed_taps[cell].append((i, weight))
    return tuple(map(tuple, transposed_taps))


def resample(x: Node, axis: int, taps: Sequence[Sequence[tuple[int, float]]]) -> Node:
    """Return weighted sums of a few elements along one axis.

    Shapes: x (..., n, ...) -> (..., m, ...).

    Args:
        x: the node.
        axis: the axis; negative values count from the end.
        taps: for each of the m new elements, pairs of an old index, 0 to n - 1, and a weight.

    Raises:
        ShapeError E208: no such axis, or one of unknown length; a tap outside it.
    """
    pairs = tuple(tuple(map(tuple, element_taps)) for element_taps in taps)
    axis = axis + x.rank if axis < 0 else axis
    return make(Resample(axis, pairs), x)  # pyright: ignore[reportArgumentType]


CARDS = (Resample,)
