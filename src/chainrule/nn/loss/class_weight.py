"""Class weights, as a setting of a loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from chainrule.errors import fact
from chainrule.graph import Node, constant
from chainrule.spec import Axis
from chainrule.validation import is_number, require

if TYPE_CHECKING:
    from chainrule.nn.loss.loss import Loss

Weights: TypeAlias = "Sequence[float] | None"


def known_weights(loss: Loss, classes: Axis | None = None, name: str = "class_weight") -> None:
    """Refuse a field that holds no valid weights; convert a list to a tuple.

    Args:
        loss: the loss that has the field.
        classes: the required number of weights, if known.
        name: the field.

    Raises:
        UsageError E102: the field holds anything but numbers >= 0, or the number of weights is wrong.
    """
    weights = getattr(loss, name, None)
    if weights is None:
        return
    if isinstance(weights, list):
        object.__setattr__(loss, name, weights := tuple(weights))
    fits = isinstance(weights, tuple) and all(is_number(w) and w >= 0 for w in weights) and any(weights)
    require(loss, name, fits, fact("numbers >= 0, not all 0"), f"{name}=(1.0, 2.0)")
    if classes is not None:
        require(
            loss, name, len(weights) == classes, fact("{count} numbers, one for each class", count=classes)
        )


def weights_node(loss: Loss, dtype: str, name: str = "class_weight") -> Node:
    """The weights as a node (K,)."""
    return constant(np.asarray(getattr(loss, name), dtype))
