"""Grad-CAM: where in the picture the last convolution saw what speaks for the class.

The maps of a late convolution still know where, and already know what. Each map is weighed by how much the
score would
grow with it on average, the weighed maps are added, and what speaks against the class is cut off::

    L = relu(sum over channels k of a[k] A[k]),   a[k] = mean over places of dscore / dA[k]

The result is as coarse as the maps; it is stretched to the picture linearly. It is not complete: it says
where, not how much.
"""

from __future__ import annotations

import numpy as np

from chainrule.attribution.method import Found, Method
from chainrule.attribution.question import Question
from chainrule.attribution.score import Score, run
from chainrule.engines import compile
from chainrule.errors import TrainingError, UsageError, nearest
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, order
from chainrule.ops import functional as F


def grad_cam(question: Question, layer: str | None = None, rectified: bool = True) -> Found:
    """Return the feature maps of a convolution, weighted by their gradients and resized to the image.

    Raises:
        TrainingError E541: no convolution, or no picture, in the net. UsageError E101: no such layer.
    """
    maps = feature_maps(question.score)
    path = layer or next(reversed(maps), None)
    name = next((n for n, a in question.inputs.items() if path in maps and a.ndim == maps[path].rank), None)
    if not maps or (path in maps and name is None):
        raise TrainingError(
            "E541", where="attribute, grad_cam", what="a convolution over an input",
            what_zh="作用于输入的卷积层", received=str(question.model.recipe.net)[:200],
            fix='method="integrated_gradients"',
        )  # fmt: skip
    if path not in maps or name is None:
        close = nearest(str(path), maps) or next(reversed(maps))
        raise UsageError(
            "E101", where="attribute, layer", name=path, expected=", ".join(maps), received=repr(path),
            fix=f'layer="{close}"',
        )  # fmt: skip
    score, seen = question.score.node, maps[path]
    slope = grad(F.sum(score), [seen], unused="zeros")[0]
    program = compile(Graph({"maps": seen, "slope": slope}), question.score.network.engine)
    found = run(program, question.model.held, {**question.inputs, **question.chosen})
    places = tuple(range(1, seen.rank - 1))
    heat = (found["maps"] * found["slope"].mean(places, keepdims=True)).sum(-1, keepdims=True)
    heat = np.maximum(heat, 0) if rectified else heat
    stretched = stretch(heat, question.inputs[name].shape[1:-1])
    return Found({name: stretched}, settings={"layer": path, "rectified": rectified})


def feature_maps(score: Score) -> dict[str, Node]:
    """Return the outputs of the convolutions on which the score depends, by path and call, in order."""
    book = score.network.inference.book
    place = {node: i for i, node in enumerate(order([score.node]))}
    found = {
        call: book.results[call]
        for path, layer in book.layers.items()
        for call in book.calls_of(path)
        if "Conv" in type(layer).__name__ and book.results.get(call) in place
    }
    seen = {path: node for path, node in found.items() if node.rank > 2 and node.spec.is_float}
    return dict(sorted(seen.items(), key=lambda item: place[item[1]]))


def stretch(heat: np.ndarray, lengths: tuple[int, ...]) -> np.ndarray:
    """Resize maps (n, ..., 1) to other lengths by linear interpolation between cell centers.

    Example:
        >>> stretch(np.array([0.0, 1.0]).reshape(1, 2, 1), (4,)).ravel().tolist()
        [0.0, 0.25, 0.75, 1.0]
    """
    for axis, length in enumerate(lengths, 1):
        old = heat.shape[axis]
        at = np.clip((np.arange(length) + 0.5) * old / length - 0.5, 0, old - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, old - 1)
        share = (at - low).reshape(-1, *[1] * (heat.ndim - axis - 1)).astype(heat.dtype)
        heat = np.take(heat, low, axis) * (1 - share) + np.take(heat, high, axis) * share
    return heat


GRAD_CAM = Method(
    name="grad_cam",
    titles=("Grad-CAM", "梯度类激活图 (Grad-CAM)"),
    formula="relu(sum over k of mean(df/dA[k]) A[k])",
    says=(
        "The regions of the image that support the class according to the last convolution, as a coarse map.",
        "最后一个卷积层在图像的哪些位置看到了支持该类别的东西（粗略的热图）。",
    ),
    reference="Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra (2017), Grad-CAM: visual explanations "
    "from deep networks via gradient-based localization (ICCV)",
    run=grad_cam,
    needs=("gradient", "layer"),
    options={"layer": None, "rectified": True},
)
