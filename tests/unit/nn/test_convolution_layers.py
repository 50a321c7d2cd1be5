"""Convolutional networks: names, shapes and notes, records, errors, and training on digits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.datasets import load_digits

from chainrule import nn
from chainrule.errors import ChainruleError, ShapeError, UsageError
from chainrule.model import Model
from chainrule.symbolic_shape import Size, Spec

B = Size.symbol("B")
LENET = nn.Sequential(
    nn.Conv(6, 5, padding="same", activation="relu"),
    nn.MaxPool(2),
    nn.Conv(16, 5, activation="relu"),
    nn.MaxPool(2),
    nn.Flatten(),
    nn.Dense(120, "relu"),
    nn.Dense(84, "relu"),
    nn.Dense(10),
)


def built(net: nn.Layer, *shape: int) -> nn.Built:
    """The network for samples of this shape."""
    return nn.build(net, {"x": Spec((B, *shape), "float32")}, "float32")


def test_lenet_has_the_expected_summary() -> None:
    rows = nn.summary_rows(LENET, {"x": Spec((B, 28, 28, 1), "float32")})
    assert [(row.output, row.parameters) for row in rows] == [
        ("(B, 28, 28, 6)", 156),
        ("(B, 14, 14, 6)", 0),
        ("(B, 10, 10, 16)", 2416),
        ("(B, 5, 5, 16)", 0),
        ("(B, 400)", 0),
        ("(B, 120)", 48120),
        ("(B, 84)", 10164),
        ("(B, 10)", 850),
    ]
    net = built(LENET, 28, 28, 1)
    assert net.parameters["conv2.weight"].spec.shape == (16, 5, 5, 6)
    assert net.parameters["conv2.bias"].spec.shape == (16,)
    assert {"conv1.z", "conv1.a", "conv2.z", "conv2.a"} <= set(net.book.notes)


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (nn.Conv(3, 2), (7, 2), (6, 3)),
        (nn.Conv(3, 2), (7, 6, 2), (6, 5, 3)),
        (nn.Conv(3, 2, stride=2), (7, 6, 5, 2), (3, 3, 2, 3)),
        (nn.Conv(3, [3, 1], padding=[[2, 0], 1]), (4, 4, 1), (4, 6, 3)),
        (nn.Conv(4, 3, padding="same", dilation=2, groups=4), (5, 5, 4), (5, 5, 4)),
        (nn.Conv(np.int64(4), np.int32(2), stride=(np.int64(2),), groups=np.int64(2)), (6, 2), (3, 4)),
        (nn.MaxPool((2, 1)), (4, 4, 1), (2, 4, 1)),
        (nn.AveragePool(3, stride=2, padding="same"), (5, 2), (3, 2)),
        (nn.GlobalMaxPool(), (4, 4, 4, 7), (7,)),
        (nn.GlobalAveragePool(), (4, 7), (7,)),
    ],
)
def test_the_input_decides_the_number_of_axes(layer: nn.Layer, shape: tuple, expected: tuple) -> None:
    assert built(layer, *shape).output.shape == (B, *expected)


def test_lists_in_a_layer_are_stored_as_tuples() -> None:
    assert nn.Conv(3, [3, 1], padding=[[2, 0], 1]) == nn.Conv(3, (3, 1), padding=((2, 0), 1))


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("E101", lambda: nn.Conv(3, 2, padding="smae")),
        ("E101", lambda: nn.Conv(3, 2, activation="rleu")),
        ("E101", lambda: nn.Conv(3, 2, weight_initializer="hee")),
        ("E102", lambda: nn.Conv(0, 2)),
        ("E102", lambda: nn.Conv(3, 0)),
        ("E102", lambda: nn.Conv(3, (1, 1, 1, 1))),
        ("E102", lambda: nn.Conv(3, 2, stride=True)),
        ("E102", lambda: nn.Conv(3, 2, dilation=1.5)),
        ("E102", lambda: nn.Conv(3, 2, groups=2)),
        ("E102", lambda: nn.Conv(3, 2, padding=-1)),
        ("E102", lambda: nn.Conv(3, 2, padding=((1, 2, 3),))),
        ("E102", lambda: nn.Conv(3, 2, penalty=0.1)),
        ("E102", lambda: nn.MaxPool("2")),
        ("E102", lambda: nn.MaxPool(2, stride=0)),
        ("E101", lambda: nn.AveragePool(2, padding="full")),
        ("E102", lambda: nn.AveragePool(2, count_include_pad=1)),
    ],
)
def test_a_setting_out_of_its_range_is_refused(code: str, make: Callable[[], object]) -> None:
    with pytest.raises(UsageError) as caught:
        make()
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("code", "layer", "shape"),
    [
        ("E213", nn.Conv(3, 2), (7,)),
        ("E213", nn.GlobalMaxPool(), (7,)),
        ("E214", nn.Conv(4, 2, groups=2), (7, 3)),
        ("E215", nn.Conv(4, 5, dilation=2), (7, 3)),
        ("E215", nn.MaxPool(8), (7, 3)),
        ("E218", nn.Conv(4, (2, 2)), (7, 3)),
        ("E218", nn.MaxPool(2, stride=(1, 1)), (7, 3)),
        ("E219", nn.AveragePool(2, padding=2), (7, 3)),
        ("E219", nn.GlobalAveragePool(), (0, 3)),
    ],
)
def test_an_image_that_does_not_fit_is_refused(code: str, layer: nn.Layer, shape: tuple) -> None:
    with pytest.raises(ShapeError) as caught:
        built(nn.Sequential(layer), *shape)
    error: ChainruleError = caught.value
    assert error.code == code
    assert f'{type(layer).__name__} "{layer.kind}1" (test_convolution_layers.py:' in str(error)


def test_a_small_lenet_learns_digits() -> None:
    digits = load_digits()
    x, y = digits.images[..., None] / 16.0, digits.target  # (B, 8, 8, 1)
    net = nn.Sequential(
        nn.Conv(8, 3, padding="same", activation="relu"),
        nn.MaxPool(2),
        nn.Conv(16, 3, padding="same", activation="relu"),
        nn.AveragePool(2),
        nn.Flatten(),
        nn.Dense(10),
    )
    model = Model(net, "cross_entropy", nn.Adam(0.01))
    model.fit(x[:1200], y[:1200], epochs=4, batch_size=32, seed=0, verbose=False)
    assert model.evaluate(x[1200:], y[1200:])["accuracy"] >= 0.85  # chance is 0.1
