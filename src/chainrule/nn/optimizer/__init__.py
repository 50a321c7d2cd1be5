"""Optimizers, one file for each idea; ``contract`` says what one is, ``OPTIMIZERS`` lists those with a name.

All of them move against the gradient; they differ in how far. ``SGD`` goes rate times the gradient. ``Adam``
and its family divide it by its usual size, so that a weight with small gradients moves as far as one with
large ones. ``WRAPPERS`` add something to another optimizer: groups, averages, accumulation.
"""

from __future__ import annotations

from typing import Any

from chainrule.door import Door

_DOOR = Door(
    __name__,
    {
        "accumulation": "Accumulated",
        "average": "EMA SWA ScheduleFreeAdamW",
        "contract": "Now Optimizer Rule Slot",
        "descent": "ASGD SGD Lion Rprop",
        "group": "Group Grouped",
        "lbfgs": "LBFGS",
        "moment": "AdaBelief Adam AdamW Adamax Adan NAdam RAdam Yogi",
        "square": "Adadelta Adafactor Adagrad Ftrl RMSprop",
        "table": "OPTIMIZERS known_optimizer",
        "whole": "LAMB LARS Muon",
        "wrapper": "WRAPPERS",
    },
)


def __getattr__(name: str) -> Any:
    return _DOOR.fetch(name)


def __dir__() -> list[str]:
    return _DOOR.names
