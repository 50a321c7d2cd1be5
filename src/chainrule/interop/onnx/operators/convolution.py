"""Convolutions, pooling and matrix products."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.errors import fact
from chainrule.graph import Node, constant, make
from chainrule.interop.onnx.call import Call, fixed
from chainrule.interop.onnx.operators.shape import table
from chainrule.interop.onnx.values import OperatorError
from chainrule.ops import functional as F
from chainrule.ops.array.slicing import slice_axis
from chainrule.ops.linear import patches_and_pooling

WIDEST = 2**16  # padding
Pairs = Sequence[tuple[int, int]]


def to_last(x: Node) -> Node:
    """Move the channels last: (B, C, *space) -> (B, *space, C)."""
    return F.transpose(x, (0, *range(2, x.rank), 1))


def to_second(x: Node) -> Node:
    """Move the channels first: (B, *space, C) -> (B, C, *space)."""
    return F.transpose(x, (0, x.rank - 1, *range(1, x.rank - 1)))


def gemm(call: Call) -> Node:
    """Return ``alpha * a b + beta * c``."""
    a, b = call.x, call.node(1)
    if a.rank != 2 or b.rank != 2:
        raise OperatorError(fact("matrices"), a.spec if a.rank != 2 else b.spec)
    if call.integer("transA"):
        if call.is_batched:
            call.require("transA", 0)
        a = F.transpose(a, (1, 0))
    if call.integer("transB"):
        b = F.transpose(b, (1, 0))
    y = matmul(a, b)
    alpha, beta = call.real("alpha", 1.0), call.real("beta", 1.0)
    y = y if alpha == 1.0 else y * _number(alpha, y)
    c = call.optional(2)
    return y if c is None else y + (c if beta == 1.0 else c * _number(beta, y))


def _number(value: float, like: Node) -> float | int:
    if like.spec.is_float:
        return float(value)
    if not float(value).is_integer():
        raise OperatorError(fact("integers"), value)
    return int(value)


def matmul(a: Node, b: Node) -> Node:
    """Return the matrix product; of integers in float64."""
    if a.spec.is_float:
        return F.matmul(a, b)
    return F.cast(F.matmul(F.cast(a, "float64"), F.cast(b, "float64")), a.dtype)


# --- windows


class Window:
    """The window of a convolution or a pooling.

    Args:
        kernel: its size along each spatial axis.
        strides, dilations: one number for each axis.
        pads: the padding before and after each axis.
    """

    def __init__(self, call: Call, kernel: tuple[int, ...], space: Sequence[Any]) -> None:
        axes = len(space)
        if call.integers("kernel_shape") not in (None, kernel):
            raise OperatorError(f"kernel_shape = {list(kernel)}", call.attributes["kernel_shape"])
        if len(kernel) != axes or not kernel:
            raise OperatorError(fact("a kernel of {count} axes", count=axes), kernel)
        self.kernel = kernel
        self.strides = call.integers("strides") or (1,) * axes
        self.dilations = call.integers("dilations") or (1,) * axes
        if not len(self.strides) == len(self.dilations) == axes or min(*self.strides, *self.dilations) < 1:
            raise OperatorError(fact("numbers above 0 for {count} axes", count=axes), self.strides)
        self.spans = tuple((k - 1) * d + 1 for k, d in zip(kernel, self.dilations, strict=True))
        self.pads = self._pads(call, space)

    def _pads(self, call: Call, space: Sequence[Any]) -> Pairs:
        axes, mode = len(space), call.text("auto_pad", "NOTSET")
        pads = call.integers("pads") or (0,) * (2 * axes)
        if mode not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
            raise OperatorError("auto_pad = NOTSET, VALID, SAME_UPPER, SAME_LOWER", mode)
        if mode != "NOTSET" and any(pads):
            raise OperatorError("auto_pad = NOTSET", f"auto_pad = {mode}, pads")
        if len(pads) != 2 * axes or min(pads) < 0 or max(pads) > WIDEST:
            expected = fact("padding of at least 0 for both sides of {count} axes", count=axes)
            raise OperatorError(expected, pads)
        if not mode.startswith("SAME"):
            return tuple(zip(pads[:axes], pads[axes:], strict=True))
        is_spread = "Pool" in call.kind and max(self.dilations) > 1
        if is_spread and call.is_batched:  # ONNX Runtime and the definition of the operator differ
            raise OperatorError("dilations = 1", f"dilations = {self.dilations}")
        pairs = []
        for n, stride, span in zip(fixed(space), self.strides, self.spans, strict=True):
            total = max((-(-n // stride) - 1) * stride + span - n, 0)
            few = total // 2
            pairs.append((few, total - few) if mode == "SAME_UPPER" else (total - few, few))
        return tuple(pairs)

    def with_ceiling(self, space: Sequence[Any]) -> Pairs:
        """Return the padding with which windows that begin inside reach over the end (``ceil_mode``)."""
        pairs = []
        every = zip(fixed(space), self.pads, self.strides, self.spans, strict=True)
        for n, (low, high), stride, span in every:
            places = -(-(n + low + high - span) // stride) + 1
            if (places - 1) * stride >= n + low:
                places -= 1
            pairs.append((low, max(high, (places - 1) * stride + span - n - low)))
        return tuple(pairs)

    def places(self, space: Sequence[int], pads: Pairs) -> tuple[int, ...]:
        """Return the number of windows along each axis."""
        every = zip(space, pads, self.strides, self.spans, strict=True)
        return tuple((n + sum(pair) - span) // stride + 1 for n, pair, stride, span in every)


def convolution(call: Call) -> Node:
    """Return the convolution of (B, C, *space), with an optional bias."""
    return convolved(call, call.x, call.node(1), call.optional(2))


def convolved(call: Call, image: Node, weights: Node, bias: Node | None = None) -> Node:
    """Return the convolution of an image with weights (O, C/groups, *kernel), by the settings of a call."""
    x, w = to_last(image), weights
    window = Window(call, fixed(w.shape[2:]), x.shape[1:-1])
    y = F.convolution(
        x, to_last(w), window.strides, tuple(window.pads), window.dilations, call.integer("group", 1)
    )
    return to_second(y if bias is None else y + bias)


def _transposed(call: Call) -> Node:
    """Return the transposed convolution: (B, C, *places) -> (B, O, *space)."""
    x, w = to_last(call.x), call.node(1)
    kernel = fixed(w.shape[2:])
    axes, mode = len(kernel), call.text("auto_pad", "NOTSET")
    strides = call.integers("strides") or (1,) * axes
    dilations = call.integers("dilations") or (1,) * axes
    extra = call.integers("output_padding") or (0,) * axes
    stated, shape = call.integers("pads") or (0,) * (2 * axes), call.integers("output_shape")
    places = fixed(x.shape[1:-1])
    sizes = [
        s * (n - 1) + (k - 1) * d + 1 for s, n, k, d in zip(strides, places, kernel, dilations, strict=True)
    ]
    pads = list(zip(stated[:axes], stated[axes:], strict=True))
    if shape is not None or mode.startswith("SAME"):
        targets = (
            shape[-axes:] if shape is not None else [n * s for n, s in zip(places, strides, strict=True)]
        )
        totals = [size + e - n for size, e, n in zip(sizes, extra, targets, strict=True)]
        few = [(t // 2, t - t // 2) for t in totals]
        pads = (
            few
            if mode == "SAME_UPPER" or (mode != "SAME_LOWER" and shape is None)
            else [p[::-1] for p in few]
        )
    y = F.convolution_transpose(
        x, to_last(w), strides, "valid", dilations, call.integer("group", 1), tuple(sizes)
    )
    for axis, (size, (low, high), more) in enumerate(zip(sizes, pads, extra, strict=True), 1):
        first, last = max(low, 0), min(size, size + more - high)
        y = slice_axis(y, axis, first, last)
        before, after = max(-low, 0), max(size + more - high - size, 0)
        if before or after:
            y = F.pad(y, [(before, after) if a == axis else (0, 0) for a in range(y.rank)])
    bias = call.optional(2)
    return to_second(y if bias is None else y + bias)


# --- pooling


def _pooled_image(call: Call) -> tuple[Node, Window, Pairs]:
    x = call.x if call.x.spec.is_float else F.cast(call.x, "float64")
    x = to_last(x)
    window = Window(call, call.integers("kernel_shape") or (), x.shape[1:-1])
    pads = window.with_ceiling(x.shape[1:-1]) if call.integer("ceil_mode") else window.pads
    return x, window, pads


def max_pool(call: Call) -> Any:
    """Max pooling, and the indices of the largest elements."""
    x, window, pads = _pooled_image(call)
    if len(call.outputs) > 1 and call.outputs[1]:
        return _max_pool_with_indices(call, x, window, pads)
    y = F.max_pool(x, window.kernel, window.strides, tuple(pads), window.dilations)
    return F.cast(to_second(y), call.x.dtype)


def _max_pool_with_indices(call: Call, x: Node, window: Window, pads: Pairs) -> tuple[Node, Node]:
    windows = F.patches(x, window.kernel, window.strides, tuple(pads), window.dilations, -math.inf)
    space, channels = fixed(x.shape[1:-1]), fixed([x.shape[-1]])[0]
    cells = math.prod(window.kernel)
    places = windows.shape[1 : 1 + len(space)]
    flat = F.reshape(windows, (windows.shape[0], *places, cells, channels))
    best = F.argmax(flat, flat.rank - 2, keepdims=True)  # (B, *places, 1, C)
    y = F.max(flat, flat.rank - 2)
    offsets = _offsets(window, space, pads, call.integer("storage_order"))
    cell = F.broadcast_to(constant(np.arange(cells, dtype=best.dtype)[:, None]), flat.shape)
    offset = F.broadcast_to(constant(offsets[..., None].astype("float64")), flat.shape)
    sums = F.where(F.equal(F.broadcast_to(best, flat.shape), cell), offset, 0.0)
    index = to_second(F.cast(F.sum(sums, flat.rank - 2), "int64"))
    samples = fixed([x.shape[0]])[0]
    size = math.prod(space)
    first = np.arange(samples * channels).reshape(samples, channels, *[1] * len(space)) * size
    index = index + F.broadcast_to(constant(first), index.shape)
    return F.cast(to_second(y), call.x.dtype), index


def _offsets(window: Window, space: Sequence[int], pads: Pairs, order: int) -> np.ndarray:
    """Return the index in the image of each cell of each window: (*places, cells)."""
    axes, places = len(space), window.places(space, pads)
    table(*places, *window.kernel)
    total = np.zeros((*places, *window.kernel), "int64")
    strides = [math.prod(space[i + 1 :]) for i in range(axes)]
    if order:
        strides = [math.prod(space[:i]) for i in range(axes)]
    for axis in range(axes):
        start = np.arange(places[axis]) * window.strides[axis] - pads[axis][0]
        cell = np.arange(window.kernel[axis]) * window.dilations[axis]
        shape = [1] * (2 * axes)
        shape[axis], shape[axes + axis] = places[axis], window.kernel[axis]
        total = total + np.add.outer(start, cell).reshape(shape) * strides[axis]
    return total.reshape(*places, -1)


def average_pool(call: Call) -> Node:
    """Average pooling."""
    x, window, pads = _pooled_image(call)
    counts = bool(call.integer("count_include_pad"))
    if set(window.dilations) == {1} and pads == window.pads:
        y = F.average_pool(x, window.kernel, window.strides, tuple(pads), count_include_pad=counts)
        return to_second(y)
    space = fixed(x.shape[1:-1])
    windows = F.patches(x, window.kernel, window.strides, tuple(pads), window.dilations)
    total = F.sum(windows, _window_axes(x))
    inside = np.zeros([n + sum(pair) for n, pair in zip(space, pads, strict=True)])
    edges = window.pads if counts else [(0, 0)] * len(space)
    first = [low - (own if counts else 0) for (low, _), (own, _) in zip(pads, edges, strict=True)]
    last = [low + n + high for n, (low, _), (_, high) in zip(space, pads, edges, strict=True)]
    inside[tuple(slice(a, b) for a, b in zip(first, last, strict=True))] = 1.0
    places = window.places(space, pads)
    ones = constant(inside[None, ..., None])
    counted = F.sum(
        F.patches(ones, window.kernel, window.strides, "valid", window.dilations), _window_axes(ones)
    )
    divisor = F.reshape(F.cast(counted, x.dtype), (1, *places, 1))
    return to_second(total / divisor)


def _window_axes(x: Node) -> tuple[int, ...]:
    """Return the axes of the window in the patches of ``x``."""
    return tuple(range(x.rank - 1, 2 * x.rank - 3))


def _lp_pool(call: Call) -> Node:
    x, window, pads = _pooled_image(call)
    p = float(call.attributes.get("p") or 2)
    windows = F.patches(x, window.kernel, window.strides, tuple(pads), window.dilations)
    return to_second(F.power(F.sum(F.power(F.abs(windows), p), _window_axes(x)), 1.0 / p))


def _global(function: Callable[..., Node]) -> Callable[[Call], Node]:
    """Return a reduction over all spatial axes."""

    def imported(call: Call) -> Node:
        if call.x.rank < 3:
            raise OperatorError(fact("images"), call.x.spec)
        return function(call.x, tuple(range(2, call.x.rank)), keepdims=True)

    return imported


def _global_lp_pool(call: Call) -> Node:
    p = float(call.attributes.get("p") or 2)
    total = F.sum(F.power(F.abs(call.x), p), tuple(range(2, call.x.rank)), keepdims=True)
    return F.power(total, 1.0 / p)


def _max_unpool(call: Call) -> Node:
    """Return the elements at the places that max pooling found, zeros elsewhere."""
    x = call.x
    kernel = call.integers("kernel_shape") or ()
    strides = call.integers("strides") or (1,) * len(kernel)
    pads = call.integers("pads") or (0,) * (2 * len(kernel))
    shape = fixed(x.shape)
    space = [
        (n - 1) * s + k - pads[i] - pads[i + len(kernel)]
        for i, (n, s, k) in enumerate(zip(shape[2:], strides, kernel, strict=True))
    ]
    full = (*shape[:2], *space)
    target = tuple(int(str(n)) for n in call.sizes(2)) if call.has(2) else full
    table(*target)
    size = math.prod(shape)
    places = call.array(1).ravel()
    if call.has(2):  # the indices are those of the image without padding
        coordinates = np.unravel_index(places, full) if places.max(initial=0) < math.prod(full) else None
        if coordinates is not None and math.prod(target) != math.prod(full):
            places = np.ravel_multi_index(coordinates, target)
    y = F.scatter_add(F.reshape(x, (size,)), constant(places.astype("int64")), math.prod(target))
    return F.reshape(y, target)


def _column_to_image(call: Call) -> Node:
    """Return windows as columns, added at their positions in the image."""
    space, kernel = (tuple(int(str(n)) for n in call.sizes(i)) for i in (1, 2))
    axes = len(space)
    strides = call.integers("strides") or (1,) * axes
    dilations = call.integers("dilations") or (1,) * axes
    pads = call.integers("pads") or (0,) * (2 * axes)
    x = call.x  # (B, C kernel, places)
    cells = math.prod(kernel)
    channels = fixed([x.shape[1]])[0] // cells
    every = zip(space, kernel, strides, dilations, pads[:axes], pads[axes:], strict=True)
    places = tuple((n + low + high - (k - 1) * d - 1) // s + 1 for n, k, s, d, low, high in every)
    apart = F.reshape(x, (x.shape[0], channels, *kernel, *places))
    order = (0, *range(2 + axes, 2 + 2 * axes), *range(2, 2 + axes), 1)
    fold = patches_and_pooling.Fold(strides, pads[:axes], pads[axes:], dilations, kernel, space)
    return to_second(make(fold, F.transpose(apart, order)))


OPERATORS: dict[str, Any] = {
    "AveragePool": average_pool,
    "Col2Im": _column_to_image,
    "Conv": convolution,
    "ConvTranspose": _transposed,
    "Gemm": gemm,
    "GlobalAveragePool": _global(F.mean),
    "GlobalLpPool": _global_lp_pool,
    "GlobalMaxPool": _global(F.max),
    "LpPool": _lp_pool,
    "MatMul": lambda call: matmul(call.x, call.node(1)),
    "MaxPool": max_pool,
    "MaxUnpool": _max_unpool,
}
