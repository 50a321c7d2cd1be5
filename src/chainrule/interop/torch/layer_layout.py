"""How PyTorch stores the parameters of each layer kind: names and layouts.

A family (``names.py``) defines which module of another network corresponds to a layer; the parameters
inside the two correspond in the same way everywhere, which is defined here once. Most correspond one to one,
with three exceptions:

- a recurrent layer of PyTorch is a complete stack, in both directions, with two biases that are always added;
- PyTorch's attention stores the three projections of queries, keys and values in one matrix;
- the features of a flattened image, which a dense layer or a normalization reads, have channels first in
  PyTorch, channels last here.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chainrule.graph import Node, order
from chainrule.interop.torch.transforms import (
    CHANNELS_LAST,
    GRU_BIAS,
    IDENTITY,
    MATRIX,
    SUM,
    Transform,
    part,
    reordered,
)
from chainrule.memoization import cached_property
from chainrule.nn.build import Built
from chainrule.nn.layer import Layer
from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.records import frozen
from chainrule.symbolic_shape import bound


@frozen
class Form:
    """The form of one array in PyTorch.

    Args:
        module: the path of our layer that corresponds to one module.
        kind: the class of the layer that owns the array.
        names: the names of PyTorch's arrays inside that module; several are combined.
        change: the transform to apply to them.
    """

    module: str
    kind: str
    names: tuple[str, ...]
    change: Transform = IDENTITY


_NORM = {"scale": "weight", "shift": "bias"}
_CONVOLUTION = {"weight": ("weight", CHANNELS_LAST), "bias": "bias"}
_RENAMED: dict[str, Mapping[str, str | tuple[str, Transform]]] = {
    "Dense": {"weight": ("weight", MATRIX), "bias": "bias"},
    "Conv": _CONVOLUTION,
    "ConvTranspose": _CONVOLUTION,
    "DepthwiseConv": _CONVOLUTION,
    "PatchEmbedding": _CONVOLUTION,
    "BatchNorm": {**_NORM, "running_mean": "running_mean", "running_variance": "running_var"},
    "LayerNorm": _NORM,
    "GroupNorm": _NORM,
    "InstanceNorm": _NORM,
    "RMSNorm": _NORM,
    "Activation": {"slope": "weight"},
}
_RECURRENT = ("RNN", "LSTM", "GRU")
_ATTENTION = {"query": 1, "key": 2, "value": 3}


@frozen(eq=False)
class Forms:
    """The possible forms in PyTorch of each array of a network.

    Args:
        built: the network.
    """

    built: Built

    def of(self, path: str) -> list[Form]:
        """Return the possible forms of an array, the innermost layer first."""
        layers = self.built.book.layers
        owner, leaf = owner_of(path, layers)
        kind = _kind(owner, layers)
        if kind in _RECURRENT:
            return [_recurrent(kind, owner, leaf, layers)]
        renamed = _RENAMED.get(kind, {}).get(leaf, leaf)
        array_name, change = renamed if isinstance(renamed, tuple) else (renamed, IDENTITY)
        index = self.feature_order(path, owner, kind)
        if index is not None and (leaf == "weight" or kind != "Dense"):
            change = reordered(index)
        forms = [Form(owner, kind, (array_name,), change)]
        above, name = owner_of(owner, layers) if owner else ("", "")
        if _kind(above, layers) == "MultiHeadAttention" and name in _ATTENTION:
            forms.append(Form(above, "MultiHeadAttention", (f"in_proj_{leaf}",), part(_ATTENTION[name], 3)))
        elif _kind(above, layers) == "MultiHeadAttention":
            forms.append(Form(above, "MultiHeadAttention", (f"out_proj.{leaf}",)))
        return forms

    @cached_property
    def multiplied_inputs(self) -> dict[Node, Node]:
        """The input x that each weight W of a dense layer is multiplied with, in x W^T."""
        products = [n for n in order(self.built.outputs.values()) if n.op.name == "matmul"]
        return {weight: node.inputs[0] for node in products for weight in node.inputs[1].inputs}

    def feature_order(self, path: str, owner: str, kind: str) -> np.ndarray | None:
        """Return the position in PyTorch of each feature that a layer reads; ``None`` if all are the same.

        Args:
            path: of a parameter of the layer.
            owner, kind: the path and class of the layer.
        """
        if kind == "Dense" and path in self.built.parameters:
            node = self.multiplied_inputs.get(self.built.parameters[path].node)
        elif kind in ("BatchNorm", "LayerNorm", "RMSNorm"):
            node = self.built.book.results.get(owner)
        else:
            return None
        if not isinstance(node, Node) or node.rank != 2 or not isinstance(node.shape[1], int):
            return None
        index = _positions(node)
        return None if (index == np.arange(len(index))).all() else index


def _positions(features: Node) -> np.ndarray:
    """Return the position of each feature of a node (B, F) where channels come first, if it is known."""
    (count,) = bound(features.shape[1:])
    index = np.arange(count)
    if isinstance(features.op, Elementwise):  # an activation or a normalization keeps the positions
        parts = [node for node in features.inputs if node.op.name != "broadcast"]
        return _positions(parts[0]) if parts and parts[0].shape == features.shape else index
    if features.op.name == "concatenate" and features.op.attributes["axis"] == 1:
        starts = np.cumsum([0, *(bound(node.shape[1:])[0] for node in features.inputs)])
        parts = [start + _positions(node) for start, node in zip(starts, features.inputs, strict=False)]
        return np.concatenate(parts)
    if features.op.name != "reshape":
        return index
    (image,) = features.inputs
    space = image.shape[1:]
    is_flat = image.shape[:1] == features.shape[:1] and all(isinstance(n, int) for n in space)
    if not is_flat or image.rank < 3 or not (image.rank > 3 or _is_convolved(image)):
        return index
    *positions, channels = bound(space)
    return np.moveaxis(index.reshape(channels, *positions), 0, -1).reshape(-1)  # (C, *space) -> (*space C,)


def owner_of(path: str, layers: Mapping[str, Layer]) -> tuple[str, str]:
    """Return the innermost layer that contains a path (``""``: the network), and the rest of the path."""
    at = path
    while at:
        at = at.rpartition(".")[0]
        if at in layers:
            return at, path[len(at) + 1 :]
    return "", path


def _kind(path: str, layers: Mapping[str, Layer]) -> str:
    return type(layers[path]).__name__ if path in layers else ""


def _recurrent(kind: str, owner: str, leaf: str, layers: Mapping[str, Layer]) -> Form:
    """Return an array of a recurrent layer, by its position in a stack and its direction."""
    module, level, direction = owner, 0, ""
    above, name = owner_of(module, layers)
    if _kind(above, layers) == "Bidirectional":
        module, direction = above, "_reverse" if name == "backward" else ""
        above, name = owner_of(module, layers)
    if _kind(above, layers) == "Stacked":
        module, level = above, int(name.lstrip("abcdefghijklmnopqrstuvwxyz_")) - 1
    end = f"_l{level}{direction}"
    names: dict[str, tuple[tuple[str, ...], Transform]] = {
        "weight": ((f"weight_ih{end}",), IDENTITY),
        "recurrent": ((f"weight_hh{end}",), IDENTITY),
        "bias": ((f"bias_ih{end}", f"bias_hh{end}"), GRU_BIAS if kind == "GRU" else SUM),
        "recurrent_bias": ((f"bias_hh{end}",), part(3, 3)),
    }
    return Form(module, kind, *names.get(leaf, ((leaf,), IDENTITY)))


def _is_convolved(image: Node) -> bool:
    """Return whether a sequence (B, T, C) comes from a convolution, which has channels first in PyTorch."""
    return any(node.op.name == "convolution" and node.rank == image.rank for node in order([image]))
