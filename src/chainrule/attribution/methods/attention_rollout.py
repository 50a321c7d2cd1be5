"""Attention rollout: the share of each token or patch in each position, through all layers.

An attention layer mixes positions by its weights, and the residual connection around it keeps half of the
input. A layer therefore mixes by (W + I) / 2, with W the mean over the heads, and all layers together by the
product of these matrices. The row of the output position contains the share of each input. Only the attention
weights are used; values and feed-forward layers are ignored. A row sums to 1, so the values are non-negative
shares.
"""

from __future__ import annotations

import math

import numpy as np

from chainrule.attribution.context import AttributionContext
from chainrule.attribution.method import Method, MethodResult
from chainrule.attribution.score import WEIGHTS, Score, run
from chainrule.engines import compile
from chainrule.errors import Message, TrainingError, fact
from chainrule.graph import Graph, Node, order
from chainrule.validation import number


def attention_rollout(context: AttributionContext, residual: float = 0.5) -> MethodResult:
    """Return the product of the attention of all layers, read at the output position.

    Raises:
        TrainingError E541: the network has no self-attention, or its positions are not positions of an input.
    """
    residual = number(residual, "residual", "attribute, attention_rollout", minimum=0, maximum=1)
    weights = attentions(context.score)
    if not weights:
        raise _lacking(context, fact("a self-attention layer"))
    program = compile(Graph(weights), context.score.network.engine)
    values = run(program, context.model.arrays, {**context.inputs, **context.score_inputs})
    rollout = None
    for path, node in weights.items():
        mixed = _over_heads(values[path], node.rank)  # (n, T, T)
        layer = residual * np.eye(mixed.shape[-1], dtype=mixed.dtype) + (1 - residual) * mixed
        rollout = layer if rollout is None else layer @ rollout
    assert rollout is not None
    shares = _read(context, rollout)  # (n, T)
    return MethodResult(_on_input(context, shares), settings={"residual": residual, "layers": len(weights)})


def attentions(score: Score) -> dict[str, Node]:
    """Return the self-attention weights by path, in order."""
    nodes = order([score.node])
    position = {node: i for i, node in enumerate(nodes)}
    notes = score.network.inference.book.notes
    attention = {path: node for path, node in notes.items() if path.endswith("weights") and node in position}
    self_attention = {
        path: node for path, node in attention.items() if _lengths(node)[0] == _lengths(node)[1]
    }
    ordered = dict(sorted(self_attention.items(), key=lambda item: position[item[1]]))
    first = next((_lengths(node) for node in ordered.values()), None)
    return {path: node for path, node in ordered.items() if _lengths(node) == first}


def _lengths(node: Node) -> tuple[object, object]:
    """Return the query and key lengths of weights (B, G, Tq, R, Tk) with heads, else (B, Tq, Tk)."""
    return node.shape[2 if node.rank == 5 else -2], node.shape[-1]


def _over_heads(weights: np.ndarray, rank: int) -> np.ndarray:
    """Return the mean over the heads, (n, Tq, Tk)."""
    if rank == 5:
        return weights.mean((1, 3))
    return weights.mean(tuple(range(1, rank - 2))) if rank > 3 else weights


def _read(context: AttributionContext, rollout: np.ndarray) -> np.ndarray:
    """Return the row of the output position, or the mean row if the output is read from all positions."""
    output = context.score.network.inference.outputs[context.score.output]
    positions = rollout.shape[1]
    if output.rank == 3 and output.shape[1] == positions and WEIGHTS in context.score_inputs:
        chosen = np.abs(context.score_inputs[WEIGHTS]).argmax(1) // (
            context.score_inputs[WEIGHTS].shape[1] // positions
        )
        return rollout[np.arange(len(rollout)), chosen]
    layers = context.score.network.inference.book.layers.values()
    if any(type(layer).__name__ == "ClassToken" for layer in layers):
        return rollout[:, 0]
    return rollout.mean(1)


def _on_input(context: AttributionContext, shares: np.ndarray) -> dict[str, np.ndarray]:
    """Map the shares of positions to values of the input."""
    for name, array in context.inputs.items():
        if name not in context.score.entries:
            continue
        for values in (shares, shares[:, 1:]):  # with and without a class token
            if array.shape[1] == values.shape[1] and array.ndim < 4:
                return {name: values.reshape(*values.shape, *[1] * (array.ndim - 2))}
            if array.ndim == 4 and (patches := _patched(values, array.shape[1:3])) is not None:
                return {name: patches}
    raise _lacking(context, fact("self-attention over the positions of an input"))


def _patched(values: np.ndarray, lengths: tuple[int, ...]) -> np.ndarray | None:
    """Return the shares of square patches over an image, (n, H, W, 1), constant within each patch."""
    height, width = lengths
    side = math.isqrt(height * width // max(values.shape[1], 1))
    if not side or height % side or width % side or height * width != values.shape[1] * side**2:
        return None
    grid = values.reshape(-1, height // side, width // side, 1) / side**2
    return grid.repeat(side, 1).repeat(side, 2)


def _lacking(context: AttributionContext, what: Message) -> TrainingError:
    received = str(context.model.recipe.net)[:200]
    fix = 'method="integrated_gradients"'
    return TrainingError("E541", where="attribute, attention_rollout", what=what, received=received, fix=fix)


ATTENTION_ROLLOUT = Method(
    name="attention_rollout",
    title="attention rollout",
    formula="the row of the output position in the product over layers of (W + I) / 2",
    summary=(
        "The share of each token or patch that reaches the output position through the attention of all "
        "layers."
    ),
    reference="Abnar and Zuidema (2020), Quantifying attention flow in transformers (ACL)",
    run=attention_rollout,
    needs=("layer",),
    options={"residual": 0.5},
)
