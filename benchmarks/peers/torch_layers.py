"""PyTorch's layers alone, operation by operation, each in its best memory format."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.layer_cases import RANDOM, LayerCase, weights
from benchmarks.peers import Run, Variants

FORMATS = {"": torch.contiguous_format, "channels last": torch.channels_last}
Shapes: TypeAlias = list[tuple[int, ...]]
Options: TypeAlias = Mapping[str, Any]
Function: TypeAlias = Callable[[Sequence[Tensor], Sequence[Tensor], Options], Tensor]


class Kind(NamedTuple):
    """A kind of case in PyTorch's terms.

    Args:
        function: from values, parameters and settings to a result.
        shapes: of the parameters, as chainrule has them, from the values' shapes and the settings.
    """

    function: Function
    shapes: Callable[[Sequence[int], Options], Shapes] = lambda shape, options: []


def _kernel(shape: Sequence[int], o: Options) -> tuple[int, ...]:
    return (o["kernel"],) * (len(shape) - 2)


def _window(function: Any, x: Tensor, o: Options, **more: Any) -> Tensor:
    padding = o.get("padding", 0)
    return function(x, o["window"], o.get("stride", o["window"]), padding, **more)


def _convolution(v: Sequence[Tensor], p: Sequence[Tensor], o: Options) -> Tensor:
    function = functional.conv1d if v[0].ndim == 3 else functional.conv2d
    return function(v[0], p[0], p[1], o.get("stride", 1), o.get("padding", 0))


@cache
def _ones(channels: int) -> Tensor:
    return torch.ones(channels)


def _batch(v: Sequence[Tensor], p: Sequence[Tensor], o: Options) -> Tensor:
    """In training mode if gradients are computed, else with running statistics of 1."""
    if torch.is_grad_enabled():
        return functional.batch_norm(v[0], None, None, p[0], p[1], training=True)
    return functional.batch_norm(v[0], _ones(v[0].shape[1]), _ones(v[0].shape[1]), p[0], p[1])


def _spatial_mean(x: Tensor) -> Tensor:
    return x.mean((2, 3))


def _local(v: Sequence[Tensor], p: Sequence[Tensor], o: Options) -> Tensor:
    return functional.local_response_norm(v[0], o["size"])


def _up(v: Sequence[Tensor], p: Sequence[Tensor], o: Options) -> Tensor:
    mode = {"nearest": "nearest", "linear": "bilinear"}[o.get("mode", "nearest")]
    return functional.interpolate(v[0], scale_factor=o["factor"], mode=mode)


def _triplet(z: Tensor, _: Tensor) -> Tensor:
    return functional.triplet_margin_loss(z[:, 0], z[:, 1], z[:, 2])


def _ctc(z: Tensor, y: Tensor) -> Tensor:
    frames = torch.full((len(z),), z.shape[1])
    return functional.ctc_loss(
        z.log_softmax(-1).transpose(0, 1), y, frames, (y != 0).sum(1), reduction="none"
    ).mean()


ACTIVATIONS: dict[str, Callable[..., Tensor]] = {
    "exponential": torch.exp,
    "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "hard_shrink": functional.hardshrink,
    "hard_sigmoid": functional.hardsigmoid,
    "hard_silu": functional.hardswish,
    "hard_tanh": functional.hardtanh,
    "log_sigmoid": functional.logsigmoid,
    "soft_shrink": functional.softshrink,
    "tanh_shrink": functional.tanhshrink,
    "threshold": lambda x: functional.threshold(x, 1.0, 0.0),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross_entropy": functional.cross_entropy,
    "mse": functional.mse_loss,
    "mae": functional.l1_loss,
    "huber": functional.huber_loss,
    "smooth_l1": functional.smooth_l1_loss,
    "binary_cross_entropy": functional.binary_cross_entropy_with_logits,
    "kl_divergence": lambda z, y: functional.kl_div(z, y, reduction="batchmean"),
    "poisson": functional.poisson_nll_loss,
    "multi_margin": functional.multi_margin_loss,
    "triplet_margin": _triplet,
    "ctc": _ctc,
}


def _activation(v: Sequence[Tensor], p: Sequence[Tensor], o: Options) -> Tensor:
    name = o["name"]
    return (
        functional.prelu(v[0], p[0])
        if name == "prelu"
        else (ACTIVATIONS.get(name) or getattr(functional, name))(v[0])
    )


def _prelu_shapes(shape: Sequence[int], o: Options) -> Shapes:
    return [(shape[-1],)] if o["name"] == "prelu" else []


def _of_last(shape: Sequence[int], o: Options) -> Shapes:
    return [(shape[-1],), (shape[-1],)]


def _recurrent(kind: str, gates: int) -> Kind:
    """The outputs of a recurrent layer at every step; its second bias is 0 except for the GRU's."""

    def function(v: Sequence[Tensor], p: Sequence[Tensor], o: Options) -> Tensor:
        x, (weight, bias, recurrent, *inner) = v[0], p
        other = torch.cat([torch.zeros(2 * o["units"]), *inner]) if inner else torch.zeros_like(bias)
        none = torch.zeros(1, len(x), o["units"])
        first = (none, none) if kind == "lstm" else none
        run = getattr(torch._VF, kind)  # the function that the modules call
        outputs, *_ = run(x, first, [weight, recurrent, bias, other], True, 1, 0.0, False, False, True)
        return outputs

    def shapes(s: Sequence[int], o: Options) -> Shapes:
        wide, units = gates * o["units"], o["units"]
        return [(wide, s[-1]), (wide,), (wide, units), *([(units,)] if kind == "gru" else [])]

    return Kind(function, shapes)


