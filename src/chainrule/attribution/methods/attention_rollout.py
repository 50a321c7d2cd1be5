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

from chainrule.attribution.method import Found, Method, require_size
from chainrule.attribution.question import Question
from chainrule.attribution.score import WEIGHTS, Score, run
from chainrule.engines import compile
from chainrule.errors import TrainingError
from chainrule.graph import Graph, Node, order


def attention_rollout(question: Question, residual: float = 0.5) -> Found:
    """Return the product of the attention of all layers, read at the output position.

    Raises:
        TrainingError E541: the net has no attention of a sequence to itself, or its places are no places of
        an input.
    """
    require_size("attention_rollout", "residual", residual, 1.0)
    weights = attentions(question.score)
    if not weights:
        raise _lacking(question, "attention of a sequence to itself", "自注意力")
    program = compile(Graph(weights), question.score.network.engine)
    found = run(program, question.model.held, {**question.inputs, **question.chosen})
    moved = None
    for path, node in weights.items():
        mixed = _over_heads(found[path], node.rank)  # (n, T, T)
        layer = residual * np.eye(mixed.shape[-1], dtype=mixed.dtype) + (1 - residual) * mixed
        moved = layer if moved is None else layer @ moved
    assert moved is not None
    shares = _read(question, moved)  # (n, T)
    return Found(_on_input(question, shares), settings={"residual": residual, "layers": len(weights)})


def attentions(score: Score) -> dict[str, Node]:
    """Return the self-attention weights by path, in order."""
    nodes = order([score.node])
    place = {node: i for i, node in enumerate(nodes)}
    notes = score.network.inference.book.notes
    found = {path: node for path, node in notes.items() if path.endswith("weights") and node in place}
    selves = {path: node for path, node in found.items() if _lengths(node)[0] == _lengths(node)[1]}
    ordered = dict(sorted(selves.items(), key=lambda item: place[item[1]]))
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


def _read(question: Question, moved: np.ndarray) -> np.ndarray:
    """Return the row of the output position, or the mean row if the output is read from all positions."""
    output = question.score.network.inference.outputs[question.score.output]
    places = moved.shape[1]
    if output.rank == 3 and output.shape[1] == places and WEIGHTS in question.chosen:
        chosen = np.abs(question.chosen[WEIGHTS]).argmax(1) // (question.chosen[WEIGHTS].shape[1] // places)
        return moved[np.arange(len(moved)), chosen]
    layers = question.score.network.inference.book.layers.values()
    if any(type(layer).__name__ == "ClassToken" for layer in layers):
        return moved[:, 0]
    return moved.mean(1)


def _on_input(question: Question, shares: np.ndarray) -> dict[str, np.ndarray]:
    """Map the shares of positions to values of the input."""
    for name, array in question.inputs.items():
        if name not in question.score.entries:
            continue
        for places in (shares, shares[:, 1:]):  # without what is no input: the class token
            if array.shape[1] == places.shape[1] and array.ndim < 4:
                return {name: places.reshape(*places.shape, *[1] * (array.ndim - 2))}
            if array.ndim == 4 and (patches := _patched(places, array.shape[1:3])) is not None:
                return {name: patches}
    raise _lacking(question, "places that are places of an input", "与输入位置一一对应的序列")


def _patched(places: np.ndarray, lengths: tuple[int, ...]) -> np.ndarray | None:
    """Return the shares of square patches over an image, (n, H, W, 1), constant within each patch."""
    height, width = lengths
    side = math.isqrt(height * width // max(places.shape[1], 1))
    if not side or height % side or width % side or height * width != places.shape[1] * side**2:
        return None
    grid = places.reshape(-1, height // side, width // side, 1) / side**2
    return grid.repeat(side, 1).repeat(side, 2)


def _lacking(question: Question, what: str, chinese: str) -> TrainingError:
    return TrainingError(
        "E541", where="attribute, attention_rollout", what=what, what_zh=chinese,
        received=str(question.model.recipe.net)[:200], fix='method="integrated_gradients"',
    )  # fmt: skip


ATTENTION_ROLLOUT = Method(
    name="attention_rollout",
    titles=("attention rollout", "注意力展开 (rollout)"),
    formula="the row of the output position in the product over layers of (W + I) / 2",
    says=(
        "The share of each token or patch that reaches the output position through the attention of all "
        "layers.",
        "经过各层注意力，每个词元或图块有多大份额到达读取答案的位置。",
    ),
    reference="Abnar and Zuidema (2020), Quantifying attention flow in transformers (ACL)",
    run=attention_rollout,
    needs=("layer",),
    options={"residual": 0.5},
)
