"""Functions along one axis, einsum and Fourier transforms under PyTorch's names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from chainrule.graph import Node
from chainrule.ops import functional as F
from torch_database.oracle import UnsupportedError, array_of

Build = Callable[..., Any]
LONGEST = 1000  # elements that are sorted: all pairs are compared


def _axis(x: Node, dim: int = -1) -> int:
    if x.rank == 0:
        raise UnsupportedError("axis of a scalar")
    return dim % x.rank


def _sort_axis(x: Node, dim: int) -> int:
    axis = _axis(x, dim)
    if int(x.shape[axis]) > LONGEST:
        raise UnsupportedError("thousands of elements to sort")
    return axis


def _sort(x: Node, dim: int = -1, descending: bool = False, stable: bool = False) -> list[Node]:
    axis = _sort_axis(x, dim)
    return [F.sort(x, axis, descending), F.argsort(x, axis, descending)]


def _argsort(x: Node, dim: int = -1, descending: bool = False, stable: bool = False) -> Node:
    return F.argsort(x, _sort_axis(x, dim), descending)


def _topk(x: Node, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> list[Node]:
    axis = _sort_axis(x, dim)
    values, indices = F.topk(x if largest else -x, k, axis)
    return [values if largest else -values, indices]


def _cumsum(x: Node, dim: int, dtype: Any = None) -> Node:
    x = x if dtype is None else x.astype(str(dtype).removeprefix("torch."))
    return F.cumsum(x, _axis(x, dim))


def _gather(x: Node, dim: int, index: Node, **_: Any) -> Node:
    """PyTorch's ``gather`` reads the first rows where ``index`` is smaller in another axis."""
    axis = _axis(x, dim)
    if index.rank == 0:
        raise UnsupportedError("axis of a scalar")
    for a in range(x.rank):
        if a != axis:
            x = x[(slice(None),) * a + (slice(0, int(index.shape[a])),)]
    return F.take_along_axis(x, index, axis)


def _take_along_dim(x: Node, index: Node, dim: int | None = None) -> Node:
    if (array_of(index) < 0).any():
        raise UnsupportedError("negative indices")
    if dim is None:
        return F.take_along_axis(F.reshape(x, (-1,)), F.reshape(index, (-1,)), 0)
    return F.take_along_axis(x, index, _axis(x, dim))


def _flip(x: Node, dims: Any) -> Node:
    return F.flip(x, tuple(dims))


def _split(x: Node, size: Any, dim: int = 0) -> list[Node]:
    length = int(x.shape[_axis(x, dim)])
    if isinstance(size, int):
        size = [min(size, length - start) for start in range(0, length, size)]
    return F.split(x, sizes=list(size), axis=dim)


def _chunk(x: Node, chunks: int, dim: int = 0) -> list[Node]:
    return _split(x, math.ceil(int(x.shape[_axis(x, dim)]) / chunks), dim)


def _arange(start: Any, *rest: Any, end: Any = None, dtype: Any = None, **_: Any) -> Node:
    if not isinstance(start, int | float):
        raise UnsupportedError("bounds as tensors")
    name = None if dtype is None else str(dtype).removeprefix("torch.")
    rest = rest if end is None else (end,)
    return F.arange(start, *rest, dtype=name)


def _einsum(operands: list[Node], equation: str) -> Node:
    return F.einsum(equation, *operands)


def _resized(x: Node, length: int | None, axis: int) -> Node:
    """An axis with zeros at its end, or a part of it."""
    own = int(x.shape[axis])
    if length is None or length == own:
        return x
    if length < own:
        return x[(slice(None),) * axis + (slice(0, length),)]
    return F.pad(x, [(0, length - own if a == axis else 0) for a in range(x.rank)])


def _scale(norm: str | None, length: int, is_inverse: bool) -> float:
    """The factor by which another norm than ``"backward"`` differs from it."""
    if norm == "ortho":
        return length**0.5 if is_inverse else length**-0.5
    return float(length) ** (1 if is_inverse else -1) if norm == "forward" else 1.0


def _spectrum(name: str) -> Build:
    def build(x: Node, n: int | None = None, dim: int = -1, norm: str | None = None) -> list[Node]:
        axis = _axis(x, dim)
        x = _resized(x, n, axis)
        parts = F.ifft(x, x * 0.0, axis) if name == "ifft" else getattr(F, name)(x, axis=axis)
        scale = _scale(norm, int(x.shape[axis]), name == "ifft")
        return [part * scale for part in parts]

    return build


def _irfft(x: Node, n: int | None = None, dim: int = -1, norm: str | None = None) -> Node:
    axis = _axis(x, dim)
    length = 2 * int(x.shape[axis]) - 2 if n is None else n
    x = _resized(x, length // 2 + 1, axis)
    return F.irfft(x, x * 0.0, length, axis) * _scale(norm, length, True)


AXES: dict[str, Build] = {
    "sort": _sort,
    "argsort": _argsort,
    "topk": _topk,
    "msort": lambda x: _sort(x, 0)[0],
    "cumsum": _cumsum,
    "gather": _gather,
    "take_along_dim": _take_along_dim,
    "flip": _flip,
    "fliplr": lambda x: F.flip(x, 1),
    "flipud": lambda x: F.flip(x, 0),
    "split": _split,
    "split.list_args": _split,
    "split_with_sizes": _split,
    "unsafe_split": _split,
    "chunk": _chunk,
    "arange": _arange,
    "einsum": _einsum,
    "log1p": lambda x: F.log1p(x),
    "remainder": lambda x, other: F.remainder(x, other),
    "__rmod__": lambda x, other: F.remainder(other, x),
    "fft.fft": _spectrum("fft"),
    "fft.ifft": _spectrum("ifft"),
    "fft.rfft": _spectrum("rfft"),
    "fft.irfft": _irfft,
}
