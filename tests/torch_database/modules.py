"""Modules: each is its function, called with the settings, parameters and running values of the module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from chainrule import nn
from chainrule.graph import Node
from torch_database import layers as rows
from torch_database import losses, pooling
from torch_database.activations import ACTIVATION_ROWS, softmin
from torch_database.arithmetic import ARITHMETIC
from torch_database.layers import conv, conv_transpose, padded
from torch_database.oracle import UnsupportedError
from torch_database.pooling import AXES

State = Mapping[str, Node]
Module = Callable[..., Any]


def called(build: Callable[..., Any], settings: str = "", **renamed: str) -> Module:
    """A module that is its function, called with its parameters and some of its attributes.

    Args:
        build: the counterpart of the function.
        settings: attributes that have the names of the function's arguments.
        renamed: arguments of the function, each with the name of the attribute.
    """
    names = {**{name: name for name in settings.split()}, **renamed}

    def apply(module: torch.nn.Module, state: State, *inputs: Any, **options: Any) -> Any:
        arguments = {
            argument: state.get(name, getattr(module, name, None)) for argument, name in names.items()
        }
        return build(*inputs, **arguments, **options)

    return apply


def _convolved(build: Callable[..., Any], axes: int, settings: str) -> Module:
    """A convolution, after padding for a padding mode other than zeros."""
    plain = called(build, settings)

    def apply(module: Any, state: State, x: Node, *sizes: Any) -> Any:
        if sizes:
            raise UnsupportedError("output_size")
        if module.padding_mode == "zeros":
            return plain(module, state, x)
        x = padded(module.padding_mode)(x, module._reversed_padding_repeated_twice)
        kernel = {"stride": module.stride, "dilation": module.dilation, "groups": module.groups}
        return build(x, state["weight"], state.get("bias"), **kernel)

    return apply


def _batch_norm(module: Any, state: State, x: Node) -> Node:
    running = [state.get(name) for name in ("running_mean", "running_var")]
    affine = [state.get(name) for name in ("weight", "bias")]
    return rows.batch_norm(x, *running, *affine, module.training, module.momentum, module.eps)


def _instance_norm(axes: int) -> Module:
    def apply(module: Any, state: State, x: Node) -> Node:
        if module.track_running_stats and not module.training:
            raise UnsupportedError("running statistics")
        single = x.rank == axes + 1
        affine = [state.get(name) for name in ("weight", "bias")]
        y = rows.instance_norm(x[None] if single else x, None, None, *affine, eps=module.eps)
        return y[0] if single else y

    return apply


def _softmax2d(module: Any, state: State, x: Node) -> Node:
    return ARITHMETIC["softmax"](x, -3)


def _soft(name: str) -> Module:
    """A softmax over PyTorch's default axis if the module has none."""

    def apply(module: Any, state: State, x: Node) -> Node:
        dim = module.dim if module.dim is not None else 0 if x.rank in (0, 1, 3) else 1
        return softmin(x, dim) if name == "softmin" else ARITHMETIC[name](x, dim)

    return apply


def _bordered(mode: str) -> Module:
    return lambda module, state, x: padded(mode)(x, module.padding, value=getattr(module, "value", None))


def _embedding(module: Any, state: State, ids: Node) -> Node:
    return rows.embedding(state["weight"], ids, padding_idx=module.padding_idx, max_norm=module.max_norm)


def _linear_cross_entropy(module: Any, state: State, x: Node, target: Node) -> Any:
    if module.out_features:
        raise UnsupportedError("out_features")
    named = {"weight": state.get("weight"), "linear_bias": state.get("linear.bias")}
    options = {name: getattr(module, name) for name in ("reduction", "ignore_index", "label_smoothing")}
    return losses.linear_cross_entropy(x, state["linear.weight"], target, **named, **options)


