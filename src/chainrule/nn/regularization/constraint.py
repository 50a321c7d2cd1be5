"""Constraints: what a parameter is brought back to after each update, so that it never leaves a set.

A penalty pulls; a constraint holds. The length of a unit's weights is taken over all axes but the first, the
unit's own: (out, *kernel, in). A vector has one length.
"""

from __future__ import annotations

from dataclasses import KW_ONLY

from chainrule.extension import Extensible
from chainrule.graph import Node
from chainrule.nn.safe_norms import norm
from chainrule.nn.validation import require_number
from chainrule.ops import PUBLIC
from chainrule.records import frozen

_SAFE = 1e-7  # as in Keras: keeps the quotient finite when the length is 0


@frozen
class Constraint(Extensible):
    """Base of the constraints."""

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Refuse settings outside their range."""

    def __call__(self, parameter: Node) -> Node:
        """The nearest allowed value of a parameter."""
        raise TypeError(f"{type(self).__name__} holds nothing")


@frozen
class NonNegative(Constraint):
    """Makes negative numbers 0.

    Formula: w <- max(0, w).
    """

    def __call__(self, parameter: Node) -> Node:
        return PUBLIC["relu"](parameter)


@frozen
class UnitLength(Constraint):
    """Makes the weights of every unit 1 long.

    Formula: w <- w / (|w| + 1e-7), unit by unit.

    Reference: as Keras's ``UnitNorm``.
    """

    def __call__(self, parameter: Node) -> Node:
        return parameter / (lengths(parameter) + _SAFE)


@frozen
class MaxNorm(Constraint):
    """Shortens the weights of every unit to ``limit`` where they are longer.

    Formula: w <- w min(|w|, limit) / (|w| + 1e-7), unit by unit.

    Args:
        limit: the largest length, above 0.

    Fails:
        UsageError E102: a limit that is not above 0.

    Reference: Srebro, Rennie and Jaakkola (2004), Maximum-margin matrix factorization (NIPS). As Keras's
    ``MaxNorm``.
    """

    limit: float = 2.0

    def check(self) -> None:
        require_number(self, "limit", above=0)

    def __call__(self, parameter: Node) -> Node:
        found = lengths(parameter)
        return parameter * (PUBLIC["minimum"](found, self.limit) / (found + _SAFE))


@frozen
class MinMaxNorm(Constraint):
    """Brings the length of the weights of every unit between two limits, at once or little by little.

    Formula: w <- w (pull clip(|w|, least, most) + (1 - pull) |w|) / (|w| + 1e-7), unit by unit.

    Args:
        least, most: the limits, 0 <= least <= most, most above 0.
        pull: 0 < pull <= 1; 1 holds the limits exactly after every step.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: as Keras's ``MinMaxNorm``, whose ``rate`` is ``pull``.
    """

    _: KW_ONLY
    least: float = 0.0
    most: float = 1.0
    pull: float = 1.0

    def check(self) -> None:
        require_number(self, "most", above=0)
        require_number(self, "least", least=0, most=self.most)
        require_number(self, "pull", above=0, most=1)

    def __call__(self, parameter: Node) -> Node:
        found = lengths(parameter)
        wanted = PUBLIC["clip"](found, self.least, self.most)
        if self.pull < 1:
            wanted = wanted * self.pull + found * (1.0 - self.pull)
        return parameter * (wanted / (found + _SAFE))


def lengths(parameter: Node) -> Node:
    """The length of the weights of every unit, ready to be broadcast: (O, 1, ...); one for a vector."""
    rank = len(parameter.shape)
    axes = tuple(range(1, rank)) if rank >= 2 else None
    return norm([parameter], axes, keepdims=True)


CONSTRAINTS: tuple[type[Constraint], ...] = (MaxNorm, MinMaxNorm, NonNegative, UnitLength)
