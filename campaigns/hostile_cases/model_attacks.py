"""Hostile model files that one changed number does not produce, such as a layer repeated a thousand times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from campaigns.hostile_cases.model_files import ValidFile

Record = dict[str, Any]


def layer(kind: str, **settings: Any) -> Record:
    """The record of a layer."""
    return {"layer": kind, **settings}


def chain(*layers: Record) -> Record:
    """The record of layers in sequence."""
    return layer("Sequential", layers=list(layers))


def nested(levels: int, kind: str = "Residual") -> Record:
    """The record of a layer nested ``levels`` deep."""
    record = layer("Activation", name="relu")
    for _ in range(levels):
        record = layer(kind, inner=record)
    return record


BLOCK = layer("TransformerEncoderLayer", heads=1, units=1)
CLOSE = [60_000 + i for i in range(300)]
NETS: dict[str, tuple[Record, list[int]]] = {
    "doubled 60 times": (chain(*[layer("UpSampling")] * 60), [2, 2, 1]),
    "padded to 2^40": (chain(*[layer("Pad", width=2**20)] * 20), [4, 4, 1]),
    "zeros padded to 2^30, then pooled": (
        chain(layer("Pad", width=2**30), layer("MaxPool", window=2)),
        [4, 1],
    ),
    "a frame of a million cells a side": (layer("Pad", width=2**19, value=1.5), [4, 4, 1]),
    "500 tables of positions": (chain(*[layer("SinusoidalPosition")] * 500), [4000, 64]),
    "tables of positions of every base": (
        chain(*(layer("SinusoidalPosition", base=1000.0 + i) for i in range(500))),
        [4000, 64],
    ),
    "resized 300 times": (chain(*(layer("UpSampling", size=n, mode="linear") for n in CLOSE)), [100, 1]),
    "40,000 activations": (chain(*[layer("Activation", name="relu")] * 12_000), [4]),
    "45 levels": (nested(45), [4]),
    "44 levels over time": (nested(44, "TimeDistributed"), [1] * 46 + [4]),
    "a thousand causal masks": (
        chain(*[layer("MultiHeadAttention", heads=1, causal=True)] * 1000),
        [3000, 1],
    ),
    "a million layers": (layer("TransformerEncoder", block=BLOCK, layers=10**6), [3, 1]),
    "a million experts": (
        layer("MixtureOfExperts", expert=layer("Activation", name="relu"), experts=10**6),
        [3],
    ),
    "n-grams of 2^24 words": (layer("HashedNGrams", vocabulary_size=2**24, buckets=4, lengths=[1]), [5]),
    "a norm over a hundred million": (layer("LocalResponseNorm", size=10**8), [3, 3]),
    "70 axes": (layer("Reshape", shape=[1] * 70), [1]),
    "20,000 axes": (layer("Reshape", shape=[1] * 20_000), [1]),
    "turned by 2^16 channels": (layer("RotaryPosition"), [1, 2**16]),
    "a window of a billion cells": (layer("MaxPool", window=10**9, padding="same"), [8, 8, 1]),
    "windows of three axes": (
        layer("AveragePool", window=1500, stride=1, padding="same"),
        [700, 700, 700, 1],
    ),
    "uneven windows": (layer("AdaptiveAveragePool", places=2**20 - 1), [2**20, 1]),
    "uneven windows, the largest": (layer("AdaptiveMaxPool", places=2**13 - 1), [2**20, 1]),
    "mirrored": (chain(*[layer("Pad", width=2**24, border="replicate")] * 3), [5, 1]),
    "a sentence of 2^31 words": (layer("LSTM", units=1), [2**31 - 1, 1]),
    "read both ways": (layer("Bidirectional", inner=layer("LSTM", units=2**30)), [5, 1]),
    "the mean of the last of 2^31": (layer("SequencePool", how="last"), [2**31 - 1, 3]),
    "images in a video": (
        layer("TimeDistributed", inner=layer("MaxPool", window=3, padding="same")),
        [2**20, 2**10, 2**10, 1],
    ),
}


def attacks() -> Iterator[ValidFile]:
    """A file without arrays for each of the networks."""
    for name, (net, shape) in NETS.items():
        yield ValidFile(f"attack {name}", _record(net, shape), {}, {"x": np.ones((1, 4), np.float32)})


def _record(net: Record, shape: list[int]) -> Record:
    return {
        "net": net,
        "loss": {"y": {"loss": "MSE"}},
        "optimizer": {"optimizer": "SGD", "learning_rate": 0.1},
        "penalty": None,
        "clip": None,
        "dtype": "float32",
        "frozen": [],
        "metrics": None,
        "inputs": [{"name": "x", "shape": shape, "dtype": "float32"}],
        "labels": {"y": []},
        "preparation": None,
        "tokenizers": {},
        "facts": {},
        "history": {"columns": [], "rows": []},
    }