_CONV = "weight bias stride padding dilation groups"
_CONV_TRANSPOSE = "weight bias stride padding output_padding groups dilation"
_POOL = "kernel_size stride padding"
_ADAPTIVE = {"Avg": nn.AdaptiveAveragePool, "Max": nn.AdaptiveMaxPool}
_FUNCTIONS = {
    "L1Loss": "l1_loss",
    "MSELoss": "mse_loss",
    "HuberLoss": "huber_loss",
    "SmoothL1Loss": "smooth_l1_loss",
    "SoftMarginLoss": "soft_margin_loss",
    "HingeEmbeddingLoss": "hinge_embedding_loss",
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    "CrossEntropyLoss": "cross_entropy",
    "NLLLoss": "nll_loss",
    "MultiMarginLoss": "multi_margin_loss",
    "KLDivLoss": "kl_div",
    "MultiLabelMarginLoss": "multilabel_margin_loss",
    "PoissonNLLLoss": "poisson_nll_loss",
    "MultiLabelSoftMarginLoss": "multilabel_soft_margin_loss",
    "GaussianNLLLoss": "gaussian_nll_loss",
    "MarginRankingLoss": "margin_ranking_loss",
    "CosineEmbeddingLoss": "cosine_embedding_loss",
    "CTCLoss": "ctc_loss",
}
_SETTINGS = {
    "HuberLoss": "delta",
    "SmoothL1Loss": "beta",
    "HingeEmbeddingLoss": "margin",
    "NLLLoss": "weight ignore_index",
    "BCEWithLogitsLoss": "weight pos_weight",
    "CrossEntropyLoss": "weight ignore_index label_smoothing",
    "MultiMarginLoss": "p margin weight",
    "KLDivLoss": "log_target",
    "PoissonNLLLoss": "log_input full eps",
    "MultiLabelSoftMarginLoss": "weight",
    "GaussianNLLLoss": "full eps",
    "MarginRankingLoss": "margin",
    "CosineEmbeddingLoss": "margin",
    "CTCLoss": "blank zero_infinity",
}
_ACTIVATIONS: dict[str, tuple[str, str]] = {
    "CELU": ("celu", "alpha"),
    "ELU": ("elu", "alpha"),
    "GELU": ("gelu", "approximate"),
    "GLU": ("glu", "dim"),
    "Hardshrink": ("hardshrink", "lambd"),
    "Hardswish": ("hardswish", ""),
    "Mish": ("mish", ""),
    "Hardtanh": ("hardtanh", "min_val max_val"),
    "LeakyReLU": ("leaky_relu", "negative_slope"),
    "ReLU": ("relu", ""),
    "ReLU6": ("relu6", ""),
    "PReLU": ("prelu", "weight"),
    "SiLU": ("silu", ""),
    "LogSigmoid": ("logsigmoid", ""),
    "Softplus": ("softplus", "beta threshold"),
    "SELU": ("selu", ""),
    "Softshrink": ("softshrink", "lambd"),
    "Softsign": ("softsign", ""),
    "Tanhshrink": ("tanhshrink", ""),
    "Threshold": ("threshold", "threshold value"),
}
_BORDERS = {"Reflection": "reflect", "Replication": "replicate", "Circular": "circular", "Zero": "constant"}
MODULES: dict[str, Module] = {
    **{f"nn.{lazy}Conv{d}": _convolved(conv(n), n, _CONV) for lazy in ("", "Lazy") for n, d in AXES.items()},
    **{
        f"nn.{lazy}ConvTranspose{d}": _convolved(conv_transpose(n), n, _CONV_TRANSPOSE)
        for lazy in ("", "Lazy")
        for n, d in AXES.items()
    },
    **{
        f"nn.MaxPool{d}": called(pooling.max_pool(n), f"{_POOL} dilation ceil_mode return_indices")
        for n, d in AXES.items()
    },
    **{
        f"nn.AvgPool{d}": called(
            pooling.average_pool(n), f"{_POOL} ceil_mode count_include_pad divisor_override"
        )
        for n, d in AXES.items()
    },
    **{
        f"nn.LPPool{d}": called(pooling.lp_pool(n), "norm_type kernel_size stride ceil_mode")
        for n, d in AXES.items()
    },
    **{
        f"nn.Adaptive{kind}Pool{d}": called(pooling.adaptive(ours, n), "output_size")
        for kind, ours in _ADAPTIVE.items()
        for n, d in AXES.items()
    },
    **{
        f"nn.{kind}Pad{d}": _bordered(mode)
        for kind, mode in {**_BORDERS, "Constant": "constant"}.items()
        for d in AXES.values()
    },
    **{f"nn.BatchNorm{d}": _batch_norm for d in AXES.values()},
    **{f"nn.InstanceNorm{d}": _instance_norm(n) for n, d in AXES.items()},
    "nn.GroupNorm": called(rows.group_norm, "num_groups weight bias eps"),
    "nn.LayerNorm": called(rows.layer_norm, "normalized_shape weight bias eps"),
    "nn.RMSNorm": called(rows.rms_norm, "normalized_shape weight eps"),
    "nn.LocalResponseNorm": called(rows.local_response_norm, "size alpha beta k"),
    "nn.Linear": called(rows.linear, "weight bias"),
    "nn.Bilinear": called(rows.bilinear, "weight bias"),
    "nn.Embedding": _embedding,
    "nn.Sigmoid": called(ARITHMETIC["sigmoid"]),
    "nn.Tanh": called(ARITHMETIC["tanh"]),
    "nn.Softmax": _soft("softmax"),
    "nn.LogSoftmax": _soft("log_softmax"),
    "nn.Softmin": _soft("softmin"),
    "nn.Softmax2d": _softmax2d,
    **{
        f"nn.{name}": called(ACTIVATION_ROWS[f"nn.functional.{function}"], settings)
        for name, (function, settings) in _ACTIVATIONS.items()
    },
    **{
        f"nn.{name}": called(
            losses.LOSS_ROWS[f"nn.functional.{function}"], f"reduction {_SETTINGS.get(name, '')}"
        )
        for name, function in _FUNCTIONS.items()
    },
    "nn.LinearCrossEntropyLoss": _linear_cross_entropy,
}
