"""Activations under the names of their functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule import nn
from chainrule.graph import Node
from chainrule.nn.activation import ACTIVATIONS
from chainrule.ops import PUBLIC
from torch_database.layered import layered
from torch_database.oracle import UnsupportedError, first, last

Build = Callable[..., Any]


def curve(name: str, *own: str, **renamed: str) -> Build:
    """An activation; ``own`` names its settings in PyTorch's order, ``renamed`` them here."""

    def build(x: Node, *settings: Any, **options: Any) -> Node:
        given = {**dict(zip(own, settings, strict=False)), **options}
        for word in ("inplace", "dtype", "_stacklevel"):
            given.pop(word, None)
        return ACTIVATIONS[name](x, None, **{renamed.get(key, key): value for key, value in given.items()})

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
        return prelu(PUBLIC["reshape"](x, (1,)), weight)[0]
    slopes = int(weight.shape[0]) if weight.rank else 1
    layer = nn.Activation("prelu", shared=int(slopes == 1))
    slope = PUBLIC["reshape"](weight, (slopes,))
    if slopes == 1:
        return layered(layer, x, slope=slope)
    return first(layered(layer, last(x), slope=slope))


def rrelu(
    x: Node, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Node:
    if training:
        raise UnsupportedError("random")
    return ACTIVATIONS["rrelu"](x, lower=lower, upper=upper)


CURVES: dict[str, Build] = {
    **{f"nn.functional.{theirs}": curve(ours) for theirs, ours in {
        "relu": "relu", "relu6": "relu6", "selu": "selu", "silu": "silu", "hardsigmoid": "hard_sigmoid",
        "hardswish": "hard_silu", "logsigmoid": "log_sigmoid", "mish": "mish", "softsign": "softsign",
        "tanhshrink": "tanh_shrink",
    }.items()},
    "nn.functional.leaky_relu": curve("leaky_relu", "negative_slope", negative_slope="slope"),
    "nn.functional.elu": curve("elu", "alpha"), "nn.functional.celu": curve("celu", "alpha"),
    "nn.functional.hardtanh": curve("hard_tanh", "min_val", "max_val", min_val="low", max_val="high"),
    "nn.functional.hardshrink": curve("hard_shrink", "lambd", lambd="width"),
    "nn.functional.softshrink": curve("soft_shrink", "lambd", lambd="width"),
    "nn.functional.threshold": curve("threshold", "threshold", "value"),
    "nn.functional.gelu": gelu, "nn.functional.softmin": softmin,
    "nn.functional.softmin.with_dtype": softmin, "nn.functional.softplus": softplus,
    "nn.functional.glu": glu, "nn.functional.prelu": prelu, "nn.functional.rrelu": rrelu,
}  # fmt: skip
