"""Elementwise operations, reductions, matrix products and changes of shape under PyTorch's names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from chainrule.graph import Node
from chainrule.nn.axis_resampling import picked
from chainrule.ops import functional as F
from torch_database.oracle import UnsupportedError, move, numbers

Build = Callable[..., Any]


def _alone(name: str) -> Build:
    return lambda x, **_: getattr(F, name)(x)


def _pair(name: str) -> Build:
    return lambda x, other: getattr(F, name)(x, other)


def _added(sign: float) -> Build:
    return lambda x, other, alpha=1: F.add(x, other * (sign * alpha))


def _cast(name: str) -> Build:
    return lambda x, **_: x.astype(name)


def _clamp(x: Node, min: Any = None, max: Any = None) -> Node:
    if not isinstance(min, Node) and not isinstance(max, Node) and x.spec.is_float:
        return F.clip(x, -math.inf if min is None else min, math.inf if max is None else max)
    x = x if min is None else F.maximum(x, min)
    return x if max is None else F.minimum(x, max)


def _to(x: Node, *args: Any, **options: Any) -> Node:
    kinds = [a for a in (*args, *options.values()) if isinstance(a, torch.dtype)]
    kinds += [getattr(torch, a.dtype) for a in args if isinstance(a, Node)]
    return x.astype(str(kinds[0]).removeprefix("torch.")) if kinds else x


def _over(dim: Any) -> Any:
    """The axes of a reduction; ``None``, which is all axes, for an empty list."""
    return None if dim is None or (isinstance(dim, tuple | list) and not dim) else dim


def _fold(name: str) -> Build:
    def build(x: Node, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Node:
        x = x if dtype is None else x.astype(str(dtype).removeprefix("torch."))
        over = tuple(_over(dim)) if isinstance(_over(dim), list) else _over(dim)
        return getattr(F, name)(x, None if x.rank == 0 else over, keepdim)

    return build


def _variance(
    x: Node, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Node:
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    over = tuple(_over(dim)) if isinstance(_over(dim), list) else _over(dim)
    return F.variance(x, over, keepdim, correction)


def _extreme(name: str, turned: Callable[[Node], Node]) -> Build:
    def build(x: Node, dim: int, keepdim: bool = False) -> list[Node]:
        _known_axis(x)
        return [getattr(F, name)(x, dim, keepdim), F.argmax(turned(x), dim, keepdim)]

    return build


def _known_axis(x: Node) -> None:
    if x.rank == 0:
        raise UnsupportedError("axis of a scalar")


def _argmax(x: Node, dim: int | None = None, keepdim: bool = False) -> Node:
    if dim is None:
        flat = F.argmax(F.reshape(x, (-1,)), 0)
        return F.reshape(flat, (1,) * x.rank) if keepdim else flat
    _known_axis(x)
    return F.argmax(x, dim, keepdim)


def _along(name: str) -> Build:
    def build(x: Node, dim: Any, keepdim: bool | None = None, dtype: Any = None) -> Node:
        _known_axis(x)
        x = x if dtype is None else x.astype(str(dtype).removeprefix("torch."))
        if isinstance(dim, tuple | list):
            dim = tuple(dim)
        return getattr(F, name)(x, dim) if keepdim is None else getattr(F, name)(x, dim, keepdim)

    return build


def _shaped(x: Node, *shape: Any) -> Node:
    (new,) = shape if len(shape) == 1 and isinstance(shape[0], tuple | list) else (shape,)
    if any(isinstance(n, torch.dtype) for n in new):
        raise UnsupportedError("bits of another dtype")
    return F.reshape(x, new)


def _flatten(x: Node, start_dim: int = 0, end_dim: int = -1) -> Node:
    if x.rank == 0:
        return F.reshape(x, (1,))
    a, b = start_dim % x.rank, end_dim % x.rank
    return F.reshape(x, (*x.shape[:a], math.prod(map(int, x.shape[a : b + 1])), *x.shape[b + 1 :]))


def _unflatten(x: Node, dim: int, sizes: Any) -> Node:
    a = dim % x.rank
    return F.reshape(x, (*x.shape[:a], *_filled(int(x.shape[a]), sizes), *x.shape[a + 1 :]))


def _filled(total: int, sizes: Any) -> list[int]:
    known = math.prod(n for n in sizes if n != -1)
    return [total // known if n == -1 else n for n in sizes]


def _squeeze(x: Node, dim: Any = None) -> Node:
    dims = range(x.rank) if dim is None else [dim] if isinstance(dim, int) else dim
    gone = {d % x.rank for d in dims if x.rank and x.shape[d] == 1}
    return F.reshape(x, [n for i, n in enumerate(x.shape) if i not in gone])


def _unsqueeze(x: Node, dim: int) -> Node:
    a = dim % (x.rank + 1)
    return F.reshape(x, (*x.shape[:a], 1, *x.shape[a:]))


def _expand(x: Node, *shape: Any) -> Node:
    (new,) = shape if len(shape) == 1 and isinstance(shape[0], tuple | list) else (shape,)
    old = (1,) * (len(new) - x.rank) + tuple(x.shape)
    return F.broadcast_to(x, [o if n == -1 else n for n, o in zip(new, old, strict=True)])


def _permute(x: Node, *dims: Any) -> Node:
    (order,) = dims if len(dims) == 1 and isinstance(dims[0], tuple | list) else (dims,)
    return F.transpose(x, order)


def _swap(x: Node, a: int, b: int) -> Node:
    order = list(range(x.rank))
    if order:
        order[a], order[b] = order[b], order[a]
    return F.transpose(x, order)


def _moved(x: Node, source: Any, destination: Any) -> Node:
    if isinstance(source, int):
        return move(x, source, destination)
    goals = {d % x.rank: s % x.rank for s, d in zip(source, destination, strict=True)}
    rest = iter(i for i in range(x.rank) if i not in goals.values())
    return F.transpose(x, [goals[i] if i in goals else next(rest) for i in range(x.rank)])


def _narrow(x: Node, dim: int, start: Any, length: int) -> Node:
    begin = int(numbers(start)) if isinstance(start, Node) else start
    return _cut(x, dim, begin, begin + length)


def _cut(x: Node, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Node:
    slices = [slice(None)] * x.rank
    n = int(x.shape[dim])
    begin = start + n if isinstance(start, int) and start < 0 else start
    stop = end + n if isinstance(end, int) and end < 0 else end
    slices[dim] = slice(begin, stop, step)
    return x[tuple(slices)]


def _select(x: Node, dim: int, index: int) -> Node:
    return x[(slice(None),) * (dim % x.rank) + (index,)]


def _item(x: Node, index: Any) -> Node:
    entries = index if isinstance(index, tuple) else (index,)
    if sum(isinstance(e, Node | list) for e in entries) > 1:
        raise UnsupportedError("several lists as indices")
    return x[tuple(numbers(e) if isinstance(e, Node) else e for e in entries)]


def _picked(x: Node, dim: int, index: Node) -> Node:
    if x.rank == 0 or index.rank == 0:
        raise UnsupportedError("axis of a scalar")
    return picked(x, dim % x.rank, index)


def _index_add(x: Node, dim: int, index: Node, source: Node, *, alpha: float = 1) -> Node:
    if x.rank == 0 or index.rank == 0:
        raise UnsupportedError("axis of a scalar")
    rows = F.scatter_add(move(source, dim, 0), index, x.shape[dim])
    return x + move(rows, 0, dim) * float(alpha)


def _dot(a: Node, b: Node) -> Node:
    return a @ b


def _hot(i: Node, num_classes: int = -1) -> Node:
    if num_classes < 0:
        raise UnsupportedError("classes counted")
    return F.one_hot(i, num_classes, "float64").astype("int64")


def _where(x: Node, condition: Node, other: Any) -> Node:
    return F.where(condition, x, other)


def _concatenated(name: str) -> Build:
    return lambda tensors, dim=0: getattr(F, name)(tensors, dim)


EVERY_NUMBER: dict[str, Build] = {
    **{
        name: _alone(name)
        for name in (
            "abs",
            "floor",
            "cos",
            "exp",
            "log",
            "sin",
            "sqrt",
            "square",
            "sign",
            "sigmoid",
            "tanh",
            "erf",
            "logical_not",
        )
    },
    **{name: _pair(name) for name in ("maximum", "minimum", "logical_and", "logical_or")},
    "max.binary": _pair("maximum"),
    "min.binary": _pair("minimum"),
    "neg": _alone("negative"),
    "isfinite": _alone("is_finite"),
    "add": _added(1.0),
    "sub": _added(-1.0),
    "mul": _pair("multiply"),
    "true_divide": _pair("divide"),
    "div.no_rounding_mode": lambda x, other, rounding_mode=None: F.divide(x, other),
    "rsub": lambda x, other, alpha=1: other - x * float(alpha),
    "__radd__": lambda x, other: other + x,
    "__rsub__": lambda x, other: other - x,
    "__rmul__": lambda x, other: other * x,
    "__rdiv__": lambda x, other: other / x,
    "__rpow__": lambda x, other: F.power(other, x),
    "pow": _pair("power"),
    "eq": _pair("equal"),
    "ne": _pair("not_equal"),
    "lt": _pair("less"),
    "le": _pair("less_equal"),
    "gt": _pair("greater"),
    "ge": _pair("greater_equal"),
    "clamp": _clamp,
    "clamp_min": lambda x, min: _clamp(x, min),
    "clamp_max": lambda x, max: _clamp(x, None, max),
    "where": _where,
    "to": _to,
    "float": _cast("float32"),
    "double": _cast("float64"),
    "int": _cast("int32"),
    "long": _cast("int64"),
    "bool": _cast("bool"),
}
REDUCTIONS: dict[str, Build] = {
    "sum": _fold("sum"),
    "mean": _fold("mean"),
    "amax": _fold("max"),
    "amin": _fold("min"),
    "prod": _fold("prod"),
    "var": _variance,
    "var.unbiased": _variance,
    "max.reduction_no_dim": _fold("max"),
    "min.reduction_no_dim": _fold("min"),
    "max.reduction_with_dim": _extreme("max", lambda x: x),
    "min.reduction_with_dim": _extreme("min", lambda x: -x),
    "argmax": _argmax,
    "logsumexp": _along("logsumexp"),
    "softmax": _along("softmax"),
    "softmax.with_dtype": _along("softmax"),
    "log_softmax": _along("log_softmax"),
    "log_softmax.with_dtype": _along("log_softmax"),
}
SHAPES: dict[str, Build] = {
    "reshape": _shaped,
    "view": _shaped,
    "ravel": lambda x: F.reshape(x, (-1,)),
    "reshape_as": lambda x, other: F.reshape(x, other.shape),
    "view_as": lambda x, other: F.reshape(x, other.shape),
    "flatten": _flatten,
    "unflatten": _unflatten,
    "squeeze": _squeeze,
    "squeeze.multiple": _squeeze,
    "unsqueeze": _unsqueeze,
    "expand": _expand,
    "broadcast_to": _expand,
    "expand_as": lambda x, other: F.broadcast_to(x, other.shape),
    "permute": _permute,
    "transpose": _swap,
    "movedim": _moved,
    "T": lambda x: F.transpose(x),
    "mT": lambda x: _swap(x, -1, -2),
    "t": lambda x: F.transpose(x),
    "cat": _concatenated("concatenate"),
    "stack": _concatenated("stack"),
    "narrow": _narrow,
    "slice": _cut,
    "select": _select,
    "__getitem__": _item,
    "index_select": _picked,
    "index_add": _index_add,
    "nn.functional.one_hot": _hot,
}
MATRICES: dict[str, Build] = dict.fromkeys(("matmul", "mm", "mv", "dot", "bmm"), _dot)
MATRICES["__rmatmul__"] = lambda x, other: other @ x
ARITHMETIC: dict[str, Build] = {**EVERY_NUMBER, **REDUCTIONS, **SHAPES, **MATRICES}
