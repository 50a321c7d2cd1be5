"""Pooling and unpooling under PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule import nn
from chainrule.graph import Node, constant
from chainrule.ops import functional as F
from torch_database.layer_calls import imaged, layered, per_axis, refuse
from torch_database.oracle import UnsupportedError, first, last, numbers

Build = Callable[..., Any]
AXES = {1: "1d", 2: "2d", 3: "3d"}


def _around(x: Node, axes: int, kernel: Any, stride: Any, padding: Any, apart: Any, up: bool) -> tuple:
    """Padding before and after; ``ceil_mode`` is padding after, if the last window begins inside."""
    pairs = []
    for n, k, s, p, d in zip(x.shape[-axes:], kernel, stride, padding, apart, strict=True):
        rest = int(n) + 2 * p - (k - 1) * d - 1
        more = -rest % s if up else 0
        if more and (rest + more) // s * s >= int(n) + p:  # such a window begins in the padding: omitted
            more = 0
        pairs.append((p, p + more))
    return tuple(pairs)


def max_pool(axes: int) -> Build:
    def build(
        x: Node,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Node:
        window = per_axis(kernel_size, axes)
        steps = per_axis(stride, axes) if stride not in (None, [], ()) else window
        pads, apart = per_axis(padding, axes), per_axis(dilation, axes)
        around = _around(x, axes, window, steps, pads, apart, ceil_mode)
        layer = nn.MaxPool(window, steps, padding=around, dilation=apart, return_indices=return_indices)
        if not return_indices:
            return imaged(lambda x: layered(layer, x), x, axes)
        single = x.rank == axes + 1
        both = layered(layer, last(x[None] if single else x))
        places = _in_image(both["indices"], x.shape[-axes:], window, steps, around, apart)
        return [y[0] if single else y for y in map(first, (both["values"], places))]

    return build


def _in_image(winners: Node, space: Any, window: Any, steps: Any, around: tuple, apart: Any) -> Node:
    """Indices within windows as indices within the image, which PyTorch returns."""
    settings = zip(space, window, steps, around, apart, strict=True)
    lengths = list(zip(winners.shape[1:-1], settings, strict=True))
    table = np.zeros((1,) * (2 * len(lengths)), np.int64)
    for axis, (places, (n, k, s, (low, _), d)) in enumerate(lengths):
        cells = np.arange(int(places))[:, None] * s + np.arange(k) * d - low  # (places, window)
        shape = [1] * (2 * len(lengths))
        shape[axis], shape[len(lengths) + axis] = cells.shape
        table = table * int(n) + cells.reshape(shape)
    windows = int(np.prod(window))
    flat = table.reshape(-1)
    ground = np.arange(flat.size // windows).reshape(*winners.shape[1:-1], 1) * windows
    return F.gather(constant(flat), winners + constant(ground))


def max_unpool(axes: int) -> Build:
    """PyTorch's indices are positions in the image; ours are positions in the window."""

    def build(
        x: Node, places: Node, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
    ) -> Node:
        window = per_axis(kernel_size, axes)
        steps = window if stride in (None, [], ()) else per_axis(stride, axes)
        pads = per_axis(padding, axes)
        lengths = x.shape[-axes:]
        space = tuple(
            (int(n) - 1) * s - 2 * p + k for n, s, p, k in zip(lengths, steps, pads, window, strict=True)
        )
        space = space if output_size is None else tuple(output_size)[-axes:]
        at = np.unravel_index(numbers(places), space)
        winners = np.zeros(at[0].shape, np.int64)
        for axis, (cell, n, k, s, p) in enumerate(zip(at, lengths, window, steps, pads, strict=True)):
            corner = (np.arange(int(n)) * s - p).reshape(-1, *(1,) * (axes - 1 - axis))
            tap = cell - corner
            if (tap < 0).any() or (tap >= k).any():
                raise UnsupportedError("place outside its window")
            winners = winners * k + tap
        flat = numbers(places).reshape(-1, int(np.prod(lengths)))
        if any(len(set(row)) < len(row) for row in flat.tolist()):
            raise UnsupportedError("two numbers for one place")
        single = x.rank == axes + 1
        values, cells = (last(v[None] if single else v) for v in (x, constant(winners)))
        over = [
            (p, p + max(0, (int(n) - 1) * s + k - int(m) - 2 * p))  # of a window that extends past the end
            for n, m, s, k, p in zip(lengths, space, steps, window, pads, strict=True)
        ]
        layer = nn.MaxUnpool(window, steps, padding=tuple(over), output_size=tuple(map(int, space)))
        y = first(layered(layer, {"values": values, "indices": cells}))
        return y[0] if single else y

    return build


def average_pool(axes: int) -> Build:
    def build(
        x: Node,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Node:
        refuse(divisor_override=divisor_override)
        window = per_axis(kernel_size, axes)
        steps = per_axis(stride, axes) if stride not in (None, [], ()) else window
        around = _around(x, axes, window, steps, per_axis(padding, axes), (1,) * axes, ceil_mode)
        if count_include_pad and any(a != b for a, b in around) and any(a for a, _ in around):
            raise UnsupportedError("ceil_mode with count_include_pad")
        counted = count_include_pad and all(a == b for a, b in around)
        return imaged(
            lambda x: layered(nn.AveragePool(window, steps, padding=around, count_include_pad=counted), x),
            x,
            axes,
        )

    return build


def adaptive(kind: Any, axes: int) -> Build:
    def build(x: Node, output_size: Any, return_indices: bool = False) -> Node:
        refuse(return_indices=return_indices)
        sizes = per_axis(output_size, axes)
        places = tuple(int(n) if m is None else m for n, m in zip(x.shape[-axes:], sizes, strict=True))
        return imaged(lambda x: layered(kind(places), x), x, axes)

    return build


def lp_pool(axes: int) -> Build:
    def build(
        x: Node, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> Node:
        refuse(ceil_mode=ceil_mode)
        if norm_type % 2:
            raise UnsupportedError("odd power without absolute values")
        window = per_axis(kernel_size, axes)
        layer = nn.LPPool(norm_type, window, None if stride is None else per_axis(stride, axes))
        return imaged(lambda x: layered(layer, x), x, axes)

    return build


def _random(*_: Any, **__: Any) -> Node:
    raise UnsupportedError("random")


POOLS: dict[str, Build] = {
    **{f"nn.functional.max_pool{d}": max_pool(n) for n, d in AXES.items()},
    **{
        f"nn.functional.max_unpool{d}{variant}": max_unpool(n)
        for n, d in AXES.items()
        for variant in ("", ".grad")
    },
    **{f"nn.functional.avg_pool{d}": average_pool(n) for n, d in AXES.items()},
    **{f"nn.functional.adaptive_avg_pool{d}": adaptive(nn.AdaptiveAveragePool, n) for n, d in AXES.items()},
    **{f"nn.functional.adaptive_max_pool{d}": adaptive(nn.AdaptiveMaxPool, n) for n, d in AXES.items()},
    "nn.functional.fractional_max_pool2d": _random,
    "nn.functional.fractional_max_pool3d": _random,
}
