"""Max unpooling, alone and in a decoder, and dilated max pooling."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from chainrule import nn
from layer_cases.case import Case, P, conv, first, last

_POOLS = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)
_UNPOOLS = (functional.max_unpool1d, functional.max_unpool2d, functional.max_unpool3d)


def _unpooled(window: Any, stride: Any = None, padding: Any = 0, space: Any = None) -> Any:
    def peer(x: torch.Tensor, p: P) -> torch.Tensor:
        at = x.ndim - 3
        values, places = _POOLS[at](first(x), window, stride, padding, return_indices=True)
        return last(_UNPOOLS[at](values, places, window, stride, padding, space))

    return peer


def _decoded(x: torch.Tensor, p: P) -> torch.Tensor:
    pooled, places = functional.max_pool2d(first(x), 2, return_indices=True)
    values = conv(last(pooled), p, name="parallel1.values.")
    return last(functional.max_unpool2d(first(values), places, 2))


_VALUES = nn.Parallel("none", values=nn.Conv(2, 1), indices=nn.Identity())
CASES: dict[str, Case] = {
    "max unpool": Case(
        nn.Sequential(nn.MaxPool(2, return_indices=True), nn.MaxUnpool(2)), (4, 6, 2), _unpooled(2)
    ),
    "max unpool over time": Case(
        nn.Sequential(
            nn.MaxPool(2, 3, padding=1, return_indices=True), nn.MaxUnpool(2, 3, padding=1, output_size=(6,))
        ),
        (6, 2),
        _unpooled(2, 3, 1, (6,)),
    ),
    "max unpool of volumes": Case(
        nn.Sequential(
            nn.MaxPool((1, 2, 2), return_indices=True), nn.MaxUnpool((1, 2, 2), output_size=(2, 5, 2))
        ),
        (2, 5, 2, 1),
        _unpooled((1, 2, 2), space=(2, 5, 2)),
    ),
    "max unpool after a convolution": Case(
        nn.Sequential(nn.MaxPool(2, return_indices=True), _VALUES, nn.MaxUnpool(2)), (4, 4, 2), _decoded
    ),
    "dilated max pool": Case(
        nn.MaxPool(2, 1, dilation=2),
        (4, 5, 2),
        lambda x, p: last(functional.max_pool2d(first(x), 2, 1, 0, 2)),
    ),
}
