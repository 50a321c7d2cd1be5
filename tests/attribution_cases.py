"""Small networks with reproducible parameters, for tests of attributions."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np

import chainrule as cr
from chainrule import prng
from chainrule.nn import Layer
from chainrule.symbolic_shape import Size, Spec

B = Size.symbol("B")
CLASSES = 3


class Case(NamedTuple):
    """A network over three classes, and its samples.

    Args:
        net: the layers.
        shape: of one sample.
        rows: how many samples.
        words: the inputs are integers below this one; 0 for real numbers.
    """

    net: Layer
    shape: tuple[int, ...]
    rows: int = 3
    words: int = 0


CASES: dict[str, Case] = {
    "dense": Case(
        cr.Sequential(cr.Dense(6, "relu"), cr.Dense(5, "tanh"), cr.Dense(4, "sigmoid"), cr.Dense(CLASSES)),
        (4,),
    ),
    "images": Case(
        cr.Sequential(
            cr.Conv(3, 3, padding="same", activation="relu"),
            cr.MaxPool(2),
            cr.Conv(4, 2, activation="relu"),
            cr.Flatten(),
            cr.Dense(CLASSES),
        ),
        (6, 6, 2),
        2,
    ),
    "strides": Case(
        cr.Sequential(
            cr.Conv(3, 3, stride=2, activation="relu"),
            cr.Conv(4, 2, activation="tanh"),
            cr.Flatten(),
            cr.Dense(CLASSES),
        ),
        (7, 7, 1),
        2,
    ),
    "words": Case(
        cr.Sequential(cr.Embedding(7, 3), cr.Flatten(), cr.Dense(5, "tanh"), cr.Dense(CLASSES)), (4,), words=7
    ),
}
"""The networks that are compared with another library's."""

KINDS: dict[str, Case] = {
    **CASES,
    "curves": Case(
        cr.Sequential(cr.Dense(6, "gelu"), cr.LayerNorm(), cr.Dense(6, "leaky_relu"), cr.Dense(CLASSES)), (4,)
    ),
    "shortcut": Case(
        cr.Sequential(
            cr.Dense(6, "relu6"), cr.BatchNorm(), cr.Residual(cr.Dense(6, "silu")), cr.Dense(CLASSES)
        ),
        (4,),
    ),
    "recurrent": Case(cr.Sequential(cr.LSTM(4), cr.Dense(CLASSES)), (4, 3)),
    "padded": Case(
        cr.Sequential(cr.Embedding(7, 3, padding_index=0), cr.Masking(cr.LSTM(4)), cr.Dense(CLASSES)),
        (5,),
        words=7,
    ),
    "attention": Case(
        cr.Sequential(
            cr.Embedding(7, 4),
            cr.TransformerEncoderLayer(2, units=6),
            cr.SequencePool("mean"),
            cr.Dense(CLASSES),
        ),
        (5,),
        words=7,
    ),
    "patches": Case(
        cr.Sequential(
            cr.PatchEmbedding(4, 3),
            cr.ClassToken(),
            cr.MultiHeadAttention(2),
            cr.SequencePool("first"),
            cr.Dense(CLASSES),
        ),
        (6, 6, 2),
        2,
    ),
}
"""Every kind of network that methods are run on."""


def ready(case: Case) -> tuple[cr.Model, np.ndarray]:
    """The network with its parameters, and samples; every value is a function of its name alone."""
    x = normal_numbers("x", (case.rows, *case.shape), 1.0)
    return copy.copy(_model(case)), np.floor(case.words * (np.abs(x) % 1.0)) if case.words else x


@cache
def _model(case: Case) -> cr.Model:
    """The network with its parameters; those that only properties use run on the reference engine."""
    engine = "native" if case in CASES.values() else "reference"
    model = cr.Model(case.net, "cross_entropy", dtype="float64", engine=engine)
    model.initialize({"x": Spec((B, *case.shape), "float64")})
    model.load_parameters(
        {path: normal_numbers(path, value.shape) for path, value in model.parameters().items()}
    )
    targets = {name: target.with_labels(np.arange(CLASSES)) for name, target in model.targets.items()}
    return cr.Model.of(replace(model.state, targets=targets))


def normal_numbers(name: str, shape: tuple[int, ...], size: float = 0.6) -> np.ndarray:
    """Normal numbers that are a function of the name."""
    key = prng.fold(prng.key_of(0), *name.encode())
    return size * prng.normal(key, int(np.prod(shape))).reshape(shape)


def attributed(model: cr.Model, x: Any, method: str, **options: Any) -> np.ndarray:
    """The attributions to the output of class 1, for each sample."""
    return next(iter(model.attribute(x, method, target=1, **options).values.values()))
