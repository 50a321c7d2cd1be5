"""Calls of depthwise convolutions; see ``depthwise_kernels``."""

from __future__ import annotations

import math

from chainrule.engines.native.codegen.vector import LANES
from chainrule.engines.native.convolution.depthwise_kernels import (
    ForwardWriter,
    WeightGradientWriter,
    WindowSpec,
)
from chainrule.engines.native.jit.kernel_source import KernelSource
from chainrule.engines.native.runtime.call import Call
from chainrule.engines.native.runtime.call_builder import CallBuilder
from chainrule.engines.native.runtime.partition import COLUMNS, Partition
from chainrule.plan.tasks import Task


def forward(builder: CallBuilder, task: Task) -> list[Call]:
    """Return the call of a depthwise convolution: rows of the result, or samples, are divided."""
    (x, weights, x_rows, x_columns, y_rows, zeros), (y,) = task.reads, task.writes
    is_inner, taps, itemsize = task.facts["is_inner"], task.facts["taps"], builder.itemsize(y)
    spec = WindowSpec(taps, task.facts["cells"], task.facts["moves"], is_inner)
    count, side = (1, y.shape[0]) if is_inner else (y.shape[0], 1)
    tables = (builder.address(x_rows), builder.address(x_columns))
    words = (
        count, y_rows.shape[0], y.shape[-2], y.shape[-1], side, builder.address(x), x.strides[0], *tables,
        builder.address(weights), builder.address(y), y.strides[0], builder.address(y_rows), y.strides[-2],
        builder.address(zeros),
    )  # fmt: skip
    partition = Partition(y_rows.shape[0], 1, ((7, 8 * taps), (12, 8)))
    if count > 1:
        partition = Partition(count, 0, ((5, x.strides[0] * itemsize), (10, y.strides[0] * itemsize)))
    return [Call(_kernel(builder, builder.dtype(y), spec, side), words, partition)]


def weight_gradient(builder: CallBuilder, task: Task) -> list[Call]:
    """Return the call of its weight gradient: channels are divided."""
    (x, g, x_rows, x_columns, g_rows, zeros), (sums,) = task.reads, task.writes
    taps, channels, side = sums.shape
    count, width, itemsize = 1 if task.facts["is_inner"] else g.shape[0], channels * side, builder.itemsize(g)
    words = (
        count, g_rows.shape[0], g.shape[-2], taps, width, builder.address(x), x.strides[0],
        builder.address(x_rows), builder.address(x_columns), builder.address(g), g.strides[0],
        builder.address(g_rows), g.strides[-2], builder.address(sums), width, builder.address(zeros),
    )  # fmt: skip
    partition = Partition(width, 4, ((5, itemsize), (9, itemsize), (13, itemsize)), math.lcm(side, COLUMNS))
    dtype = builder.dtype(g)
    kernel = builder.machine.function(
        KernelSource("depthwise_gradient", (dtype,), f"depthwise_gradient of {dtype}"),
        lambda name: WeightGradientWriter(dtype, name).write(),
    )
    return [Call(kernel, words, partition)]


def _kernel(builder: CallBuilder, dtype: str, spec: WindowSpec, side: int) -> int:
    """Return the kernel of the forward pass, for ``side`` contiguous samples of a channel."""
    lanes = 8 if 1 < side < LANES else LANES
    text = f"depthwise of {dtype}, {spec.text}, vectors of {lanes}"
    return builder.machine.function(
        KernelSource("depthwise", (dtype, spec.taps), text),
        lambda name: ForwardWriter(dtype, spec, name, lanes).write(),
    )
