"""Convolution where every channel is convolved by itself: one loop, for there is no sum over channels.

    Convolution        y[places, c] = sum over the kernel  w[c, kernel] windows[places, kernel, c]
    ConvolutionInput   x[places, c] = sum over the kernel  w[c, kernel turned round] windows of g

What comes back to a place is what its readers got back, each times the weight with which it read the place.
So the way back is a convolution too, with the kernel turned round, of what came back: spread, where the
windows moved in steps, with zeros in between, and with room around it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product as ways
from typing import TYPE_CHECKING, Any

from chainrule.graph import Node
from chainrule.plan.view import View, tapped

if TYPE_CHECKING:
    from chainrule.plan.lower import Lowering

FEW = {False: 25, True: 16}  # cells of a window that a loop reads at once; fewer where samples lie innermost


def is_single(low: Lowering, op: Any, weights: Sequence[int], channels: int) -> bool:
    """Whether every channel has one kernel of its own, of a few cells.

    Args:
        low: the plan.
        op: the settings of the windows.
        weights: (O, *kernel, I).
        channels: of the image.
    """
    return op.groups == weights[0] == channels and math.prod(weights[1:]) <= FEW[low.is_inner]


def pays_back(low: Lowering, op: Any, weights: Sequence[int]) -> bool:
    """Whether the way back is one loop: where channels lie innermost, and rows of the loop are long.

    No window may lie in the padding alone, so that what comes back needs room, and no cutting.
    """
    sizes = (d * (k - 1) for d, k in zip(op.dilation, weights[1:-1], strict=True))
    return not low.is_inner and all(
        max(pads) <= size for size, *pads in zip(sizes, op.low, op.high, strict=True)
    )


def weigh(low: Lowering, node: Node, seen: View, weights: View, phase: int, is_back: bool = False) -> None:
    """The numbers of each window, each times its weight, added up in one loop.

    Args:
        low: the plan.
        node: what is computed.
        seen: the windows, (B, *places, *kernel, C).
        weights: (C, *kernel, 1).
        phase: in which it runs.
        is_back: whether the kernel is turned round.
    """
    y, n = low.target(node), len(weights.shape) - 2
    kernel = weights.shape[1:-1]
    taps = list(ways(*map(range, kernel)))
    turned = [tuple(k - 1 - i for i, k in zip(tap, kernel, strict=True)) for tap in taps]
    sides = [
        tapped(weights, 1, (*tap, 0)) for tap in (turned if is_back else taps)
    ]  # (C, *kernel, 1) -> (C,)
    repeated = [View(v.buffer, y.shape, (*(0,) * (n + 1), *v.strides), v.offset) for v in sides]
    cells = [tapped(seen, 1 + n, tap) for tap in taps]  # (B, *places, *kernel, C) -> (B, *places, C)
    low.add("taps", (node,), (*cells, *repeated), (y,), phase, by="weigh")


def spread(low: Lowering, g: Node, op: Any, shape: Sequence[int], weights: Sequence[int], phase: int) -> View:
    """The windows of what came back, spread and with room around it: (B, *places of the image, *kernel, C).

    Args:
        low: the plan.
        g: what came back.
        op: the settings of the windows that the way forward took.
        shape: of the image.
        weights: (C, *kernel, 1).
        phase: in which it runs.
    """
    view, kernel = low.view(g, phase), weights[1:-1]
    reach = [d * (k - 1) for d, k in zip(op.dilation, kernel, strict=True)]
    space = [length + more for length, more in zip(shape[1:-1], reach, strict=True)]
    order = (*range(1, len(shape)), 0) if low.is_inner else range(len(shape))
    whole = low.ordered((shape[0], *space, shape[-1]), g.dtype, tuple(order))
    low.fill(g, whole, 0.0, phase)
    b, *steps, c = whole.strides
    offset = sum((r - pad) * s for r, pad, s in zip(reach, op.low, steps, strict=True))
    places = tuple(s * n for s, n in zip(steps, op.strides, strict=True))
    low.add("copy", (g,), (view,), (View(whole.buffer, view.shape, (b, *places, c), offset),), phase)
    taps = tuple(s * d for s, d in zip(steps, op.dilation, strict=True))
    return View(whole.buffer, (*shape[:-1], *kernel, shape[-1]), (b, *steps, *taps, c), 0)
