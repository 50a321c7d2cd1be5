"""Losses whose target is one class of K, at one place or at each of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY
from typing import ClassVar, TypeAlias

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, constant
from chainrule.nn.loss.loss import Loss
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Axis, Spec, shape_text
from chainrule.validation import is_number, require, require_integer

# Class weights, as a setting of a loss.

Weights: TypeAlias = "Sequence[float] | None"


def known_weights(loss: Loss, classes: Axis | None = None, name: str = "class_weight") -> None:
    """Refuse a field that holds no valid weights; convert a list to a tuple.

    Args:
        classes: the required number of weights, if known.

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
    """Return the weights as a node (K,)."""
    return constant(np.asarray(getattr(loss, name), dtype))


@frozen
class OneClass(Loss):
    """Base of the losses of scores (B, ..., K) against class indices (B, ...).

    J of a batch is PyTorch's ``reduction="mean"``: the sum of w_y times the loss over all positions of the
    batch that have a class, divided by the sum of w_y over the same positions. So every position has the same
    weight, in a short sequence and in a long one, and class weights give the same result as
    ``Model.fit(class_weight=)``. A batch without any class has the loss 0 and no gradient (PyTorch's is NaN).
    A sample's own loss, J^(i), is the same quotient over its positions.

    Args:
        class_weight: w, the weight of each class, K numbers; ``None``: all weights are 1.
        ignore_index: an index that marks positions without a class, such as padding; ``None``: there are
            none.
    """

    task = "classification"
    wants = "logits"
    _: KW_ONLY
    class_weight: Weights = None
    ignore_index: int | None = None
    divides: ClassVar[bool] = True  # whether the mean divides by the class weights

    def check(self) -> None:
        known_weights(self)
        if self.ignore_index is not None:
            require_integer(self, "ignore_index", -(2**31))

    def target(self, output: Spec) -> Spec:
        if output.rank < 2 or not isinstance(output.shape[-1], int):
            constraint = fact("scores of shape (B, K)")
            received = shape_text(output.shape)
            fix = fact("cr.Flatten() before the last layer")
            raise ShapeError(
                "E208", op=self.name, constraint=constraint, expected="(B, K)", received=received, fix=fix
            )
        known_weights(self, output.shape[-1])
        return Spec(output.shape[:-1], "int64")

    def of_class(self, output: Node, hot: Node) -> Node:
        """Return the weighted loss at each position: scores (B, ..., K) and one-hot classes -> (B, ...).

        Args:
            output: the scores, (B, ..., K).
            hot: the true class, one-hot, (B, ..., K).
        """
        raise TypeError(f"{type(self).__name__} defines no loss")

    def terms(self, output: Node, target: Node) -> Node:
        classes = output.shape[-1]
        assert isinstance(classes, int)
        hot = F.one_hot(self._class(target), classes, output.dtype)
        losses = self.of_class(output, hot)
        return losses if self.ignore_index is None else F.where(self._is_known(target), losses, 0.0)

    @property
    def has_shares(self) -> bool:
        return self.ignore_index is not None or (self.divides and self.class_weight is not None)

    def shares(self, output: Node, target: Node) -> Node | None:
        if not self.has_shares:
            return None
        if self.class_weight is None or not self.divides:
            return self._is_known(target).astype(output.dtype)
        weights = F.gather(weights_node(self, output.dtype), self._class(target))
        return weights if self.ignore_index is None else F.where(self._is_known(target), weights, 0.0)

    def _is_known(self, target: Node) -> Node:
        """Return whether a position has a class."""
        assert self.ignore_index is not None
        return F.not_equal(target, self.ignore_index)

    def _class(self, target: Node) -> Node:
        """Return the index of the class; 0 at positions without one."""
        return target if self.ignore_index is None else F.where(self._is_known(target), target, 0)

    def weighted(self, losses: Node, hot: Node) -> Node:
        """Return the loss at each position times the weight of its class.

        Args:
            losses: the loss at each position, (B, ...).
            hot: the true class, one-hot, (B, ..., K).
        """
        return (
            losses if self.class_weight is None else losses * right(weights_node(self, hot.dtype) * hot, hot)
        )

    def prediction(self, output: Node) -> Node:
        return F.softmax(output)


def right(values: Node, hot: Node) -> Node:
    """Return the value of the true class: (B, ..., K) -> (B, ...)."""
    return F.sum(values * hot, -1)