KINDS: dict[str, Kind] = {
    "RNN": _recurrent("rnn_tanh", 1),
    "LSTM": _recurrent("lstm", 4),
    "GRU": _recurrent("gru", 3),
    "Dense": Kind(
        lambda v, p, o: functional.linear(v[0], *p), lambda s, o: [(o["units"], s[-1]), (o["units"],)]
    ),
    "Conv": Kind(_convolution, lambda s, o: [(o["channels"], *_kernel(s, o), s[-1]), (o["channels"],)]),
    "DepthwiseConv": Kind(
        lambda v, p, o: functional.conv2d(
            v[0], p[0], p[1], o.get("stride", 1), o["padding"], 1, v[0].shape[1]
        ),
        lambda s, o: [(s[-1], *_kernel(s, o), 1), (s[-1],)],
    ),
    "ConvTranspose": Kind(
        lambda v, p, o: functional.conv_transpose2d(v[0], p[0], p[1], o["stride"], o.get("padding", 0)),
        lambda s, o: [(s[-1], *_kernel(s, o), o["channels"]), (o["channels"],)],
    ),
    "MaxPool": Kind(lambda v, p, o: _window(functional.max_pool2d, v[0], o)),
    "AveragePool": Kind(lambda v, p, o: _window(functional.avg_pool2d, v[0], o, count_include_pad=False)),
    "GlobalAveragePool": Kind(lambda v, p, o: _spatial_mean(v[0])),
    "GlobalMaxPool": Kind(lambda v, p, o: functional.adaptive_max_pool2d(v[0], 1).flatten(1)),
    "BatchNorm": Kind(_batch, _of_last),
    "LayerNorm": Kind(lambda v, p, o: functional.layer_norm(v[0], v[0].shape[-1:], *p), _of_last),
    "GroupNorm": Kind(lambda v, p, o: functional.group_norm(v[0], o["groups"], *p), _of_last),
    "InstanceNorm": Kind(lambda v, p, o: functional.instance_norm(v[0])),
    "RMSNorm": Kind(
        lambda v, p, o: functional.rms_norm(v[0], v[0].shape[-1:], p[0], 1e-6), lambda s, o: [(s[-1],)]
    ),
    "LocalResponseNorm": Kind(_local),
    "activation": Kind(_activation, _prelu_shapes),
    "softmax": Kind(lambda v, p, o: v[0].softmax(o["axis"])),
    "log_softmax": Kind(lambda v, p, o: v[0].log_softmax(o["axis"])),
    "logsumexp": Kind(lambda v, p, o: v[0].logsumexp(o["axis"])),
    "loss": Kind(lambda v, p, o: LOSSES[o["name"]](v[0], v[1])),
    "Embedding": Kind(
        lambda v, p, o: functional.embedding(v[0], p[0]), lambda s, o: [(o["vocabulary"], o["units"])]
    ),
    "EmbeddingBag": Kind(
        lambda v, p, o: functional.embedding_bag(v[0], p[0], mode="mean"),
        lambda s, o: [(o["vocabulary"], o["units"])],
    ),
    "gather": Kind(lambda v, p, o: p[0].index_select(0, v[0]), lambda s, o: [o["table"]]),
    "Dropout": Kind(lambda v, p, o: functional.dropout(v[0], 0.5)),
    "SpatialDropout": Kind(lambda v, p, o: functional.dropout2d(v[0], 0.5)),
    "sum": Kind(lambda v, p, o: v[0].sum(o["axis"])),
    "mean": Kind(lambda v, p, o: v[0].mean(o["axis"])),
    "max": Kind(lambda v, p, o: v[0].amax(o["axis"])),
    "argmax": Kind(lambda v, p, o: v[0].argmax(o["axis"])),
    "variance": Kind(lambda v, p, o: v[0].var(o["axis"], unbiased=False)),
    "concatenate": Kind(lambda v, p, o: torch.cat(list(v), 1)),
    "transpose": Kind(lambda v, p, o: torch.cat([v[0].transpose(1, 2)] * 2, 1)),
    "Pad": Kind(lambda v, p, o: functional.pad(v[0], (o["width"],) * 4)),
    "UpSampling": Kind(_up),
    "PixelShuffle": Kind(lambda v, p, o: functional.pixel_shuffle(v[0], o["factor"])),
    "product": Kind(lambda v, p, o: v[0] @ v[1]),
}
UPDATES: dict[str, dict[str, Any]] = {
    "foreach": {"foreach": True},
    "fused": {"fused": True},
    "single": {"foreach": False},
}
FUSED = ("sgd", "momentum", "adam", "adamw", "adagrad")
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": lambda w, **o: torch.optim.SGD(w, 0.01, **o),
    "momentum": lambda w, **o: torch.optim.SGD(w, 0.01, momentum=0.9, **o),
    **{
        name.lower(): getattr(torch.optim, name)
        for name in (
            "Adam",
            "AdamW",
            "RMSprop",
            "Adagrad",
            "Adadelta",
            "Adamax",
            "NAdam",
            "RAdam",
            "ASGD",
            "Rprop",
        )
    },
}


