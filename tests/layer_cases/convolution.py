"""Convolutions and pooling."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from chainrule import nn
from layer_cases.case import Case, P, conv, first, last


def _transposed(x: torch.Tensor, p: P, **options: Any) -> torch.Tensor:
    """PyTorch's transposed convolution."""
    functions = (functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d)
    return last(functions[x.ndim - 3](first(x), first(p["weight"]), p.get("bias"), **options))


def _fractional(x: torch.Tensor, p: P) -> torch.Tensor:
    """PyTorch's fractional pooling with all its random samples 0.5."""
    middle = torch.full((x.shape[0], x.shape[-1], 2), 0.5, dtype=x.dtype)
    return last(
        functional.fractional_max_pool2d(first(x), (2, 3), output_ratio=(0.7, 0.7), _random_samples=middle)
    )


def _lp(x: torch.Tensor, p: P) -> torch.Tensor:
    """Pooling by the third norm; PyTorch's ``lp_pool`` does not take absolute values."""
    return last(functional.lp_pool1d(first(x.abs()), 3.0, 2, 1))


def _separable(x: torch.Tensor, p: P) -> torch.Tensor:
    """A depthwise convolution, then a pointwise one."""
    return torch.tanh(conv(conv(x, p, (1, 1), groups=2, name="depthwise."), p, name="pointwise."))


CASES: dict[str, Case] = {
    "convolution": Case(nn.Conv(3, 2), (4, 3, 2), lambda x, p: conv(x, p)),
    "convolution same": Case(
        nn.Conv(
            4,
            (3, 2),
            stride=(2, 1),
            padding="same",
            activation="tanh",
            weight_initializer="he_normal",
            penalty=nn.L1(0.1),
        ),
        (4, 3, 2),
        lambda x, p: torch.tanh(conv(x, p, (0, 1, 0, 1), (2, 1))),
    ),
    "convolution dilated in groups": Case(
        nn.Conv(4, 2, padding=((1, 0), 1), dilation=(1, 2), groups=2, bias=False),
        (2, 2, 2),
        lambda x, p: conv(x, p, (1, 1, 1, 0), 1, (1, 2), 2),
    ),
    "convolution over time": Case(
        nn.Conv(2, 3, activation=nn.Activation("sigmoid")), (5, 2), lambda x, p: torch.sigmoid(conv(x, p))
    ),
    "convolution of volumes": Case(nn.Conv(2, (2, 1, 2)), (2, 2, 2, 1), lambda x, p: conv(x, p)),
    "depthwise": Case(
        nn.DepthwiseConv(2, multiplier=2, stride=(1, 2)), (3, 4, 2), lambda x, p: conv(x, p, (), (1, 2), 1, 2)
    ),
    "separable": Case(
        nn.SeparableConv(3, 3, multiplier=2, padding="same", activation="tanh", penalty=nn.L1(0.1)),
        (4, 2),
        _separable,
    ),
    "transposed": Case(nn.ConvTranspose(3, 2, stride=2), (2, 3, 2), lambda x, p: _transposed(x, p, stride=2)),
    "transposed with an output shape": Case(
        nn.ConvTranspose(
            4, 3, stride=2, padding=1, groups=2, output_size=(6,), activation="tanh", bias=False
        ),
        (3, 2),
        lambda x, p: torch.tanh(_transposed(x, p, stride=2, padding=1, output_padding=1, groups=2)),
    ),
    "transposed volumes": Case(
        nn.ConvTranspose(1, (1, 2, 2), dilation=(1, 2, 1)),
        (2, 1, 2, 1),
        lambda x, p: _transposed(x, p, dilation=(1, 2, 1)),
    ),
    "max pool": Case(nn.MaxPool(2), (4, 5, 2), lambda x, p: last(functional.max_pool2d(first(x), 2))),
    "max pool with overlap": Case(
        nn.MaxPool(3, stride=1, padding=1),
        (4, 2),
        lambda x, p: last(functional.max_pool1d(first(x), 3, 1, 1)),
    ),
    "average pool": Case(
        nn.AveragePool((2, 3), stride=(2, 1), padding=((1, 1), (0, 0))),
        (4, 3, 2),
        lambda x, p: last(functional.avg_pool2d(first(x), (2, 3), (2, 1), (1, 0), count_include_pad=False)),
    ),
    "average pool with its padding": Case(
        nn.AveragePool(2, padding=1, count_include_pad=True),
        (4, 3),
        lambda x, p: last(functional.avg_pool1d(first(x), 2, 2, 1)),
    ),
    "lp pool": Case(nn.LPPool(2, 2), (4, 2, 2), lambda x, p: last(functional.lp_pool2d(first(x), 2.0, 2))),
    "lp pool of the third norm": Case(nn.LPPool(3, 2, stride=1), (4, 2), _lp),
    "global max pool": Case(nn.GlobalMaxPool(), (3, 2, 2), lambda x, p: x.amax((1, 2))),
    "global average pool": Case(nn.GlobalAveragePool(), (3, 2, 1, 2), lambda x, p: x.mean((1, 2, 3))),
    "adaptive max pool": Case(
        nn.AdaptiveMaxPool((2, 3)),
        (5, 6, 2),
        lambda x, p: last(functional.adaptive_max_pool2d(first(x), (2, 3))),
    ),
    "adaptive max pool to a larger size": Case(
        nn.AdaptiveMaxPool(4), (3, 2), lambda x, p: last(functional.adaptive_max_pool1d(first(x), 4))
    ),
    "adaptive average pool": Case(
        nn.AdaptiveAveragePool((2, 3)),
        (5, 6, 2),
        lambda x, p: last(functional.adaptive_avg_pool2d(first(x), (2, 3))),
    ),
    "adaptive average pool of volumes": Case(
        nn.AdaptiveAveragePool(2),
        (3, 2, 3, 1),
        lambda x, p: last(functional.adaptive_avg_pool3d(first(x), 2)),
    ),
    "fractional max pool": Case(nn.FractionalMaxPool((2, 3), output_ratio=0.7), (5, 6, 2), _fractional),
}
