"""Running trainings for the doctor's cases, and data for them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.diagnosis import RULES
from chainrule.errors import ChainruleError
from chainrule.events import Event, Notice
from chainrule.train.evaluation.evaluate import specs_of

Rules = tuple[str, ...]
INPUTS = specs_of({"x": np.zeros((1, 4), np.float32)})  # of ``blobs``


def trained(model: cr.Model, x: Any, y: Any, **options: Any) -> Rules:
    """The rules that report a finding during a training or at its end, even if the training fails."""
    reported: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Notice):
            reported.append(event.en.partition(":")[0])

    callbacks = [*options.pop("callbacks", ()), listen]
    with suppress(ChainruleError):
        model.fit(x, y, verbose=False, callbacks=callbacks, **options)
    assert model.diagnosis is not None
    return tuple(dict.fromkeys([*model.diagnosis.rules, *(name for name in reported if name in RULES)]))


def blobs(
    rows: int = 300, features: int = 4, classes: int = 2, apart: float = 2.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Clusters of unit standard deviation, and their class indices."""
    draw = np.random.default_rng(seed)
    y = draw.permutation(np.arange(rows) % classes)
    centers = np.random.default_rng(99).normal(size=(classes, features))
    centers *= apart / np.linalg.norm(centers, axis=1, keepdims=True)
    return (centers[y] + draw.normal(size=(rows, features))).astype("f4"), y


def curve(rows: int = 300, noise: float = 0.1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A noisy wave: x in [-1, 1] and values of standard deviation about 0.7."""
    draw = np.random.default_rng(seed)
    x = draw.uniform(-1, 1, (rows, 1))
    return x.astype("f4"), (np.sin(4 * x[:, 0]) + noise * draw.normal(size=rows)).astype("f4")
