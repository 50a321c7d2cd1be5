"""Penalties on parameters: terms of the objective that keep weights small."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY

import numpy as np

from chainrule.extension import Extensible
from chainrule.graph import Node, constant, reserve
from chainrule.nn.safe_norms import defined
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.validation import require_number


@frozen
class Penalty(Extensible):
    """Base of the penalties: a strength, and the penalty of a parameter.

    Args:
        strength: the factor before the sum, at least 0.

    Raises:
        UsageError E102: a negative strength.
    """

    strength: float = 1e-4

    def __post_init__(self) -> None:
        require_number(self, "strength", minimum=0)

    def __call__(self, parameter: Node) -> Node:
        """Return the penalty as a single number."""
        raise TypeError(f"{type(self).__name__} defines no penalty")


@frozen
class L1(Penalty):
    """strength times the sum of absolute values: pulls small weights to exactly 0."""

    chinese = ("L1 正则化", "绝对值之和：把小权重拉到恰好为 0。")

    def __call__(self, parameter: Node) -> Node:
        return F.sum(F.abs(parameter)) * self.strength


@frozen
class L2(Penalty):
    """strength times the sum of squares: pulls every weight towards 0, in proportion to its size."""

    chinese = ("L2 正则化", "平方和：把每个权重拉向 0，大的更用力。")

    def __call__(self, parameter: Node) -> Node:
        return F.sum(F.square(parameter)) * self.strength


@frozen
class L1L2(Penalty):
    """Both at once: some weights exactly 0, and the others small (the elastic net).

    Formula: strength (l1_ratio sum |w| + (1 - l1_ratio) sum w^2).

    Args:
        strength: the factor before the sum, at least 0.
        l1_ratio: the share of L1, 0 <= l1_ratio <= 1.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Zou and Hastie (2005), Regularization and variable selection via the elastic net. As
    Keras's ``L1L2`` with ``l1 = strength ratio`` and ``l2 = strength (1 - ratio)``.
    """

    chinese = ("弹性网正则化", "L1 与 L2 同时使用。")
    _: KW_ONLY
    strength: float = 1e-4
    l1_ratio: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number(self, "l1_ratio", minimum=0, maximum=1)

    def __call__(self, parameter: Node) -> Node:
        one, two = L1(self.strength * self.l1_ratio), L2(self.strength * (1.0 - self.l1_ratio))
        return one(parameter) + two(parameter)


@frozen
class OrthogonalPenalty(Penalty):
    """A penalty on units with similar weights: pulls the weights of every two towards a right angle.

    A weight (out, *kernel, in) is reshaped to one row for each unit, (out, the rest).

    Formula: strength times the mean of |cos| of the angle, over all pairs of rows.

    Raises:
        UsageError E102: a negative strength.

    Reference: Brock, Lim, Ritchie and Weston (2017), Neural photo editing with introspective adversarial
    networks (ICLR). As Keras's ``OrthogonalRegularizer`` with ``mode="rows"`` of the transposed weight.
    """

    chinese = ("正交正则化", "单元方向相近要付出代价：把两两拉向垂直。")
    strength: float = 1e-2

    def __call__(self, parameter: Node) -> Node:
        lengths = [int(n) for n in parameter.shape if isinstance(n, int)]
        rows = lengths[0] if lengths else 1
        if rows < 2:
            return F.sum(parameter) * 0.0  # no pair, no angle
        matrix = F.reshape(parameter, (rows, math.prod(lengths[1:])))  # (O, the rest)
        squared = F.sum(F.square(matrix), 1, True)
        size = defined(F.sqrt(F.maximum(squared, 1e-12)), squared)
        unit = matrix / size
        reserve(rows, rows, itemsize=20)  # the identity, its complement, the constant
        beside = constant(1.0 - np.eye(rows), parameter.dtype)
        pairs = F.sum(F.abs(unit @ unit.T) * beside)  # each pair twice
        return pairs * (self.strength / (rows * (rows - 1)))
