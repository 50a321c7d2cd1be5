"""The losses by name, and the check that a net ends as its loss expects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chainrule.errors import UsageError
from chainrule.graph import Node, constant
from chainrule.nn.loss import classification, likelihood, margin, overlap, pair, regression
from chainrule.nn.loss.circle import Circle
from chainrule.nn.loss.ctc import CTC
from chainrule.nn.loss.sample import Loss
from chainrule.nn.setting import unknown
from chainrule.spec import Spec

LOSSES: dict[str, type[Loss]] = {
    kind.name: kind
    for kind in (
        regression.HalfMSE, regression.MSE, regression.MAE, regression.Huber, regression.SmoothL1,
        regression.LogCosh, regression.MAPE, regression.MSLE, regression.CosineLoss,
        likelihood.Poisson, likelihood.GaussianNLL, likelihood.KLDivergence,
        classification.BinaryCrossEntropy, classification.CrossEntropy, classification.SoftCrossEntropy,
        classification.NLL, classification.BinaryFocal, classification.CategoricalFocal,
        classification.GeneralizedCrossEntropy,
        margin.Hinge, margin.SquaredHinge, margin.SoftMargin, margin.CategoricalHinge, margin.MultiMargin,
        margin.MultilabelMargin, margin.HingeEmbedding,
        pair.MarginRanking, pair.CosineEmbedding, pair.Contrastive, pair.TripletMargin, Circle,
        overlap.Dice, overlap.Tversky, CTC,
    )
}  # fmt: skip
_REFUSED = {"logits": ("sigmoid", "softmax", "log_softmax"), "log-probabilities": ("sigmoid", "softmax")}
_WANTS_ZH = {"logits": "未规范化的预测 (logit)", "log-probabilities": "对数概率"}
_KEEPS_NUMBERS = ("reshape", "cast", "transpose")


def known_loss(loss: str | Loss) -> Loss:
    """The loss of this name, or the loss itself.

    Fails:
        UsageError E101: no such loss.
    """
    if isinstance(loss, Loss):
        return loss
    if not isinstance(loss, str) or loss not in LOSSES:
        raise unknown("loss", loss, list(LOSSES), 'loss="{}"')
    return LOSSES[loss]()


def known_losses(loss: str | Loss | Mapping[str, str | Loss], outputs: Mapping[str, Spec]) -> dict[str, Loss]:
    """One loss for each output.

    Args:
        loss: one for all outputs, or one for each by the output's name.
        outputs: what the net gives, by name.

    Fails:
        UsageError E101: no such loss; an output without a loss; a loss for an output that does not exist.
    """
    if not isinstance(loss, Mapping):
        return {name: known_loss(loss) for name in outputs}
    strays = [name for name in loss if name not in outputs]
    missing = [name for name in outputs if name not in loss]
    if missing or strays:
        wanted = ", ".join(f'"{name}": "mse"' for name in outputs)
        raise UsageError(
            "E101", where="loss", name=(strays or missing)[0], expected=", ".join(outputs),
            received=", ".join(map(str, loss)) or "none", fix=f"loss={{{wanted}}}",
        )  # fmt: skip
    return {name: known_loss(loss[name]) for name in outputs}


def refuse_mismatch(loss: Loss, output: Node) -> None:
    """Refuse a net that makes probabilities itself before a loss that does so too, or wants logarithms.

    Applied twice, softmax still trains, only badly, and nobody is told: so it is looked for. ``half_mse`` and
    its relatives are welcome after a sigmoid, as in the article's net.

    Args:
        loss: the loss of this output.
        output: the last node of the net.

    Fails:
        UsageError E105: the net ends in sigmoid, softmax or log-softmax and the loss takes logits.
    """
    node = output
    while node.op.name in _KEEPS_NUMBERS:
        node = node.inputs[0]
    if node.op.name in _REFUSED.get(loss.wants, ()):
        made = node.op.name
        logits = loss.wants == "logits"
        drop = f'drop activation="{made}" from the last layer: {loss.name} applies it'
        raise UsageError(
            "E105", where=str(node.site), loss=loss.name, wants=loss.wants, wants_zh=_WANTS_ZH[loss.wants],
            activation=made,
            expected="scores of any size (no activation at the end)" if logits else "log_softmax at the end",
            received=f"numbers after {made}",
            fix=drop if logits else 'activation="log_softmax" in the last layer',
        )  # fmt: skip


def _function(kind: type[Loss]) -> Callable[..., Node]:
    """The loss as a function of nodes that gives J, the mean over the batch; a target may be numbers."""

    def apply(prediction: Node, target: Any, weight: Any = None, **settings: Any) -> Node:
        loss = kind(**settings)
        if not isinstance(target, Node):
            given, wanted = target, loss.target(prediction.spec)
            target = constant(target, wanted.dtype if wanted.is_float else None)
            loss.refuse(given, prediction.spec)
        if weight is not None and not isinstance(weight, Node):
            weight = constant(weight, prediction.dtype)
        return loss.mean(prediction, target, weight)

    apply.__name__ = apply.__qualname__ = kind.name
    apply.__doc__ = kind.__doc__
    return apply


LOSS_FUNCTIONS: dict[str, Callable[..., Node]] = {name: _function(kind) for name, kind in LOSSES.items()}
