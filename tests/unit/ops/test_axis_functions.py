"""Functions composed of cards have the values and gradients of NumPy and PyTorch, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import chainrule as cr
from case_loops import loop_over
from chainrule.errors import ChainruleError, DtypeError, ShapeError, UsageError

ENGINES = ["native", "reference"]
SHAPES = [(5,), (1,), (3, 4), (2, 3, 4), (4, 1, 2)]


def check(ours: Callable[..., Any], theirs: Callable[..., Any], *arrays: np.ndarray) -> None:
    """Compare value and gradients of float64 functions for both engines and with a symbolic first axis."""
    tensors = [torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    expected = theirs(*tensors)
    weights = np.random.default_rng(1).normal(size=tuple(expected.shape))
    leaves = [t for t in tensors if t.requires_grad]
    gradients = torch.autograd.grad((expected * torch.tensor(weights)).sum(), leaves, allow_unused=True)
    for engine in ENGINES:
        nodes = [cr.input(f"x{i}", a.shape, str(a.dtype)) for i, a in enumerate(arrays)]
        y = ours(*nodes)
        floats = [node for node in nodes if node.dtype == "float64"]
        derivatives = cr.grad((y * weights).sum(), floats, unused="zeros")
        feed = {f"x{i}": a for i, a in enumerate(arrays)}
        results: Any = cr.evaluate([y, *derivatives], feed, engine)
        np.testing.assert_allclose(results[0], expected.detach().numpy(), rtol=1e-12, atol=1e-12)
        for result, gradient in zip(results[1:], gradients, strict=True):
            known = np.zeros_like(result) if gradient is None else gradient.numpy()
            np.testing.assert_allclose(result, known, rtol=1e-11, atol=1e-11)


def draws(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_more_functions_of_one_axis(shape: tuple[int, ...]) -> None:
    x = draws(*shape)
    x.flat[0] = 0.0
    assert x.ndim >= 1
    for axis in range(-len(shape), len(shape)):
        check(lambda x, a=axis: cr.cumprod(x, a), lambda x, a=axis: torch.cumprod(x, a), x)
        check(lambda x, a=axis: cr.cummax(x, a), lambda x, a=axis: torch.cummax(x, a).values, x)
        check(lambda x, a=axis: cr.roll(x, 2, a), lambda x, a=axis: torch.roll(x, 2, a), x)
        check(lambda x, a=axis: cr.roll(x, -1, a), lambda x, a=axis: torch.roll(x, -1, a), x)
        check(lambda x, a=axis: cr.repeat(x, 3, a), lambda x, a=axis: torch.repeat_interleave(x, 3, a), x)
        check(lambda x, a=axis: cr.expand_dims(x, a), lambda x, a=axis: torch.unsqueeze(x, a), x)
        check(
            lambda x, a=axis: cr.swapaxes(x, a, 0) * 1.0, lambda x, a=axis: torch.transpose(x, a, 0) * 1.0, x
        )
        check(
            lambda x, a=axis: cr.moveaxis(x, a, 0) * 1.0, lambda x, a=axis: torch.moveaxis(x, a, 0) * 1.0, x
        )
        indices = cr.evaluate(cr.argmin(cr.constant(x), axis))
        np.testing.assert_array_equal(indices, x.argmin(axis))
        if shape[axis] > 1:
            for correction in (0, 1):
                check(
                    lambda x, a=axis, c=correction: cr.std(x, a, correction=c),
                    lambda x, a=axis, c=correction: torch.std(x, a, correction=c),
                    x,
                )


def test_functions_of_several_axes() -> None:
    x = draws(2, 1, 3, 1)
    check(cr.squeeze, torch.squeeze, x)
    check(lambda x: cr.squeeze(x, -1) * 1.0, lambda x: torch.squeeze(x, -1) * 1.0, x)
    check(lambda x: cr.expand_dims(x, (0, -1)), lambda x: x[None, ..., None], x)
    check(lambda x: cr.moveaxis(x, (0, 2), (-1, 0)), lambda x: torch.moveaxis(x, (0, 2), (-1, 0)), x)
    check(lambda x: cr.tile(x, (2, 1, 2, 3)), lambda x: torch.tile(x, (2, 1, 2, 3)), x)
    check(lambda x: cr.tile(x, 2), lambda x: torch.tile(x, (2,)), x)
    check(lambda x: cr.tile(x[0, 0], (2, 3, 1)), lambda x: torch.tile(x[0, 0], (2, 3, 1)), x)
    assert cr.tile(cr.constant(x), 0).shape == (2, 1, 3, 0)
    square = draws(2, 3, 4)
    for k in (-4, -1, 0, 2, 5):
        check(lambda x, k=k: cr.tril(x, k), lambda x, k=k: torch.tril(x, k), square)
        check(lambda x, k=k: cr.triu(x, k), lambda x, k=k: torch.triu(x, k), square)
        np.testing.assert_array_equal(cr.evaluate(cr.eye(3, 4, k)), np.eye(3, 4, k))
    assert cr.eye(2, dtype="int64").dtype == "int64"
    batch = cr.input("x", (None, 3), "float64")
    nodes = [cr.tile(batch, (2, 1)), cr.repeat(batch, 2), cr.swapaxes(batch, 0, 1), cr.cumprod(batch)]
    arrays = cr.evaluate(nodes, {"x": square[0, :2, :3]})
    known = square[0, :2, :3]
    expected = [np.tile(known, (2, 1)), np.repeat(known, 2, 0), known.T, np.cumprod(known, 1)]
    for array, values in zip(arrays, expected, strict=True):
        np.testing.assert_allclose(array, values)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_functions_of_one_axis(shape: tuple[int, ...]) -> None:
    x = draws(*shape)
    rng = np.random.default_rng(2)
    for axis in range(-len(shape), len(shape)):
        length = shape[axis]
        check(lambda x, a=axis: cr.flip(x, a), lambda x, a=axis: torch.flip(x, (a,)), x)
        check(lambda x, a=axis: cr.cumsum(x, a), lambda x, a=axis: torch.cumsum(x, a), x)
        for last_first in (False, True):
            check(
                lambda x, a=axis, d=last_first: cr.sort(x, a, d),
                lambda x, a=axis, d=last_first: torch.sort(x, dim=a, descending=d).values,
                x,
            )
        k = int(rng.integers(1, length + 1))
        check(lambda x, a=axis, k=k: cr.topk(x, k, a)[0], lambda x, a=axis, k=k: torch.topk(x, k, a)[0], x)
        places = [*shape]
        places[axis] = int(rng.integers(0, 7))
        indices = rng.integers(0, length, places)
        check(
            lambda x, i, a=axis: cr.take_along_axis(x, i, a),
            lambda x, i, a=axis: torch.take_along_dim(x, i, a),
            x,
            indices,
        )
        first = int(rng.integers(0, length + 1))
        check(
            lambda x, a=axis, n=first: cr.split(x, sizes=[n, x.shape[a] - n], axis=a)[1] ** 2,
            lambda x, a=axis, n=first: torch.split(x, [n, x.shape[a] - n], a)[1] ** 2,
            x,
        )
    check(lambda x: cr.flip(x), lambda x: torch.flip(x, tuple(range(x.ndim))), x)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int32"])
@pytest.mark.parametrize("descending", [False, True])
def test_order_of_ties_and_special_values(engine: Any, dtype: str, descending: bool) -> None:
    values = np.random.default_rng(3).integers(-3, 3, (4, 9)).astype(dtype)
    if dtype.startswith("float"):
        values[0, [1, 5]], values[1, 2], values[1, 3], values[2, 4] = np.nan, np.inf, -np.inf, -0.0
    x = cr.input("x", (None, 9), dtype)
    nodes = [cr.sort(x, 1, descending), cr.argsort(x, 1, descending), cr.topk(x, 4)[1], cr.cumsum(x, 1)]
    ordered, order, largest, total = cr.evaluate(nodes, {"x": values}, engine)
    expected = torch.sort(torch.tensor(values), dim=1, descending=descending, stable=True)
    np.testing.assert_array_equal(ordered, expected.values.numpy())
    np.testing.assert_array_equal(order, expected.indices.numpy())
    decreasing = torch.sort(torch.tensor(values), dim=1, descending=True, stable=True)
    np.testing.assert_array_equal(largest, decreasing.indices.numpy()[:, :4])
    np.testing.assert_array_equal(total, np.cumsum(values, 1, dtype=dtype))


EQUATIONS = [
    "ij,jk->ik",
    "bij,bjk->bik",
    "i,j->ij",
    "i,i->",
    "ij->ji",
    "ij->",
    "ii->i",
    "ii",
    "iji->j",
    "ij,ij->i",
    "bth,bsh->bts",
    "bhts,bshd->bthd",
    "i,ij,j->",
    "...i,i->...",
    "...ij,...jk->...ik",
    "ij,kj",
    "a,b,c->cab",
    "ab,cd->dbca",
    "bi,oi,bj->bo",
    "iij,jk->k",
    "i...->...",
    "ab,b->a",
    ",a->a",
    "cb,ba->ca",
]


@loop_over("equation", EQUATIONS)
@loop_over("seed", range(3))
def test_einsum(equation: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    lengths = {letter: int(rng.integers(1, 5)) for letter in "abcdefghijklmnopqrstuvwxyz"}
    between = [int(n) for n in rng.integers(1, 4, rng.integers(0, 3))]
    shapes = [
        [n for c in term.replace("...", ".") for n in (between if c == "." else [lengths[c]])]
        for term in equation.partition("->")[0].split(",")
    ]
    arrays = [draws(*shape, seed=i) for i, shape in enumerate(shapes)]
    check(lambda *x: cr.einsum(equation, *x), lambda *x: torch.einsum(equation, *x), *arrays)


def test_einsum_of_a_batch_of_any_size() -> None:
    a, b = cr.input("a", (None, 2, 3), "float64"), cr.input("b", (None, 4, 3), "float64")
    weight = draws(3, 5, seed=9)
    outputs = [
        cr.einsum("bth,bsh->bts", a, b),
        cr.einsum("bth,hd->btd", a, weight),
        cr.einsum("bth,bsh->ts", a, b),
    ]
    x, y = draws(6, 2, 3), draws(6, 4, 3, seed=1)
    expected = [
        np.einsum("bth,bsh->bts", x, y),
        np.einsum("bth,hd->btd", x, weight),
        np.einsum("bth,bsh->ts", x, y),
    ]
    for engine in ENGINES:
        for ours, theirs in zip(cr.evaluate(outputs, {"a": x, "b": y}, engine), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_log1p_is_accurate_everywhere(engine: Any, dtype: str) -> None:
    tiny = np.logspace(-30, 30, 400)
    values = np.concatenate([tiny, -tiny[tiny < 1], [0.0, -0.5, -0.999999, 0.5, 1.0]]).astype(dtype)
    x = cr.input("x", (None,), dtype)
    y = cr.log1p(x)
    value, slope = cr.evaluate([y, *cr.grad(y.sum(), [x])], {"x": values}, engine)
    exact, rounding = values.astype("float64"), float(np.finfo(dtype).eps)
    np.testing.assert_allclose(value, np.log1p(exact), rtol=4 * rounding)
    np.testing.assert_allclose(slope, 1 / (1 + exact), rtol=8 * rounding)
    special = cr.evaluate(y, {"x": np.array([-1, np.inf, np.nan, -2], dtype)}, engine)
    np.testing.assert_array_equal(special, [-np.inf, np.inf, np.nan, np.nan])


def test_remainder() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=200) * 10, rng.normal(size=200)
    check(cr.remainder, torch.remainder, a, b)
    check(lambda a, b: cr.remainder(a, b), torch.remainder, draws(3, 4), draws(4, seed=1))
    x, y = cr.input("x", (None,), "float64"), cr.input("y", (None,), "float64")
    hard = (
        np.array([0.3, -0.3, 1e9, -1e-20, 6.0, -6.0, 5.0, -5.0, 3.0]),
        np.array([0.1, 0.1, 0.7, 3.0, 3.0, 3.0, np.inf, np.inf, -np.inf]),
    )
    for engine in ENGINES:
        rest = cr.evaluate(cr.remainder(x, y), {"x": hard[0], "y": hard[1]}, engine)
        assert ((rest * np.sign(hard[1]) >= 0) & (np.abs(rest) <= np.abs(hard[1]))).all()
        np.testing.assert_allclose(rest[4:], np.mod(*hard)[4:])
        i, j = (rng.integers(-50, 50, 300) for _ in range(2))
        j[j == 0] = 7
        p, q = cr.input("p", (None,), "int64"), cr.input("q", (None,), "int64")
        np.testing.assert_array_equal(cr.evaluate(cr.remainder(p, q), {"p": i, "q": j}, engine), np.mod(i, j))


def test_arange_and_split() -> None:
    for arguments in [(4,), (1, 4), (2, 9, 3), (5, 0, -2), (0.0, 1.0, 0.25)]:
        np.testing.assert_array_equal(cr.evaluate(cr.arange(*arguments)), np.arange(*arguments))
    assert cr.arange(3).dtype == "int64"
    assert cr.arange(3.0).dtype == cr.settings.dtype
    assert cr.arange(3, dtype="float64").dtype == "float64"
    x = cr.input("x", (None, 6), "float64")
    values = draws(2, 6)
    for part, known in zip(cr.split(x, 3, axis=1), np.split(values, 3, axis=1), strict=True):
        np.testing.assert_array_equal(cr.evaluate(part, {"x": values}), known)


X = cr.input("x", (None, 3), "float64")
WRONG: list[tuple[Callable[[], Any], type[ChainruleError], str]] = [
    (lambda: cr.sort(X, 0), ShapeError, "E208"),
    (lambda: cr.cumsum(X, 0), ShapeError, "E208"),
    (lambda: cr.flip(X, 2), ShapeError, "E205"),
    (lambda: cr.topk(X, 4), UsageError, "E102"),
    (lambda: cr.topk(X, 0), UsageError, "E102"),
    (lambda: cr.split(X, 2, axis=1), UsageError, "E102"),
    (lambda: cr.split(X, sizes=[2, 2], axis=1), UsageError, "E102"),
    (lambda: cr.split(X, axis=1), UsageError, "E102"),
    (lambda: cr.split(X, 3, sizes=[1, 2], axis=1), UsageError, "E102"),
    (lambda: cr.take_along_axis(X, X), DtypeError, "E253"),
    (lambda: cr.take_along_axis(X, cr.arange(2)), ShapeError, "E208"),
    (lambda: cr.arange(1, 2, 0), UsageError, "E102"),
    (lambda: cr.einsum("bi->z", X), UsageError, "E102"),
    (lambda: cr.einsum("bij->b", X), UsageError, "E102"),
    (lambda: cr.einsum("bi,bi->b", X), UsageError, "E102"),
    (lambda: cr.einsum("bi->bb", X), UsageError, "E102"),
    (lambda: cr.einsum("b1->b", X), UsageError, "E102"),
    (lambda: cr.einsum("", X), UsageError, "E102"),
    (lambda: cr.einsum("bi,i->b", X, np.ones(2)), ShapeError, "E208"),
    (lambda: cr.einsum("bb->b", X), ShapeError, "E208"),
]


@pytest.mark.parametrize(("build", "kind", "code"), WRONG)
def test_wrong_calls_are_refused(build: Callable[[], Any], kind: type[ChainruleError], code: str) -> None:
    with pytest.raises(kind, match=code):
        build()


def test_an_index_outside_is_refused() -> None:
    y = cr.take_along_axis(X, cr.input("i", (None, 1), "int64"))
    feed = {"x": np.ones((2, 3)), "i": np.array([[0], [3]])}
    for engine in ("native", "reference"):
        with pytest.raises(ShapeError, match="E211"):
            cr.evaluate(y, feed, engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_arrays_without_elements(engine: Any) -> None:
    x = cr.input("x", (5, 0, 3), "float64")
    nodes = [cr.flip(x, 0), cr.transpose(x, (2, 1, 0)) + 1.0, cr.flip(x, 2) * x]
    gradients = [cr.grad((node * 2.0).sum(), [x], unused="zeros")[0] for node in nodes]
    shapes = [value.shape for value in cr.evaluate([*nodes, *gradients], {"x": np.zeros((5, 0, 3))}, engine)]
    assert shapes == [(5, 0, 3), (3, 0, 5), *[(5, 0, 3)] * 4]
