"""Grad-CAM: the regions of an image that support a class according to the last convolution.

The feature maps of a late convolution are still spatial and already specific to the class. Each map is
weighted by the mean gradient of the score with respect to it, the weighted maps are summed, and negative
values are set to 0::

    L = relu(sum over channels k of a[k] A[k]),   a[k] = mean over positions of dscore / dA[k]

The result has the resolution of the feature maps and is resized to the image by linear interpolation. The
values have no defined sum; only their positions are meaningful.
"""

from __future__ import annotations

import numpy as np

from chainrule.attribution.context import AttributionContext
from chainrule.attribution.method import Method, MethodResult
from chainrule.attribution.score import Score, run
from chainrule.engines import compile
from chainrule.errors import TrainingError, fact
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, order
from chainrule.ops import functional as F
from chainrule.validation import unknown


def grad_cam(context: AttributionContext, layer: str | None = None, rectified: bool = True) -> MethodResult:
    """Return the feature maps of a convolution, weighted by their gradients and resized to the image.

    Raises:
        TrainingError E541: the network has no convolution over an input. UsageError E101: unknown layer.
    """
    maps = feature_maps(context.score)
    path = layer or next(reversed(maps), None)
    name = next((n for n, a in context.inputs.items() if path in maps and a.ndim == maps[path].rank), None)
    if not maps or (path in maps and name is None):
        what = fact("a convolution over an input")
        received = str(context.model.recipe.net)[:200]
        fix = 'method="integrated_gradients"'
        raise TrainingError("E541", where="attribute, grad_cam", what=what, received=received, fix=fix)
    if path not in maps or name is None:
        raise unknown("attribute, layer", path, maps, 'layer="{}"', example=next(reversed(maps)))
    score, feature_map = context.score.node, maps[path]
    gradient = grad(F.sum(score), [feature_map], unused="zeros")[0]
    program = compile(Graph({"maps": feature_map, "gradient": gradient}), context.score.network.engine)
    results = run(program, context.model.arrays, {**context.inputs, **context.score_inputs})
    spatial_axes = tuple(range(1, feature_map.rank - 1))
    heat = (results["maps"] * results["gradient"].mean(spatial_axes, keepdims=True)).sum(-1, keepdims=True)
    heat = np.maximum(heat, 0) if rectified else heat
    resized = resize(heat, context.inputs[name].shape[1:-1])
    return MethodResult({name: resized}, settings={"layer": path, "rectified": rectified})


def feature_maps(score: Score) -> dict[str, Node]:
    """Return the outputs of the convolutions on which the score depends, by path and call, in order."""
    book = score.network.inference.book
    position = {node: i for i, node in enumerate(order([score.node]))}
    outputs = {
        call: book.results[call]
        for path, layer in book.layers.items()
        for call in book.calls_of(path)
        if "Conv" in type(layer).__name__ and book.results.get(call) in position
    }
    maps = {path: node for path, node in outputs.items() if node.rank > 2 and node.spec.is_float}
    return dict(sorted(maps.items(), key=lambda item: position[item[1]]))


def resize(heat: np.ndarray, lengths: tuple[int, ...]) -> np.ndarray:
    """Resize maps (n, ..., 1) to other lengths by linear interpolation between cell centers.

    Example:
        >>> resize(np.array([0.0, 1.0]).reshape(1, 2, 1), (4,)).ravel().tolist()
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
    title="Grad-CAM",
    formula="relu(sum over k of mean(df/dA[k]) A[k])",
    summary=(
        "The regions of the image that support the class according to the last convolution, as a coarse map."
    ),
    reference="Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra (2017), Grad-CAM: visual explanations "
    "from deep networks via gradient-based localization (ICCV)",
    run=grad_cam,
    needs=("gradient", "layer"),
    options={"layer": None, "rectified": True},
)
