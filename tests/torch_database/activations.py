"""Activation functions under PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule import nn
from chainrule.graph import Node
from chainrule.nn.activation import ACTIVATIONS
from chainrule.ops import functional as F
from torch_database.layer_calls import layered
from torch_database.oracle import UnsupportedError, first, last

Build = Callable[..., Any]


def activation(name: str, *settings: str, **renamed: str) -> Build:
    """An activation; ``settings`` are PyTorch's arguments in order, ``renamed`` maps them to ours."""

    def build(x: Node, *values: Any, **options: Any) -> Node:
        arguments = {**dict(zip(settings, values, strict=False)), **options}
        for word in ("inplace", "dtype", "_stacklevel"):
            arguments.pop(word, None)
        return ACTIVATIONS[name](
            x, None, **{renamed.get(key, key): value for key, value in arguments.items()}
        )

    return build


def gelu(x: Node, approximate: str = "none") -> Node:
    return ACTIVATIONS["gelu" if approximate == "none" else "gelu_tanh"](x)


def softmin(x: Node, dim: int, dtype: Any = None, **_: Any) -> Node:
    if x.rank == 0:
        raise UnsupportedError("axis of a scalar")
    x = x if dtype is None else x.astype(str(dtype).removeprefix("torch."))
    return ACTIVATIONS["softmin"](x, axis=dim)


def softplus(x: Node, beta: float = 1.0, threshold: float = 20.0) -> Node:
    if threshold < 20:
        raise UnsupportedError("threshold")
    return ACTIVATIONS["softplus"](x, beta=float(beta))


def glu(x: Node, dim: int = -1) -> Node:
    return ACTIVATIONS["glu"](x, axis=dim)


def prelu(x: Node, weight: Node) -> Node:
    if x.rank == 0:
        return prelu(F.reshape(x, (1,)), weight)[0]
    count = int(weight.shape[0]) if weight.rank else 1
    layer = nn.Activation("prelu", shared=int(count == 1))
    slope = F.reshape(weight, (count,))
    if count == 1:
        return layered(layer, x, slope=slope)
    return first(layered(layer, last(x), slope=slope))


def rrelu(
    x: Node, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Node:
    if training:
        raise UnsupportedError("random")
    return ACTIVATIONS["rrelu"](x, lower=lower, upper=upper)


ACTIVATION_ROWS: dict[str, Build] = {
    **{
        f"nn.functional.{theirs}": activation(ours)
        for theirs, ours in {
            "relu": "relu",
            "relu6": "relu6",
            "selu": "selu",
            "silu": "silu",
            "hardsigmoid": "hard_sigmoid",
            "hardswish": "hard_silu",
            "logsigmoid": "log_sigmoid",
            "mish": "mish",
            "softsign": "softsign",
            "tanhshrink": "tanh_shrink",
        }.items()
    },
    "nn.functional.leaky_relu": activation("leaky_relu", "negative_slope", negative_slope="slope"),
    "nn.functional.elu": activation("elu", "alpha"),
    "nn.functional.celu": activation("celu", "alpha"),
    "nn.functional.hardtanh": activation("hard_tanh", "min_val", "max_val", min_val="low", max_val="high"),
    "nn.functional.hardshrink": activation("hard_shrink", "lambd", lambd="width"),
    "nn.functional.softshrink": activation("soft_shrink", "lambd", lambd="width"),
    "nn.functional.threshold": activation("threshold", "threshold", "value"),
    "nn.functional.gelu": gelu,
    "nn.functional.softmin": softmin,
    "nn.functional.softmin.with_dtype": softmin,
    "nn.functional.softplus": softplus,
    "nn.functional.glu": glu,
    "nn.functional.prelu": prelu,
    "nn.functional.rrelu": rrelu,
}
