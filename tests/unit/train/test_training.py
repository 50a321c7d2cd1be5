"""Trainings with known results: learned tasks, gradient descent written by hand, constant memory."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.events import StepDone
from chainrule.model import Model
from chainrule.nn import SGD, Adam, Dense, Dropout, RMSprop, Sequential

XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)


@pytest.mark.parametrize(
    "optimizer", [SGD(1.0, momentum=0.9), Adam(0.05), RMSprop(0.02)], ids=lambda o: o.name
)
def test_xor_is_learned(optimizer: Any) -> None:
    model = Model(Sequential(Dense(8, "tanh"), Dense(2)), "cross_entropy", optimizer)
    model.fit(XOR, ["same", "other", "other", "same"], epochs=200, batch_size=None, verbose=False)
    assert model.predict(XOR).tolist() == ["same", "other", "other", "same"]


def test_balanced_class_weights_find_more_of_the_rare_class() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, (190, 2)), rng.normal(1, 1, (10, 2))])
    y = np.array([0] * 190 + [1] * 10)
    recall = {}
    for weight in (None, "balanced"):
        model = Model(Sequential(Dense(2)), "cross_entropy", Adam(0.05))
        model.fit(x, y, epochs=40, batch_size=50, class_weight=weight, verbose=False)
        recall[weight] = model.evaluate(x, y)["recall"]
    assert recall["balanced"] >= recall[None] + 0.3


def test_batch_descent_equals_the_article_to_twelve_digits() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(9, 2)), rng.uniform(size=9)
    model = Model(Sequential(Dense(3, "sigmoid"), Dense(1, "sigmoid")), "half_mse", SGD(0.5), dtype="float64")
    model.fit(x, y, epochs=0, verbose=False)
    p = model.parameters()
    w1, b1, w2, b2 = (p[f"dense{i}.{kind}"] for i in (1, 2) for kind in ("weight", "bias"))
    model.fit(x, y, epochs=20, batch_size=None, verbose=False)
    losses = []
    for _ in range(20):  # the article's steps 2 to 5, with n = 9
        a1 = 1 / (1 + np.exp(-(x @ w1.T + b1)))
        a2 = 1 / (1 + np.exp(-(a1 @ w2.T + b2)))
        error = a2 - y[:, None]
        losses.append(float((error**2).sum() / (2 * 9)))
        d2 = error * a2 * (1 - a2) / 9
        d1 = d2 @ w2 * a1 * (1 - a1)
        w1, b1 = w1 - 0.5 * d1.T @ x, b1 - 0.5 * d1.sum(axis=0)
        w2, b2 = w2 - 0.5 * d2.T @ a1, b2 - 0.5 * d2.sum(axis=0)
    expected = {"dense1.weight": w1, "dense1.bias": b1, "dense2.weight": w2, "dense2.bias": b2}
    for path, value in model.parameters().items():
        assert np.abs(value - expected[path]).max() < 1e-12, path
    assert np.allclose([row["loss"] for row in model.history], losses, rtol=0, atol=1e-12)


def test_momentum_equals_a_loop_written_by_hand() -> None:
    x, y = XOR, XOR[:, :1]
    model = Model(Dense(1), "half_mse", SGD(0.1, momentum=0.8), dtype="float64")
    model.fit(x, y, epochs=0, verbose=False)
    w, b = model.parameters()["weight"], model.parameters()["bias"]
    model.fit(x, y, epochs=15, batch_size=None, verbose=False)
    v, u = np.zeros_like(w), np.zeros_like(b)
    for _ in range(15):
        error = x @ w.T + b - y
        v, u = 0.8 * v + error.T @ x / 4, 0.8 * u + error.mean(axis=0)
        w, b = w - 0.1 * v, b - 0.1 * u
    assert np.abs(model.parameters()["weight"] - w).max() < 1e-12
    assert np.abs(model.parameters()["bias"] - b).max() < 1e-12


def test_dropout_has_another_mask_in_every_step() -> None:
    model = Model(Sequential(Dropout(0.5), Dense(1)), "mse", SGD(1e-30))
    x = np.random.default_rng(0).normal(size=(20, 5))
    model.fit(x, x[:, 0], epochs=10, batch_size=None, verbose=False)
    assert len({row["loss"] for row in model.history}) == 10


def test_a_long_run_uses_constant_memory_and_files() -> None:
    sizes: dict[int, tuple[int, int, int]] = {}

    def measure(event: object) -> None:
        if isinstance(event, StepDone) and event.step in (500, 2500):
            gc.collect()
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            sizes[event.step] = (sys.getallocatedblocks(), pages * 4096, len(os.listdir("/proc/self/fd")))

    model = Model(Sequential(Dense(64, "relu"), Dropout(0.1), Dense(1)), "mse", "adam")
    x = np.random.default_rng(0).normal(size=(2600, 2))
    model.fit(x, x[:, 0], epochs=1, batch_size=1, callbacks=[measure], verbose=False)
    blocks, resident, files = np.subtract(sizes[2500], sizes[500])
    assert blocks < 1000, "blocks of memory in Python, over 2,000 steps: less than one for two steps"
    assert resident < 2**20
    assert files == 0
