"""Rules of bounds: one for each operation, registered by the name of its card.

A rule has

    interval    bounds of the value from bounds of the inputs
    relax       linear functions of the inputs below and above the value on the box, or ``None`` for constant
                bounds

and holds in exact arithmetic: what rounding may change is added outward (``interval.py``). A new rule is a
subclass of ``BoundRule`` in a file of ``rules/`` and an entry of that file's ``RULES``; ``tests/properties/
test_bounds.py`` then compares it with values of the card at random points and at all corners.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from chainrule.bounds.interval import Arithmetic, Interval
from chainrule.ops.operation_card import Card
from chainrule.records import frozen

Factors: TypeAlias = "tuple[np.ndarray | None, ...]"  # one for each input; None: 0


@frozen(eq=False)
class Relaxation:
    """Linear functions below and above the value of a node, for all inputs in a box.

        sum over inputs of  lower_factors * x + lower  <=  y  <=  sum of  upper_factors * x + upper

    Args:
        lower_factors, upper_factors: for each input the coefficients, in its shape.
        lower, upper: constants, in the shape of the value.
        spread: how a coefficient of the value is repeated over the elements of an input, for operations that
            reduce axes; ``None`` if shapes are equal.
    """

    lower_factors: Factors
    upper_factors: Factors
    lower: np.ndarray
    upper: np.ndarray
    spread: Callable[[np.ndarray], np.ndarray] | None = None


def reduced_axes(op: Card) -> tuple[int, ...]:
    """Return the axes that an operation reduces."""
    attributes = op.attributes
    return attributes["axes"] if "axes" in attributes else (attributes["axis"],)


class BoundRule:
    """Base of the rules; the bounds of a value that has no linear relaxation are constant."""

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        """Return bounds of the value.

        Args:
            op: the card, with its sizes bound.
            terms: number of elements of one sample, of the value or of an input: no sum has more terms.
        """
        raise TypeError(f"{type(self).__name__} has no interval")

    def rounding(
        self, op: Card, y: Interval, inputs: Sequence[Interval], terms: int, arithmetic: Arithmetic
    ) -> np.ndarray | float:
        """Return by how much the value may differ if it is computed with rounding; 0 where it is not rounded.

        Args:
            op, inputs, terms: as for ``interval``.
            y: bounds of the exact value.
            arithmetic: of the network.
        """
        return 0.0

    def relax(self, op: Card, y: Interval, inputs: Sequence[Interval]) -> Relaxation | None:
        """Return linear functions below and above the value; ``None``: the constants ``y.lower``,
        ``y.upper``.
        """
        return None

    def is_linear(self, op: Card, variable: Sequence[bool]) -> bool:
        """Return whether the value is affine in the inputs that depend on the data, the others fixed."""
        return False

    def open_elements(self, inputs: Sequence[Interval]) -> tuple[np.ndarray, ...]:
        """Return for each input the elements whose bounds are worth tightening before ``relax``."""
        return tuple(x.lower < x.upper for x in inputs)
