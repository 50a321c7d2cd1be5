"""Values, gradients and second derivatives of every operation agree with PyTorch to 1e-10."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from chainrule.engines import evaluate
from chainrule.engines.gradient_check import weighted_sum
from chainrule.gradient import grad
from chainrule.graph import make
from chainrule.graph.node import Input
from chainrule.ops import CARDS, Card, Sample
from chainrule.ops.linear import patches_and_pooling
from chainrule.symbolic_shape import Spec

torch.set_num_threads(1)


def _fold(name: str) -> Callable[..., torch.Tensor]:
    function = getattr(torch, name)
    return lambda op, x: function(x, dim=op.axes, keepdim=op.keepdims)


def _prod(op: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.prod(x, dim=op.axes[0], keepdim=op.keepdims)


def _pad(op: Any, x: torch.Tensor) -> torch.Tensor:
    result = torch.zeros(op.infer(_spec(x)).shape, dtype=x.dtype)
    places = tuple(
        slice(low, low + n + max(n - 1, 0) * gap, gap + 1)
        for low, n, gap in zip(op.low, x.shape, op.between, strict=True)
    )
    result[places] = x
    return result


def _slice(op: Any, x: torch.Tensor) -> torch.Tensor:
    return x[tuple(slice(a, b, s) for a, b, s in zip(op.start, op.stop, op.step, strict=True))]


def _resample(op: Any, x: torch.Tensor) -> torch.Tensor:
    """A product with the matrix of the weights."""
    matrix = torch.zeros(len(op.taps), x.shape[op.axis], dtype=x.dtype)
    for i, taps in enumerate(op.taps):
        for cell, weight in taps:
            matrix[i, cell] += weight
    return torch.tensordot(matrix, x, ([1], [op.axis])).movedim(0, op.axis)


def _scatter(op: Any, v: torch.Tensor, i: torch.Tensor) -> torch.Tensor:
    tail = v.shape[i.ndim :]
    rows = torch.zeros((op.rows, *tail), dtype=v.dtype)
    return rows.index_add(0, i.reshape(-1), v.reshape(i.numel(), *tail))


def _last(x: torch.Tensor) -> torch.Tensor:
    """Move the channels behind the spatial axes, our order."""
    return x.movedim(1, -1)


def _first(x: torch.Tensor) -> torch.Tensor:
    """Move the channels before the spatial axes, PyTorch's order."""
    return x.movedim(-1, 1)


def _around(op: Any, x: torch.Tensor, fill: float = 0.0) -> torch.Tensor:
    """An image, channels first, with its padding; PyTorch's widths begin at the last axis."""
    widths = [n for pair in reversed(list(zip(op.low, op.high, strict=True))) for n in pair]
    return functional.pad(x, widths, value=fill)


