"""Our layer for each layer of Keras, with the arrays of a file that its parameters come from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

import numpy as np

from chainrule.errors import UsageError, fact
from chainrule.interop.settings_of_file import SettingsOfFile, invalid, unsupported
from chainrule.interop.torch.transforms import IDENTITY, TRANSPOSED, Transform
from chainrule.nn.activation.layer import Activation
from chainrule.nn.activation.registry import ACTIVATIONS
from chainrule.nn.attention.multi_head import MultiHeadAttention
from chainrule.nn.layer import Layer
from chainrule.nn.layers.containers import Flatten, Reshape, TimeDistributed
from chainrule.nn.layers.convolution import Conv, ConvTranspose, DepthwiseConv, SeparableConv
from chainrule.nn.layers.dropout import AlphaDropout, Dropout, GaussianDropout, GaussianNoise, SpatialDropout
from chainrule.nn.layers.embedding import Embedding
from chainrule.nn.layers.linear import Dense
from chainrule.nn.layers.merge import Merge
from chainrule.nn.layers.normalization import BatchNorm, GroupNorm, LayerNorm, RMSNorm, UnitNorm
from chainrule.nn.layers.padding_and_resizing import Crop, Pad, UpSampling
from chainrule.nn.layers.pooling import AveragePool, GlobalAveragePool, GlobalMaxPool, MaxPool
from chainrule.nn.layers.preprocessing import Rescaling
from chainrule.nn.layers.rearrange import Identity, Permute, RepeatVector
from chainrule.nn.recurrent.bidirectional_and_stacked import Bidirectional
from chainrule.nn.recurrent.rnn_lstm_and_gru import GRU, LSTM, RNN
from chainrule.records import frozen

Shapes = Sequence[Sequence[int | None]]


@frozen
class Stored:
    """An array of a layer in a file.

    Args:
        place: its path below the layer in a ``.keras`` file.
        is_trained: whether it is a weight, and not a statistic; files of the older format have weights first.
    """

    place: str
    is_trained: bool = True


@frozen(eq=False)
class Imported:
    """Our layer for one of Keras.

    Args:
        layer: with the settings of the file.
        stored: its arrays, in the order of the older format.
        sources: for each parameter of ours the array that it comes from, and how.
        results: the names of our results, in Keras's order, if there are several.
        passes_mask: whether the result has the mask of the input.
        takes_mask: whether the mask of the input is another input of our layer.
    """

    layer: Layer
    stored: tuple[Stored, ...] = ()
    sources: Mapping[str, tuple[int, Transform]] = field(default_factory=dict)
    results: tuple[str, ...] = ()
    passes_mask: bool = False
    takes_mask: bool = False


Rule = Callable[[SettingsOfFile, Shapes], Imported]
RULES: dict[str, Rule] = {}
"""The function that returns our layer, by the name of the class in Keras."""


def _rule(*names: str) -> Callable[[Rule], Rule]:
    def enter(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, rule))
        return rule

    return enter


# --- settings that many layers have


_ELSEWHERE = {curve.keras: name for name, curve in ACTIVATIONS.items() if curve.keras} | {"swish": "silu"}
_SLOPES = {"leaky_relu": Activation("leaky_relu", slope=0.2)}


def activation_of(config: SettingsOfFile, name: str = "activation", default: str = "linear") -> Any:
    """Return an activation by our name, or as a layer; ``None`` for the identity."""
    value = config.entries.get(name, default)
    if isinstance(value, Mapping):
        inner = value.get("config")
        registered = value.get("registered_name")
        value = inner if isinstance(inner, str) else registered or value.get("class_name")
    if value is None or value == "linear":
        return None
    if value not in _ELSEWHERE:
        raise unsupported(config.where, str(value), [f"{name}={value!r}"], ", ".join(sorted(_ELSEWHERE)))
    return _SLOPES.get(value) or _ELSEWHERE[value]


def _curve(config: SettingsOfFile, name: str, default: str) -> str:
    """Return an activation that is a name, as recurrent layers need it."""
    activation = activation_of(config, name, default)
    if isinstance(activation, Layer):
        raise unsupported(config.where, name, [f"{name}={config.entries[name]!r}"], fact("tanh, relu, ..."))
    return activation or "linear"


def _axes(config: SettingsOfFile, kind: str) -> int:
    """Return the number of spatial axes of a layer such as Conv2D."""
    return int(re.search(r"([123])D", kind)[1]) if re.search(r"([123])D", kind) else 2  # pyright: ignore


def _channels_last(config: SettingsOfFile) -> None:
    config.require(data_format="channels_last")


def _padding(config: SettingsOfFile) -> str:
    return config.text("padding", "valid", ["valid", "same"])


def _axis(config: SettingsOfFile, axis: object, shapes: Shapes) -> int:
    """Return an axis counted from the last, such as -1."""
    rank = len(shapes[0]) if shapes else 0
    if isinstance(axis, list) and len(axis) == 1:
        (axis,) = axis
    if type(axis) is not int:
        raise config.wrong("axis", fact("an axis"))
    if axis >= 0 and not rank:
        expected = fact("an axis counted from the last, such as -1, or a .keras file")
        raise unsupported(config.where, "axis", [f"axis={axis!r}"], expected)
    return axis if axis < 0 else axis - rank


def _vars(*names: str, before: str = "") -> tuple[Stored, ...]:
    """Return arrays that are numbered in a file; those that begin with a minus are statistics."""
    return tuple(Stored(f"{before}vars/{i}", not name.startswith("-")) for i, name in enumerate(names))


def _weights(
    names: Sequence[str], changes: Mapping[str, Transform] = {}, before: str = ""
) -> tuple[tuple[Stored, ...], dict[str, tuple[int, Transform]]]:
    """Return the arrays of a layer, and the source of each parameter of ours with the names."""
    sources = {n.lstrip("-"): (i, changes.get(n.lstrip("-"), IDENTITY)) for i, n in enumerate(names)}
    return _vars(*names, before=before), sources


def _kernel(config: SettingsOfFile, change: Transform) -> tuple[Any, Any]:
    names = ["weight", "bias"] if config.flag("use_bias", True) else ["weight"]
    return _weights(names, {"weight": change})


def _turned(*axes: int) -> Callable[[Sequence[np.ndarray]], np.ndarray]:
    return lambda arrays: np.transpose(arrays[0], axes)


def _last_first(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return np.moveaxis(arrays[0], -1, 0)


OUTPUTS_FIRST = Transform("output channels first", _last_first)


# --- layers without parameters


def _plain(build: Callable[[SettingsOfFile], Layer], passes_mask: bool = False) -> Rule:
    return lambda config, shapes: Imported(build(config), passes_mask=passes_mask)


RULES |= {
    "Dropout": _plain(lambda c: Dropout(c.number("rate")), True),
    "GaussianDropout": _plain(lambda c: GaussianDropout(c.number("rate")), True),
    "GaussianNoise": _plain(lambda c: GaussianNoise(c.number("stddev")), True),
    "AlphaDropout": _plain(lambda c: AlphaDropout(c.number("rate")), True),
    "RepeatVector": _plain(lambda c: RepeatVector(c.integer("n"))),
    "ActivityRegularization": _plain(lambda c: Identity(), True),
    "Identity": _plain(lambda c: Identity(), True),
}
for _name in ("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"):
    RULES[_name] = _plain(lambda c: SpatialDropout(c.number("rate")), True)
for _name in ("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D"):
    RULES[_name] = lambda config, shapes: Imported(_pooled(config, GlobalMaxPool()))


def _pooled(config: SettingsOfFile, layer: Layer) -> Layer:
    _channels_last(config)
    config.require(keepdims=False)
    return layer


@_rule("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D")
def _global_average(config: SettingsOfFile, shapes: Shapes) -> Imported:
    layer = _pooled(config, GlobalAveragePool())
    return Imported(layer, takes_mask=_class_of(config).endswith("1D"))


@_rule("Flatten")
def _flatten(config: SettingsOfFile, shapes: Shapes) -> Imported:
    _channels_last(config)
    return Imported(Flatten())


@_rule("Reshape")
def _reshape(config: SettingsOfFile, shapes: Shapes) -> Imported:
    shape = config.entries.get("target_shape")
    if not isinstance(shape, list) or not all(type(n) is int for n in shape):
        raise config.wrong("target_shape", fact("a list of integers"))
    return Imported(Reshape(tuple(shape)))


@_rule("Permute")
def _permute(config: SettingsOfFile, shapes: Shapes) -> Imported:
    dims = config.entries.get("dims")
    if not isinstance(dims, list) or sorted(dims) != list(range(1, len(dims) + 1)):
        raise config.wrong("dims", fact("a permutation of the axes from 1"))
    return Imported(Permute(tuple(dims)))


@_rule("Activation")
def _activation(config: SettingsOfFile, shapes: Shapes) -> Imported:
    chosen = activation_of(config)
    layer = chosen if isinstance(chosen, Layer) else Activation(chosen or "linear")
    return Imported(layer, passes_mask=True)


@_rule("ReLU")
def _relu(config: SettingsOfFile, shapes: Shapes) -> Imported:
    top, slope = config.entries.get("max_value"), config.number("negative_slope", 0.0)
    config.require(threshold=0.0)
    if top is not None and (slope or config.number("max_value") != 6.0):
        config.require(max_value=6.0, negative_slope=0.0)
    if top is not None:
        return Imported(Activation("relu6"), passes_mask=True)
    return Imported(Activation("leaky_relu", slope=slope) if slope else Activation("relu"), passes_mask=True)


@_rule("LeakyReLU")
def _leaky(config: SettingsOfFile, shapes: Shapes) -> Imported:
    slope = config.number("negative_slope", 0.3)
    return Imported(Activation("leaky_relu", slope=slope), passes_mask=True)


@_rule("ELU")
def _elu(config: SettingsOfFile, shapes: Shapes) -> Imported:
    return Imported(Activation("elu", alpha=config.number("alpha", 1.0)), passes_mask=True)


def _of_channels_alone(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return arrays[0].reshape(arrays[0].shape[-1:])  # refused unless the channels alone have slopes


@_rule("PReLU")
def _prelu(config: SettingsOfFile, shapes: Shapes) -> Imported:
    change = Transform("without leading axes of 1", _of_channels_alone)
    return Imported(Activation("prelu"), *_weights(["slope"], {"slope": change}))


@_rule("Softmax")
def _softmax(config: SettingsOfFile, shapes: Shapes) -> Imported:
    axis = _axis(config, config.entries.get("axis", -1), shapes)
    return Imported(Activation("softmax", axis=axis) if axis != -1 else Activation("softmax"))


@_rule("Rescaling")
def _rescaling(config: SettingsOfFile, shapes: Shapes) -> Imported:
    return Imported(Rescaling(config.number("scale"), config.number("offset", 0.0)), passes_mask=True)


_RANDOM = ("Flip", "Rotation", "Zoom", "Translation", "Contrast", "Brightness", "Shear", "Hue", "Saturation")
for _name in _RANDOM:  # augmentations, which change nothing in inference
    RULES[f"Random{_name}"] = _plain(lambda c: Identity())


@_rule("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")
def _merge(config: SettingsOfFile, shapes: Shapes) -> Imported:
    mode = _class_of(config).lower()
    if mode != "concatenate":
        return Imported(Merge(mode))
    axis = _axis(config, config.entries.get("axis", -1), shapes)
    return Imported(Merge(mode, axis=axis))


# --- dense layers and embeddings


@_rule("Dense")
def _dense(config: SettingsOfFile, shapes: Shapes) -> Imported:
    config.require(lora_rank=None, quantization_config=None)
    layer = Dense(config.integer("units"), activation_of(config), bias=config.flag("use_bias", True))
    return Imported(layer, *_kernel(config, TRANSPOSED), passes_mask=True)


@_rule("Embedding")
def _embedding(config: SettingsOfFile, shapes: Shapes) -> Imported:
    config.require(lora_rank=None, quantization_config=None)
    layer = Embedding(config.integer("input_dim"), config.integer("output_dim"))
    return Imported(layer, *_weights(["weight"]))


# --- convolution and pooling


def _widths(config: SettingsOfFile, name: str, axes: int, default: Any = None) -> Any:
    """Return one number for all axes where they have the same, else one for each."""
    values = config.integers(name, axes, default)
    return values[0] if len(set(values)) == 1 else values


def _sliding(config: SettingsOfFile, kind: str) -> dict[str, Any]:
    _channels_last(config)
    axes = _axes(config, kind)
    return {
        "kernel_size": _widths(config, "kernel_size", axes),
        "stride": _widths(config, "strides", axes, 1),
        "dilation": _widths(config, "dilation_rate", axes, 1),
        "padding": _padding(config),
        "activation": activation_of(config),
        "bias": config.flag("use_bias", True),
    }


def _class_of(config: SettingsOfFile) -> str:
    return config.where.rpartition(" ")[2]


@_rule("Conv1D", "Conv2D", "Conv3D")
def _conv(config: SettingsOfFile, shapes: Shapes) -> Imported:
    channels, groups = config.integer("filters"), config.integer("groups", 1)
    kind = _class_of(config)
    if config.entries.get("padding") == "causal":
        return _causal(config, channels, groups)
    settings = _sliding(config, kind)
    return Imported(Conv(channels, groups=groups, **settings), *_kernel(config, OUTPUTS_FIRST))


def _causal(config: SettingsOfFile, channels: int, groups: int) -> Imported:
    settings = _sliding(replace(config, entries={**config.entries, "padding": "valid"}), "Conv1D")
    before = settings["dilation"] * (settings["kernel_size"] - 1)
    settings["padding"] = ((before, 0),)
    return Imported(Conv(channels, groups=groups, **settings), *_kernel(config, OUTPUTS_FIRST))


@_rule("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
def _conv_transpose(config: SettingsOfFile, shapes: Shapes) -> Imported:
    config.require(output_padding=None)
    settings = _sliding(config, _class_of(config))
    axes = _axes(config, _class_of(config))
    kernel, stride = config.integers("kernel_size", axes), config.integers("strides", axes, 1)
    if settings["padding"] == "valid" and any(s > k for k, s in zip(kernel, stride, strict=True)):
        expected = fact("strides that are not larger than the kernel")
        raise unsupported(config.where, "strides", [f"strides={list(stride)}"], expected)
    layer = ConvTranspose(config.integer("filters"), groups=1, **settings)
    change = Transform("channels first", lambda arrays: np.moveaxis(arrays[0], -1, 0))  # (*k, O, I)
    return Imported(layer, *_kernel(config, change))


@_rule("DepthwiseConv1D", "DepthwiseConv2D")
def _depthwise(config: SettingsOfFile, shapes: Shapes) -> Imported:
    layer = DepthwiseConv(
        multiplier=config.integer("depth_multiplier", 1), **_sliding(config, _class_of(config))
    )
    return Imported(layer, *_kernel(config, DEPTHWISE))


def _of_channels(arrays: Sequence[np.ndarray]) -> np.ndarray:
    (kernel,) = arrays  # (*k, C, multiplier) -> (C multiplier, *k, 1)
    flat = kernel.reshape(*kernel.shape[:-2], kernel.shape[-2] * kernel.shape[-1])
    return np.moveaxis(flat, -1, 0)[..., None]


DEPTHWISE = Transform("output channels first", _of_channels)


@_rule("SeparableConv1D", "SeparableConv2D")
def _separable(config: SettingsOfFile, shapes: Shapes) -> Imported:
    settings = _sliding(config, _class_of(config))
    multiplier = config.integer("depth_multiplier", 1)
    layer = SeparableConv(config.integer("filters"), multiplier=multiplier, **settings)
    names = ["depthwise.weight", "pointwise.weight", *(["pointwise.bias"] if layer.bias else [])]
    changes = {"depthwise.weight": DEPTHWISE, "pointwise.weight": OUTPUTS_FIRST}
    return Imported(layer, *_weights(names, changes))


@_rule(*(f"{kind}Pooling{axes}D" for kind in ("Max", "Average") for axes in (1, 2, 3)))
def _pool(config: SettingsOfFile, shapes: Shapes) -> Imported:
    _channels_last(config)
    kind = _class_of(config)
    axes = _axes(config, kind)
    window, padding = _widths(config, "pool_size", axes), _padding(config)
    stride = _widths(config, "strides", axes, window)
    settings = {"stride": None if stride == window else stride, "padding": padding}
    return Imported((MaxPool if kind.startswith("Max") else AveragePool)(window, **settings))


def _sides(config: SettingsOfFile, name: str, axes: int) -> tuple[tuple[int, int], ...]:
    value = config.entries.get(name, 1)
    pairs = [value] * axes if type(value) is int else [value] if axes == 1 else value
    pairs = [(p, p) if type(p) is int else p for p in pairs] if isinstance(pairs, list) else []
    sides = [p for p in pairs if isinstance(p, list | tuple) and len(p) == 2]
    fits = len(sides) == len(pairs) == axes
    if not fits or not all(type(n) is int and 0 <= n < 2**31 for side in sides for n in side):
        raise config.wrong(name, fact("a number or a pair for each axis"))
    return tuple((int(low), int(high)) for low, high in sides)


@_rule("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
def _pad(config: SettingsOfFile, shapes: Shapes) -> Imported:
    _channels_last(config)
    return Imported(Pad(_sides(config, "padding", _axes(config, _class_of(config)))))


@_rule("Cropping1D", "Cropping2D", "Cropping3D")
def _crop(config: SettingsOfFile, shapes: Shapes) -> Imported:
    _channels_last(config)
    return Imported(Crop(_sides(config, "cropping", _axes(config, _class_of(config)))))


@_rule("UpSampling1D", "UpSampling2D", "UpSampling3D")
def _up_sampling(config: SettingsOfFile, shapes: Shapes) -> Imported:
    _channels_last(config)
    factors = config.integers("size", _axes(config, _class_of(config)))
    mode = config.text("interpolation", "nearest", ["nearest", "bilinear"])
    return Imported(UpSampling(scale_factor=factors, mode="linear" if mode == "bilinear" else "nearest"))


# --- normalization


def _scaled(config: SettingsOfFile, *statistics: str) -> tuple[Any, Any]:
    names = [
        *(["scale"] if config.flag("scale", True) else []),
        *(["shift"] if config.flag("center", True) else []),
        *statistics,
    ]
    return _weights(names)


@_rule("BatchNormalization")
def _batch_norm(config: SettingsOfFile, shapes: Shapes) -> Imported:
    config.require(renorm=False)
    if _axis(config, config.entries.get("axis", -1), shapes) != -1:
        config.require(axis=-1)
    layer = BatchNorm(
        momentum=round(1.0 - config.number("momentum", 0.99), 12),
        epsilon=config.number("epsilon", 1e-3),
        scale=config.flag("scale", True),
        shift=config.flag("center", True),
    )
    return Imported(layer, *_scaled(config, "-running_mean", "-running_variance"), passes_mask=True)


@_rule("LayerNormalization")
def _layer_norm(config: SettingsOfFile, shapes: Shapes) -> Imported:
    config.require(rms_scaling=False)
    axis = config.entries.get("axis", -1)
    axes = sorted(_axis(config, a, shapes) for a in (axis if isinstance(axis, list) else [axis]))
    if axes != list(range(-len(axes), 0)):
        expected = fact("the last axes")
        raise unsupported(config.where, "axis", [f"axis={axis!r}"], expected)
    layer = LayerNorm(
        axes=len(axes),
        epsilon=config.number("epsilon", 1e-3),
        scale=config.flag("scale", True),
        shift=config.flag("center", True),
    )
    return Imported(layer, *_scaled(config), passes_mask=True)


@_rule("RMSNormalization")
def _rms_norm(config: SettingsOfFile, shapes: Shapes) -> Imported:
    if _axis(config, config.entries.get("axis", -1), shapes) != -1:
        config.require(axis=-1)
    return Imported(RMSNorm(epsilon=config.number("epsilon", 1e-6)), *_weights(["scale"]), passes_mask=True)


@_rule("GroupNormalization")
def _group_norm(config: SettingsOfFile, shapes: Shapes) -> Imported:
    if _axis(config, config.entries.get("axis", -1), shapes) != -1:
        config.require(axis=-1)
    layer = GroupNorm(
        config.integer("groups", 32),
        epsilon=config.number("epsilon", 1e-3),
        scale=config.flag("scale", True),
        shift=config.flag("center", True),
    )
    return Imported(layer, *_scaled(config))


@_rule("UnitNormalization")
def _unit_norm(config: SettingsOfFile, shapes: Shapes) -> Imported:
    if _axis(config, config.entries.get("axis", -1), shapes) != -1:
        config.require(axis=-1)
    return Imported(UnitNorm())


# --- sequences


def _gates(order: Sequence[int], count: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function that puts the gates along the first axis into our order."""
    return lambda array: np.concatenate([np.split(array, count)[i] for i in order])


