"""Images of another size, and elements at positions between those of the grid.

Resizing is linear along each axis, so each axis is a product with a constant matrix, whose row has the
weights of the elements from which one element of the result is interpolated. Sampling at computed positions
gathers the elements around each position and adds them with weights that depend on it, so it has a gradient
by the image and by the positions.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.data.readers.images import decode_image
from chainrule.errors import fact
from chainrule.graph import Node, constant
from chainrule.interop.onnx.call import Call, axis_of, fixed
from chainrule.interop.onnx.operators.convolution import to_last, to_second
from chainrule.interop.onnx.operators.shape import picked, table
from chainrule.interop.onnx.values import OperatorError
from chainrule.ops import functional as F
from chainrule.ops.array.axis_functions import from_last
from chainrule.ops.array.axis_functions import to_last as moved_to_last
from chainrule.symbolic_shape import Axis, Size, count

_NEAREST: dict[str, Callable[[float], bool]] = {  # whether the element to the left is taken
    "round_prefer_floor": lambda ratio: ratio <= 0.5,
    "round_prefer_ceil": lambda ratio: ratio < 0.5,
    "floor": lambda ratio: True,
    "ceil": lambda ratio: False,
}


# --- resize


def _position(mode: str, x: int, scale: float, length: int, count: int, roi: tuple[float, float]) -> float:
    """Return the position in the input of element ``x`` of the output along an axis."""
    exact = scale * length
    if mode == "align_corners":
        return 0.0 if exact == 1 else x * (length - 1) / (exact - 1)
    if mode == "asymmetric":
        return x / scale
    if mode == "tf_half_pixel_for_nn":
        return (x + 0.5) / scale
    if mode == "tf_crop_and_resize":
        first, last = roi
        if exact == 1:
            return (first + last) * (length - 1) / 2
        return first * (length - 1) + x * (last - first) * (length - 1) / (exact - 1)
    if mode == "pytorch_half_pixel" and exact == 1:
        return -0.5
    position = (x + 0.5) / scale - 0.5
    if mode == "half_pixel_symmetric":
        position += length / 2 * (1 - count / exact)
    return position


def _cubic(distance: np.ndarray, a: float) -> np.ndarray:
    """Return the weights of elements at some distances in cubic interpolation."""
    d = np.abs(distance)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def _weights(call: Call, position: float, scale: float, length: int) -> np.ndarray:
    """Return the weight of each element of an axis at a position."""
    mode, left = call.text("mode", "nearest"), math.floor(position)
    ratio = 1.0 if float(position).is_integer() else position - left
    first = left - 1 if ratio == 1.0 and float(position).is_integer() else left
    if mode == "nearest":
        takes_left = not float(position).is_integer() and _NEAREST[_nearest_mode(call)](ratio)
        places, weights = np.array([first, first + 1]), np.array([1.0, 0.0] if takes_left else [0.0, 1.0])
    else:
        width = {"linear": 1, "cubic": 2}[mode]
        factor = min(scale, 1.0) if call.integer("antialias") else 1.0
        start = math.floor(-width / factor) + 1
        places = first + np.arange(start, 2 - start)
        distance = (places - first - ratio) * factor
        a = call.real("cubic_coeff_a", -0.75)
        weights = np.clip(1 - np.abs(distance), 0, 1) if mode == "linear" else _cubic(distance, a)
    if call.integer("exclude_outside"):
        weights = np.where((places < 0) | (places >= length), 0.0, weights)
    row = np.zeros(length)
    np.add.at(row, np.clip(places, 0, length - 1), weights / weights.sum())
    return row


def _nearest_mode(call: Call) -> str:
    if call.version < 11:
        return "floor"
    return call.choice("nearest_mode", tuple(_NEAREST), "round_prefer_floor")


def _lengths(call: Call, own: Sequence[Axis]) -> tuple[list[float], list[Axis]]:
    """Return the scale and the new length of each axis; an axis of symbolic length keeps it."""
    place = (1 if call.version < 11 else 2) if call.kind == "Resize" else 1
    if call.kind == "Upsample" and call.attributes.get("scales"):
        scales = [float(s) for s in call.attributes["scales"]]
    elif call.has(place) and count(call.value(place).shape):
        scales = [float(s) for s in call.array(place)]
    else:
        return _lengths_of_sizes(call, own)
    if len(scales) != len(own) or not all(0 < s < 2**20 for s in scales):
        raise OperatorError(fact("one number for each of {count} axes", count=len(own)), scales)
    if any(s != 1 and isinstance(n, Size) for n, s in zip(own, scales, strict=True)):
        raise OperatorError(fact("known lengths"), own)
    return scales, [math.floor(n * s) if isinstance(n, int) else n for n, s in zip(own, scales, strict=True)]


def _lengths_of_sizes(call: Call, own: Sequence[Axis]) -> tuple[list[float], list[Axis]]:
    """Return the same as ``_lengths``, for new lengths that are given."""
    sizes = call.sizes(3)
    if len(sizes) != len(own):
        raise OperatorError(fact("one number for each of {count} axes", count=len(own)), sizes)
    scales: list[float] = []
    for size, n in zip(sizes, own, strict=True):
        is_symbol = isinstance(size, Size) or isinstance(n, Size)
        if is_symbol and size != n and size != call.batch:
            raise OperatorError(fact("known lengths"), sizes)
        scales.append(1.0 if is_symbol else float(str(size)) / float(str(n)))
    combined = {"not_larger": min, "not_smaller": max}.get(call.text("keep_aspect_ratio_policy"))
    if combined is None:
        return scales, [n if isinstance(n, Size) else size for size, n in zip(sizes, own, strict=True)]
    scale = combined(scales)
    return [scale] * len(own), [math.floor(scale * n + 0.5) for n in fixed(own)]


def resize(call: Call) -> Node:
    """Return the image with other lengths of some axes."""
    x = call.x if call.x.spec.is_float else F.cast(call.x, "float64")
    axes = call.integers("axes") or tuple(range(x.rank))
    axes = tuple(axis_of(x, a) for a in axes)
    scales, counts = _lengths(call, [x.shape[axis] for axis in axes])
    mode = call.text("coordinate_transformation_mode", "half_pixel") if call.version >= 11 else "asymmetric"
    mode = "asymmetric" if call.kind == "Upsample" else mode
    call.choice("mode", ("nearest", "linear", "cubic"), "nearest")
    roi = call.array(1) if mode == "tf_crop_and_resize" else np.zeros(2 * len(axes))
    outside: list[tuple[int, np.ndarray]] = []
    for i, (axis, scale, target) in enumerate(zip(axes, scales, counts, strict=True)):
        if scale == 1 and target == x.shape[axis] and mode != "tf_crop_and_resize":
            continue
        length, new = fixed([x.shape[axis], target])
        table(new, length)
        span = float(roi[i]), float(roi[i + len(axes)])
        positions = [_position(mode, p, scale, length, new, span) for p in range(new)]
        matrix = np.array([_weights(call, p, scale, length) for p in positions]).reshape(new, length)
        if mode == "tf_crop_and_resize":
            outside.append((axis, np.array([not 0 <= p <= length - 1 for p in positions])))
        x = _interpolated(x, axis, matrix)
    for axis, rows in outside:
        mask = rows.reshape([-1 if a == axis else 1 for a in range(x.rank)])
        x = F.where(F.broadcast_to(constant(mask), x.shape), call.real("extrapolation_value"), x)
    return F.cast(x if call.x.spec.is_float else F.round(x), call.x.dtype)


def _interpolated(x: Node, axis: int, matrix: np.ndarray) -> Node:
    """Return the product with a matrix along an axis; a selection where each row has a single 1."""
    if ((matrix == 0) | (matrix == 1)).all() and (matrix.sum(1) == 1).all():
        return picked(x, axis, matrix.argmax(1).tolist())
    return from_last(F.matmul(moved_to_last(x, axis), constant(matrix.T.astype(x.dtype))), axis)


# --- sampling at computed positions


def _reflected(v: Node, low: float, high: float) -> Node:
    span = high - low
    if span <= 0:
        return F.full_like(v, low)
    rest = F.remainder(v - low, 2 * span)
    return F.where(F.greater(rest, span), 2 * span - rest, rest) + low


def _bounds(length: int, is_aligned: bool) -> tuple[float, float]:
    return (0.0, length - 1.0) if is_aligned else (-0.5, length - 0.5)


def sampled(
    x: Node, positions: Sequence[Node], mode: str, padding: str, is_aligned: bool = True, a: float = -0.75
) -> Node:
    """Return the elements of images x (B, *space, C) at positions (B, P) for each axis: (B, P, C)."""
    samples, *space, channels = fixed(x.shape)
    taps = [_taps(p, n, mode, padding, is_aligned, a) for p, n in zip(positions, space, strict=True)]
    rows = F.reshape(x, (samples * math.prod(space), channels))
    first = constant(np.arange(samples)[:, None] * math.prod(space))
    total: Node | None = None
    for chosen in itertools.product(*taps):
        flat, weight = first, None
        for axis, (index, w) in enumerate(chosen):
            flat = flat + index * math.prod(space[axis + 1 :])
            weight = w if weight is None else weight * w
        assert weight is not None
        values = F.gather(rows, flat) * F.reshape(weight, (*weight.shape, 1))
        total = values if total is None else total + values
    assert total is not None
    return total


def _taps(
    p: Node, length: int, mode: str, padding: str, is_aligned: bool, a: float
) -> list[tuple[Node, Node]]:
    """Return the indices of the elements around each position along an axis, and their weights."""
    low, high = _bounds(length, is_aligned)
    if mode == "nearest":
        p = F.round(p)
    if padding == "border":
        p = F.where(F.less(p, low), 0.0, F.where(F.greater(p, high), length - 1.0, p))
    elif padding == "reflection":
        p = F.where(F.logical_or(F.less(p, low), F.greater(p, high)), _reflected(p, low, high), p)
    left = F.floor(p)
    ratio = p - left
    if mode == "nearest":
        pairs = [(F.round(p), F.full_like(p, 1.0))]
    elif mode == "linear":
        pairs = [(left, 1.0 - ratio), (left + 1.0, ratio)]
    else:
        pairs = [(left + float(i), _cubic_weight(ratio - float(i), a)) for i in (-1, 0, 1, 2)]
    taps = []
    for index, weight in pairs:
        is_inside = F.logical_and(F.greater_equal(index, 0.0), F.less_equal(index, length - 1.0))
        if padding == "zeros":
            weight = F.where(is_inside, weight, 0.0)
        elif padding == "reflection":
            index = F.where(is_inside, index, F.floor(_reflected(index, low, high) + 0.25))
        taps.append(
            (F.cast(F.clip(F.where(F.equal(index, index), index, 0.0), 0.0, length - 1.0), "int64"), weight)
        )
    return taps


def _cubic_weight(distance: Node, a: float) -> Node:
    d = F.abs(distance)
    near = ((d * (a + 2) - (a + 3)) * d) * d + 1.0
    far = ((d * a - 5 * a) * d + 8 * a) * d - 4 * a
    return F.where(F.less_equal(d, 1.0), near, F.where(F.less(d, 2.0), far, 0.0))


def grid_sample(call: Call) -> Node:
    """Return the image (B, C, *space) at positions from -1 to 1 along each axis: grid (B, *places, axes)."""
    x, grid = to_last(call.x), call.node(1)
    samples, *space, channels = fixed(x.shape)
    places, axes = fixed(grid.shape[1:-1]), len(space)
    is_aligned = bool(call.integer("align_corners"))
    modes = {"bilinear": "linear", "bicubic": "cubic"}
    mode = call.text("mode", "linear")
    mode = modes.get(mode, mode)
    padding = call.choice("padding_mode", ("zeros", "border", "reflection"), "zeros")
    rows = F.cast(F.reshape(grid, (samples, math.prod(places), axes)), x.dtype)
    positions = []
    for axis, length in enumerate(space):
        g = rows[:, :, axes - 1 - axis] + 1.0
        positions.append(g * ((length - 1) / 2) if is_aligned else (g * float(length) - 1.0) * 0.5)
    y = sampled(x, positions, mode, padding, is_aligned)
    return to_second(F.reshape(y, (samples, *places, channels)))


def _deformed(call: Call) -> Node:
    """Return a convolution whose window has an offset for each of its cells at each place."""
    x, w, offset = to_last(call.x), call.node(1), call.node(2)
    samples, *space, channels = fixed(x.shape)
    outputs, depth, *kernel = fixed(w.shape)
    axes, groups, parts = len(space), call.integer("group", 1), call.integer("offset_group", 1)
    strides = call.integers("strides") or (1,) * axes
    dilations = call.integers("dilations") or (1,) * axes
    pads = call.integers("pads") or (0,) * (2 * axes)
    places, cells = fixed(offset.shape[2:]), math.prod(kernel)
    table(parts, cells, *places)
    moved = F.reshape(offset, (samples, parts, cells, axes, math.prod(places)))
    every = list(itertools.product(*(range(k) for k in kernel)))
    columns = []
    for part in range(parts):
        positions = []
        for axis in range(axes):
            grid = np.arange(places[axis]) * strides[axis] - pads[axis]
            grid = np.broadcast_to(grid.reshape([-1 if a == axis else 1 for a in range(axes)]), places)
            base = np.stack([grid.ravel() + cell[axis] * dilations[axis] for cell in every])
            own = F.reshape(moved[:, part, :, axis, :], (samples, cells * math.prod(places)))
            positions.append(own + constant(base.ravel().astype(own.dtype)))
        size = channels // parts
        own = x[..., part * size : (part + 1) * size]
        columns.append(sampled(own, positions, "linear", "zeros"))
    y = F.reshape(F.stack(columns, 1), (samples, parts, cells, math.prod(places), channels // parts))
    if call.has(4):
        mask = F.reshape(call.node(4), (samples, parts, cells, math.prod(places), 1))
        y = y * mask
    y = F.transpose(y, (0, 3, 1, 4, 2))  # (B, places, parts, C/parts, cells)
    y = F.reshape(y, (samples, math.prod(places), groups, depth * cells))
    weights = F.reshape(w, (groups, outputs // groups, depth * cells))
    y = F.matmul(
        F.transpose(y, (0, 2, 1, 3)), F.transpose(weights, (0, 2, 1))
    )  # (B, groups, places, O/groups)
    y = F.reshape(F.transpose(y, (0, 1, 3, 2)), (samples, outputs, *places))
    return y if not call.has(3) else y + F.reshape(call.node(3), (outputs, *[1] * axes))


def _roi_align(call: Call) -> Node:
    """Return the mean or the largest element of samples in each cell of each region of interest."""
    x, rois, batch = to_last(call.x), call.array(1), call.array(2)
    _, height, width, channels = fixed(x.shape)
    rows, columns = call.integer("output_height", 1), call.integer("output_width", 1)
    is_half = call.version >= 16 and call.text("coordinate_transformation_mode", "half_pixel") == "half_pixel"
    shift, ratio = (0.5 if is_half else 0.0), call.integer("sampling_ratio")
    scale = call.real("spatial_scale", 1.0)
    flat = F.reshape(x, (math.prod(fixed(x.shape[:-1])), channels))
    is_max = call.text("mode", "avg") == "max"
    results = []
    for roi, sample in zip(rois, batch.tolist(), strict=True):
        left, top, right, bottom = (float(v) * scale - shift for v in roi)
        size = [bottom - top, right - left]
        size = size if is_half else [max(s, 1.0) for s in size]
        bins = [size[0] / rows, size[1] / columns]
        counts = [ratio if ratio > 0 else max(math.ceil(b), 1) for b in bins]
        table(rows * counts[0], columns * counts[1], 4)
        ys = top + (np.arange(rows * counts[0]) + 0.5) * bins[0] / counts[0]
        xs = left + (np.arange(columns * counts[1]) + 0.5) * bins[1] / counts[1]
        corners = _corners(ys, xs, height, width)
        parts = [
            F.gather(flat, constant(index + sample * height * width))
            * constant(weight[..., None].astype(x.dtype))
            for index, weight in corners
        ]
        shape = (rows, counts[0], columns, counts[1], channels)
        if is_max:
            best = parts[0]
            for part in parts[1:]:
                best = F.maximum(best, part)
            results.append(F.max(F.reshape(best, shape), (1, 3)))
        else:
            total = parts[0] + parts[1] + parts[2] + parts[3]
            results.append(F.mean(F.reshape(total, shape), (1, 3)))
    return F.transpose(F.stack(results, 0), (0, 3, 1, 2))


def _corners(ys: np.ndarray, xs: np.ndarray, height: int, width: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the flat indices and the weights of the four elements around each position of a grid."""

    def taps(v: np.ndarray, n: int) -> list[tuple[np.ndarray, np.ndarray]]:
        is_inside = (v >= -1) & (v <= n)
        v = np.clip(v, 0, n - 1)
        low = np.minimum(np.floor(v).astype("int64"), n - 1)
        high = np.minimum(low + 1, n - 1)
        rest = v - low
        return [(low, (1 - rest) * is_inside), (high, rest * is_inside)]

    return [
        (np.add.outer(i * width, j), np.multiply.outer(a, b))
        for i, a in taps(ys, height)
        for j, b in taps(xs, width)
    ]


def _decoded(call: Call) -> np.ndarray:
    """Return the pixels of an image file, (H, W, C)."""
    content = call.array(0).astype("uint8").tobytes()
    form = call.choice("pixel_format", ("RGB", "BGR", "Grayscale"), "RGB")
    pixels = decode_image(content, "ImageDecoder", 1 if form == "Grayscale" else 3)
    return pixels[..., ::-1].copy() if form == "BGR" else pixels


OPERATORS: dict[str, Any] = {
    "DeformConv": _deformed,
    "GridSample": grid_sample,
    "ImageDecoder": _decoded,
    "Resize": resize,
    "RoiAlign": _roi_align,
    "Upsample": resize,
}
