"""Padding, cropping, resizing, and layers that move values between spatial axes and channels."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from chainrule import nn
from layer_cases.case import Case, P, first, last


def _padded(*around: int, **options: Any) -> Any:
    return lambda x, p: last(functional.pad(first(x), around, **options))


def _resize(**options: Any) -> Any:
    return lambda x, p: last(functional.interpolate(first(x), **options))


def _unfolded(x: torch.Tensor, p: P) -> torch.Tensor:
    """PyTorch's windows (B, C k, L), in which the channel is the slow index."""
    rows = functional.unfold(first(x), (2, 3), dilation=(2, 1), padding=(1, 0), stride=(1, 2))  # (B, C 6, L)
    split = rows.reshape(x.shape[0], x.shape[-1], 6, 3, 1)
    return split.permute(0, 3, 4, 2, 1).reshape(x.shape[0], 3, 1, -1)


def _folded(x: torch.Tensor, p: P) -> torch.Tensor:
    """PyTorch's ``fold``."""
    rows = x.reshape(x.shape[0], -1, 4, 2).permute(0, 3, 2, 1).reshape(x.shape[0], 8, -1)
    return last(functional.fold(rows, (3, 4), 2, stride=(1, 2)))


def _volumes(x: torch.Tensor, p: P) -> torch.Tensor:
    """Pixel shuffle of volumes, which PyTorch has only for images."""
    b, d, h, w, _ = x.shape
    mixed = x.reshape(b, d, h, w, 2, 2, 2, 2).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return mixed.reshape(b, 2 * d, 2 * h, 2 * w, 2)


CASES: dict[str, Case] = {
    "pad": Case(nn.Pad(((1, 0), 2)), (2, 3, 2), _padded(2, 2, 1, 0)),
    "pad constant": Case(nn.Pad(1, value=0.7), (2, 1, 2, 1), _padded(*(1,) * 6, value=0.7)),
    "pad reflect": Case(nn.Pad(((1, 2), 1), mode="reflect"), (3, 2, 2), _padded(1, 1, 1, 2, mode="reflect")),
    "pad replicate": Case(nn.Pad(((3, 1),), mode="replicate"), (2, 2), _padded(3, 1, mode="replicate")),
    "pad circular": Case(
        nn.Pad((0, 1, 2), mode="circular"), (1, 2, 2, 1), _padded(2, 2, 1, 1, 0, 0, mode="circular")
    ),
    "crop": Case(nn.Crop(((1, 0), 1)), (3, 4, 2), lambda x, p: x[:, 1:, 1:-1]),
    "up nearest": Case(
        nn.UpSampling(scale_factor=(2, 3)), (2, 2, 2), _resize(scale_factor=(2, 3), mode="nearest")
    ),
    "up linear": Case(
        nn.UpSampling(scale_factor=2, mode="linear"), (3, 2), _resize(scale_factor=2, mode="linear")
    ),
    "up bilinear": Case(
        nn.UpSampling(scale_factor=(2, 3), mode="linear"),
        (3, 2, 2),
        _resize(scale_factor=(2, 3), mode="bilinear"),
    ),
    "up bilinear with aligned corners": Case(
        nn.UpSampling(mode="linear", align_corners=True),
        (3, 2, 2),
        _resize(scale_factor=2, mode="bilinear", align_corners=True),
    ),
    "up trilinear": Case(
        nn.UpSampling(scale_factor=2, mode="linear"), (2, 1, 2, 1), _resize(scale_factor=2, mode="trilinear")
    ),
    "up cubic": Case(
        nn.UpSampling(scale_factor=2, mode="cubic"), (3, 4, 1), _resize(scale_factor=2, mode="bicubic")
    ),
    "to a size": Case(
        nn.UpSampling(size=(3, 7), mode="linear"), (5, 4, 1), _resize(size=(3, 7), mode="bilinear")
    ),
    "up by a fractional factor": Case(
        nn.UpSampling(scale_factor=(1.7, 0.6), mode="linear"),
        (3, 4, 2),
        _resize(scale_factor=(1.7, 0.6), mode="bilinear"),
    ),
    "up nearest by a fractional factor": Case(
        nn.UpSampling(scale_factor=1.5), (5, 2), _resize(scale_factor=1.5, mode="nearest")
    ),
    "to a size nearest": Case(nn.UpSampling(size=(3,)), (5, 2), _resize(size=3, mode="nearest")),
    "pixel shuffle": Case(
        nn.PixelShuffle(2), (2, 3, 8), lambda x, p: last(functional.pixel_shuffle(first(x), 2))
    ),
    "pixel shuffle of volumes": Case(nn.PixelShuffle(2), (1, 1, 2, 16), _volumes),
    "pixel unshuffle": Case(
        nn.PixelUnshuffle(2), (2, 4, 2), lambda x, p: last(functional.pixel_unshuffle(first(x), 2))
    ),
    "channel shuffle": Case(
        nn.ChannelShuffle(2), (1, 2, 6), lambda x, p: last(torch.nn.ChannelShuffle(2)(first(x)))
    ),
    "unfold": Case(
        nn.Unfold((2, 3), stride=(1, 2), padding=((1, 1), 0), dilation=(2, 1)), (3, 4, 2), _unfolded
    ),
    "fold": Case(nn.Fold((3, 4), 2, stride=(1, 2)), (2, 2, 8), _folded),
}
