"""Optimizers, one file for each idea; ``optimizer.py`` defines what one is, ``OPTIMIZERS`` lists those with a
name.

All of them move against the gradient; they differ in how far. ``SGD`` goes rate times the gradient. ``Adam``
and its family divide it by its usual size, so that a weight with small gradients moves as far as one with
large ones. ``WRAPPERS`` add something to another optimizer: groups, averages, accumulation.
"""

from __future__ import annotations

from typing import Any

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "gradient_accumulation": "Accumulated",
        "weight_averaging": "EMA SWA ScheduleFreeAdamW",
        "optimizer": "StepContext Optimizer Rule Slot",
        "sgd": "ASGD SGD Lion Rprop",
        "parameter_groups": "Group Grouped",
        "lbfgs": "LBFGS",
        "adam": "AdaBelief Adam AdamW Adamax Adan NAdam RAdam Yogi",
        "adagrad": "Adadelta Adafactor Adagrad Ftrl RMSprop",
        "registry": "OPTIMIZERS known_optimizer",
        "layerwise": "LAMB LARS Muon",
        "wrappers": "WRAPPERS",
    },
)


def __getattr__(name: str) -> Any:
    return _LAZY.load(name)


def __dir__() -> list[str]:
    return _LAZY.names
