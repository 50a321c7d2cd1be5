"""What the size of a parameter costs: the terms that keep weights small."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.graph import Node
from chainrule.nn.setting import require_number
from chainrule.ops import PUBLIC


@dataclass(frozen=True)
class Penalty:
    """Base of the penalties: a strength, and the number a parameter costs.

    Args:
        strength: the factor before the sum, at least 0.

    Fails:
        UsageError E102: a negative strength.
    """

    strength: float = 1e-4

    def __post_init__(self) -> None:
        require_number(self, "strength", least=0)

    def __call__(self, parameter: Node) -> Node:
        """The cost as a single number."""
        raise TypeError(f"{type(self).__name__} says no cost")


@dataclass(frozen=True)
class L1(Penalty):
    """strength times the sum of absolute values: pulls small weights to exactly 0."""

    def __call__(self, parameter: Node) -> Node:
        return PUBLIC["sum"](PUBLIC["abs"](parameter)) * self.strength


@dataclass(frozen=True)
class L2(Penalty):
    """strength times the sum of squares: pulls every weight towards 0, large ones harder."""

    def __call__(self, parameter: Node) -> Node:
        return PUBLIC["sum"](PUBLIC["square"](parameter)) * self.strength
