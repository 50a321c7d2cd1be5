"""Convolutions, normalizations, embeddings and layers that rearrange, under PyTorch's names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule import nn
from chainrule.graph import Node
from chainrule.ops import functional as F
from torch_database.layer_calls import imaged, layered, named, per_axis, refuse
from torch_database.oracle import UnsupportedError, first, last, move
from torch_database.pooling import AXES

Build = Callable[..., Any]


def conv(axes: int) -> Build:
    def build(
        x: Node,
        weight: Node,
        bias: Node | None = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Node:
        kernel, channels = tuple(weight.shape[2:]), int(weight.shape[0])
        around = padding if isinstance(padding, str) else per_axis(padding, axes)
        steps, apart = per_axis(stride, axes), per_axis(dilation, axes)
        layer = nn.Conv(
            channels,
            kernel,
            stride=steps,
            padding=around,
            dilation=apart,
            groups=groups,
            bias=bias is not None,
        )
        return imaged(lambda x: layered(layer, x, weight=last(weight), bias=bias), x, axes)

    return build


def conv_transpose(axes: int) -> Build:
    def build(x: Node, weight: Node, bias: Node | None = None, *settings: Any, **options: Any) -> Node:
        arguments = named("stride padding output_padding groups dilation", settings, options)
        kernel, groups = tuple(map(int, weight.shape[2:])), arguments.get("groups", 1)
        steps, apart = (per_axis(arguments.get(name, 1), axes) for name in ("stride", "dilation"))
        around, more = (per_axis(arguments.get(name, 0), axes) for name in ("padding", "output_padding"))
        places = x.shape[-axes:]
        space = tuple(
            (n - 1) * s - 2 * p + d * (k - 1) + 1 + o
            for n, s, p, d, k, o in zip(places, steps, around, apart, kernel, more, strict=True)
        )
        layer = nn.ConvTranspose(
            int(weight.shape[1]) * groups,
            kernel,
            stride=steps,
            padding=around,
            dilation=apart,
            groups=groups,
            output_size=space,
            bias=bias is not None,
        )
        return imaged(lambda x: layered(layer, x, weight=last(weight), bias=bias), x, axes)

    return build


def padded(mode: str) -> Build:
    """Padding of images; an array of at most three axes is padded as one image of one channel."""
    border = {"reflect": "reflect", "replicate": "replicate", "circular": "circular"}.get(mode, "constant")

    def build(x: Node, pad: Any, mode: str = "", value: float | None = None) -> Node:
        if min(pad, default=0) < 0:
            raise UnsupportedError("negative padding")
        pairs = list(zip(pad[::2], pad[1::2], strict=True))[::-1]
        options = {} if border != "constant" else {"value": float(value or 0)}
        if x.rank <= 3 and border == "constant":
            around = ((0, 0),) * (x.rank - len(pairs)) + tuple(pairs)
            image = F.reshape(x, (1, *x.shape, 1))
            return layered(nn.Pad(around, mode=border, **options), image)[0, ..., 0]
        around = tuple(pairs)
        if border == "constant":
            around = ((0, 0),) * (x.rank - 2 - len(pairs)) + around
        return imaged(lambda x: layered(nn.Pad(around, mode=border, **options), x), x, len(around))

    return build


def resized(mode: str, axes: int | None = None) -> Build:
    ours = {"nearest": "nearest", "bicubic": "cubic"}.get(mode, "linear")

    def build(
        x: Node,
        size: Any = None,
        scale_factor: Any = None,
        mode: str = "",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
        antialias: bool = False,
    ) -> Node:
        refuse(antialias=antialias)
        wide = x.rank - 2
        if recompute_scale_factor:  # then PyTorch computes the factor from the lengths
            factors = per_axis(scale_factor, wide)
            size = [math.floor(int(n) * f) for n, f in zip(x.shape[2:], factors, strict=True)]
        if size is not None:
            layer = nn.UpSampling(size=per_axis(size, wide), mode=ours, align_corners=bool(align_corners))
        else:
            factors = per_axis(scale_factor, wide)
            layer = nn.UpSampling(
                scale_factor=tuple(map(float, factors)), mode=ours, align_corners=bool(align_corners)
            )
        return imaged(lambda x: layered(layer, x), x, wide)

    return build


def unfolded(x: Node, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Node:
    window, apart, around, steps = (per_axis(v, 2) for v in (kernel_size, dilation, padding, stride))
    single = x.rank == 3
    image = last(x[None] if single else x)
    rows = layered(
        nn.Unfold(window, stride=steps, padding=around, dilation=apart), image
    )  # (B, *places, window C)
    cells, channels = math.prod(window), int(image.shape[-1])
    places = int(rows.shape[1]) * int(rows.shape[2])
    split = F.reshape(rows, (rows.shape[0], places, cells, channels))
    y = F.reshape(F.transpose(split, (0, 3, 2, 1)), (rows.shape[0], channels * cells, places))
    return y[0] if single else y


def shuffled(kind: Any) -> Build:
    def build(x: Node, *factors: int, **named: int) -> Node:
        (factor,) = (*factors, *named.values())
        if x.rank < 3:
            raise UnsupportedError("rank")
        flat = F.reshape(x, (math.prod(map(int, x.shape[:-3])), *x.shape[-3:]))
        y = imaged(lambda x: layered(kind(factor), x), flat, 2)
        return F.reshape(y, (*x.shape[:-3], *y.shape[-3:]))

    return build


def channel_shuffle(x: Node, groups: int) -> Node:
    return first(layered(nn.ChannelShuffle(groups), last(x)))


def linear(input: Node, weight: Node, bias: Node | None = None) -> Node:
    x = input
    if weight.rank != 2:
        raise UnsupportedError("vector of weights")
    single = x.rank == 1
    layer = nn.Dense(int(weight.shape[0]), bias=bias is not None)
    y = layered(layer, x[None] if single else x, weight=weight, bias=bias)
    return y[0] if single else y


def bilinear(a: Node, b: Node, weight: Node, bias: Node | None = None) -> Node:
    single = a.rank == 1
    layer = nn.Bilinear(int(weight.shape[0]), bias=bias is not None)
    pair = {"a": a[None] if single else a, "b": b[None] if single else b}
    y = layered(layer, pair, weight=weight, bias=bias)
    return y[0] if single else y


def batch_norm(
    x: Node, running_mean: Node | None, running_var: Node | None, *settings: Any, **options: Any
) -> Node:
    arguments = named("weight bias training momentum eps", settings, options)
    weight, bias = arguments.get("weight"), arguments.get("bias")
    momentum, epsilon = arguments.get("momentum", 0.1), arguments.get("eps", 1e-5)
    states = {"running_mean": running_mean, "running_variance": running_var}
    running = {name: node for name, node in states.items() if node is not None}
    layer = nn.BatchNorm(
        momentum=momentum or 0.0, epsilon=epsilon, scale=weight is not None, shift=bias is not None
    )
    training = arguments.get("training") or not running
    return first(layered(layer, last(x), training, running, scale=weight, shift=bias))


def instance_norm(
    x: Node, running_mean: Node | None = None, running_var: Node | None = None, *settings: Any, **options: Any
) -> Node:
    arguments = named("weight bias use_input_stats momentum eps", settings, options)
    if not arguments.get("use_input_stats", True):
        raise UnsupportedError("running statistics")
    weight, bias = arguments.get("weight"), arguments.get("bias")
    layer = nn.InstanceNorm(
        epsilon=arguments.get("eps", 1e-5), scale=weight is not None, shift=bias is not None
    )
    return imaged(lambda x: layered(layer, x, scale=weight, shift=bias), x, x.rank - 2)


def group_norm(
    x: Node, num_groups: int, weight: Node | None = None, bias: Node | None = None, eps: float = 1e-5
) -> Node:
    layer = nn.GroupNorm(num_groups, epsilon=eps, scale=weight is not None, shift=bias is not None)
    return first(layered(layer, last(x), scale=weight, shift=bias))


def layer_norm(
    x: Node, normalized_shape: Any, weight: Node | None = None, bias: Node | None = None, eps: float = 1e-5
) -> Node:
    layer = nn.LayerNorm(
        axes=len(normalized_shape), epsilon=eps, scale=weight is not None, shift=bias is not None
    )
    return _on_samples(lambda x: layered(layer, x, scale=weight, shift=bias), x, len(normalized_shape))


def rms_norm(x: Node, normalized_shape: Any, weight: Node | None = None, eps: float | None = None) -> Node:
    epsilon = float(np.finfo("float64").eps) if eps is None else eps
    layer = nn.RMSNorm(axes=len(normalized_shape), epsilon=epsilon, scale=weight is not None)
    return _on_samples(lambda x: layered(layer, x, scale=weight), x, len(normalized_shape))


def _on_samples(apply: Callable[[Node], Node], x: Node, axes: int) -> Node:
    """A function of a batch, applied to a batch or to a single sample."""
    return apply(x[None])[0] if x.rank == axes else apply(x)


def local_response_norm(x: Node, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Node:
    return first(layered(nn.LocalResponseNorm(size, alpha=alpha, beta=beta, k=k), last(x)))


def normalized(x: Node, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Node:
    if p != 2:
        raise UnsupportedError("p")
    if x.rank == 0 or isinstance(dim, tuple | list):
        raise UnsupportedError("axis")
    rows = move(x, dim, -1)
    return move(_on_samples(lambda x: layered(nn.UnitNorm(epsilon=eps**2), x), rows, 1), -1, dim)


def cosine_similarity(a: Node, b: Node, dim: int = 1, eps: float = 1e-8) -> Node:
    if a.rank == 0:
        raise UnsupportedError("axis of a scalar")
    rows = {"a": move(a, dim, -1), "b": move(b, dim, -1)}
    if a.rank == 1:
        return layered(nn.CosineSimilarity(epsilon=eps), {name: row[None] for name, row in rows.items()})[
            0, 0
        ]
    return layered(nn.CosineSimilarity(epsilon=eps), rows)[..., 0]


def pairwise_distance(a: Node, b: Node, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Node:
    y = layered(nn.PairwiseDistance(float(p), epsilon=eps), {"a": a, "b": b})
    return y if keepdim else y[..., 0]


def embedding(weight: Node, ids: Node, **options: Any) -> Node:
    refuse(max_norm=options.get("max_norm"), scale_grad_by_freq=options.get("scale_grad_by_freq"))
    if options.get("padding_idx") is not None:
        raise UnsupportedError("padding_idx with a row of its own")
    layer = nn.Embedding(*map(int, weight.shape))
    return layered(layer, ids[None], weight=weight)[0]


def embedding_bag(weight: Node, ids: Node, offsets: Node | None = None, **options: Any) -> Node:
    if offsets is not None:
        raise UnsupportedError("bags by offsets")
    for name in ("per_sample_weights", "max_norm", "scale_grad_by_freq"):
        refuse(**{name: options.get(name)}) if not isinstance(options.get(name), Node) else _none(name)
    vocabulary, units = map(int, weight.shape)
    padding = options.get("padding_idx")
    padding = padding if padding is None else padding % vocabulary
    return layered(
        nn.EmbeddingBag(vocabulary, units, mode=options.get("mode", "mean"), padding_index=padding),
        ids,
        weight=weight,
    )


def _none(name: str) -> None:
    raise UnsupportedError(name)


def dropped(kind: Any) -> Build:
    def build(x: Node, p: float = 0.5, training: bool = True, inplace: bool = False) -> Node:
        if training and p:
            raise UnsupportedError("random")
        return layered(kind(p), x, training) if p < 1 else layered(kind(0.5), x, training)

    return build


LAYERS: dict[str, Build] = {
    **{f"nn.functional.conv{d}": conv(n) for n, d in AXES.items()},
    **{f"nn.functional.conv_transpose{d}": conv_transpose(n) for n, d in AXES.items()},
    "constant_pad_nd": lambda x, pad, value=None: padded("constant")(x, pad, value=value),
    **{f"nn.functional.pad.{m}": padded(m) for m in ("constant", "reflect", "replicate", "circular")},
    **{
        f"nn.functional.interpolate.{m}": resized(m)
        for m in ("nearest", "linear", "bilinear", "bicubic", "trilinear")
    },
    "nn.functional.upsample_bilinear": lambda x, size=None, scale_factor=None: resized("bilinear")(
        x, size, scale_factor, "", True
    ),
    "nn.functional.upsample_nearest": resized("nearest"),
    "nn.functional.unfold": unfolded,
    "nn.functional.pixel_shuffle": shuffled(nn.PixelShuffle),
    "nn.functional.pixel_unshuffle": shuffled(nn.PixelUnshuffle),
    "nn.functional.channel_shuffle": channel_shuffle,
    "nn.functional.linear": linear,
    "nn.functional.bilinear": bilinear,
    "nn.functional.batch_norm": batch_norm,
    "nn.functional.instance_norm": instance_norm,
    "nn.functional.group_norm": group_norm,
    "nn.functional.layer_norm": layer_norm,
    "nn.functional.rms_norm": rms_norm,
    "nn.functional.local_response_norm": local_response_norm,
    "nn.functional.normalize": normalized,
    "nn.functional.cosine_similarity": cosine_similarity,
    "nn.functional.pairwise_distance": pairwise_distance,
    "nn.functional.embedding": embedding,
    "nn.functional.embedding_bag": embedding_bag,
    **{
        f"nn.functional.{name}": dropped(kind)
        for name, kind in {
            "dropout": nn.Dropout,
            "dropout2d": nn.SpatialDropout,
            "dropout3d": nn.SpatialDropout,
            "alpha_dropout": nn.AlphaDropout,
            "feature_alpha_dropout.without_train": nn.FeatureAlphaDropout,
            "feature_alpha_dropout.with_train": nn.FeatureAlphaDropout,
        }.items()
    },
}
