"""Layers, losses, operations and optimizers that are timed alone, in common sizes.

A case is a plain description, so that each side can build it without loading the other: a *kind*, whose name
both peers map to their own, inputs and settings. Images are (B, H, W, C), sequences (B, T, C).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

RANDOM = ("Dropout", "SpatialDropout")  # kinds with random numbers, different for each peer


@dataclass(frozen=True)
class LayerInput:
    """An input of a layer.

    Args:
        shape: its shape, including the batch axis.
        below: integers from 1 to below - 1; 0: normally distributed numbers.
        is_share: numbers between 0 and 1.
    """

    shape: tuple[int, ...]
    below: int = 0
    is_share: bool = False

    def draw(self, seed: int) -> np.ndarray:
        """Random values: speed does not depend on them."""
        rng = np.random.default_rng(seed)
        if self.below:
            return rng.integers(1, self.below, self.shape)
        return (
            rng.random(self.shape, np.float32)
            if self.is_share
            else rng.standard_normal(self.shape, np.float32)
        )


@dataclass(frozen=True)
class LayerCase:
    """A layer, loss, operation or optimizer that is timed alone.

    Args:
        family: its group, for ``--only``.
        text: distinguishes it from others of its family.
        kind: the name that both peers map to their own.
        inputs: its inputs.
        options: its settings.
        is_image: whether it is between layers of images, which determine the memory layout.
        threads: number of threads.
    """

    family: str
    text: str
    kind: str
    inputs: tuple[LayerInput, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    is_image: bool = False
    threads: int = 1

    @property
    def name(self) -> str:
        """Its name in reports."""
        return f"{self.family}: {self.text}"

    @property
    def batch(self) -> int:
        """The number of samples."""
        return self.inputs[0].shape[0]

    @property
    def ways(self) -> tuple[str, ...]:
        """The timed passes: an index has no backward pass; without training nothing is dropped."""
        if self.kind == "optimizer":
            return ("update",)
        if self.kind in RANDOM:
            return ("both",)
        return ("forward",) if self.kind == "argmax" else ("forward", "both")

    def arrays(self) -> list[np.ndarray]:
        """The values of the inputs."""
        return [tensor.draw(seed) for seed, tensor in enumerate(self.inputs)]


def weights(shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    """Values for parameters of these shapes, the same for both peers."""
    arrays = (LayerInput(shape).draw(100 + i) for i, shape in enumerate(shapes))
    return [array / np.float32(max(np.prod(array.shape[1:]), 1) ** 0.5) for array in arrays]


def _one(family: str, text: str, kind: str, shape: tuple[int, ...], **options: Any) -> LayerCase:
    return LayerCase(family, text, kind, (LayerInput(shape),), options)


def _image(family: str, text: str, kind: str, shape: tuple[int, ...], **options: Any) -> LayerCase:
    return LayerCase(family, text, kind, (LayerInput(shape),), options, is_image=True)


def _loss(text: str, name: str, *inputs: LayerInput, **settings: Any) -> LayerCase:
    return LayerCase("loss", text, "loss", inputs, {"name": name, "settings": settings})


MILLION = (256, 4096)
MAPS, SMALL_MAPS = (16, 56, 56, 64), (16, 14, 14, 256)
TEXT = (16, 128, 768)

DENSE = [
    _one("dense", f"{shape[1]} -> {units}, batch {shape[0]}", "Dense", shape, units=units)
    for shape, units in (((32, 64), 64), ((128, 784), 256), ((256, 1024), 1024), ((64, 4096), 1000))
] + [_one("dense", "768 -> 3072 of 16 x 128", "Dense", TEXT, units=3072)]
CONVOLUTION = [
    _image(
        "convolution", "5x5, 1 -> 6, 28x28 (LeNet)", "Conv", (64, 28, 28, 1), channels=6, kernel=5, padding=2
    ),
    _image("convolution", "5x5, 6 -> 16, 14x14 (LeNet)", "Conv", (64, 14, 14, 6), channels=16, kernel=5),
    _image(
        "convolution",
        "7x7 / 2, 3 -> 64, 112x112 (ResNet)",
        "Conv",
        (8, 112, 112, 3),
        channels=64,
        kernel=7,
        stride=2,
        padding=3,
    ),
    _image(
        "convolution",
        "3x3, 64 -> 64, 56x56, batch 8 (ResNet)",
        "Conv",
        (8, 56, 56, 64),
        channels=64,
        kernel=3,
        padding=1,
    ),
    _image(
        "convolution",
        "3x3, 64 -> 64, 56x56 (ResNet)",
        "Conv",
        (16, 56, 56, 64),
        channels=64,
        kernel=3,
        padding=1,
    ),
    _image(
        "convolution",
        "3x3, 256 -> 256, 14x14 (ResNet)",
        "Conv",
        SMALL_MAPS,
        channels=256,
        kernel=3,
        padding=1,
    ),
    _image(
        "convolution",
        "3x3 / 2, 128 -> 256, 28x28 (ResNet)",
        "Conv",
        (16, 28, 28, 128),
        channels=256,
        kernel=3,
        stride=2,
        padding=1,
    ),
    _image("convolution", "1x1, 256 -> 64, 56x56 (ResNet)", "Conv", (8, 56, 56, 256), channels=64, kernel=1),
    _image(
        "convolution", "1x1, 96 -> 24, 28x28 (MobileNet)", "Conv", (16, 28, 28, 96), channels=24, kernel=1
    ),
    _image("convolution", "3, 64 -> 64, 256 steps", "Conv", (32, 256, 64), channels=64, kernel=3, padding=1),
]
DEPTHWISE = [
    _image("depthwise", "3x3, 96, 56x56 (MobileNet)", "DepthwiseConv", (16, 56, 56, 96), kernel=3, padding=1),
    _image(
        "depthwise",
        "3x3 / 2, 144, 56x56 (MobileNet)",
        "DepthwiseConv",
        (16, 56, 56, 144),
        kernel=3,
        stride=2,
        padding=1,
    ),
    _image("depthwise", "5x5, 240, 14x14", "DepthwiseConv", (16, 14, 14, 240), kernel=5, padding=2),
]
TRANSPOSED = [
    _image(
        "transposed",
        "4x4 / 2, 128 -> 64, 16x16",
        "ConvTranspose",
        (16, 16, 16, 128),
        channels=64,
        kernel=4,
        stride=2,
        padding=1,
    ),
    _image(
        "transposed",
        "2x2 / 2, 64 -> 32, 28x28",
        "ConvTranspose",
        (16, 28, 28, 64),
        channels=32,
        kernel=2,
        stride=2,
    ),
]
POOL = [
    _image("pool", "largest of 2x2, 28x28x6 (LeNet)", "MaxPool", (128, 28, 28, 6), window=2),
    _image("pool", "largest of 2x2, 56x56x64", "MaxPool", MAPS, window=2),
    _image("pool", "largest of 3x3 / 2, 56x56x64 (ResNet)", "MaxPool", MAPS, window=3, stride=2, padding=1),
    _image("pool", "mean of 2x2, 56x56x64", "AveragePool", MAPS, window=2),
    _image(
        "pool", "mean of 3x3 / 1, 28x28x96", "AveragePool", (16, 28, 28, 96), window=3, stride=1, padding=1
    ),
    _image("pool", "mean of all, 7x7x512", "GlobalAveragePool", (16, 7, 7, 512)),
    _image("pool", "largest of all, 14x14x256", "GlobalMaxPool", SMALL_MAPS),
]
NORM = [
    _image("norm", "batch, 56x56x64", "BatchNorm", MAPS),
    _one("norm", "batch, 512", "BatchNorm", (128, 512)),
    _one("norm", "layer, 768 of 16 x 128", "LayerNorm", TEXT),
    _one("norm", "layer, 256, batch 128", "LayerNorm", (128, 256)),
    _image("norm", "group, 32 groups, 14x14x256", "GroupNorm", SMALL_MAPS, groups=32),
    _image("norm", "instance, 56x56x64", "InstanceNorm", MAPS),
    _one("norm", "RMS, 768 of 16 x 128", "RMSNorm", TEXT),
    _image("norm", "local response, 28x28x64", "LocalResponseNorm", (16, 28, 28, 64), size=5),
]
ACTIVATIONS = (
    "celu",
    "elu",
    "exponential",
    "gelu",
    "gelu_tanh",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softplus",
    "softsign",
    "tanh",
    "tanh_shrink",
    "threshold",
)
ACTIVATION = [
    _one("activation", f"{name}, 256 x 4096", "activation", MILLION, name=name) for name in ACTIVATIONS
]
SOFTMAX = [
    _one("softmax", f"{name}, {shape[0]} x {shape[-1]}", name, shape, axis=-1)
    for name in ("softmax", "log_softmax", "logsumexp")
    for shape in ((128, 10), (256, 1000), (64, 32000))
] + [_one("softmax", "softmax, 8 x 12 x 128 x 128", "softmax", (8, 12, 128, 128), axis=-1)]
VALUES, SCORES = LayerInput((256, 1000)), LayerInput((128, 10))
LOSS = [
    _loss("cross-entropy, 128 x 10", "cross_entropy", SCORES, LayerInput((128,), 10)),
    _loss("cross-entropy, 256 x 1000", "cross_entropy", VALUES, LayerInput((256,), 1000)),
    _loss("cross-entropy, 128 x 32000", "cross_entropy", LayerInput((128, 32000)), LayerInput((128,), 32000)),
    *(
        _loss(f"{name.replace('_', ' ')}, 256 x 1000", name, VALUES, VALUES)
        for name in ("mse", "mae", "huber", "smooth_l1")
    ),
    _loss(
        "binary cross-entropy, 256 x 1000",
        "binary_cross_entropy",
        VALUES,
        LayerInput((256, 1000), is_share=True),
    ),
    _loss("KL divergence, 256 x 1000", "kl_divergence", VALUES, LayerInput((256, 1000), is_share=True)),
    _loss("Poisson, 256 x 1000", "poisson", VALUES, LayerInput((256, 1000), is_share=True)),
    _loss("multi-margin, 128 x 10", "multi_margin", SCORES, LayerInput((128,), 10)),
    _loss(
        "triplet, 128 x 256", "triplet_margin", LayerInput((128, 3, 256)), LayerInput((128,), is_share=True)
    ),
    _loss(
        "CTC, 16 x 100 x 29, 20 labels",
        "ctc",
        LayerInput((16, 100, 29)),
        LayerInput((16, 20), 28),
        max_target_length=20,
    ),
]
EMBEDDING = [
    LayerCase(
        "embedding",
        "10000 x 128, 32 x 64 words",
        "Embedding",
        (LayerInput((32, 64), 10000),),
        {"vocabulary": 10000, "units": 128},
    ),
    LayerCase(
        "embedding",
        "30000 x 768, 16 x 128 words",
        "Embedding",
        (LayerInput((16, 128), 30000),),
        {"vocabulary": 30000, "units": 768},
    ),
    LayerCase(
        "embedding",
        "bag of 10000 x 64, 128 x 20 words",
        "EmbeddingBag",
        (LayerInput((128, 20), 10000),),
        {"vocabulary": 10000, "units": 64},
    ),
]
NOISE = [
    _one("noise", "dropout, 256 x 4096", "Dropout", MILLION),
    _image("noise", "spatial dropout, 56x56x64", "SpatialDropout", MAPS),
]
REDUCTION = [
    _one("reduction", f"{name} over axis {axis} of 256 x 64 x 64", name, (256, 64, 64), axis=axis)
    for name in ("sum", "max", "mean")
    for axis in (0, 1, 2)
] + [
    _one("reduction", "argmax over axis 1 of 256 x 1000", "argmax", (256, 1000), axis=1),
    _one("reduction", "sum of 256 x 4096", "sum", MILLION, axis=None),
    _one("reduction", "variance over axis 1 of 256 x 4096", "variance", MILLION, axis=1),
]
LAYOUT = [
    LayerCase("layout", "concatenate two 256 x 2048", "concatenate", (LayerInput((256, 2048)),) * 2),
    _one("layout", "transposed 16 x 128 x 768 twice, joined", "transpose", TEXT),
    _image("layout", "pad by 1, 56x56x64", "Pad", MAPS, width=1),
    _image("layout", "nearest x 2, 28x28x64", "UpSampling", (16, 28, 28, 64), factor=2),
    _image("layout", "linear x 2, 28x28x64", "UpSampling", (16, 28, 28, 64), factor=2, mode="linear"),
    _image("layout", "pixel shuffle, 28x28x64", "PixelShuffle", (16, 28, 28, 64), factor=2),
    LayerCase(
        "layout",
        "gather 4096 rows of 10000 x 128",
        "gather",
        (LayerInput((4096,), 10000),),
        {"table": (10000, 128)},
    ),
]
PRODUCT = [
    LayerCase("product", "x".join(map(str, (m, k, n))), "product", (LayerInput((m, k)), LayerInput((k, n))))
    for m, k, n in (
        (32, 32, 32),
        (64, 64, 64),
        (128, 128, 128),
        (256, 256, 256),
        (512, 512, 512),
        (1024, 1024, 1024),
        (1, 1024, 1024),
        (8, 784, 256),
        (128, 784, 10),
        (2048, 64, 2048),
    )
]
RECURRENT = [
    _one(
        "recurrent",
        f"{kind}, {width} -> {units}, {steps} steps, batch {batch}",
        kind,
        (batch, steps, width),
        units=units,
        returns="sequence",
    )
    for kind in ("RNN", "LSTM", "GRU")
    for batch, steps, width, units in ((32, 64, 128, 128), (32, 28, 28, 64))
]
OPTIMIZERS = (
    "sgd",
    "momentum",
    "adam",
    "adamw",
    "rmsprop",
    "adagrad",
    "adadelta",
    "adamax",
    "nadam",
    "radam",
    "asgd",
    "rprop",
)
OPTIMIZER = [
    _one("optimizer", f"{name}, 10 million", "optimizer", (10_000_000,), name=name) for name in OPTIMIZERS
]
LAYER_CASES = {
    case.name: case
    for cases in (
        DENSE,
        CONVOLUTION,
        DEPTHWISE,
        TRANSPOSED,
        POOL,
        NORM,
        ACTIVATION,
        SOFTMAX,
        LOSS,
        EMBEDDING,
        NOISE,
        RECURRENT,
        REDUCTION,
        LAYOUT,
        PRODUCT,
        OPTIMIZER,
    )
    for case in cases
}
"""Every case by its name."""
