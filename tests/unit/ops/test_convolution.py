"""Convolution and its transposes: compared with PyTorch, plain loops and adjoints; padding names; errors."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from chainrule.engines import evaluate
from chainrule.errors import ChainruleError, ShapeError, UsageError
from chainrule.gradient import grad
from chainrule.graph import constant, input_node, make
from chainrule.ops import functional as F
from chainrule.ops.linear.convolution import Convolution, ConvolutionInput, ConvolutionWeight
from chainrule.ops.linear.window_geometry import padding_of, same_padding, span

torch.set_num_threads(1)
CONVOLVED = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
SPREAD = {1: functional.conv_transpose1d, 2: functional.conv_transpose2d, 3: functional.conv_transpose3d}
SIZES = {1: (7,), 2: (5, 6), 3: (3, 4, 3)}
KERNELS = {1: (3,), 2: (2, 3), 3: (1, 2, 2)}


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    """Reproducible normal numbers of this shape."""
    return np.random.default_rng(seed).normal(size=shape)


def torch_gradients(y: torch.Tensor, moved: list[torch.Tensor]) -> list[np.ndarray]:
    """The value, both gradients of its sum of squares, and the gradients of the sum of their squares."""
    first = torch.autograd.grad((y * y).sum(), moved, create_graph=True)
    second = torch.autograd.grad(sum((g * g).sum() for g in first), moved)
    return [t.detach().numpy() for t in (y, *first, *second)]


def our_gradients(name: str, x: np.ndarray, w: np.ndarray, settings: dict[str, Any]) -> list[np.ndarray]:
    """The same computed by chainrule."""
    nodes = [input_node("x", (None, *x.shape[1:]), "float64"), input_node("w", w.shape, "float64")]
    y = getattr(F, name)(*nodes, **settings)
    first = grad((y * y).sum(), nodes)
    second = grad((first[0] * first[0]).sum() + (first[1] * first[1]).sum(), nodes)
    return evaluate([y, *first, *second], {"x": x, "w": w}, "reference")


def agree(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    """Assert equality to 1e-10 of the largest number."""
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10 * np.abs(b).max(initial=1.0))


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize(("groups", "filters"), [(1, 3), (2, 4), (4, 4), (4, 8)])
def test_values_and_gradients_match_pytorch(
    axes: int, stride: int, padding: int, dilation: int, groups: int, filters: int
) -> None:
    x, w = numbers(2, *SIZES[axes], 4), numbers(filters, *KERNELS[axes], 4 // groups, seed=1)
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    tx, tw = (torch.tensor(a, requires_grad=True) for a in (x, w))
    y = CONVOLVED[axes](tx.movedim(-1, 1), tw.movedim(-1, 1), **settings).movedim(1, -1)
    agree(our_gradients("convolution", x, w, settings), torch_gradients(y, [tx, tw]))


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (3, 0, 2), (1, 1, 2)])
@pytest.mark.parametrize("groups", [1, 2])
def test_the_transposed_convolution_matches_pytorch(
    axes: int, stride: int, padding: int, dilation: int, groups: int
) -> None:
    x, w = numbers(2, *KERNELS[axes], 4), numbers(4, *(3,) * axes, 2, seed=1)
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    tx, tw = (torch.tensor(a, requires_grad=True) for a in (x, w))
    y = SPREAD[axes](tx.movedim(-1, 1), tw.movedim(-1, 1), **settings).movedim(1, -1)
    agree(our_gradients("convolution_transpose", x, w, settings), torch_gradients(y, [tx, tw]))


def test_a_convolution_is_a_sum_over_its_window() -> None:
    x, w = numbers(2, 6, 5, 4), numbers(6, 3, 2, 2, seed=1)
    op = Convolution((2, 1), (1, 0), (2, 3), (1, 2), 2)
    y = op.evaluate(x, w)
    padded = np.pad(x, ((0, 0), (1, 2), (0, 3), (0, 0)))
    assert y.size > 0
    for b, i, j, o in np.ndindex(y.shape):
        window = padded[b, 2 * i : 2 * i + 3, j : j + 3 : 2, o // 3 * 2 : o // 3 * 2 + 2]
        np.testing.assert_allclose(y[b, i, j, o], (window * w[o]).sum(), rtol=1e-12)


@given(st.data())
def test_convolution_and_its_adjoints_are_one_trilinear_form(data: st.DataObject) -> None:
    axes, groups = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 2))

    def per_axis(low: int, high: int) -> tuple[int, ...]:
        return tuple(data.draw(st.integers(low, high)) for _ in range(axes))

    kernel, strides, dilation, low, high = (
        per_axis(1, 3),
        per_axis(1, 3),
        per_axis(1, 2),
        per_axis(0, 2),
        per_axis(0, 2),
    )
    space = tuple(span(k, d) + n for k, d, n in zip(kernel, dilation, per_axis(0, 2), strict=True))
    settings = (strides, low, high, dilation, groups)
    x, w = numbers(2, *space, 2 * groups), numbers(3 * groups, *kernel, 2, seed=1)
    y = Convolution(*settings).evaluate(x, w)
    g = numbers(*y.shape, seed=2)
    form = (g * y).sum()
    by_x = ConvolutionInput(*settings, space).evaluate(g, w)
    by_w = ConvolutionWeight(*settings, kernel).evaluate(x, g)
    assert by_x.shape == x.shape
    assert by_w.shape == w.shape
    np.testing.assert_allclose([(x * by_x).sum(), (w * by_w).sum()], form, rtol=1e-9, atol=1e-9)


@given(st.integers(1, 30), st.integers(1, 7), st.integers(1, 4), st.integers(1, 3))
def test_same_padding_divides_the_length_by_the_stride(n: int, k: int, stride: int, dilation: int) -> None:
    (low,), (high,) = same_padding((n,), (span(k, dilation),), (stride,))
    op = Convolution((stride,), (low,), (high,), (dilation,))
    assert op.places((n,), (k,)) == (-(-n // stride),)
    assert 0 <= high - low <= 1


@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        ("valid", ((0, 0), (0, 0))),
        ("same", ((1, 0), (1, 1))),
        (2, ((2, 2), (2, 2))),
        ([1, 3], ((1, 3), (1, 3))),
        (((0, 1), 2), ((0, 2), (1, 2))),
    ],
)
def test_padding_by_name_and_by_number(padding: Any, expected: tuple) -> None:
    assert padding_of("convolution", padding, (9, 8), (3, 2), (1, 1)) == expected


def test_a_transposed_same_convolution_multiplies_the_length() -> None:
    for n, k, stride in product((1, 4, 6), (1, 2, 3, 5), (1, 2, 3)):
        x, w = constant(numbers(1, n, 2)), constant(numbers(2, k, 3))
        wide = F.convolution_transpose(x, w, stride, "same")
        assert wide.shape == (1, n * stride, 3)
        assert F.convolution(wide, w, stride, "same").shape == (1, n, 2)


def test_a_larger_output_space_is_filled_with_zeros() -> None:
    x, w = constant(np.ones((1, 2, 1))), constant(np.ones((1, 2, 1)))
    result = evaluate(F.convolution_transpose(x, w, 3, space=6), {}, "reference")
    assert result.ravel().tolist() == [1, 1, 0, 1, 1, 0]


def test_convolutions_without_channels_or_samples_are_empty_or_zero() -> None:
    y = Convolution().evaluate(np.ones((2, 3, 0)), np.ones((2, 2, 0)))
    assert y.tolist() == np.zeros((2, 2, 2)).tolist()
    by_w = ConvolutionWeight(kernel=(2,)).evaluate(np.ones((0, 3, 1)), np.ones((0, 2, 1)))
    assert by_w.ravel().tolist() == [0, 0]


def test_many_samples_are_computed_in_pieces() -> None:
    x, w = numbers(5, 40, 40, 4), numbers(2, 5, 5, 2, seed=1)
    op = Convolution((1, 1), (2, 2), (2, 2), (1, 1), 2)
    y = op.evaluate(x, w)
    assert len(list(op.pieces(y, w))) == 5  # 160,000 numbers in the windows of a sample
    tx, tw = (torch.tensor(a, requires_grad=True) for a in (x, w))
    expected = functional.conv2d(tx.movedim(-1, 1), tw.movedim(-1, 1), padding=2, groups=2).movedim(1, -1)
    gradients = torch.autograd.grad(expected, [tx, tw], torch.tensor(y))
    settings = (op.strides, op.low, op.high, op.dilation, op.groups)
    by_x = ConvolutionInput(*settings, (40, 40)).evaluate(y, w)
    by_w = ConvolutionWeight(*settings, (5, 5)).evaluate(x, y)
    agree([y, by_x, by_w], [expected.detach().numpy(), *(slope.numpy() for slope in gradients)])


def test_float32_convolutions_stay_float32() -> None:
    x, w = numbers(1, 4, 4, 2).astype("float32"), numbers(3, 2, 2, 2).astype("float32")
    y = Convolution((1, 1), (1, 1), (1, 1), (1, 1)).evaluate(x, w)
    assert y.dtype == np.float32
    wide = Convolution((1, 1), (1, 1), (1, 1), (1, 1)).evaluate(x.astype("float64"), w.astype("float64"))
    np.testing.assert_allclose(y, wide, rtol=1e-5, atol=1e-5)


X = input_node("x", (None, 7, 6), "float64")
WRONG: dict[str, tuple[str, Any, str]] = {
    "no space": ("E213", lambda: convolved((None, 6), (2, 6)), "(B, 6)"),
    "four space axes": ("E213", lambda: convolved((None, 2, 2, 2, 2, 1), (1, 1, 1, 1, 1, 1)), "one to three"),
    "open space": ("E213", lambda: convolved((None, None, 6), (2, 3, 6)), "all lengths but B"),
    "other kernel axes": ("E213", lambda: convolved((None, 7, 6), (2, 3, 3, 6)), "1 axis of kernel"),
    "groups": ("E214", lambda: convolved((None, 7, 6), (4, 3, 1), groups=4), "6 channels in, 4 out"),
    "no groups": ("E214", lambda: convolved((None, 7, 6), (4, 3, 1), groups=0), "0 groups"),
    "too small": ("E215", lambda: convolved((None, 7, 1), (4, 5, 1), dilation=2), "9 wide (the window, 5"),
    "too small, padded": ("E215", lambda: convolved((None, 2, 1), (4, 5, 1), padding=1), "4 wide, 2 padded"),
    "both too small": ("E215", lambda: convolved((None, 2, 1, 1), (4, 5, 3, 1)), "is 2 wide; axis 2 is 1"),
    "no such input": ("E216", lambda: spread((None, 7, 8), (8, 3, 4), stride=2, space=20), "(B, 9, 8)"),
    "depth": ("E217", lambda: convolved((None, 7, 6), (4, 3, 2), groups=2), "3 deep: 6 channels / 2 groups"),
    "stride": ("E218", lambda: convolved((None, 7, 6), (4, 3, 6), stride=0), "stride: 0"),
    "fractional stride": ("E218", lambda: convolved((None, 7, 6), (4, 3, 6), stride=1.5), "stride: 1.5"),
    "strides": ("E218", lambda: convolved((None, 7, 6), (4, 3, 6), stride=(1, 2)), "stride: (1, 2)"),
    "dilation": ("E218", lambda: convolved((None, 7, 6), (4, 3, 6), dilation=True), "dilation: True"),
    "padding": ("E218", lambda: convolved((None, 7, 6), (4, 3, 6), padding=-1), "padding: -1"),
    "paddings": ("E218", lambda: convolved((None, 7, 6), (4, 3, 6), padding=(1, 2)), "padding: (1, 2)"),
    "word": ("E101", lambda: convolved((None, 7, 6), (4, 3, 6), padding="smae"), 'padding="same"'),
}


def convolved(x: tuple, w: tuple, **settings: Any) -> object:
    """A convolution of inputs of these shapes."""
    return F.convolution(input_node("x", x, "float64"), input_node("w", w, "float64"), **settings)


def spread(x: tuple, w: tuple, **settings: Any) -> object:
    """A transposed convolution of inputs of these shapes."""
    return F.convolution_transpose(input_node("x", x, "float64"), input_node("w", w, "float64"), **settings)


@pytest.mark.parametrize("name", WRONG)
def test_invalid_convolutions_are_refused_with_the_reason(name: str) -> None:
    code, build, fact = WRONG[name]
    with pytest.raises((ShapeError, UsageError)) as caught:
        build()
    assert caught.value.code == code
    assert fact in str(caught.value)
    assert caught.value.render("zh") != caught.value.render("en")


def test_a_card_with_settings_for_another_number_of_axes_is_refused() -> None:
    w = input_node("w", (2, 3, 6), "float64")
    for op, inputs in (
        (Convolution((1, 1), (0,), (0,), (1,)), (X, w)),
        (ConvolutionInput(space=(7, 7)), (input_node("g", (None, 5, 2), "float64"), w)),
        (ConvolutionWeight(kernel=(3, 3)), (X, input_node("g", (None, 5, 2), "float64"))),
    ):
        with pytest.raises(ChainruleError) as caught:
            make(op, *inputs)
        assert caught.value.code in ("E213", "E218")
