"""Fourier transforms, windows, mel filters and determinants."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.errors import fact
from chainrule.graph import Node, constant
from chainrule.interop.onnx.call import Call, axis_of, fixed
from chainrule.interop.onnx.operators.shape import table
from chainrule.interop.onnx.tensors import dtype_of
from chainrule.interop.onnx.values import OperatorError
from chainrule.ops import functional as F
from chainrule.ops.array.axis_functions import from_last, to_last
from chainrule.ops.array.slicing import slice_axis

MATRIX = 8  # rows of a matrix whose determinant is expanded


def _fitted(x: Node, length: int) -> Node:
    """Return the last axis cut or filled with zeros to a length."""
    own = fixed([x.shape[-1]])[0]
    if own > length:
        return slice_axis(x, x.rank - 1, 0, length)
    return x if own == length else F.pad(x, [(0, 0)] * (x.rank - 1) + [(0, length - own)])


def transformed(re: Node, im: Node | None, inverse: bool, count: int) -> tuple[Node, Node]:
    """Return the first ``count`` terms of the Fourier transform along the last axis, real and imaginary."""
    kind, length = re.dtype, fixed([re.shape[-1]])[0]
    re, im = F.cast(re, "float64"), None if im is None else F.cast(im, "float64")
    table(length, count)
    angle = 2 * math.pi / max(length, 1) * (np.outer(np.arange(length), np.arange(count)) % max(length, 1))
    cos, sin = (constant(f(angle).astype(re.dtype)) for f in (np.cos, np.sin))
    sign = 1.0 if inverse else -1.0
    y_re, y_im = F.matmul(re, cos), F.matmul(re, sin) * sign
    if im is not None:
        y_re, y_im = y_re - F.matmul(im, sin) * sign, y_im + F.matmul(im, cos)
    parts = (y_re / float(length), y_im / float(length)) if inverse else (y_re, y_im)
    return F.cast(parts[0], kind), F.cast(parts[1], kind)


def _dft(call: Call) -> Node:
    x = call.x
    if call.version < 20:
        axis = axis_of(x.rank, call.integer("axis", 1))
    else:
        axis = axis_of(x.rank, int(call.number(2, -2)))
    if axis == x.rank - 1:
        raise OperatorError(fact("an axis other than the last one"), axis)
    is_inverse, is_half = bool(call.integer("inverse")), bool(call.integer("onesided"))
    parts = [
        to_last(F.reshape(slice_axis(x, x.rank - 1, i, i + 1), x.shape[:-1]), axis)
        for i in range(fixed([x.shape[-1]])[0])
    ]
    own = fixed([parts[0].shape[-1]])[0]
    if is_inverse and is_half:
        return _real_inverse(call, parts, axis, own)
    length = int(call.number(1)) if call.has(1) else own
    parts = [_fitted(part, length) for part in parts]
    count = length // 2 + 1 if is_half else length
    re, im = transformed(parts[0], parts[1] if len(parts) > 1 else None, is_inverse, count)
    return F.stack([from_last(re, axis), from_last(im, axis)], x.rank - 1)


def _real_inverse(call: Call, parts: list[Node], axis: int, own: int) -> Node:
    """Return the inverse transform to real numbers, from the first half of the terms."""
    length = int(call.number(1)) if call.has(1) else 2 * (own - 1)
    re, im = (_fitted(part, length // 2 + 1) for part in (parts[0], parts[-1]))
    mirrored = list(range((length - 1) // 2, 0, -1))
    re = F.concatenate([re, *(re[..., i : i + 1] for i in mirrored)], re.rank - 1)
    im = F.concatenate([im, *(F.negative(im[..., i : i + 1]) for i in mirrored)], im.rank - 1)
    y, _ = transformed(re, im, True, length)
    y = from_last(y, axis)
    return F.reshape(y, (*y.shape, 1))


def _short_time(call: Call) -> Node:
    """Return the transform of each of the overlapping frames of a signal."""
    x, step = call.x, int(call.number(1))
    x = x if x.rank == 3 else F.reshape(x, (*x.shape, 1))
    samples, total, width = fixed(x.shape)
    length = int(call.number(3)) if call.has(3) else fixed([call.node(2).shape[0]])[0]
    frames = (total - length) // step + 1
    table(frames, length)
    is_half = bool(call.integer("onesided", 1))
    parts = []
    for i in range(width):
        signal = F.reshape(x[:, :, i : i + 1], (samples, total))
        framed = F.stack([slice_axis(signal, 1, k * step, k * step + length) for k in range(frames)], 1)
        parts.append(framed * call.node(2) if call.has(2) else framed)
    count = length // 2 + 1 if is_half else length
    re, im = transformed(parts[0], parts[1] if width > 1 else None, False, count)
    return F.stack([re, im], 3)


def _mel_weights(call: Call) -> np.ndarray:
    """Return the weights of the terms of a spectrum in triangular bands, equally spaced on the mel scale."""
    bins, length, sample_rate = (int(call.number(i)) for i in range(3))
    low, high = call.number(3), call.number(4)
    table(length, bins)
    mels = [2595 * math.log10(1 + edge / 700) for edge in (low, high)]
    points = mels[0] + np.arange(bins + 2) * (mels[1] - mels[0]) / (bins + 2)
    hertz = 700 * (10 ** (points / 2595) - 1)
    edges = ((length + 1) * hertz // sample_rate).astype("int64")
    weights = np.zeros((length // 2 + 1, bins))
    for i in range(bins):
        first, center, last = edges[i : i + 3]
        if center == first:
            weights[center, i] = 1
        else:
            weights[first : center + 1, i] = (np.arange(first, center + 1) - first) / (center - first)
        if last > center:
            weights[center:last, i] = (last - np.arange(center, last)) / (last - center)
    return weights.astype(dtype_of(call.integer("output_datatype", 1)) or np.dtype("float32"))


def _determinant(call: Call) -> Node:
    """Return the determinant of square matrices, expanded along the first row."""
    x = call.x
    rows, columns = fixed(x.shape[-2:])
    if rows != columns or rows > MATRIX:
        raise OperatorError(fact("square matrices of at most {limit} rows", limit=MATRIX), x.spec)
    return _expanded(x, 0, tuple(range(rows)))


def _expanded(x: Node, row: int, columns: tuple[int, ...]) -> Node:
    if not columns:
        return F.full_like(F.reshape(x[..., 0:1, 0:1], x.shape[:-2]), 1.0)
    total: Node | None = None
    for k, column in enumerate(columns):
        entry = F.reshape(x[..., row : row + 1, column : column + 1], x.shape[:-2])
        term = entry * _expanded(x, row + 1, columns[:k] + columns[k + 1 :]) * (-1.0) ** k
        total = term if total is None else total + term
    assert total is not None
    return total


OPERATORS: dict[str, Any] = {
    "DFT": _dft,
    "Det": _determinant,
    "MelWeightMatrix": _mel_weights,
    "STFT": _short_time,
}
