"""The losses by name, and the check that a network ends as its loss expects."""

from __future__ import annotations

from collections.abc import Mapping

from chainrule import block_index
from chainrule.errors import UsageError, fact
from chainrule.graph import Node
from chainrule.lazy_imports import LazyRegistry, paths
from chainrule.nn.loss.loss import Loss
from chainrule.symbolic_shape import Spec
from chainrule.validation import unknown

LOSSES: LazyRegistry[type[Loss]] = LazyRegistry(
    "chainrule", paths(block_index.LOSSES, block_index.LOSS_NAMES)
)
_REFUSED = {"logits": ("sigmoid", "softmax", "log_softmax"), "log-probabilities": ("sigmoid", "softmax")}
_KEEPS_NUMBERS = ("reshape", "cast", "transpose")


def known_loss(loss: str | Loss) -> Loss:
    """Return the loss of this name, or the loss itself.

    Raises:
        UsageError E101: no such loss.
    """
    if isinstance(loss, Loss):
        return loss
    if not isinstance(loss, str) or loss not in LOSSES:
        raise unknown("loss", loss, list(LOSSES), 'loss="{}"', _names_elsewhere())
    return LOSSES[loss]()


def _names_elsewhere() -> dict[str, str]:
    """Return the names of the losses in PyTorch and Keras, each with ours."""
    names: dict[str, str] = {}
    for own, loss in LOSSES.items():
        for peer in filter(None, (loss.pytorch, loss.keras)):
            names.setdefault(peer, own)
            names.setdefault(peer.removesuffix("Loss"), own)
    return names


def known_losses(loss: str | Loss | Mapping[str, str | Loss], outputs: Mapping[str, Spec]) -> dict[str, Loss]:
    """Return one loss for each output.

    Args:
        loss: one for all outputs, or one for each by the output's name.
        outputs: the network's outputs, by name.

    Raises:
        UsageError E101: an unknown loss; an output without a loss; a loss for an output that does not exist.
    """
    if not isinstance(loss, Mapping):
        return {name: known_loss(loss) for name in outputs}
    strays = [name for name in loss if name not in outputs]
    missing = [name for name in outputs if name not in loss]
    if missing or strays:
        entries = ", ".join(f'"{name}": "mse"' for name in outputs)
        expected = ", ".join(outputs)
        received = ", ".join(map(str, loss)) or fact("none")
        fix = f"loss={{{entries}}}"
        raise UsageError(
            "E101", where="loss", name=(strays or missing)[0], expected=expected, received=received, fix=fix
        )
    return {name: known_loss(loss[name]) for name in outputs}


def refuse_mismatch(loss: Loss, output: Node) -> None:
    """Refuse a network that computes probabilities before a loss that does so too, or that takes logarithms.

    Applied twice, softmax still trains, but badly and without an error: so this is checked. ``half_mse`` and
    similar losses are allowed after a sigmoid, as in the article's network.

    Args:
        output: the last node of the network.

    Raises:
        UsageError E105: the network ends in sigmoid, softmax or log-softmax and the loss takes logits.
    """
    node = output
    while node.op.name in _KEEPS_NUMBERS:
        node = node.inputs[0]
    if node.op.name in _REFUSED.get(loss.wants, ()):
        activation = node.op.name
        logits = loss.wants == "logits"
        drop = fact(
            'drop activation="{activation}" from the last layer: {name} applies it',
            activation=activation,
            name=loss.name,
        )
        raise UsageError(
            "E105",
            where=str(node.site),
            loss=loss.name,
            inputs=fact(loss.wants),
            activation=activation,
            expected=(
                fact("scores of any size (no activation at the end)")
                if logits
                else fact("log_softmax at the end")
            ),
            received=fact("numbers after {activation}", activation=activation),
            fix=drop if logits else fact('activation="log_softmax" in the last layer'),
        )
