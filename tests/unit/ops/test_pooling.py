"""Patches and pooling: compared with PyTorch over a grid of settings; ties, padding, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from chainrule.engines import evaluate
from chainrule.errors import ShapeError
from chainrule.gradient import grad
from chainrule.graph import Node, constant, input_node
from chainrule.ops import functional as F
from chainrule.ops.linear.patches_and_pooling import Fold, Patches

torch.set_num_threads(1)
LARGEST = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
MEAN = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}
SIZES = {1: (7,), 2: (5, 6), 3: (4, 3, 5)}


def pooled(name: str, x: np.ndarray, *settings: Any) -> list[np.ndarray]:
    """The output of a pooling, and the gradient of its sum of squares, for an open batch."""
    node = input_node("x", (None, *x.shape[1:]), "float64")
    y = getattr(F, name)(node, *settings)
    return evaluate([y, *grad((y * y).sum(), [node])], {"x": x}, "reference")


def peer(pool: Any, x: np.ndarray, *settings: Any) -> list[np.ndarray]:
    """The same computed by PyTorch."""
    moved = torch.tensor(x, requires_grad=True)
    y = pool(moved.movedim(-1, 1), *settings).movedim(1, -1)
    (dx,) = torch.autograd.grad((y * y).sum(), [moved])
    return [y.detach().numpy(), dx.numpy()]


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize(("window", "stride", "padding"), [(2, 2, 0), (3, 1, 1), (2, 3, 1), (3, 2, 0)])
def test_pooling_matches_pytorch(axes: int, window: int, stride: int, padding: int) -> None:
    x = np.random.default_rng(0).normal(size=(2, *SIZES[axes], 3)) - 2.0
    settings = (window, stride, padding)
    ours = [pooled("max_pool", x, *settings), pooled("average_pool", x, *settings)]
    ours.append(pooled("average_pool", x, *settings, True))
    theirs = [peer(LARGEST[axes], x, *settings), peer(MEAN[axes], x, *settings, False, False)]
    theirs.append(peer(MEAN[axes], x, *settings, False, True))
    assert [len(a) for a in ours] == [2, 2, 2]
    for a, b in zip(ours, theirs, strict=True):
        for mine, other in zip(a, b, strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-10, atol=1e-12)


def test_ties_share_the_incoming_gradient() -> None:
    x = np.array([[[5.0], [5.0], [1.0], [2.0]]])
    value, slope = pooled("max_pool", x, 2)
    assert value.ravel().tolist() == [5.0, 2.0]
    assert slope.ravel().tolist() == [5.0, 5.0, 0.0, 4.0]  # PyTorch: 10, 0, 0, 4


def test_padding_is_never_the_maximum_and_not_part_of_the_mean() -> None:
    x = np.full((1, 3, 3, 1), -7.0)
    for name in ("max_pool", "average_pool"):
        value, _ = pooled(name, x, 2, None, "same")
        assert value.ravel().tolist() == [-7.0] * 4
    value, _ = pooled("average_pool", x, 2, None, "same", True)
    assert value.ravel().tolist() == [-7.0, -3.5, -3.5, -1.75]


def test_nan_is_the_maximum() -> None:
    x = np.array([[[1.0], [np.nan], [3.0], [4.0]]])
    assert np.isnan(pooled("max_pool", x, 2)[0].ravel()).tolist() == [True, False]


def test_float32_pooling_stays_float32() -> None:
    x = constant(np.ones((1, 5, 1), "float32"))
    for name in ("max_pool", "average_pool"):
        node = getattr(F, name)(x, 2, padding="same")
        assert node.dtype == "float32"
        assert evaluate(node, {}, "reference").dtype == np.float32


@given(st.data())
def test_fold_is_the_transpose_of_patches(data: st.DataObject) -> None:
    axes = data.draw(st.integers(1, 3))

    def per_axis(low: int, high: int) -> tuple[int, ...]:
        return tuple(data.draw(st.integers(low, high)) for _ in range(axes))

    window, strides, dilation, low, high = (
        per_axis(1, 3),
        per_axis(1, 3),
        per_axis(1, 2),
        per_axis(0, 2),
        per_axis(0, 2),
    )
    space = tuple((k - 1) * d + 1 + n for k, d, n in zip(window, dilation, per_axis(0, 2), strict=True))
    rng, op = np.random.default_rng(0), Patches(strides, low, high, dilation, window)
    x = rng.normal(size=(2, *space, 2))
    y = op.evaluate(x)
    g = rng.normal(size=y.shape)
    back = op.reversed(Fold, space=space).evaluate(g)
    np.testing.assert_allclose((g * y).sum(), (x * back).sum(), rtol=1e-9, atol=1e-9)
    counts = op.cell_counts(space, window)
    full = op.evaluate(np.ones((1, *space, 1))).sum(axis=tuple(range(axes + 1, 2 * axes + 2)))
    np.testing.assert_array_equal(counts, full[0])


def test_patches_contain_the_values_of_their_windows() -> None:
    x = constant(np.arange(5.0).reshape(1, 5, 1))
    windows = evaluate(F.patches(x, 2, 2, 1, 2, -1.0), {}, "reference")
    assert windows.reshape(3, 2).tolist() == [[-1, 1], [1, 3], [3, -1]]


WRONG: dict[str, tuple[str, Any]] = {
    "no space": ("E213", lambda: F.max_pool(_input(4), 2)),
    "too small": ("E215", lambda: F.max_pool(_input(4, 1), 5)),
    "other axes": ("E218", lambda: F.average_pool(_input(4, 1), (2, 2))),
    "no window": ("E218", lambda: F.patches(_input(4, 1), 0)),
    "padding alone": ("E219", lambda: F.max_pool(_input(4, 1), 2, padding=2)),
    "padding alone, averaged": ("E219", lambda: F.average_pool(_input(4, 1), 2, padding=2)),
    "no cell": ("E219", lambda: F.max_pool(_input(0, 1), 2, padding=1)),
}


def _input(*shape: int) -> Node:
    return input_node("x", (None, *shape), "float64")


@pytest.mark.parametrize("name", WRONG)
def test_invalid_poolings_are_refused(name: str) -> None:
    code, build = WRONG[name]
    with pytest.raises(ShapeError) as caught:
        build()
    assert caught.value.code == code


def test_windows_of_another_image_are_not_folded() -> None:
    with pytest.raises(ShapeError) as caught:
        Fold(window=(2,), space=(9,)).infer(_input(4, 2, 1).spec)
    assert caught.value.code == "E216"
