"""The value of each operation in JAX: one function for each card, as the reference has ``evaluate``.

All functions receive the card, whose sizes are bound, and JAX arrays, and are called while JAX traces a
program. They compute in the dtype of their inputs; matrix products and convolutions have the precision that
``settings.matmul_precision`` names; factors that are rounded to bfloat16 are arrays of that dtype.

An index outside its table is an error on every engine (E211), but a traced program cannot raise one: indices
are clamped, ``Indices`` notes whether one was outside, and ``program`` raises the error after the run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from itertools import product
from typing import Any, TypeAlias

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

from chainrule.engines.xla import random
from chainrule.engines.xla.convolution import (
    MANY_CELLS,
    convolution_input,
    convolution_weight,
    convolve,
    sum_dtype,
)
from chainrule.ops.array.gather import Gather, OneHot, ScatterAdd
from chainrule.ops.array.reduction import ArgMax, ReduceMax, ReduceMin, ReduceProd, ReduceSum
from chainrule.ops.array.resample import Resample
from chainrule.ops.array.shape import Broadcast, Reshape, Transpose
from chainrule.ops.array.slicing import Concatenate, Pad, Slice
from chainrule.ops.array.softmax import LogSoftmax, LogSumExp, Softmax
from chainrule.ops.elementwise import arithmetic, cast_and_stop_gradient, comparison, math_functions
from chainrule.ops.linear.bfloat16 import RoundToBfloat16
from chainrule.ops.linear.convolution import Convolution, ConvolutionInput, ConvolutionWeight
from chainrule.ops.linear.int8 import ExactConvolution, IntegerMatmul
from chainrule.ops.linear.matmul import Matmul
from chainrule.ops.linear.patches_and_pooling import Fold, Patches
from chainrule.ops.linear.window_geometry import Windowed
from chainrule.ops.operation_card import Card
from chainrule.ops.random_ops import Normal, Uniform
from chainrule.ops.recomputed_segments import Again, Remat
from chainrule.settings import settings

Array: TypeAlias = Any  # jax.Array, or a tracer of one
Lowering: TypeAlias = Callable[..., Array]


class Indices:
    """Checks of indices in a traced program.

    Args:
        part: the number of the part of the batch, of equal parts, from 0.
    """

    def __init__(self, part: Array | int = 0) -> None:
        self._positions: list[Array] = []
        self._part = part

    def checked(self, indices: Array, length: int) -> Array:
        """Return indices clamped to 0 ... ``length - 1``."""
        if indices.size:
            wrong = ((indices < 0) | (indices >= length)).reshape(-1)
            position = self._part * wrong.size + jnp.argmax(wrong) + 1
            self._positions.append(jnp.where(jnp.any(wrong), position, 0))
        return jnp.clip(indices, 0, max(length - 1, 0))

    def note(self, position: Array) -> None:
        """Add the results of checks in an inner program."""
        self._positions.append(jnp.max(position))

    @property
    def position(self) -> Array:
        """The place of an index outside its table, from 1 in the order of memory, or 0."""
        return reduce(jnp.maximum, self._positions, jnp.int64(0))


def _gather(op: Gather, indices: Indices, x: Array, i: Array) -> Array:
    return x[indices.checked(i, x.shape[0])]


def _scatter_add(op: Any, indices: Indices, v: Array, i: Array) -> Array:
    rows = jnp.zeros((op.rows, *v.shape[i.ndim :]), v.dtype)
    return rows.at[indices.checked(i, op.rows)].add(v)


def _one_hot(op: Any, indices: Indices, i: Array) -> Array:
    return (indices.checked(i, op.depth)[..., None] == jnp.arange(op.depth, dtype=i.dtype)).astype(op.dtype)


def _sum(op: Any, x: Array) -> Array:
    return jnp.sum(x, axis=op.axes, keepdims=op.keepdims, dtype=x.dtype)


def _prod(op: Any, x: Array) -> Array:
    return jnp.prod(x, axis=op.axes, keepdims=op.keepdims, dtype=x.dtype)


def _arg_max(op: Any, x: Array) -> Array:
    return jnp.argmax(x, axis=op.axes[0], keepdims=op.keepdims).astype(jnp.int64)


def _slice(op: Any, x: Array) -> Array:
    return x[tuple(slice(*ends) for ends in zip(op.start, op.stop, op.step, strict=True))]


def _pad(op: Any, x: Array) -> Array:
    return lax.pad(x, jnp.zeros((), x.dtype), list(zip(op.low, op.high, op.between, strict=True)))


def _resample(op: Any, x: Array) -> Array:
    """Return sums of taps; every output has as many as the longest, the others of weight 0."""
    count, length = len(op.taps), max(map(len, op.taps), default=0)
    cells, weights = np.zeros((length, count), np.int64), np.zeros((length, count))
    for row, taps in enumerate(op.taps):
        for place, (cell, weight) in enumerate(taps):
            cells[place, row], weights[place, row] = cell, weight
    first = jnp.moveaxis(x, op.axis, 0)
    total = jnp.zeros((count, *first.shape[1:]), x.dtype)
    for cell, weight in zip(cells, weights.astype(x.dtype), strict=True):
        factor = weight.reshape(-1, *(1,) * (x.ndim - 1))
        total += jnp.where(factor != 0, factor * first[cell], 0)  # a tap of weight 0 is none: 0 inf is NaN
    return jnp.moveaxis(total, 0, op.axis)


def _softmax(op: Any, x: Array) -> Array:
    raised = jnp.exp(_shifted(op, x)[0])
    return raised / jnp.sum(raised, axis=op.axis, keepdims=True)


def _log_softmax(op: Any, x: Array) -> Array:
    shifted, _ = _shifted(op, x)
    return shifted - jnp.log(jnp.sum(jnp.exp(shifted), axis=op.axis, keepdims=True))


def _log_sum_exp(op: Any, x: Array) -> Array:
    shifted, top = _shifted(op, x)
    return (jnp.log(jnp.sum(jnp.exp(shifted), axis=op.axis, keepdims=True)) + top).squeeze(op.axis)


def _shifted(op: Any, x: Array) -> tuple[Array, Array]:
    """Return the scores minus their maximum, and the maximum; 0 where it is infinite."""
    top = jnp.max(x, axis=op.axis, keepdims=True)
    top = jnp.where(jnp.isfinite(top), top, 0)
    return x - top, top


def _matmul(op: Any, a: Array, b: Array) -> Array:
    dtype = sum_dtype(a)
    return jnp.matmul(a, b, precision=settings.matmul_precision, preferred_element_type=dtype)


def _patches(op: Any, x: Array) -> Array:
    return _windows(op, x, op.window, op.fill)


def _windows(op: Windowed, x: Array, window: Sequence[int], fill: float) -> Array:
    """Return all windows: (B, *space, C) -> (B, *places, *window, C)."""
    places = op.places(x.shape[1:-1], tuple(window))
    padding = [(0, 0, 0), *((low, high, 0) for low, high in zip(op.low, op.high, strict=True)), (0, 0, 0)]
    x = lax.pad(x, jnp.asarray(fill, x.dtype), padding)
    if np.prod(window) >= MANY_CELLS:
        return _indexed_windows(op, x, places, window)
    cells = []
    for tap in product(*map(range, window)):
        under = [
            slice(t * d, t * d + (n - 1) * s + 1, s)
            for t, n, s, d in zip(tap, places, op.strides, op.dilation, strict=True)
        ]
        cells.append(x[(slice(None), *under)])
    return jnp.stack(cells, -2).reshape(x.shape[0], *places, *window, x.shape[-1])


def _indexed_windows(op: Windowed, x: Array, places: Sequence[int], window: Sequence[int]) -> Array:
    axes = len(window)
    for axis, (n, k) in enumerate(zip(places, window, strict=True)):
        starts = np.arange(n)[:, None] * op.strides[axis] + np.arange(k) * op.dilation[axis]
        x = jnp.take(x, starts, axis=1 + 2 * axis)  # (..., n, k, ...) in place of the axis
    order = [0, *range(1, 2 * axes, 2), *range(2, 2 * axes + 1, 2), 2 * axes + 1]
    return jnp.transpose(x, order)


def _fold(op: Any, windows: Array) -> Array:
    image = jax.ShapeDtypeStruct((windows.shape[0], *op.space, windows.shape[-1]), windows.dtype)
    return jax.linear_transpose(lambda x: _windows(op, x, op.window, 0.0), image)(windows)[0]


def _sigmoid(op: Any, x: Array) -> Array:
    small = jnp.exp(-jnp.abs(x))
    return jnp.where(x >= 0, 1, small) / (1 + small)


def _softplus(op: Any, x: Array) -> Array:
    return jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


def _cast(op: Any, x: Array) -> Array:
    return x != 0 if op.dtype == "bool" else x.astype(op.dtype)


def _extent(op: Any, x: Array) -> Array:
    return jnp.asarray(np.prod([x.shape[axis] for axis in op.axes]), op.dtype)


def _again(op: Any, x: Array, after: Array) -> Array:
    return lax.optimization_barrier((x, after))[0]  # XLA would otherwise merge the copy with the original


def _plain(function: Callable[..., Array]) -> Lowering:
    """Return the lowering of an operation without attributes."""
    return lambda op, *inputs: function(*inputs)


def _same(x: Array) -> Array:
    return x


a, c, d, m = arithmetic, comparison, cast_and_stop_gradient, math_functions
LOWERINGS: dict[type[Card], Lowering] = {
    a.Add: _plain(jnp.add),
    a.Subtract: _plain(jnp.subtract),
    a.Multiply: _plain(jnp.multiply),
    a.Divide: _plain(jnp.divide),
    a.Negative: _plain(jnp.negative),
    a.Square: _plain(jnp.square),
    a.Power: _plain(jnp.power),
    a.Abs: _plain(jnp.abs),
    a.Sign: _plain(jnp.sign),
    a.Maximum: _plain(jnp.maximum),
    a.Minimum: _plain(jnp.minimum),
    c.Less: _plain(jnp.less),
    c.LessEqual: _plain(jnp.less_equal),
    c.Greater: _plain(jnp.greater),
    c.GreaterEqual: _plain(jnp.greater_equal),
    c.Equal: _plain(jnp.equal),
    c.NotEqual: _plain(jnp.not_equal),
    c.LogicalAnd: _plain(jnp.logical_and),
    c.LogicalOr: _plain(jnp.logical_or),
    c.LogicalNot: _plain(jnp.logical_not),
    c.IsFinite: _plain(jnp.isfinite),
    c.Where: _plain(jnp.where),
    d.Cast: _cast,
    d.StopGradient: _plain(_same),
    d.Extent: _extent,
    m.Exp: _plain(jnp.exp),
    m.Log: _plain(jnp.log),
    m.Sqrt: _plain(jnp.sqrt),
    m.Sin: _plain(jnp.sin),
    m.Cos: _plain(jnp.cos),
    m.Tanh: _plain(jnp.tanh),
    m.Sigmoid: _sigmoid,
    m.Relu: _plain(lambda x: jnp.maximum(x, 0)),
    m.Softplus: _softplus,
    m.Erf: _plain(lax.erf),
    m.Floor: _plain(jnp.floor),
    m.Clip: lambda op, x: jnp.clip(x, op.low, op.high),
    Transpose: lambda op, x: jnp.transpose(x, op.axes),
    Reshape: lambda op, x: jnp.reshape(x, op.shape),
    Broadcast: lambda op, x: jnp.broadcast_to(x, op.shape),
    ReduceSum: _sum,
    ReduceMax: lambda op, x: jnp.max(x, axis=op.axes, keepdims=op.keepdims),
    ReduceMin: lambda op, x: jnp.min(x, axis=op.axes, keepdims=op.keepdims),
    ReduceProd: _prod,
    ArgMax: _arg_max,
    Slice: _slice,
    Pad: _pad,
    Concatenate: lambda op, *parts: jnp.concatenate(parts, op.axis),
    Resample: _resample,
    Softmax: _softmax,
    LogSoftmax: _log_softmax,
    LogSumExp: _log_sum_exp,
    Matmul: _matmul,
    IntegerMatmul: _matmul,
    RoundToBfloat16: _plain(lambda x: x.astype(jnp.bfloat16)),
    Convolution: convolve,
    ExactConvolution: convolve,
    ConvolutionInput: convolution_input,
    ConvolutionWeight: convolution_weight,
    Patches: _patches,
    Fold: _fold,
    Uniform: random.draw,
    Normal: random.draw,
    Remat: _plain(_same),
    Again: _again,
}
"""The value of an operation, by its card; loops over time are in ``graph_trace``."""

INDEXED: dict[type[Card], Lowering] = {Gather: _gather, ScatterAdd: _scatter_add, OneHot: _one_hot}
"""The value of an operation that reads indices: its function also receives an ``Indices``."""


def lowered(op: Card, indices: Indices, inputs: Sequence[Array]) -> Array:
    """Return the value of an operation.

    Args:
        op: the card, with bound sizes.
        indices: notes indices outside their table.
        inputs: the values of its inputs.

    Raises:
        KeyError: the operation has no lowering.
    """
    kind = type(op)
    function = partial(INDEXED[kind], op, indices) if kind in INDEXED else partial(LOWERINGS[kind], op)
    return function(*inputs)
