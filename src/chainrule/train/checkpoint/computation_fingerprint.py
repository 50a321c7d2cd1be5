"""Fingerprints of the computation of a training: one for each layer and each later part of the step.

Settings describe a training; these fingerprints identify its operations. The parts are in the order in which
the step computes them, so the first difference between two trainings names the code that changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from chainrule.errors import fact
from chainrule.graph import fingerprint
from chainrule.nn.scope import Collected
from chainrule.train.network import Network
from chainrule.train.step_graph import Step

if TYPE_CHECKING:
    from chainrule.graph import Node

DIGITS = 16  # hexadecimal digits of a fingerprint: enough to distinguish a few hundred parts
Known = dict[Any, str]


def computation(network: Network, step: Step) -> dict[str, str]:
    """Return the fingerprint of each part of a training step (horizon, weights) and of inference."""
    known: Known = {}
    parts = dict(_layers(step.built.book, "layer"))
    parts["output"] = step.built.outputs
    for name, node in step.built.outputs.items():
        parts[f"loss {name}"] = network.loss_of(name, node)
    outputs = step.graph.outputs
    parts |= {
        "objective": outputs["loss"],
        "learning_rate": outputs["learning_rate"],
        "gradients": dict(step.gradients),
    }
    parts["update"] = {
        **outputs,
        **{f"prediction.{path}": n for path, n in step.prediction_graph.outputs.items()},
    }
    parts |= dict(_layers(network.inference.book, "inference"))
    parts["prediction"] = {
        name: network.losses[name].prediction(node) for name, node in network.inference.outputs.items()
    }
    return {name: fingerprint(nodes, known)[:DIGITS] for name, nodes in parts.items()}


def inference_computation(network: Network) -> dict[str, str]:
    """Return the fingerprint of each layer in inference and of each loss, in order of computation."""
    known: Known = {}
    parts = dict(_layers(network.inference.book, "inference"))
    outputs = network.inference.outputs.items()
    parts |= {f"loss {name}": network.loss_of(name, node) for name, node in outputs}
    return {name: fingerprint(nodes, known)[:DIGITS] for name, nodes in parts.items()}


def _layers(book: Collected, kind: str) -> Iterator[tuple[str, Node | Mapping[str, Node]]]:
    return ((f"{kind} {path}", result) for path, result in book.results.items())


def first_difference(saved: Mapping[str, str], now: Mapping[str, str], network: Network) -> str | None:
    """Return the first part of a training whose computation differs (``saved`` in any order), or ``None``."""
    part = next((name for name, value in now.items() if saved.get(name) != value), None)
    if part is None:
        return None if saved.keys() <= now.keys() else fact("the layers: one was removed")
    kind, _, name = part.partition(" ")
    if kind in ("layer", "inference"):
        layer = type(network.inference.book.layers.get(name, network.recipe.net)).__name__
        if kind == "layer":
            return fact('the layer {layer} "{name}"', layer=layer, name=name)
        return fact('the layer {layer} "{name}", in inference', layer=layer, name=name)
    return {
        "output": fact(
            "the layer {name}, which contains the complete network", name=type(network.recipe.net).__name__
        ),
        "loss": fact(
            'the loss {kind} of the output "{output}"', kind=type(network.losses[name]).__name__, output=name
        )
        if name
        else "",
        "objective": fact("the penalties on parameters and activity, or the sample weights"),
        "learning_rate": fact("the learning rate schedule"),
        "gradients": fact("the gradients or their clipping"),
        "update": fact("the optimizer or the state updates of a layer"),
        "prediction": fact("the predictions that the loss makes of the outputs"),
    }[kind]