_RESET_FIRST = _gates((1, 0, 2), 3)  # Keras has the update gate of a GRU first
_GRU_WEIGHT = Transform("transposed, reset gate first", lambda arrays: _RESET_FIRST(arrays[0].T))


def _gru_bias(arrays: Sequence[np.ndarray]) -> np.ndarray:
    own, recurrent = arrays[0]
    units = len(own) // 3
    return _RESET_FIRST(own + np.concatenate([recurrent[: 2 * units], np.zeros(units, own.dtype)]))


_GRU_BIAS = Transform("sum of both, but for the candidate", _gru_bias)
_GRU_RECURRENT = Transform("part 3 of 3", lambda arrays: np.split(arrays[0][1], 3)[2])


def _recurrent(config: SettingsOfFile) -> dict[str, Any]:
    config.require(stateful=False)
    is_reversed, is_sequence = config.flag("go_backwards", False), config.flag("return_sequences", False)
    if is_reversed and is_sequence:
        config.require(go_backwards=False)
    has_states = config.flag("return_state", False)
    return {
        "units": config.integer("units"),
        "returns": "all" if has_states else "sequence" if is_sequence else "last",
        "reverse": is_reversed,
        "activation": _curve(config, "activation", "tanh"),
        "bias": config.flag("use_bias", True),
        "dropout": config.number("dropout", 0.0),
        "recurrent_dropout": config.number("recurrent_dropout", 0.0),
    }


