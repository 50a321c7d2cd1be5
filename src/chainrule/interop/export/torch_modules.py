"""The modules of PyTorch that compute the layers of a network: which values, with which settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.graph import Node, order
from chainrule.interop.export.torch_program import ModuleCall
from chainrule.interop.torch.layer_layout import Form, Forms
from chainrule.interop.torch.transforms import CHANNELS_LAST, IDENTITY, MATRIX
from chainrule.nn.layer import Layer

if TYPE_CHECKING:
    from chainrule.nn.build import Built

FUNCTIONS = {
    "relu": "F.relu({0})",
    "gelu": "F.gelu({0})",
    "gelu_tanh": 'F.gelu({0}, approximate="tanh")',
    "silu": "F.silu({0})",
    "elu": "F.elu({0})",
    "selu": "F.selu({0})",
    "mish": "F.mish({0})",
    "hard_silu": "F.hardswish({0})",
    "hard_sigmoid": "F.hardsigmoid({0})",
    "relu6": "F.relu6({0})",
    "leaky_relu": "F.leaky_relu({0})",
    "softplus": "F.softplus({0})",
    "softsign": "F.softsign({0})",
    "log_sigmoid": "F.logsigmoid({0})",
}
"""The functions of activations with their usual settings, where ours has more than one operation."""


def module_calls(built: Built, forms: Mapping[str, Form]) -> dict[Node, ModuleCall]:
    """Return the values of a network that modules compute.

    Args:
        built: the network in inference.
        forms: the form in PyTorch of each parameter, by path.
    """
    modules = _Modules(built, forms)
    return dict(modules.calls())


class _Modules:
    def __init__(self, built: Built, forms: Mapping[str, Form]) -> None:
        self.built, self.forms, self.book = built, forms, built.book
        self.layouts = Forms(built)

    def calls(self) -> Iterator[tuple[Node, ModuleCall]]:
        """Yield each value of a call of a layer that a module or function computes."""
        for call, result in self.book.results.items():
            path = re.sub(r"#[0-9]+(?=\.|$)", "", call)
            layer, x = self.book.layers[path], self.book.arguments[call]
            yield from self._activation(call, layer)
            rule = RULES.get(type(layer).__name__)
            if rule is None:
                continue
            z = self.book.notes.get(f"{call}.z", result) if hasattr(layer, "activation") else result
            if isinstance(x, Node) and isinstance(z, Node) and z is not x:
                module = rule(self, path, layer, x, z)
                if module is not None:
                    yield z, module

    def _activation(self, call: str, layer: Layer) -> Iterator[tuple[Node, ModuleCall]]:
        z, a = self.book.notes.get(f"{call}.z"), self.book.notes.get(f"{call}.a")
        name = getattr(layer, "activation", None)
        if type(layer).__name__ == "Activation" and not getattr(layer, "chosen", ()):
            z, a, name = self.book.arguments[call], self.book.results[call], getattr(layer, "name", "")
        if isinstance(z, Node) and isinstance(a, Node) and z is not a and name in FUNCTIONS:
            yield a, ModuleCall("", "", (z,), FUNCTIONS[name])

    def shape(self, path: str) -> tuple[int, ...] | None:
        """Return the shape of a parameter or statistic; ``None`` if there is none."""
        parameter = self.built.parameters.get(path) or self.built.states.get(path)
        return None if parameter is None else tuple(map(int, map(str, parameter.spec.shape)))

    def has(self, path: str, *changes: Any) -> bool:
        """Return whether a parameter has a module of its own, with one of these transforms."""
        form = self.forms.get(path)
        is_own = form is not None and form.module == path.rpartition(".")[0]
        return is_own and form is not None and (not changes or form.change in changes)


def _affine(of: _Modules, path: str) -> bool | None:
    """Return whether a normalization has weight and bias; ``None`` if it has one of them, or reordered."""
    present = [of.shape(f"{path}.{name}") is not None for name in ("scale", "shift")]
    names = [f"{path}.{name}" for name in ("scale", "shift")]
    if present[0] != present[1] or (present[0] and not all(of.has(name, IDENTITY) for name in names)):
        return None
    return present[0]


def _dense(of: _Modules, path: str, layer: Any, x: Node, z: Node) -> ModuleCall | None:
    shape = of.shape(f"{path}.weight")
    weight = of.built.parameters.get(f"{path}.weight")
    if shape is None or weight is None or not of.has(f"{path}.weight"):
        return None
    products = (node for node in order([z], [x]) if node.op.name == "matmul")
    if not any(weight.node in node.inputs[1].inputs for node in products):
        return None  # another layer replaces the weight
    bias = "" if layer.bias else ", bias=False"
    constructor = f"nn.Linear({shape[1]}, {shape[0]}{bias})"
    form = of.forms[f"{path}.weight"]
    if form.change is MATRIX:
        return ModuleCall(path, constructor, (x,), "{m}({0})")
    read, expression = _channels_first(of, path, x)
    return ModuleCall(path, constructor, (read,), f"{{m}}({expression})")


def _channels_first(of: _Modules, path: str, x: Node) -> tuple[Node, str]:
    """Return the features of a flattened image in PyTorch's order: the node to read, and the expression."""
    index = of.layouts.feature_order(f"{path}.weight", path, "Dense")
    assert index is not None
    image = x.inputs[0] if x.op.name == "reshape" else x
    space = image.shape[1:]
    if image is not x and image.rank > 2 and all(isinstance(n, int) for n in space):
        *positions, channels = map(int, map(str, space))
        flat = np.arange(len(index)).reshape(channels, *positions)
        if np.array_equal(np.moveaxis(flat, 0, -1).reshape(-1), index):
            return image, "{0}.movedim(-1, 1).flatten(1)"
    return x, f"{{0}}[:, {np.argsort(index).tolist()}]"


