"""Losses: how wrong an answer is, as one number for each sample.

A loss gives nodes of shape (B,); the step takes their (weighted) mean. That keeps the article's J = (1/n) sum J^(i)
in one place for all losses, and sample weights and class weights are one mechanism.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from chainrule.errors import ShapeError, UsageError, nearest
from chainrule.graph import Node
from chainrule.ops import PUBLIC
from chainrule.spec import Spec, shape_text


@dataclass(frozen=True)
class Loss:
    """Base of every loss.

    ``name`` is what it is called in ``Model(loss=...)``; ``task`` is ``"regression"`` or ``"classification"``.
    """

    name: ClassVar[str]
    task: ClassVar[str] = "regression"

    def target(self, output: Spec) -> Spec:
        """The spec of the targets that belong to outputs of this spec."""
        return output

    def __call__(self, output: Node, target: Node) -> Node:
        """The loss of each sample, shape (B,)."""
        raise TypeError(f"{type(self).__name__} says no loss")

    def answer(self, output: Node) -> Node:
        """The output in the user's terms: probabilities of a classifier, values of a regressor."""
        return output


def per_sample(values: Node, how: str) -> Node:
    """The sum or mean over everything but the batch axis: (B, ...) -> (B,)."""
    inside = tuple(range(1, values.rank))
    return PUBLIC[how](values, inside) if inside else values


@dataclass(frozen=True)
class HalfMSE(Loss):
    """Half the squared error: the article's J = 1/(2n) sum (yhat - y)^2, whose gradient is the error itself.

    Shapes: output (B, O), target the same -> (B,); the squares of several outputs are added.

    Formula: J^(i) = 1/2 sum_o (yhat_o - y_o)^2.
    """

    name = "half_mse"

    def __call__(self, output: Node, target: Node) -> Node:
        return per_sample(PUBLIC["square"](output - target), "sum") / 2.0


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """Minus the log-probability of the right class, from scores (logits) of K classes.

    Shapes: output (B, K), target (B,) whole numbers 0 .. K-1 -> (B,).

    Formula: J^(i) = -log softmax(z)_y; the gradient by z is softmax(z) - onehot(y).

    Numerics: taken on scores, never on probabilities, so no logarithm of 0 can arise.

    Fails:
        ShapeError E208: the output is not (B, K).
    """

    name = "cross_entropy"
    task = "classification"

    def target(self, output: Spec) -> Spec:
        if output.rank != 2:
            raise ShapeError(
                "E208", op=self.name, constraint="scores of shape (B, K)", expected="(B, K)",
                received=shape_text(output.shape), fix="cr.Flatten() before the last layer",
            )  # fmt: skip
        return Spec(output.shape[:1], "int64")

    def __call__(self, output: Node, target: Node) -> Node:
        classes = output.shape[-1]
        hot = PUBLIC["one_hot"](target, classes, output.dtype)  # (B,) -> (B, K)
        return -per_sample(PUBLIC["log_softmax"](output) * hot, "sum")

    def answer(self, output: Node) -> Node:
        return PUBLIC["softmax"](output)


LOSSES: dict[str, type[Loss]] = {kind.name: kind for kind in (HalfMSE, CrossEntropy)}


def known_loss(loss: str | Loss) -> Loss:
    """The loss of this name, or the loss itself.

    Fails:
        UsageError E101: no such loss.
    """
    if isinstance(loss, Loss):
        return loss
    if loss not in LOSSES:
        close = nearest(str(loss), LOSSES) or "cross_entropy"
        raise UsageError(
            "E101", where="loss", name=loss, expected=", ".join(LOSSES), received=loss, fix=f'loss="{close}"'
        )
    return LOSSES[loss]()


def known_losses(loss: str | Loss | Mapping[str, str | Loss], outputs: Mapping[str, Spec]) -> dict[str, Loss]:
    """One loss for each output."""
    if isinstance(loss, Mapping):
        missing = [name for name in outputs if name not in loss]
        if missing:
            raise UsageError(
                "E101", where="loss", name=missing[0], expected=", ".join(outputs), received=", ".join(loss),
                fix=f'loss={{"{missing[0]}": "mse"}}',
            )  # fmt: skip
        return {name: known_loss(loss[name]) for name in outputs}
    return {name: known_loss(loss) for name in outputs}
