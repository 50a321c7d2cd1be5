"""How PyTorch keeps what a layer of ours keeps: the names and the order of its numbers, kind by kind.

A family (``families.py``) says which module of a foreign net a layer is; what is inside the two is the same
everywhere and stands here once. Most is one to one. Three things are not:

- a recurrent layer of PyTorch is a whole stack, in both directions, and has two biases that are always added;
- PyTorch's attention keeps the three products of queries, keys and values in one table;
- a dense layer after a flattened image meets the channels first there, last here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from chainrule.graph import Node, order
from chainrule.interop.torch.transforms import (
    AS_IT_IS,
    CHANNELS_LAST,
    GRU_BIAS,
    MATRIX,
    SUM,
    Change,
    flattened,
    part,
)
from chainrule.nn.build import Built
from chainrule.nn.layer import Layer
from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.records import frozen
from chainrule.spec import bound


@frozen
class Form:
    """How PyTorch keeps one array of ours.

    Args:
        module: the path of our layer that is one module there.
        kind: the kind of the layer that owns the array.
        names: what PyTorch calls its arrays inside that module; several are put together.
        change: what is done to them.
    """

    module: str
    kind: str
    names: tuple[str, ...]
    change: Change = AS_IT_IS


_NORM = {"scale": "weight", "shift": "bias"}
_CONVOLUTION = {"weight": ("weight", CHANNELS_LAST), "bias": "bias"}
_RENAMED: dict[str, Mapping[str, str | tuple[str, Change]]] = {
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
    """How PyTorch may keep each array of a net of ours.

    Args:
        built: the net.
    """

    built: Built

    def of(self, path: str) -> list[Form]:
        """The ways in which an array may be kept, the innermost layer first."""
        layers = self.built.book.layers
        owner, leaf = owner_of(path, layers)
        kind = _kind(owner, layers)
        if kind in _RECURRENT:
            return [_recurrent(kind, owner, leaf, layers)]
        told = _RENAMED.get(kind, {}).get(leaf, leaf)
        word, change = told if isinstance(told, tuple) else (told, AS_IT_IS)
        if kind == "Dense" and leaf == "weight" and (space := self._flattened_space(path)):
            change = flattened(space)
        found = [Form(owner, kind, (word,), change)]
        above, name = owner_of(owner, layers) if owner else ("", "")
        if _kind(above, layers) == "MultiHeadAttention" and name in _ATTENTION:
            found.append(Form(above, "MultiHeadAttention", (f"in_proj_{leaf}",), part(_ATTENTION[name], 3)))
        elif _kind(above, layers) == "MultiHeadAttention":
            found.append(Form(above, "MultiHeadAttention", (f"out_proj.{leaf}",)))
        return found

    @cached_property
    def met(self) -> dict[Node, Node]:
        """What is multiplied with each weight W of a dense layer, x in x W^T."""
        products = [n for n in order(self.built.outputs.values()) if n.op.name == "matmul"]
        return {weight: node.inputs[0] for node in products for weight in node.inputs[1].inputs}

    def _flattened_space(self, path: str) -> tuple[int, ...] | None:
        """The image (*space, C) whose flattened numbers a weight meets, if they are that."""
        met = self.met.get(self.built.parameters[path].node)
        while met is not None and isinstance(met.op, Elementwise):  # an activation, say, keeps every place
            met = next((node for node in met.inputs if node.op.name != "broadcast"), None)
        if met is None or met.op.name != "reshape" or met.rank != 2:
            return None
        (image,) = met.inputs
        space = image.shape[1:]
        if image.rank < 3 or not all(isinstance(n, int) for n in space) or all(n == 1 for n in space[:-1]):
            return None
        return bound(space) if image.rank > 3 or _is_convolved(image) else None


def owner_of(path: str, layers: Mapping[str, Layer]) -> tuple[str, str]:
    """The innermost layer around a path, ``""`` for the net itself, and the rest of the path."""
    at = path
    while at:
        at = at.rpartition(".")[0]
        if at in layers:
            return at, path[len(at) + 1 :]
    return "", path


def _kind(path: str, layers: Mapping[str, Layer]) -> str:
    return type(layers[path]).__name__ if path in layers else ""


def _recurrent(kind: str, owner: str, leaf: str, layers: Mapping[str, Layer]) -> Form:
    """An array of a recurrent layer, by its place in a stack and its direction."""
    module, level, direction = owner, 0, ""
    above, name = owner_of(module, layers)
    if _kind(above, layers) == "Bidirectional":
        module, direction = above, "_reverse" if name == "backward" else ""
        above, name = owner_of(module, layers)
    if _kind(above, layers) == "Stacked":
        module, level = above, int(name.lstrip("abcdefghijklmnopqrstuvwxyz_")) - 1
    end = f"_l{level}{direction}"
    names: dict[str, tuple[tuple[str, ...], Change]] = {
        "weight": ((f"weight_ih{end}",), AS_IT_IS),
        "recurrent": ((f"weight_hh{end}",), AS_IT_IS),
        "bias": ((f"bias_ih{end}", f"bias_hh{end}"), GRU_BIAS if kind == "GRU" else SUM),
        "recurrent_bias": ((f"bias_hh{end}",), part(3, 3)),
    }
    return Form(module, kind, *names.get(leaf, ((leaf,), AS_IT_IS)))


def _is_convolved(image: Node) -> bool:
    """Whether a sequence (B, T, C) is what a convolution made; else its channels are last there, too."""
    return any(node.op.name == "convolution" and node.rank == image.rank for node in order([image]))