@_rule("SimpleRNN", "LSTM", "GRU")
def _recurrent_layer(config: SettingsOfFile, shapes: Shapes) -> Imported:
    kind, settings = _class_of(config), _recurrent(config)
    names = ["weight", "recurrent", *(["bias"] if settings["bias"] else [])]
    gated: dict[str, Any] = {"recurrent_activation": _curve(config, "recurrent_activation", "sigmoid")}
    if kind == "GRU":
        config.require(reset_after=True)
        layer: Layer = GRU(**settings, **gated)
        changes = {"weight": _GRU_WEIGHT, "recurrent": _GRU_WEIGHT, "bias": _GRU_BIAS}
    else:
        layer = LSTM(**settings, **gated) if kind == "LSTM" else RNN(**settings)
        changes = {"weight": TRANSPOSED, "recurrent": TRANSPOSED}
    stored, sources = _weights(names, changes, "cell/")
    if kind == "GRU" and settings["bias"]:
        sources["recurrent_bias"] = (2, _GRU_RECURRENT)
    first = "sequence" if config.flag("return_sequences", False) else "hidden"
    results = (first, "hidden", *(["cell"] if kind == "LSTM" else [])) if settings["returns"] == "all" else ()
    return Imported(layer, stored, sources, results, first == "sequence", takes_mask=True)


