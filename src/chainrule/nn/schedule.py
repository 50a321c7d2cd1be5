"""Schedules: the learning rate as a function of the step.

A schedule is nodes of the step graph like everything else, so the rate of any step can be explained, and a resumed
training needs nothing but the step's number to go on at the right rate.
"""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.graph import Node
from chainrule.ops.function import full_like


@dataclass(frozen=True)
class Schedule:
    """Base of every schedule."""

    def __call__(self, step: Node, horizon: int) -> Node:
        """The learning rate.

        Args:
            step: how many updates have been made before this one, as a floating-point node of shape ().
            horizon: how many updates the whole training will make.
        """
        raise TypeError(f"{type(self).__name__} says no rate")


@dataclass(frozen=True)
class Constant(Schedule):
    """The same rate for ever.

    Args:
        rate: the learning rate, above 0.
    """

    rate: float

    def __call__(self, step: Node, horizon: int) -> Node:
        return full_like(step, self.rate)


def known_schedule(rate: float | Schedule) -> Schedule:
    """A schedule: itself, or the constant one for a number."""
    return rate if isinstance(rate, Schedule) else Constant(float(rate))
