"""The calls of windows in which every channel has weights of its own; see ``depth``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from chainrule.engines.native.codegen.vector import LANES
from chainrule.engines.native.convolution.depthwise_kernels import WeighedWriter, WeighWriter, Window
from chainrule.engines.native.runtime.call import Call
from chainrule.engines.native.runtime.partition import COLUMNS, Share
from chainrule.plan.tasks import Task

if TYPE_CHECKING:
    from chainrule.engines.native.runtime.kernel_calls import Blocks


def weigh(blocks: Blocks, task: Task) -> list[Call]:
    """Windows in which every channel has weights of its own: rows of the result, or samples, are shared."""
    (x, weights, x_rows, x_columns, y_rows, zeros), (y,) = task.reads, task.writes
    is_inner, taps, size = task.facts["is_inner"], task.facts["taps"], blocks.size(y)
    window = Window(taps, task.facts["cells"], task.facts["moves"], is_inner)
    many, side = (1, y.shape[0]) if is_inner else (y.shape[0], 1)
    tables = (blocks.at(x_rows), blocks.at(x_columns))
    words = (
        many, y_rows.shape[0], y.shape[-2], y.shape[-1], side, blocks.at(x), x.strides[0], *tables,
        blocks.at(weights), blocks.at(y), y.strides[0], blocks.at(y_rows), y.strides[-2], blocks.at(zeros),
    )  # fmt: skip
    share = Share(y_rows.shape[0], 1, ((7, 8 * taps), (12, 8)))
    if many > 1:
        share = Share(many, 0, ((5, x.strides[0] * size), (10, y.strides[0] * size)))
    return [Call(_kernel(blocks, blocks.kind(y), window, side), words, share)]


def weigh_back(blocks: Blocks, task: Task) -> list[Call]:
    """The gradient of such weights: channels are shared."""
    (x, g, x_rows, x_columns, g_rows, zeros), (sums,) = task.reads, task.writes
    taps, channels, side = sums.shape
    many, width, size = 1 if task.facts["is_inner"] else g.shape[0], channels * side, blocks.size(g)
    words = (
        many, g_rows.shape[0], g.shape[-2], taps, width, blocks.at(x), x.strides[0],
        blocks.at(x_rows), blocks.at(x_columns), blocks.at(g), g.strides[0], blocks.at(g_rows),
        g.strides[-2], blocks.at(sums), width, blocks.at(zeros),
    )  # fmt: skip
    share = Share(width, 4, ((5, size), (9, size), (13, size)), math.lcm(side, COLUMNS))
    kind = blocks.kind(g)
    kernel = blocks.machine.function(
        "weighed", f"weighed of {kind}", lambda name: WeighedWriter(kind, name).write()
    )
    return [Call(kernel, words, share)]


def _kernel(blocks: Blocks, kind: str, window: Window, side: int) -> int:
    """The kernel of the sums, where so many samples of a channel lie side by side."""
    lanes = 8 if 1 < side < LANES else LANES
    text = f"weigh of {kind}, {window.words}, vectors of {lanes}"
    return blocks.machine.function("weigh", text, lambda name: WeighWriter(kind, window, name, lanes).write())
