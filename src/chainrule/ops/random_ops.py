"""Random numbers in a graph: a function of a key, so that they can be repeated exactly.

The i-th number, counted over the full shape with the last axis fastest, depends only on the key, the stream
and i (see ``chainrule.prng``). So any part of a batch can be sampled on its own, and all engines sample the
same numbers.

A key may also be one key for each row, (B, 2). The numbers of a row are then a function of its own key and of
their place in the row, whatever the other rows are and wherever the row lies in the batch: a private training
needs this (``train.private.row_keys``).
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from chainrule import prng
from chainrule.errors import DtypeError, ShapeError
from chainrule.graph import Node, make
from chainrule.notation.tree import Number, Tree
from chainrule.ops.batch_axis import per_sample
from chainrule.ops.operation_card import (
    Apart,
    Axes,
    BatchRule,
    Card,
    NoGradient,
    Pulled,
    Sample,
    Says,
    Shared,
    Whole,
    card,
)
from chainrule.records import frozen
from chainrule.symbolic_shape import FLOATS, Shape, Size, Spec, bound

B = Size.symbol("B")
_KEY = NoGradient("a key is not differentiable")


@frozen
class Draw(Card):
    """Base of the random operations, one for each distribution.

    Args:
        shape: the shape of the result.
        dtype: floating-point dtype (C2).
        stream: results of one key with different streams are independent.
    """

    shape: Shape = ()
    dtype: str = "float64"
    stream: int = 0
    arguments: ClassVar = ("key",)
    pullbacks: ClassVar = {"key": _KEY}
    constraints: ClassVar = {
        "C1": "the key is two uint32, or two for each row",
        "C2": "the numbers drawn are floating-point",
    }

    def infer(self, *specs: Spec) -> Spec:
        if specs[0] != Spec((2,), "uint32") and not self._has_row_keys(specs[0]):
            raise ShapeError(
                "E208",
                op=self.name,
                constraint=self.requirement("C1"),
                expected="uint32(2,), uint32(B, 2)",
                received=specs[0],
            )
        if self.dtype not in FLOATS:
            raise DtypeError(
                "E253", op=self.name, kind="floating-point", expected=", ".join(FLOATS), received=self.dtype
            )
        return Spec(self.shape, self.dtype)

    def _has_row_keys(self, key: Spec) -> bool:
        """Return whether each row of the result has a key of its own."""
        rows = key.shape[0] if key.rank == 2 else None
        if rows is None or key.shape[1] != 2 or key.dtype != "uint32" or not self.shape:
            return False
        if isinstance(rows, int) and isinstance(self.shape[0], int):
            return self.shape[0] % max(rows, 1) == 0
        return rows == B and bool(per_sample(self.shape))

    def numbers(self, key: np.ndarray, count: int) -> np.ndarray:
        """Return the first ``count`` numbers of the stream."""
        raise TypeError(f"{type(self).__name__} does not define numbers")

    def numbers_of_rows(self, keys: np.ndarray, count: int) -> np.ndarray:
        """Return the first ``count`` numbers of the stream of each key (n, 2): (n, count)."""
        raise TypeError(f"{type(self).__name__} does not define numbers_of_rows")

    def evaluate(self, key: np.ndarray) -> np.ndarray:
        shape = bound(self.shape)
        if key.ndim == 1:
            return self.numbers(prng.fold(key, self.stream), math.prod(shape)).reshape(shape)
        count = math.prod(shape) // max(len(key), 1)
        return self.numbers_of_rows(prng.fold_each(key, self.stream), count).reshape(shape)

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        return (_KEY,)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        return Number(float(self.evaluate(*inputs)[index]))

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        if self.shape and per_sample(self.shape):
            return Apart(0)
        if any("B" in monomial for n in self.shape if isinstance(n, Size) for monomial, _ in n.terms):
            return Whole("along a later axis the numbers of a sample are not consecutive")
        return Shared()

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        key = np.array([1, 2], "uint32")
        return (
            Sample(cls((4, 3)), (key,)),
            Sample(cls((2, 3), "float32", 7), (key,)),
            Sample(cls(()), (key,)),
            Sample(cls((0, 3)), (key,)),
            Sample(cls((4, 3), "float32", 7), (np.arange(8, dtype="uint32").reshape(4, 2),)),
            Sample(cls((4, 3)), (np.zeros((3, 2), "uint32"),), breaks="C1"),
            Sample(cls((2,)), (np.array([1, 2]),), breaks="C1"),
            Sample(cls((2,), "int64"), (key,), breaks="C2"),
        )


@card
class Uniform(Draw):
    """Uniformly distributed random numbers in [0, 1)."""

    name = "uniform"
    chinese = "均匀随机数"
    formula = "u"
    says = Says(
        "samples uniformly in [0, 1)", "在 0 与 1 之间均匀抽取随机数", "passes no gradient", "不传梯度"
    )

    def numbers(self, key: np.ndarray, count: int) -> np.ndarray:
        return prng.uniform(key, count, self.dtype)

    def numbers_of_rows(self, keys: np.ndarray, count: int) -> np.ndarray:
        return prng.uniforms(keys, count, self.dtype)


@card
class Normal(Draw):
    """Normally distributed random numbers with mean 0 and standard deviation 1."""

    name = "normal"
    chinese = "正态随机数"
    formula = "u"
    says = Says(
        "samples the standard normal distribution",
        "从标准正态分布抽取随机数",
        "passes no gradient",
        "不传梯度",
    )

    def numbers(self, key: np.ndarray, count: int) -> np.ndarray:
        return prng.normal(key, count, self.dtype)

    def numbers_of_rows(self, keys: np.ndarray, count: int) -> np.ndarray:
        return prng.normals(keys, count, self.dtype)


def uniform(key: Node, shape: Shape, dtype: str = "float32", stream: int = 0) -> Node:
    """Return uniform random numbers in [0, 1), a function of ``stream`` and of ``key``, or of one key for
    each row.

    Args:
        key: a key of two integers, uint32 (2,), or one for each row, (B, 2); see ``Scope.uniform``.
        shape: the shape of the result.
        dtype: a floating-point dtype.
        stream: another number gives independent random numbers of the same key.

    Raises:
        DtypeError E253: another dtype.
    """
    return make(Uniform(tuple(shape), dtype, stream), key)


def normal(key: Node, shape: Shape, dtype: str = "float32", stream: int = 0) -> Node:
    """Return standard normal random numbers, a function of ``key`` and ``stream``.

    Args:
        key: a key of two integers, uint32 (2,), or one for each row, (B, 2); see ``Scope.uniform``.
        shape: the shape of the result.
        dtype: a floating-point dtype.
        stream: another number gives independent random numbers of the same key.

    Raises:
        DtypeError E253: another dtype.
    """
    return make(Normal(tuple(shape), dtype, stream), key)


CARDS = (Uniform, Normal)