MERGES = {"concat": "concatenate", "sum": "add", "mul": "multiply", "ave": "average"}


def inner_of(config: SettingsOfFile, name: str, shapes: Shapes, hidden: Sequence[str] = ()) -> Imported:
    """Return the layer inside a wrapper.

    Args:
        config: of the wrapper.
        name: the setting that describes the inner layer.
        shapes: of its inputs.
        hidden: settings of the inner layer that the wrapper replaces.
    """
    described = SettingsOfFile.of(config.entries.get(name), f"{config.where}, {name}")
    inner = SettingsOfFile.of(described.entries.get("config"), described.where)
    entries = {key: value for key, value in inner.entries.items() if key not in hidden}
    return imported(described.text("class_name"), SettingsOfFile.of(entries, config.where), shapes)


def below(part: Imported, ours: str, theirs: str, start: int = 0) -> tuple[Any, Any]:
    """Return the arrays and sources of a layer inside another one."""
    stored = tuple(replace(one, place=f"{theirs}/{one.place}") for one in part.stored)
    return stored, {f"{ours}.{path}": (i + start, change) for path, (i, change) in part.sources.items()}


@_rule("Bidirectional")
def _bidirectional(config: SettingsOfFile, shapes: Shapes) -> Imported:
    mode = config.text("merge_mode", "concat", list(MERGES))
    forward = inner_of(config, "layer", shapes)
    if "backward_layer" in config:
        backward = inner_of(config, "backward_layer", shapes, ("go_backwards",))
        if str(backward.layer) != str(forward.layer):
            expected = fact("two layers of the same form")
            raise unsupported(config.where, "backward_layer", [f"backward_layer={backward.layer}"], expected)
    if forward.results:
        raise unsupported(config.where, "layer", ["return_state=True"], "return_state=False")
    first, paths = below(forward, "forward", "forward_layer")
    second, others = below(forward, "backward", "backward_layer", len(first))
    layer = Bidirectional(forward.layer, merge_mode=MERGES[mode])
    passes = forward.passes_mask
    return Imported(layer, (*first, *second), {**paths, **others}, (), passes, forward.takes_mask)