def layer(case: LayerCase) -> Variants:
    """Forward alone, forward and backward, or an optimizer's update; images in both memory formats."""
    torch.set_num_threads(case.threads)
    if case.kind == "optimizer":
        known = UPDATES if case.options["name"] in FUSED else [way for way in UPDATES if way != "fused"]
        return {f"update, {way}": lambda way=way: _updates(case, way) for way in known}
    forms = FORMATS if case.is_image and len(case.inputs[0].shape) == 4 else {"": FORMATS[""]}
    runs = {"forward": _forward, "both": _both}
    return {
        ", ".join(filter(None, (way, form))): lambda run=runs[way], form=form: run(case, form)
        for form in forms
        for way in case.ways
    }


def _first(array: np.ndarray, form: str) -> Tensor:
    """Channels from the last axis to the second, in a memory format."""
    moved = torch.from_numpy(array).movedim(-1, 1)
    return moved.contiguous(memory_format=FORMATS[form]) if form else moved.contiguous()


def _tensors(case: LayerCase, form: str) -> tuple[list[Tensor], list[Tensor]]:
    """The values and the parameters."""
    arrays = case.arrays()
    kind = KINDS[case.kind]
    parameters = weights(kind.shapes(case.inputs[0].shape, case.options))
    if not case.is_image:
        return [torch.from_numpy(a) for a in arrays], [torch.from_numpy(a) for a in parameters]
    return [_first(a, form) for a in arrays], [
        _first(a, form) if a.ndim > 1 else torch.from_numpy(a) for a in parameters
    ]


def _forward(case: LayerCase, form: str) -> Run:
    (values, parameters), function = _tensors(case, form), KINDS[case.kind].function

    def run(count: int) -> float:
        with torch.inference_mode():
            y = function(values, parameters, case.options)
            for _ in range(count - 1):
                y = function(values, parameters, case.options)
        return _size(case, y)

    return run


def _both(case: LayerCase, form: str) -> Run:
    (values, parameters), function = _tensors(case, form), KINDS[case.kind].function
    target = values[1:] if case.kind == "loss" else []
    moved = [
        t.requires_grad_()
        for t in (*values, *parameters)
        if t.is_floating_point() and not any(t is y for y in target)
    ]
    y = function(values, parameters, case.options).detach()
    dy = torch.from_numpy(np.random.default_rng(5).standard_normal(_last(case, y), np.float32))
    if case.is_image and y.ndim > 2:
        dy = dy.movedim(-1, 1)
    if y.ndim:
        dy = torch.empty_like(y).copy_(dy)

    def run(count: int) -> float:
        gradients: Sequence[Tensor] = moved
        for _ in range(count):
            y = function(values, parameters, case.options)
            gradients = torch.autograd.grad(y, moved, dy if y.ndim else None)
        return _size(case, gradients[0])

    return run


def _last(case: LayerCase, y: Tensor) -> tuple[int, ...]:
    """The shape of a result with its channels last."""
    shape = tuple(y.shape)
    return (shape[0], *shape[2:], shape[1]) if case.is_image and len(shape) > 2 else shape


def _size(case: LayerCase, y: Tensor) -> float:
    """The magnitude of a result; NaN if it is random."""
    return math.nan if case.kind in RANDOM else float(y.detach().double().abs().mean())


def _updates(case: LayerCase, way: str) -> Run:
    """Steps of an optimizer."""
    w, g = (
        torch.from_numpy(np.random.default_rng(0).standard_normal(case.inputs[0].shape, np.float32))
        for _ in "wg"
    )
    w.requires_grad_()
    w.grad = g
    optimizer = OPTIMIZERS[case.options["name"]]([w], **UPDATES[way])

    def run(count: int) -> float:
        for _ in range(count):
            optimizer.step()
        return math.nan

    return run
