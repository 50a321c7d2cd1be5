"""Modules: each is called as its function, with the settings, parameters and running values it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from chainrule import nn
from chainrule.graph import Node
from torch_database import layers as rows
from torch_database import losses, pools
from torch_database.arithmetic import ARITHMETIC
from torch_database.curves import CURVES, softmin
from torch_database.layers import conv, conv_transpose, padded
from torch_database.oracle import UnsupportedError
from torch_database.pools import AXES

Held = Mapping[str, Node]
Module = Callable[..., Any]


def called(build: Callable[..., Any], settings: str = "", **renamed: str) -> Module:
    """A module that is its function: its parameters and these of its attributes are what it is called with.

    Args:
        build: the row of the function.
        settings: attributes, as the function calls them.
        renamed: arguments of the function and what the module calls them.
    """
    names = {**{name: name for name in settings.split()}, **renamed}

    def apply(module: torch.nn.Module, held: Held, *inputs: Any, **options: Any) -> Any:
        given = {argument: held.get(name, getattr(module, name, None)) for argument, name in names.items()}
        return build(*inputs, **given, **options)

    return apply


def _convolved(build: Callable[..., Any], axes: int, settings: str) -> Module:
    """A convolution, with a border of another kind set before it."""
    plain = called(build, settings)

    def apply(module: Any, held: Held, x: Node, *sizes: Any) -> Any:
        if sizes:
            raise UnsupportedError("output_size")
        if module.padding_mode == "zeros":
            return plain(module, held, x)
        x = padded(module.padding_mode)(x, module._reversed_padding_repeated_twice)
        kernel = {"stride": module.stride, "dilation": module.dilation, "groups": module.groups}
        return build(x, held["weight"], held.get("bias"), **kernel)

    return apply


def _batch_norm(module: Any, held: Held, x: Node) -> Node:
    running = [held.get(name) for name in ("running_mean", "running_var")]
    affine = [held.get(name) for name in ("weight", "bias")]
    return rows.batch_norm(x, *running, *affine, module.training, module.momentum, module.eps)


def _instance_norm(axes: int) -> Module:
    def apply(module: Any, held: Held, x: Node) -> Node:
        if module.track_running_stats and not module.training:
            raise UnsupportedError("running statistics")
        single = x.rank == axes + 1
        affine = [held.get(name) for name in ("weight", "bias")]
        y = rows.instance_norm(x[None] if single else x, None, None, *affine, eps=module.eps)
        return y[0] if single else y

    return apply


def _softmax2d(module: Any, held: Held, x: Node) -> Node:
    return ARITHMETIC["softmax"](x, -3)


def _soft(name: str) -> Module:
    """PyTorch guesses an axis where none is said."""

    def apply(module: Any, held: Held, x: Node) -> Node:
        dim = module.dim if module.dim is not None else 0 if x.rank in (0, 1, 3) else 1
        return softmin(x, dim) if name == "softmin" else ARITHMETIC[name](x, dim)

    return apply


def _bordered(mode: str) -> Module:
    return lambda module, held, x: padded(mode)(x, module.padding, value=getattr(module, "value", None))


def _embedding(module: Any, held: Held, ids: Node) -> Node:
    return rows.embedding(held["weight"], ids, padding_idx=module.padding_idx, max_norm=module.max_norm)


def _linear_cross_entropy(module: Any, held: Held, x: Node, target: Node) -> Any:
    if module.out_features:
        raise UnsupportedError("out_features")
    named = {"weight": held.get("weight"), "linear_bias": held.get("linear.bias")}
    options = {name: getattr(module, name) for name in ("reduction", "ignore_index", "label_smoothing")}
    return losses.linear_cross_entropy(x, held["linear.weight"], target, **named, **options)


_CONV = "weight bias stride padding dilation groups"
_TURNED = "weight bias stride padding output_padding groups dilation"
_POOL = "kernel_size stride padding"
_ADAPTIVE = {"Avg": nn.AdaptiveAveragePool, "Max": nn.AdaptiveMaxPool}
_MEANT = {
    "L1Loss": "l1_loss", "MSELoss": "mse_loss", "HuberLoss": "huber_loss", "SmoothL1Loss": "smooth_l1_loss",
    "SoftMarginLoss": "soft_margin_loss", "HingeEmbeddingLoss": "hinge_embedding_loss",
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits", "CrossEntropyLoss": "cross_entropy",
    "NLLLoss": "nll_loss", "MultiMarginLoss": "multi_margin_loss", "KLDivLoss": "kl_div",
    "MultiLabelMarginLoss": "multilabel_margin_loss", "PoissonNLLLoss": "poisson_nll_loss",
    "MultiLabelSoftMarginLoss": "multilabel_soft_margin_loss", "GaussianNLLLoss": "gaussian_nll_loss",
    "MarginRankingLoss": "margin_ranking_loss", "CosineEmbeddingLoss": "cosine_embedding_loss",
    "CTCLoss": "ctc_loss",
}  # fmt: skip
_SETTINGS = {
    "HuberLoss": "delta", "SmoothL1Loss": "beta", "HingeEmbeddingLoss": "margin",
    "NLLLoss": "weight ignore_index",
    "BCEWithLogitsLoss": "weight pos_weight", "CrossEntropyLoss": "weight ignore_index label_smoothing",
    "MultiMarginLoss": "p margin weight", "KLDivLoss": "log_target", "PoissonNLLLoss": "log_input full eps",
    "MultiLabelSoftMarginLoss": "weight", "GaussianNLLLoss": "full eps", "MarginRankingLoss": "margin",
    "CosineEmbeddingLoss": "margin", "CTCLoss": "blank zero_infinity",
}  # fmt: skip
_CURVES: dict[str, tuple[str, str]] = {
    "CELU": ("celu", "alpha"), "ELU": ("elu", "alpha"), "GELU": ("gelu", "approximate"),
    "GLU": ("glu", "dim"),
    "Hardshrink": ("hardshrink", "lambd"), "Hardswish": ("hardswish", ""), "Mish": ("mish", ""),
    "Hardtanh": ("hardtanh", "min_val max_val"), "LeakyReLU": ("leaky_relu", "negative_slope"),
    "ReLU": ("relu", ""), "ReLU6": ("relu6", ""), "PReLU": ("prelu", "weight"), "SiLU": ("silu", ""),
    "LogSigmoid": ("logsigmoid", ""), "Softplus": ("softplus", "beta threshold"), "SELU": ("selu", ""),
    "Softshrink": ("softshrink", "lambd"), "Softsign": ("softsign", ""), "Tanhshrink": ("tanhshrink", ""),
    "Threshold": ("threshold", "threshold value"),
}  # fmt: skip
_BORDERS = {"Reflection": "reflect", "Replication": "replicate", "Circular": "circular", "Zero": "constant"}
MODULES: dict[str, Module] = {
    **{f"nn.{lazy}Conv{d}": _convolved(conv(n), n, _CONV) for lazy in ("", "Lazy") for n, d in AXES.items()},
    **{f"nn.{lazy}ConvTranspose{d}": _convolved(conv_transpose(n), n, _TURNED)
       for lazy in ("", "Lazy") for n, d in AXES.items()},
    **{f"nn.MaxPool{d}": called(pools.max_pool(n), f"{_POOL} dilation ceil_mode return_indices")
       for n, d in AXES.items()},
    **{f"nn.AvgPool{d}":
       called(pools.average_pool(n), f"{_POOL} ceil_mode count_include_pad divisor_override")
       for n, d in AXES.items()},
    **{f"nn.LPPool{d}": called(pools.lp_pool(n), "norm_type kernel_size stride ceil_mode")
       for n, d in AXES.items()},
    **{f"nn.Adaptive{kind}Pool{d}": called(pools.adaptive(ours, n), "output_size")
       for kind, ours in _ADAPTIVE.items() for n, d in AXES.items()},
    **{f"nn.{kind}Pad{d}": _bordered(mode)
       for kind, mode in {**_BORDERS, "Constant": "constant"}.items() for d in AXES.values()},
    **{f"nn.BatchNorm{d}": _batch_norm for d in AXES.values()},
    **{f"nn.InstanceNorm{d}": _instance_norm(n) for n, d in AXES.items()},
    "nn.GroupNorm": called(rows.group_norm, "num_groups weight bias eps"),
    "nn.LayerNorm": called(rows.layer_norm, "normalized_shape weight bias eps"),
    "nn.RMSNorm": called(rows.rms_norm, "normalized_shape weight eps"),
    "nn.LocalResponseNorm": called(rows.local_response_norm, "size alpha beta k"),
    "nn.Linear": called(rows.linear, "weight bias"), "nn.Bilinear": called(rows.bilinear, "weight bias"),
    "nn.Embedding": _embedding,
    "nn.Sigmoid": called(ARITHMETIC["sigmoid"]), "nn.Tanh": called(ARITHMETIC["tanh"]),
    "nn.Softmax": _soft("softmax"), "nn.LogSoftmax": _soft("log_softmax"), "nn.Softmin": _soft("softmin"),
    "nn.Softmax2d": _softmax2d,
    **{f"nn.{name}": called(CURVES[f"nn.functional.{function}"], settings)
       for name, (function, settings) in _CURVES.items()},
    **{f"nn.{name}":
       called(losses.LOSS_ROWS[f"nn.functional.{function}"], f"reduction {_SETTINGS.get(name, '')}")
       for name, function in _MEANT.items()},
    "nn.LinearCrossEntropyLoss": _linear_cross_entropy,
}  # fmt: skip