@_rule("TimeDistributed")
def _time_distributed(config: SettingsOfFile, shapes: Shapes) -> Imported:
    inner = inner_of(config, "layer", [[shape[0], *shape[2:]] for shape in shapes])
    return Imported(TimeDistributed(inner.layer), *below(inner, inner.layer.kind, "layer"), passes_mask=True)


@_rule("MultiHeadAttention")
def _attention(config: SettingsOfFile, shapes: Shapes) -> Imported:
    heads, width = config.integer("num_heads"), config.integer("key_dim")
    value_width = config.integer("value_dim", width)
    if shapes and config.entries.get("output_shape") not in (None, shapes[0][-1], list(shapes[0][-1:])):
        config.require(output_shape=None)
    has_bias = config.flag("use_bias", True)
    layer = MultiHeadAttention(
        heads,
        units=heads * width,
        value_units=heads * value_width,
        bias=has_bias,
        dropout=config.number("dropout", 0.0),
    )
    stored: list[Stored] = []
    sources: dict[str, tuple[int, Transform]] = {}
    for ours in ("query", "key", "value", "output"):
        sources[f"{ours}.weight"] = (len(stored), _OUTPUT if ours == "output" else _PROJECTION)
        stored.append(Stored(f"{ours}_dense/vars/0"))
        if has_bias:
            sources[f"{ours}.bias"] = (len(stored), _FLAT)
            stored.append(Stored(f"{ours}_dense/vars/1"))
    return Imported(layer, tuple(stored), sources, passes_mask=True)


