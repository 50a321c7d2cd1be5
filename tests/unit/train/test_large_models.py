"""Large valid networks are built within the limits of their files; only shapes are computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import pytest

import chainrule as cr
from chainrule import models, nn
from chainrule.graph import Limits, building
from chainrule.models.resnet import Bottleneck, _resnet
from chainrule.nn.activation import Activation
from chainrule.symbolic_shape import Size, Spec
from chainrule.train.network import Network, Recipe
from chainrule.train.step_graph import training_step

B = Size.symbol("B")
GPT_XL = {"width": 1600, "depth": 48, "heads": 25, "units": 6400}


def image(*shape: int) -> dict[str, Spec]:
    return {"x": Spec((B, *shape), "float32")}


def words(*names: str, length: int) -> dict[str, Spec]:
    return {name: Spec((B, length), "int64") for name in names}


def head(*layers: nn.Layer, classes: int = 2) -> nn.Layer:
    """A network with few weights, so its file is small."""
    return nn.Sequential(*layers, nn.Flatten(), nn.Dense(classes))


def pooled(*layers: nn.Layer) -> nn.Layer:
    return nn.Sequential(*layers, nn.GlobalAveragePool(), nn.Dense(2))


def wavenet() -> nn.Layer:
    """Dilated convolutions over ten seconds of sound."""
    return pooled(*(nn.Conv(8, 2, dilation=2**i, padding="same", activation="relu") for i in range(14)))


HONEST: dict[str, tuple[Callable[[], nn.Layer], Mapping[str, Spec]]] = {
    "GPT-2": (lambda: models.gpt2(), words("x", length=1024)),
    "GPT-2 XL": (lambda: models.gpt2(**GPT_XL), words("x", length=1024)),
    "BERT base": (lambda: models.bert(), words("x", length=512)),
    "BERT large": (lambda: models.bert("large"), words("x", length=512)),
    "ViT-B/16": (lambda: models.vit(), image(224, 224, 3)),
    "ViT-B/16 at 384": (lambda: models.vit(image_size=384), image(384, 384, 3)),
    "ResNet-152": (lambda: _resnet("resnet152", Bottleneck, (3, 8, 36, 3), 1000, False), image(224, 224, 3)),
    "ResNet-101 at 1024": (lambda: models.resnet101(), image(1024, 1024, 3)),
    "VGG-16": (lambda: models.vgg16(), image(224, 224, 3)),
    "AlexNet": (lambda: models.alexnet(), image(224, 224, 3)),
    "MobileNet at 1024": (lambda: models.mobilenet_v3_small(), image(1024, 1024, 3)),
    "U-Net": (lambda: models.unet(), image(572, 572, 1)),
    "U-Net at 2048": (lambda: models.unet(depth=5, padding="same"), image(2048, 2048, 3)),
    "Transformer": (lambda: models.transformer(), words("source", "target", length=512)),
    "LSTM over 10,000 steps": (lambda: nn.Sequential(nn.LSTM(16), nn.Dense(2)), image(10_000, 8)),
    "10,000 sinusoidal positions": (lambda: pooled(nn.SinusoidalPosition()), image(10_000, 128)),
    "narrow causal attention over 4,096 places": (
        lambda: nn.Sequential(nn.MultiHeadAttention(2, causal=True), nn.GlobalAveragePool(), nn.Dense(2)),
        image(4096, 8),
    ),
    "rotary positions of 8,192 places": (lambda: pooled(nn.RotaryPosition()), image(8192, 64)),
    "sound of ten seconds": (wavenet, image(160_000, 1)),
    "a million samples pooled": (
        lambda: pooled(nn.MaxPool(4, padding="same"), nn.AveragePool(64)),
        image(1_000_000, 1),
    ),
    "padded means of a large image": (
        lambda: pooled(nn.AveragePool(3, stride=1, padding="same")),
        image(1024, 1024, 1),
    ),
    "bilinear to 4,096": (lambda: pooled(nn.UpSampling(scale_factor=2, mode="linear")), image(2048, 2048, 1)),
    "nearest to 131,072": (lambda: pooled(nn.UpSampling(scale_factor=2)), image(65_536, 1)),
    "reflected border": (lambda: pooled(nn.Pad(16, mode="reflect"), nn.Conv(4, 3)), image(2048, 2048, 3)),
    "adaptive means": (lambda: head(nn.AdaptiveAveragePool(7)), image(1000, 1500, 1)),
    "volumes": (lambda: pooled(nn.Conv(4, 3), nn.MaxPool(2), nn.Conv(8, 3)), image(128, 128, 128, 1)),
    "2,000 layers": (lambda: nn.Sequential(*(nn.Dense(4, "tanh") for _ in range(2000))), image(4)),
    "400 activations": (
        lambda: nn.Sequential(nn.Dense(4), *(Activation("gelu") for _ in range(400))),
        image(4),
    ),
}


@pytest.mark.parametrize("name", HONEST)
def test_a_large_network_is_within_its_limits(name: str) -> None:
    write, inputs = HONEST[name]
    net = write()
    built = nn.build(net, inputs, "float32")
    shapes = {path: p.spec.at({}).shape for path, p in {**built.parameters, **built.states}.items()}
    size = 4 * sum(math.prod(shape) for shape in shapes.values())
    with building(Limits.of_file(size, shapes)):
        again = nn.build(nn.from_record(nn.to_record(net), "layer"), inputs, "float32")
    assert again.output is built.output


@pytest.mark.long
def test_a_training_step_of_ctc_over_1000_frames_is_within_the_limits() -> None:
    net = nn.Sequential(nn.Dense(16, "relu"), nn.Dense(30))
    inputs = image(1000, 40)
    built = nn.build(net, inputs, "float32")
    shapes = {path: p.spec.at({}).shape for path, p in built.parameters.items()}
    limits = Limits.of_file(4 * sum(math.prod(shape) for shape in shapes.values()), shapes)
    step = training_step(Network(Recipe(net, "ctc", cr.Adam()), inputs, limits=limits), False, 1)
    assert len(step.graph.nodes) > 10_000