def _convolution(op: Any, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    convolved = (functional.conv1d, functional.conv2d, functional.conv3d)[len(op.strides) - 1]
    padded = _around(op, _first(x))
    return _last(convolved(padded, _first(w), None, op.strides, 0, op.dilation, op.groups))


def _convolution_input(op: Any, g: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    spread = (functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d)
    full = spread[len(op.strides) - 1](_first(g), _first(w), None, op.strides, 0, 0, op.groups, op.dilation)
    widths = []
    for n, low, length in reversed(list(zip(op.space, op.low, full.shape[2:], strict=True))):
        widths += [-low, low + n - length]
    return _last(functional.pad(full, widths))


def _convolution_weight(op: Any, x: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
    w = torch.zeros((g.shape[-1], *op.kernel, x.shape[-1] // op.groups), dtype=x.dtype, requires_grad=True)
    return torch.autograd.grad(_convolution(op, x, w), w, g, create_graph=True)[0]


def _patches(op: Any, x: torch.Tensor) -> torch.Tensor:
    """Each position of the window by a strided slice, then all of them stacked."""
    padded, places = _around(op, _first(x), op.fill), op.places(tuple(x.shape[1:-1]), op.window)
    cells = []
    for tap in product(*map(range, op.window)):
        settings = zip(tap, places, op.strides, op.dilation, strict=True)
        cut = tuple(slice(t * d, t * d + (n - 1) * s + 1, s) for t, n, s, d in settings)
        cells.append(_last(padded[(slice(None), slice(None), *cut)]))
    return torch.stack(cells, -2).reshape(x.shape[0], *places, *op.window, x.shape[-1])


def _fold_back(op: Any, windows: torch.Tensor) -> torch.Tensor:
    x = torch.zeros((windows.shape[0], *op.space, windows.shape[-1]), dtype=windows.dtype, requires_grad=True)
    windows_of_x = _patches(op.reversed(patches_and_pooling.Patches), x)
    return torch.autograd.grad(windows_of_x, x, windows, create_graph=True)[0]


def _spec(x: torch.Tensor) -> Spec:
    return Spec(tuple(x.shape), str(x.dtype).removeprefix("torch."))


def _kind(name: str) -> torch.dtype:
    return getattr(torch, name)


def _scan(op: Any, s: torch.Tensor, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """The samples' step is s = tanh(s w + x)."""
    cells = list(torch.unbind(x, op.axis))
    states: list[torch.Tensor] = []
    for cell in reversed(cells) if op.reverse else cells:
        s = torch.tanh(s @ w + cell)
        states.append(s)
    return s if op.last else torch.stack(states[::-1] if op.reverse else states, op.axis)


PEER: dict[str, Callable[..., torch.Tensor]] = {
    "abs": lambda op, x: torch.abs(x),
    "add": lambda op, a, b: a + b,
    "argmax": lambda op, x: torch.argmax(x, op.axes[0], op.keepdims),
    "broadcast": lambda op, x: torch.broadcast_to(x, op.shape),
    "cast": lambda op, x: x.to(_kind(op.dtype)),
    "clip": lambda op, x: torch.clamp(x, op.low, op.high),
    "concatenate": lambda op, a, b: torch.cat((a, b), op.axis),
    "convolution": _convolution,
    "convolution_input": _convolution_input,
    "convolution_weight": _convolution_weight,
    "cos": lambda op, x: torch.cos(x),
    "divide": lambda op, a, b: a / b,
    "equal": lambda op, a, b: a == b,
    "erf": lambda op, x: torch.erf(x),
    "exp": lambda op, x: torch.exp(x),
    "extent": lambda op, x: torch.tensor(np.prod([x.shape[a] for a in op.axes]), dtype=_kind(op.dtype)),
    "floor": lambda op, x: torch.floor(x),
    "fold": _fold_back,
    "gather": lambda op, x, i: x[i],
    "greater": lambda op, a, b: a > b,
    "greater_equal": lambda op, a, b: a >= b,
    "is_finite": lambda op, x: torch.isfinite(x),
    "less": lambda op, a, b: a < b,
    "less_equal": lambda op, a, b: a <= b,
    "log": lambda op, x: torch.log(x),
    "log_softmax": lambda op, x: torch.log_softmax(x, op.axis),
    "logical_and": lambda op, a, b: a & b,
    "logical_not": lambda op, x: ~x,
    "logical_or": lambda op, a, b: a | b,
    "logsumexp": lambda op, x: torch.logsumexp(x, op.axis),
    "matmul": lambda op, a, b: a @ b,
    "max": _fold("amax"),
    "maximum": lambda op, a, b: torch.maximum(a, b),
    "min": _fold("amin"),
    "minimum": lambda op, a, b: torch.minimum(a, b),
    "multiply": lambda op, a, b: a * b,
    "negative": lambda op, x: -x,
    "not_equal": lambda op, a, b: a != b,
    "one_hot": lambda op, i: torch.nn.functional.one_hot(i, op.depth).to(_kind(op.dtype)),
    "pad": _pad,
    "patches": _patches,
    "power": lambda op, x, p: torch.pow(x, p),
    "prod": _prod,
    "relu": lambda op, x: torch.relu(x),
    "resample": _resample,
    "reshape": lambda op, x: x.reshape(op.shape),
    "scan": _scan,
    "scatter_add": _scatter,
    "sigmoid": lambda op, x: torch.sigmoid(x),
    "sign": lambda op, x: torch.sign(x),
    "sin": lambda op, x: torch.sin(x),
    "slice": _slice,
    "softmax": lambda op, x: torch.softmax(x, op.axis),
    "softplus": lambda op, x: torch.logaddexp(x, torch.zeros_like(x)),  # PyTorch's is linear above 20
    "sqrt": lambda op, x: torch.sqrt(x),
    "square": lambda op, x: torch.square(x),
    "stop_gradient": lambda op, x: x.detach(),
    "remat": lambda op, x: x.clone(),
    "again": lambda op, x, after: x + 0.0 * torch.zeros_like(after),
    "subtract": lambda op, a, b: a - b,
    "sum": _fold("sum"),
    "tanh": lambda op, x: torch.tanh(x),
    "transpose": lambda op, x: torch.permute(x, op.axes),
    "where": lambda op, c, a, b: torch.where(c, a, b),
}
NO_PEER = {
    "uniform": "its numbers are from Threefry, which PyTorch does not have",
    "normal": "its numbers are from Threefry, which PyTorch does not have",
}
# Operations whose second derivatives PyTorch gets wrong at numbers like 1e30: only the first are compared.
SECOND_ORDER_AT_HUGE_NUMBERS = {
    "prod": "its double backward divides by the product and cancels",
    "softplus": "the double backward of logaddexp gives NaN at -1e30",
}
# Operations whose gradient at NaN differs by convention: only the other elements are compared.
GRADIENT_AT_NAN = {
    "abs": "PyTorch's sign of NaN is 0, ours is NaN, so that the loss of a value stays visible",
    "sign": "PyTorch's sign of NaN is 0, ours is NaN, so that the loss of a value stays visible",
    "maximum": "PyTorch passes the whole gradient to both inputs, we pass zero",
    "minimum": "PyTorch passes the whole gradient to both inputs, we pass zero",
    "relu": "PyTorch passes the gradient, we pass zero",
}


def is_huge(array: np.ndarray) -> bool:
    """Whether an element is so large that products of it overflow."""
    return array.dtype.kind == "f" and bool(np.abs(np.nan_to_num(array)).max(initial=0) > 1e20)


def test_every_card_has_a_peer_or_a_reason() -> None:
    assert sorted([*PEER, *NO_PEER]) == sorted(kind.name for kind in CARDS)


def ours(op: Card, arrays: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    """Value, gradients and gradients of the gradients, by chainrule."""
    xs = [make(Input(f"x{i}", Spec.of(a))) for i, a in enumerate(arrays)]
    y = make(op, *xs)
    outputs, inputs = [y], [x for x in xs if x.spec.is_float]
    if y.spec.is_float and inputs:
        first = grad(weighted_sum(y), inputs, unused="zeros")
        totals = [weighted_sum(g) for g in first]
        outputs += [*first, *grad(sum(totals[1:], totals[0]), inputs, unused="zeros")]
    return evaluate(outputs, {f"x{i}": a for i, a in enumerate(arrays)}, "reference")


def theirs(op: Card, arrays: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    """Value, gradients and gradients of the gradients, by PyTorch."""
    xs = [torch.from_numpy(a.copy()) for a in arrays]
    inputs = [x.requires_grad_() for x in xs if x.is_floating_point()]
    y = PEER[op.name](op, *xs)
    outputs = [y]
    if y.is_floating_point() and inputs:
        first = _gradients(_weighted(y), inputs)
        outputs += [*first, *_gradients(sum(_weighted(g) for g in first), inputs)]
    return [tensor.detach().numpy(force=True) for tensor in outputs]


def _gradients(total: Any, inputs: list[torch.Tensor]) -> list[torch.Tensor]:
    if not total.requires_grad:
        return [torch.zeros_like(x) for x in inputs]
    gradients = torch.autograd.grad(total, inputs, create_graph=True, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(gradients, inputs, strict=True)]


def _weighted(y: torch.Tensor) -> torch.Tensor:
    weights = torch.cos(torch.arange(y.numel(), dtype=torch.float64)).reshape(y.shape) + 0.1
    return (y * weights.to(y.dtype)).sum()


@pytest.mark.filterwarnings("ignore")
def test_value_and_derivatives_are_pytorchs(sample: Sample) -> None:
    op = sample.concrete()
    if op.name in NO_PEER:
        return
    mine, peers = ours(op, sample.inputs), theirs(op, sample.inputs)
    assert len(mine) == len(peers)
    if op.name in SECOND_ORDER_AT_HUGE_NUMBERS and any(is_huge(a) for a in sample.inputs):
        mine, peers = mine[: 1 + len(sample.inputs)], peers[: 1 + len(sample.inputs)]
    same = ~np.isnan(sum(sample.inputs)) if op.name in GRADIENT_AT_NAN else ...
    for a, b in zip(mine, peers, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a[same], b[same], rtol=1e-10, atol=1e-10, equal_nan=True)