_PROJECTION = Transform("heads side by side", lambda arrays: arrays[0].reshape(len(arrays[0]), -1).T)
_OUTPUT = Transform("heads side by side", lambda arrays: arrays[0].reshape(-1, arrays[0].shape[-1]).T)
_FLAT = Transform("heads side by side", lambda arrays: arrays[0].reshape(-1))


def imported(kind: str, config: SettingsOfFile, shapes: Shapes) -> Imported:
    """Return our layer for one of Keras.

    Args:
        kind: the class.
        config: its settings.
        shapes: of its inputs, with the batch; empty if they are not known.

    Raises:
        FileError E470: a layer or setting that we do not have. E471: settings that are damaged.
    """
    if kind not in RULES:
        raise unsupported(config.where, kind, [kind], ", ".join(sorted(RULES)))
    if config.entries.get("data_format") == "channels_first":
        _channels_last(config)
    try:
        part = RULES[kind](replace(config, where=f"{config.where} {kind}"), shapes)
    except UsageError as cause:
        raise invalid(config.where, cause.expected or str(cause), cause.received or kind) from cause
    except (TypeError, KeyError, ValueError) as cause:
        raise invalid(config.where, fact("the settings of {kind}", kind=kind), str(cause)) from cause
    if config.flag("trainable", True):
        return part
    return replace(part, stored=tuple(replace(one, is_trained=False) for one in part.stored))
