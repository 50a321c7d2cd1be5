"""Trainings and networks whose results must have the same bits on every machine, in both precisions.

Data and labels come from the counter-based generator, so that they are the same everywhere. No network uses
``pow``, ``sin`` or ``cos`` on its values; position tables and Adam's bias corrections are computed in
float64 and rounded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

import chainrule as cr
from chainrule import prng
from chainrule.symbolic_shape import Size, Spec

KEY = prng.key_of(2026)
TINY: dict[str, Any] = {
    "vocabulary_size": 11,
    "width": 16,
    "heads": 2,
    "units": 24,
    "depth": 1,
    "dropout": 0.1,
}


def numbers(*shape: int, stream: int = 0) -> np.ndarray:
    """Standard normal float32 numbers."""
    return prng.normal(prng.fold(KEY, stream), int(np.prod(shape)), "float32").reshape(shape)


def words(*shape: int, below: int, stream: int = 0) -> np.ndarray:
    """Integers from 0 to ``below`` - 1."""
    return (
        (prng.bits(prng.fold(KEY, 100 + stream), int(np.prod(shape))) % below).astype(np.int64).reshape(shape)
    )


def trained(
    net: cr.Layer, loss: Any, optimizer: Any, x: Any, y: np.ndarray, batch_size: int = 32, **options: Any
) -> str:
    """The SHA-256 of the parameters, states and losses of a training of two epochs."""
    model = cr.Model(net, loss, optimizer)
    history = model.fit(x, y, epochs=2, batch_size=batch_size, seed=7, verbose=False, **options)
    digest = hashlib.sha256(np.array([record["loss"] for record in history]).tobytes())
    for path, value in sorted({**model.parameters(), **model.states()}.items()):
        digest.update(path.encode() + np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def computed(net: cr.Layer, x: Any, **parameters: np.ndarray) -> str:
    """The SHA-256 of the outputs of a network with its initial parameters, for all rows, nine and one.

    Args:
        parameters: those that replace initial ones, which would make the outputs 0.
    """
    arrays = x if isinstance(x, dict) else {"x": x}
    inputs = {name: Spec((Size.symbol("B"), *a.shape[1:]), "float32") for name, a in arrays.items()}
    model = cr.Model(net, "mse").initialize(inputs, seed=3)
    model.load_parameters({**model.parameters(), **parameters})
    digest = hashlib.sha256()
    for rows in (None, 9, 1):
        outputs = model({name: array[:rows] for name, array in arrays.items()})
        if not np.any(outputs):
            raise ValueError("all outputs are 0: the digest would not depend on the machine")
        digest.update(np.ascontiguousarray(outputs).tobytes())
    return digest.hexdigest()


def _thin() -> str:
    x = numbers(64, 2)
    net = cr.Sequential(cr.Dense(3, "sigmoid"), cr.Dense(1, "sigmoid"))
    return trained(net, "half_mse", cr.SGD(0.5, momentum=0.9), x, (x[:, :1] > 0).astype("float32"))


def _dense() -> str:
    net = cr.Sequential(
        cr.Dense(64, "tanh"), cr.LayerNorm(), cr.Dropout(0.3), cr.Dense(64, "gelu"), cr.Dense(10)
    )
    return trained(net, "cross_entropy", cr.Adam(0.003), numbers(200, 20), words(200, below=10))


def _wide() -> str:
    net = cr.Sequential(cr.Dense(300, "relu"), cr.Dense(300, "silu"), cr.Dense(7))
    x, y = numbers(160, 257), words(160, below=7)
    return trained(net, "cross_entropy", cr.SGD(0.05, momentum=0.9), x, y, 80)


def _lenet() -> str:
    return trained(
        cr.models.lenet5(),
        "cross_entropy",
        cr.SGD(0.02, momentum=0.9),
        numbers(48, 32, 32, 1),
        words(48, below=10),
        16,
    )


def _residual() -> str:
    net = cr.models.resnet20(classes=3)
    return trained(net, "cross_entropy", cr.AdamW(0.002), numbers(24, 12, 12, 3), words(24, below=3), 12)


def _depthwise() -> str:
    net = cr.Sequential(
        cr.Conv(8, 3, stride=2, padding="same"),
        cr.BatchNorm(),
        cr.Activation("hard_silu"),
        cr.InvertedResidual(3, 16, 8, squeeze_excite=True),
        cr.GlobalAveragePool(),
        cr.Dense(3),
    )
    return trained(net, "cross_entropy", cr.RMSprop(0.002), numbers(40, 16, 16, 3), words(40, below=3), 20)


def _lstm() -> str:
    net = cr.models.lstm_classifier(vocabulary_size=11, width=12, units=10, depth=1)
    return trained(
        net, "cross_entropy", cr.Adam(0.005), words(60, 9, below=11), words(60, below=2, stream=1), 20
    )


def _gru() -> str:
    net = cr.Sequential(cr.Bidirectional(cr.GRU(9)), cr.Dense(2))
    return trained(net, "huber", cr.Adagrad(0.05), numbers(60, 7, 5), numbers(60, 2, stream=1), 30)


def _attention() -> str:
    net = cr.models.gpt2(length=6, **TINY)
    return trained(
        net, "cross_entropy", cr.AdamW(0.002), words(40, 6, below=11), words(40, 6, below=11, stream=1), 20
    )


def _segmentation() -> str:
    net = cr.models.unet(classes=3, channels=4, depth=1, padding="same", dropout=0.2)
    return trained(net, "cross_entropy", cr.Adam(0.002), numbers(32, 8, 10, 1), words(32, 8, 10, below=3), 16)


def _translation() -> str:
    x = {"source": words(40, 5, below=11) % 10 + 1, "target": words(40, 6, below=11, stream=1) % 10 + 1}
    net = cr.models.transformer(**TINY)
    return trained(net, "cross_entropy", cr.Lion(0.001), x, words(40, 6, below=11, stream=2), 20)


def _regression() -> str:
    net = cr.Sequential(
        cr.Conv(12, 3, activation="elu"),
        cr.GroupNorm(groups=3),
        cr.GaussianNoise(0.1),
        cr.Conv(12, 3, activation="softplus"),
        cr.Flatten(),
        cr.Dense(1),
    )
    return trained(net, "log_cosh", cr.LAMB(0.01), numbers(40, 9, 9, 2), numbers(40, 1, stream=1), 20)


def _wide_convolutions() -> str:
    net = cr.Sequential(
        cr.Conv(24, 5, stride=2, activation="relu"),
        cr.Conv(40, 5, padding="same", activation="relu"),
        cr.Conv(16, 1),
        cr.Flatten(),
        cr.Dense(3),
    )
    return trained(net, "cross_entropy", cr.SGD(0.02), numbers(48, 15, 15, 3), words(48, below=3), 24)


TRAININGS: dict[str, Callable[[], str]] = {
    "2-3-1, SGD with momentum": _thin,
    "dense, layer norm, dropout, Adam": _dense,
    "dense 300 wide, SGD": _wide,
    "LeNet-5, SGD": _lenet,
    "ResNet-20, AdamW": _residual,
    "depthwise, batch norm, RMSprop": _depthwise,
    "LSTM classifier, Adam": _lstm,
    "bidirectional GRU, Adagrad": _gru,
    "GPT-2 tiny, AdamW": _attention,
    "U-Net tiny, Adam": _segmentation,
    "Transformer tiny, Lion": _translation,
    "convolution, group norm, LAMB": _regression,
    "wide convolutions, SGD": _wide_convolutions,
}

NETWORKS: dict[str, Callable[[], str]] = {
    "dense": lambda: computed(cr.Sequential(cr.Dense(100, "gelu"), cr.Dense(17, "softmax")), numbers(70, 30)),
    "LeNet-5": lambda: computed(cr.models.lenet5(), numbers(20, 32, 32, 1)),
    "AlexNet stem": lambda: computed(
        cr.Sequential(
            cr.Conv(24, 11, stride=4, activation="relu"), cr.MaxPool(3, stride=2), cr.Flatten(), cr.Dense(5)
        ),
        numbers(10, 63, 63, 3),
    ),
    "ResNet-18, small images": lambda: computed(
        cr.models.resnet18(classes=3, small=True), numbers(9, 9, 9, 3)
    ),
    "MobileNetV3": lambda: computed(cr.models.mobilenet_v3_small(classes=3), numbers(9, 33, 33, 3)),
    "U-Net": lambda: computed(cr.models.unet(channels=4, depth=2, padding="same"), numbers(10, 16, 16, 1)),
    "ViT": lambda: computed(
        cr.models.vit(classes=3, image_size=8, patch_size=4, width=24, depth=2, heads=2, units=32),
        numbers(20, 8, 8, 3),
        **{"head.weight": numbers(3, 24, stream=1)},
    ),
    "GPT-2": lambda: computed(cr.models.gpt2(length=12, **{**TINY, "depth": 2}), words(20, 12, below=11)),
    "BERT": lambda: computed(cr.models.bert(length=12, **TINY), words(20, 12, below=11)),
    "Transformer": lambda: computed(
        cr.models.transformer(**TINY),
        {"source": words(20, 7, below=11), "target": words(20, 8, below=11, stream=1)},
    ),
    "LSTM language model": lambda: computed(
        cr.models.lstm_language_model(vocabulary_size=11, width=20, units=20), words(20, 9, below=11)
    ),
    "GRU classifier": lambda: computed(
        cr.models.gru_classifier(vocabulary_size=11, width=12, units=10), words(20, 9, below=11)
    ),
}
