"""Losses of classification: the target is a class, the output scores (logits), not probabilities.

Why logits: the way to a probability and the logarithm after it undo each other, and taking both steps by
themselves loses the digits in between. A sigmoid of 40 is 1 in any number kind, and the logarithm of 1 - 1 is
minus infinity. Taken together they are ``softplus`` and ``log_softmax``, exact everywhere. So a classifier's
net ends without an activation; the loss makes probabilities of its scores (``answer``) where a person wants
to see them.
"""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.errors import ShapeError
from chainrule.graph import Node
from chainrule.nn.sample_loss import Loss, per_sample
from chainrule.nn.setting import require_number
from chainrule.ops import PUBLIC
from chainrule.spec import Spec, shape_text


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """Minus the log-probability of yes or no, from one score (logit) for each question.

    Shapes: output (B,), (B, 1) or (B, O), target the same, between 0 and 1 -> (B,), averaged over the
    questions.

    Formula: J^(i) = 1/O sum_o [-y log p - (1 - y) log(1 - p)] with p = sigmoid(z), computed as softplus(z) -
    y z; the gradient by z is (p - y)/O.

    Numerics: never overflows, and smooth at z = 0, where max(z, 0) - y z + log(1 + e^(-|z|)) is the same
    number but has a corner in each of its terms, so that a mechanical derivative there would be wrong.
    """

    name = "binary_cross_entropy"
    task = "classification"
    wants = "logits"

    def __call__(self, output: Node, target: Node) -> Node:
        return per_sample(PUBLIC["softplus"](output) - output * target, "mean")

    def answer(self, output: Node) -> Node:
        return PUBLIC["sigmoid"](output)


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """Minus the log-probability of the right class, from scores (logits) of K classes.

    Shapes: output (B, K), target (B,) whole numbers 0 .. K-1 -> (B,).

    Formula: J^(i) = -sum_k t_k log softmax(z)_k with t = (1 - s) onehot(y) + s/K; the gradient by z is
    softmax(z) - t.

    Args:
        label_smoothing: s, 0 <= s < 1: how much of the certainty is spread over all classes, so that scores
            need not grow for ever.

    Numerics: taken on scores, never on probabilities, so no logarithm of 0 can arise.

    Fails:
        ShapeError E208: the output is not (B, K).
        UsageError E102: a smoothing out of its range.

    Reference: Szegedy, Vanhoucke, Ioffe, Shlens and Wojna (2016), Rethinking the Inception architecture
    (CVPR).
    """

    name = "cross_entropy"
    task = "classification"
    wants = "logits"
    label_smoothing: float = 0.0

    def check(self) -> None:
        require_number(self, "label_smoothing", least=0, below=1)

    def target(self, output: Spec) -> Spec:
        if output.rank != 2 or not isinstance(output.shape[1], int):
            raise ShapeError(
                "E208", op=self.name, constraint="scores of shape (B, K)", expected="(B, K)",
                received=shape_text(output.shape), fix="cr.Flatten() before the last layer",
            )  # fmt: skip
        return Spec(output.shape[:1], "int64")

    def __call__(self, output: Node, target: Node) -> Node:
        log_p = PUBLIC["log_softmax"](output)
        hot = PUBLIC["one_hot"](target, output.shape[-1], output.dtype)  # (B,) -> (B, K)
        right = per_sample(log_p * hot, "sum")  # (B, K) -> (B,)
        if self.label_smoothing:
            right = right * (1.0 - self.label_smoothing) + per_sample(log_p, "mean") * self.label_smoothing
        return -right

    def answer(self, output: Node) -> Node:
        return PUBLIC["softmax"](output)
