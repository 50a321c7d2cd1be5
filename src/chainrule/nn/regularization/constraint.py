"""Constraints: projections applied to a parameter after each update, so that it never leaves a set.

A penalty pulls a parameter towards a set; a constraint keeps it there. The length of a unit's weights is
computed over all axes but the first, the unit's own: (out, *kernel, in). A vector has one length.
"""

from __future__ import annotations

from dataclasses import KW_ONLY

from chainrule.extension import Extensible
from chainrule.graph import Node
from chainrule.nn.safe_norms import norm
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.validation import require_number

_SAFE = 1e-7  # as in Keras: keeps the quotient finite when the length is 0


@frozen
class Constraint(Extensible):
    """Base of the constraints."""

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Refuse settings outside their range."""

    def __call__(self, parameter: Node) -> Node:
        """Return the nearest allowed value of a parameter."""
        raise TypeError(f"{type(self).__name__} defines no projection")


@frozen
class NonNegative(Constraint):
    """Replaces negative numbers by 0.

    Formula: w <- max(0, w).
    """

    chinese = ("非负约束", "负数变为 0。")

    def __call__(self, parameter: Node) -> Node:
        return F.relu(parameter)


@frozen
class UnitLength(Constraint):
    """Scales the weights of every unit to length 1.

    Formula: w <- w / (|w| + 1e-7), unit by unit.

    Reference: as Keras's ``UnitNorm``.
    """

    chinese = ("单位长度约束", "使每个单元的权重长度为 1。")

    def __call__(self, parameter: Node) -> Node:
        return parameter / (lengths(parameter) + _SAFE)


@frozen
class MaxNorm(Constraint):
    """Scales the weights of every unit to length ``max_value`` if they are longer.

    Formula: w <- w min(|w|, max_value) / (|w| + 1e-7), unit by unit.

    Args:
        max_value: the maximum length, above 0.

    Raises:
        UsageError E102: a limit that is not above 0.

    Reference: Srebro, Rennie and Jaakkola (2004), Maximum-margin matrix factorization (NIPS). As Keras's
    ``MaxNorm``.
    """

    chinese = ("最大范数约束", "每个单元的权重过长时缩短到上限。")
    max_value: float = 2.0

    def check(self) -> None:
        require_number(self, "max_value", above=0)

    def __call__(self, parameter: Node) -> Node:
        norms = lengths(parameter)
        return parameter * (F.minimum(norms, self.max_value) / (norms + _SAFE))


@frozen
class MinMaxNorm(Constraint):
    """Scales the length of the weights of every unit between two limits, at once or gradually.

    Formula: w <- w (rate clip(|w|, min_value, max_value) + (1 - rate) |w|) / (|w| + 1e-7), unit by unit.

    Args:
        min_value, max_value: the limits, 0 <= min_value <= max_value, max_value above 0.
        rate: 0 < rate <= 1; with 1 the limits hold exactly after every step.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: as Keras's ``MinMaxNorm``.
    """

    chinese = ("最小最大范数约束", "把每个单元权重的长度限制在两个界限之间。")
    _: KW_ONLY
    min_value: float = 0.0
    max_value: float = 1.0
    rate: float = 1.0

    def check(self) -> None:
        require_number(self, "max_value", above=0)
        require_number(self, "min_value", minimum=0, maximum=self.max_value)
        require_number(self, "rate", above=0, maximum=1)

    def __call__(self, parameter: Node) -> Node:
        norms = lengths(parameter)
        target = F.clip(norms, self.min_value, self.max_value)
        if self.rate < 1:
            target = target * self.rate + norms * (1.0 - self.rate)
        return parameter * (target / (norms + _SAFE))


def lengths(parameter: Node) -> Node:
    """Return the length of each unit's weights, in a shape to broadcast: (O, 1, ...); one for a vector."""
    rank = len(parameter.shape)
    axes = tuple(range(1, rank)) if rank >= 2 else None
    return norm([parameter], axes, keepdims=True)