def _same(values: Any) -> str:
    return str(values[0]) if len(set(values)) == 1 else str(tuple(values))


def _convolution(of: _Modules, path: str, layer: Any, x: Node, z: Node) -> ModuleCall | None:
    shape = of.shape(f"{path}.weight")
    nodes = [node for node in order([z], [x]) if node.op.name == "convolution"]
    if shape is None or not of.has(f"{path}.weight", CHANNELS_LAST) or len(nodes) != 1:
        return None
    own = nodes[0].op.attributes
    if nodes[0].inputs != (x, of.built.parameters[f"{path}.weight"].node):
        return None  # another layer replaces the weight
    outputs, *kernel, deep = shape
    settings = [f"{deep * own['groups']}, {outputs}, {_same(kernel)}"]
    is_even = own["low"] == own["high"]
    for name, value, default in (
        ("stride", own["strides"], 1),
        ("padding", own["low"] if is_even else (0,), 0),
        ("dilation", own["dilation"], 1),
        ("groups", (own["groups"],), 1),
        ("bias", (layer.bias,), True),
    ):
        if set(value) != {default}:
            settings.append(f"{name}={_same(value)}")
    read = "{0}.movedim(-1, 1)"
    if not is_even:
        pairs = list(zip(own["low"], own["high"], strict=True))[::-1]
        read = f"F.pad({read}, ({', '.join(f'{a}, {b}' for a, b in pairs)}))"
    constructor = f"nn.Conv{len(kernel)}d({', '.join(settings)})"
    return ModuleCall(path, constructor, (x,), f"{{m}}({read}).movedim(1, -1)")


def _batch_norm(of: _Modules, path: str, layer: Any, x: Node, z: Node) -> ModuleCall | None:
    affine = _affine(of, path)
    if affine is None or not 2 <= x.rank <= 5 or not of.has(f"{path}.running_mean", IDENTITY):
        return None
    (channels,) = of.shape(f"{path}.running_mean") or (0,)
    more = [f"eps={layer.epsilon!r}"] * (layer.epsilon != 1e-5) + [f"momentum={layer.momentum!r}"] * (
        layer.momentum != 0.1
    )
    constructor = f"nn.BatchNorm{max(1, x.rank - 2)}d({', '.join([str(channels), *more, *_flag(affine)])})"
    read = "{m}({0})" if x.rank == 2 else "{m}({0}.movedim(-1, 1)).movedim(1, -1)"
    return ModuleCall(path, constructor, (x,), read)


def _flag(affine: bool, name: str = "affine") -> list[str]:
    return [] if affine else [f"{name}=False"]


def _layer_norm(of: _Modules, path: str, layer: Any, x: Node, z: Node) -> ModuleCall | None:
    affine = _affine(of, path)
    lengths = x.shape[x.rank - layer.axes :]
    if affine is None or not all(isinstance(n, int) for n in lengths):
        return None
    size = str(lengths[0]) if len(lengths) == 1 else str(tuple(lengths))
    flags = _flag(affine, "elementwise_affine")
    epsilon = [f"eps={layer.epsilon!r}"] * (layer.epsilon != 1e-5)
    return ModuleCall(path, f"nn.LayerNorm({', '.join([size, *epsilon, *flags])})", (x,), "{m}({0})")


