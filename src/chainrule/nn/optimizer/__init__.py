"""Optimizers, one file for each idea; ``optimizer.py`` defines what one is, ``OPTIMIZERS`` lists those with a
name.

All of them move against the gradient; they differ in how far. ``SGD`` goes rate times the gradient. ``Adam``
and its family divide it by its usual size, so that a weight with small gradients moves as far as one with
large ones. ``EMA``, ``SWA``, ``Accumulated`` and ``Grouped`` wrap another optimizer.
"""

from __future__ import annotations

from typing import Any

from chainrule import block_index
from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "optimizer": "StepContext Optimizer Rule Slot",
        "parameter_groups": "Group",
        "registry": "OPTIMIZERS known_optimizer",
    },
    block_index.OPTIMIZERS,
)


def __getattr__(name: str) -> Any:
    return _LAZY.load(name)


def __dir__() -> list[str]:
    return _LAZY.names
