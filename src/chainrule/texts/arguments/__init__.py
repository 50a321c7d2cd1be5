"""What the arguments of the building blocks mean, in Chinese.

The English descriptions are in the docstrings. There is a table for each kind of block. A key is
``"block.argument"``, or ``"argument"`` if the argument means the same in all other blocks of the kind. A test
checks that every argument of every block has an entry, and that every entry belongs to an argument.
"""

from __future__ import annotations

from collections.abc import Mapping

from chainrule.texts.arguments.functions import (
    ACTIVATIONS,
    AUGMENTATIONS,
    CLIPS,
    CONSTRAINTS,
    INITIALIZERS,
    METRICS,
    PENALTIES,
)
from chainrule.texts.arguments.layers import LAYERS
from chainrule.texts.arguments.models import MODELS
from chainrule.texts.arguments.operations import OPERATIONS
from chainrule.texts.arguments.training import CALLBACKS, LOSSES, OPTIMIZERS, SCHEDULES

ARGUMENTS: Mapping[str, Mapping[str, str]] = {
    "layer": LAYERS,
    "activation": ACTIVATIONS,
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "initializer": INITIALIZERS,
    "metric": METRICS,
    "callback": CALLBACKS,
    "augmentation": AUGMENTATIONS,
    "penalty": PENALTIES,
    "constraint": CONSTRAINTS,
    "clip": CLIPS,
    "op": OPERATIONS,
    "model": MODELS,
}


def argument_key(kind: str, block: str, argument: str) -> str | None:
    """Return the key of the description of an argument, or None if there is none.

    Args:
        kind: the kind of the block, such as ``"layer"``.
        block: the registered name of the block, such as ``"Dense"``.
        argument: the name of the argument, without ``*``.

    Example:
        >>> argument_key("layer", "Dense", "units"), argument_key("layer", "Dense", "penalty")
        ('Dense.units', 'penalty')
    """
    keys = (f"{block}.{argument}", argument)
    return next((key for key in keys if key in ARGUMENTS[kind]), None)


__all__ = ["ARGUMENTS", "argument_key"]