def _rms_norm(of: _Modules, path: str, layer: Any, x: Node, z: Node) -> ModuleCall | None:
    shape = of.shape(f"{path}.scale")
    if shape is None or not of.has(f"{path}.scale", IDENTITY):
        return None
    size = str(shape[0]) if len(shape) == 1 else str(shape)
    return ModuleCall(path, f"nn.RMSNorm({size}, eps={layer.epsilon!r})", (x,), "{m}({0})")


def _group_norm(of: _Modules, path: str, layer: Any, x: Node, z: Node) -> ModuleCall | None:
    affine = _affine(of, path)
    if affine is None or x.rank < 2 or not isinstance(x.shape[-1], int):
        return None
    settings = [f"{layer.groups}, {x.shape[-1]}", f"eps={layer.epsilon!r}", *_flag(affine)]
    return ModuleCall(
        path, f"nn.GroupNorm({', '.join(settings)})", (x,), "{m}({0}.movedim(-1, 1)).movedim(1, -1)"
    )


def _embedding(of: _Modules, path: str, layer: Any, x: Node, z: Node) -> ModuleCall | None:
    if layer.padding_index is not None or layer.scale != 1 or not of.has(f"{path}.weight", IDENTITY):
        return None
    return ModuleCall(path, f"nn.Embedding({layer.vocabulary_size}, {layer.units})", (x,), "{m}({0}.long())")


def _attention(of: _Modules, path: str, layer: Any, x: Node, z: Node) -> ModuleCall | None:
    form = of.forms.get(f"{path}.query.weight")
    if form is None or form.module != path or layer.rotary or layer.alibi or layer.units is not None:
        return None
    if type(layer).__name__ != "MultiHeadAttention" or layer.value_units is not None:
        return None
    settings = [f"{x.shape[-1]}, {layer.heads}", *([] if layer.bias else ["bias=False"]), "batch_first=True"]
    mask = ""
    if layer.causal:
        length = x.shape[1]
        if not isinstance(length, int):
            return None
        mask = f", attn_mask=torch.ones({length}, {length}, dtype=torch.bool, device={{0}}.device).triu(1)"
    expression = f"{{m}}({{0}}, {{0}}, {{0}}, need_weights=False{mask})[0]"
    return ModuleCall(path, f"nn.MultiheadAttention({', '.join(settings)})", (x,), expression)


def _recurrent(of: _Modules, path: str, layer: Any, x: Node, z: Node) -> ModuleCall | None:
    kind = type(layer).__name__
    form = of.forms.get(f"{path}.weight")
    is_usual = layer.activation == "tanh" or (kind == "RNN" and layer.activation == "relu")
    is_usual = is_usual and getattr(layer, "recurrent_activation", "sigmoid") == "sigmoid"
    if form is None or form.module != path or not is_usual or layer.reverse or layer.returns == "all":
        return None
    settings = [f"{x.shape[-1]}, {layer.units}", *([] if layer.bias else ["bias=False"])]
    if layer.activation == "relu":
        settings.append('nonlinearity="relu"')
    settings.append("batch_first=True")
    last = "[:, -1]" if layer.returns == "last" else ""
    return ModuleCall(path, f"nn.{kind}({', '.join(settings)})", (x,), f"{{m}}({{0}})[0]{last}")


def _max_pool(of: _Modules, path: str, layer: Any, x: Node, z: Node) -> ModuleCall | None:
    nodes = [node for node in order([z], [x]) if node.op.name == "patches"]
    if len(nodes) != 1 or layer.return_indices or nodes[0].inputs[0] is not x or not x.spec.is_float:
        return None
    own = nodes[0].op.attributes
    window = own["window"]
    fits = own["low"] == own["high"] and all(2 * n <= k for n, k in zip(own["low"], window, strict=True))
    if not fits:
        return None
    settings = [_same(window), _same(own["strides"])]
    settings += [f"padding={_same(own['low'])}"] * any(own["low"])
    settings += [f"dilation={_same(own['dilation'])}"] * (set(own["dilation"]) != {1})
    function = f"F.max_pool{len(window)}d"
    return ModuleCall("", "", (x,), f"{function}({{0}}.movedim(-1, 1), {', '.join(settings)}).movedim(1, -1)")


RULES: dict[str, Callable[[_Modules, str, Any, Node, Node], ModuleCall | None]] = {
    "Dense": _dense,
    "Conv": _convolution,
    "DepthwiseConv": _convolution,
    "BatchNorm": _batch_norm,
    "LayerNorm": _layer_norm,
    "RMSNorm": _rms_norm,
    "GroupNorm": _group_norm,
    "Embedding": _embedding,
    "MultiHeadAttention": _attention,
    "RNN": _recurrent,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "MaxPool": _max_pool,
}
"""The function that returns the module of a layer, by the layer's class."""
