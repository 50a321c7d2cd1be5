"""Image networks refuse invalid inputs, and the errors state valid ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from case_loops import loop_over
from chainrule import nn
from chainrule.models.model_card import image
from chainrule.symbolic_shape import Size, Spec

VISION = [
    "lenet5",
    "alexnet",
    "alexnet_2012",
    "vgg16",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet20",
    "resnet56",
    "unet",
    "mobilenet_v3_small",
]


@pytest.mark.parametrize(
    ("net", "inputs", "channels", "fits"),
    [
        (lambda: cr.models.lenet5(), 12, 1, "16 x 16 fits: c1 12, s2 6, c3 2, s4 1"),
        (lambda: cr.models.lenet5(padding="same"), 11, 1, "12 x 12 fits: s2 6, c3 2, s4 1"),
        (lambda: cr.models.alexnet(), 62, 3, "63 x 63 fits: conv1 15, pool1 7, pool2 3, pool5 1"),
        (lambda: cr.models.alexnet_2012(), 32, 3, "63 x 63 fits: conv1 15, pool1 7, pool2 3, pool5 1"),
        (lambda: cr.models.vgg16(), 31, 3, "32 x 32 fits: pool1 16, pool2 8, pool3 4, pool4 2, pool5 1"),
        (
            lambda: cr.models.unet(depth=1),
            16,
            1,
            "18 x 18 fits: conv1 16, conv2 14, pool 7, conv1 5, conv2 3, up 6, conv3 4, conv4 2",
        ),
        (lambda: cr.models.unet(depth=2, padding="same"), 21, 1, "24 x 24 fits: pool 12, pool 6"),
    ],
)
def test_a_too_small_image_is_refused_with_the_minimum_size(
    net: Callable[[], nn.Layer], inputs: int, channels: int, fits: str
) -> None:
    built = net()
    with pytest.raises(cr.errors.ShapeError) as caught:
        nn.build(built, image(inputs, inputs + 2, channels), "float32")
    assert caught.value.code == ("E232" if "24" in fits else "E215")
    assert fits in caught.value.notes
    size = fits.partition(" fits")[0]
    assert size in caught.value.fix
    side = int(size.partition(" x ")[0])
    nn.build(built, image(side, side, channels), "float32")
    with pytest.raises(cr.errors.ShapeError):
        nn.build(built, image(side - 1, side - 1, channels), "float32")


def test_minimum_sizes_of_sequences_and_volumes_are_reported() -> None:
    net = cr.Sequential(cr.Conv(2, 5), cr.MaxPool(2), cr.Conv(2, 5))
    for shape, fits in (((8, 1), "14 fits"), ((8, 20, 9, 1), "14 x 14 x 14 fits")):
        with pytest.raises(cr.errors.ShapeError) as caught:
            nn.build(net, {"x": Spec((Size.symbol("B"), *shape), "float32")}, "float32")
        assert f"{fits}: conv1 10, max_pool1 5, conv2 1" in caught.value.notes


def test_no_minimum_size_is_reported_for_other_errors() -> None:
    for name in ("resnet18", "resnet50", "resnet20", "mobilenet_v3_small"):
        assert nn.build(getattr(cr.models, name)(), image(1, 1, 3), "float32").output.shape[1:] != ()
    with pytest.raises(cr.errors.ShapeError) as caught:
        nn.build(cr.Crop(((0, 10**6), 0)), image(4, 4, 1), "float32")  # no image is large enough
    assert caught.value.notes == ()


def test_images_with_other_channels_than_those_trained_on_are_refused() -> None:
    model = cr.Model(cr.models.lenet5(padding="same"), "cross_entropy", cr.SGD(0.1))
    x = np.random.default_rng(0).normal(size=(4, 28, 28, 1)).astype("float32")
    model.fit(x, [0, 1, 2, 3], epochs=1, batch_size=4, verbose=False)
    for wrong in (np.repeat(x, 3, -1), x[:, :20]):
        with pytest.raises(cr.errors.ChainruleError) as caught:
            model.predict(wrong)
        assert "28, 28, 1" in str(caught.value)


@loop_over("name", VISION)
@loop_over("classes", [0, -3, 2.5, True, "10", None])
def test_invalid_numbers_of_classes_are_refused(name: str, classes: Any) -> None:
    with pytest.raises(cr.errors.UsageError) as caught:
        getattr(cr.models, name)(classes=classes)
    assert (caught.value.code, caught.value.where) == ("E102", f"cr.models.{name}")
    assert "classes" in caught.value.clause()
    assert f"cr.models.{name}(classes=10)" in caught.value.fix


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (lambda: cr.models.unet(channels=0), "E102"),
        (lambda: cr.models.unet(depth=0), "E102"),
        (lambda: cr.models.unet(padding="some"), "E101"),
        (lambda: cr.models.alexnet(dropout=1.5), "E102"),
        (lambda: cr.models.lenet5(activation="tan"), "E101"),
        (lambda: cr.BasicBlock(64, shortcut="none"), "E101"),
        (lambda: cr.BasicBlock(0), "E102"),
        (lambda: cr.Bottleneck(64, expansion=0), "E102"),
        (lambda: cr.InvertedResidual(3, 0, 4), "E102"),
        (lambda: cr.InvertedResidual(3, 8, 4, squeeze_excite=1), "E102"),
        (lambda: cr.InvertedResidual(3, 8, 4, activation="hardswich"), "E101"),
        (lambda: cr.BasicBlock(64, norm="batch"), "E104"),
        (lambda: cr.Skip("conv"), "E104"),
        (lambda: cr.Residual(cr.Dense(3), shortcut=3), "E104"),
        (lambda: cr.Residual(cr.Dense(3), activation="rleu"), "E101"),
        (lambda: cr.SqueezeExcite(units=0), "E102"),
        (lambda: cr.SqueezeExcite(gate="sigmod"), "E101"),
        (lambda: cr.Sequential(cr.Dense(3), dense1=cr.Dense(2)), "E102"),
        (lambda: cr.Sequential(**{"a b": cr.Dense(2)}), "E102"),
        (lambda: cr.Sequential(head="relu"), "E104"),
    ],
)
def test_invalid_arguments_of_models_and_blocks_are_refused(bad: Callable[[], object], code: str) -> None:
    with pytest.raises(cr.errors.UsageError) as caught:
        bad()
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["a", "b"], "E102"),
        (["a", "a", "b"], "E102"),
        ([], None),
        (["a b"], "E102"),
        ([3], "E113"),
        ("a", "E113"),
    ],
)
def test_a_record_with_invalid_names_is_refused(names: Any, code: str | None) -> None:
    record = {"layer": "Sequential", "layers": [{"layer": "Dense", "units": 2}], "names": names}
    if code is None:
        assert nn.net_from_record(record) == cr.Sequential(cr.Dense(2))
        return
    with pytest.raises(cr.errors.UsageError) as caught:
        nn.net_from_record(record)
    assert caught.value.code == code


def test_a_shortcut_of_another_shape_than_the_residual_is_refused() -> None:
    with pytest.raises(cr.errors.ShapeError) as caught:
        nn.build(
            cr.Residual(cr.Dense(3), shortcut=cr.Dense(4)),
            {"x": Spec((Size.symbol("B"), 2), "float32")},
            "float32",
        )
    assert caught.value.code == "E201"
    assert (caught.value.expected, caught.value.received) == ("(B, 4)", "(B, 3)")
