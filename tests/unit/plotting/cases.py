"""Small trained models of every kind, and the plots that suit each: the cases of the properties of plots."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import polars as pl

import chainrule as cr


@cache
def models() -> dict[str, tuple[cr.Model, tuple[Any, ...]]]:
    """The models by name, each with rows and, for arrays, their targets."""
    generator = np.random.default_rng(0)
    return {
        "plane": _plane(generator),
        "image": _image(generator),
        "words": _words(generator),
        "table": _table(generator),
    }


def _plane(generator: np.random.Generator) -> Any:
    x = generator.normal(size=(60, 2))
    y = np.where(x[:, 0] * x[:, 1] > 0, "是", "no $x^2$")
    net = cr.Sequential(cr.Dense(6, "tanh"), cr.Dropout(0.1), cr.Dense(1))
    model = cr.Model(net, "binary_cross_entropy", cr.Adam(cr.Cosine(0.02)))
    model.fit(x, y, epochs=3, validation=(x[:20], y[:20]), verbose=False)
    return model, (x, y)


def _image(generator: np.random.Generator) -> Any:
    x = generator.normal(size=(24, 8, 8, 1)).astype("float32")
    y = np.arange(24) % 3
    net = cr.Sequential(
        cr.Conv(4, 3, activation="relu"),
        cr.MaxPool(2),
        cr.Residual(cr.Conv(4, 3, padding="same")),
        cr.Flatten(),
        cr.Dense(3),
    )
    model = cr.Model(net, "cross_entropy", "adam", engine="reference")
    model.fit(x, y, epochs=1, verbose=False)
    return model, (x, y)


def _words(generator: np.random.Generator) -> Any:
    x = generator.integers(0, 9, size=(20, 5))
    block = cr.TransformerEncoderLayer(2, units=8, norm_first=True)
    net = cr.Sequential(cr.Embedding(9, 4), cr.TransformerEncoder(block, 2), cr.SequencePool(), cr.Dense(2))
    model = cr.Model(net, "cross_entropy", "adam", engine="reference")
    model.fit(x, x[:, 0] % 2, epochs=1, verbose=False)
    return model, (x, x[:, 0] % 2)


def _table(generator: np.random.Generator) -> Any:
    a, b, c = generator.normal(size=(3, 40)) * [[1], [5], [20]] + [[0], [3], [100]]
    frame = pl.DataFrame({"width": a, "长度": b, "weight_in_g": c, "price": 2 * a - b + c / 10})
    model = cr.Model(cr.Sequential(cr.Dense(4, "relu"), cr.Dense(1)), "mse", "adam", engine="reference")
    model.fit(frame, "price", epochs=2, verbose=False)
    return model, (frame,)


STOPS = [
    {
        "dense1.weight": np.full((6, 2), k / 3),
        "dense1.bias": np.zeros(6),
        "dense2.weight": np.full((1, 6), 1.0 - k),
        "dense2.bias": np.full(1, k * k),
    }
    for k in range(3)
]
"""Where the weights of "plane" might have been."""

SUITED: dict[str, dict[str, dict[str, Any]]] = {
    "graph": {"image": {}, "words": {}},
    "learning_curves": {"plane": {}, "table": {}},
    "weights": {"table": {}},
    "activations": {"image": {}},
    "gradients": {"table": {}},
    "filters": {"image": {}},
    "feature_maps": {"image": {}, "words": {"max_layers": 3}},
    "attention": {"words": {"names": ["春", "eats", "\x1b[31m", "$", "a long long word"]}},
    "embedding": {"words": {"names": ["春", "夏", "a"]}},
    "loss_landscape": {"plane": {"points": 5}, "table": {"points": 3, "span": 0.1}},
    "trajectory": {"plane": {"points": 5, "checkpoints": STOPS}},
    "decision_boundary": {"plane": {"points": 20}, "table": {"features": ("长度", "width"), "points": 9}},
    "confusion_matrix": {"plane": {}, "image": {}},
    "calibration": {"plane": {}, "image": {}},
    "risk_coverage": {"plane": {}, "image": {}},
    "roc": {"plane": {}, "image": {}},
    "precision_recall": {"plane": {}, "image": {}},
    "residuals": {"table": {}},
}
"""For each kind the models that are plotted, with options."""

UNSUITED: dict[str, tuple[str, ...]] = {
    "filters": ("plane", "words"),
    "attention": ("plane", "image"),
    "embedding": ("table",),
    "decision_boundary": ("image", "words", "table"),
    "confusion_matrix": ("table",),
    "calibration": ("table",),
    "risk_coverage": ("table",),
    "roc": ("table",),
    "precision_recall": ("table",),
    "residuals": ("plane", "words"),
}
"""For each kind the models that are refused."""
