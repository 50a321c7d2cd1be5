"""Losses whose target is one class of K, at one place or at each of several."""

from __future__ import annotations

from chainrule.errors import ShapeError
from chainrule.frozen import frozen
from chainrule.graph import Node
from chainrule.nn.loss.sample import Loss, per_sample
from chainrule.nn.loss.weight import Weights, known_weights, weights_node
from chainrule.nn.setting import require_whole
from chainrule.ops import PUBLIC
from chainrule.spec import Spec, shape_text


@frozen(kw_only=True)
class OneClass(Loss):
    """Base of the losses of scores (B, ..., K) against class numbers (B, ...).

    A sample's loss is the mean over its places that are not ignored, so every sample counts alike however
    long it is; PyTorch's mean counts every place of the batch alike, which ``weight=`` with one number for
    each place gives here too.

    Args:
        class_weight: how much each class counts, K numbers; ``None``: all alike. (``Model.fit`` has class
            weights too, which also divide by the sum of the weights.)
        ignore_index: a number that marks places without a class, such as padding; ``None``: there are none.
    """

    task = "classification"
    wants = "logits"
    class_weight: Weights = None
    ignore_index: int | None = None

    def check(self) -> None:
        known_weights(self)
        if self.ignore_index is not None:
            require_whole(self, "ignore_index", -(2**31))

    def target(self, output: Spec) -> Spec:
        if output.rank < 2 or not isinstance(output.shape[-1], int):
            raise ShapeError(
                "E208", op=self.name, constraint="scores of shape (B, K)", expected="(B, K)",
                received=shape_text(output.shape), fix="cr.Flatten() before the last layer",
            )  # fmt: skip
        known_weights(self, output.shape[-1])
        return Spec(output.shape[:-1], "int64")

    def of_class(self, output: Node, hot: Node) -> Node:
        """The loss at each place, weighed: scores (B, ..., K) and the class as one 1 of K -> (B, ...)."""
        raise TypeError(f"{type(self).__name__} says no loss")

    def terms(self, output: Node, target: Node) -> Node:
        classes = output.shape[-1]
        assert isinstance(classes, int)
        if self.ignore_index is None:
            return self.of_class(output, PUBLIC["one_hot"](target, classes, output.dtype))
        known = PUBLIC["not_equal"](target, self.ignore_index)
        hot = PUBLIC["one_hot"](PUBLIC["where"](known, target, 0), classes, output.dtype)
        each = self.of_class(output, hot)
        return PUBLIC["where"](known, each, 0.0)

    def __call__(self, output: Node, target: Node) -> Node:
        if self.ignore_index is None:
            return super().__call__(output, target)
        terms = self.terms(output, target)
        known = PUBLIC["not_equal"](target, self.ignore_index).astype(output.dtype)
        return per_sample(terms, "sum") / PUBLIC["maximum"](per_sample(known, "sum"), 1.0)

    def weighed(self, each: Node, hot: Node) -> Node:
        """The loss at each place times the weight of its class."""
        return each if self.class_weight is None else each * right(weights_node(self, hot.dtype) * hot, hot)

    def answer(self, output: Node) -> Node:
        return PUBLIC["softmax"](output)


def right(values: Node, hot: Node) -> Node:
    """The value of the right class: (B, ..., K) -> (B, ...)."""
    return PUBLIC["sum"](values * hot, -1)
