"""``partial_fit``: the same updates in one process, across files and pickles, for each optimizer."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr

X = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
Y = np.arange(16) % 2
STATEFUL = ["sgd", "adam", "rmsprop", "adagrad", "schedule-free", "ema"]


def model(kind: str) -> cr.Model:
    optimizers = {
        "sgd": cr.SGD(0.1, momentum=0.9), "adam": cr.Adam(0.05), "rmsprop": cr.RMSprop(0.01),
        "adagrad": cr.Adagrad(0.1), "schedule-free": cr.ScheduleFreeAdamW(0.05), "ema": cr.EMA(cr.Adam(0.05)),
    }  # fmt: skip
    net = cr.Sequential(cr.Dense(4, "tanh"), cr.Dropout(0.3), cr.BatchNorm(), cr.Dense(2))
    return cr.Model(net, "cross_entropy", optimizers[kind])


def by_file(one: cr.Model, tmp_path: Path) -> cr.Model:
    one.save(tmp_path / "model.cr")
    return cr.load(tmp_path / "model.cr")


WAYS: dict[str, Callable[[cr.Model, Path], cr.Model]] = {
    "file": by_file,
    "pickle": lambda one, _: pickle.loads(pickle.dumps(one)),
    "file twice": lambda one, folder: by_file(by_file(one, folder), folder),
    "copy": lambda one, _: copy.deepcopy(one),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", STATEFUL)
def test_updates_continue_as_if_nothing_had_been_saved(kind: str, way: str, tmp_path: Path) -> None:
    one, other = model(kind), model(kind)
    for _ in range(4):
        one.partial_fit(X, Y)
        other.partial_fit(X, Y)
    other = WAYS[way](other, tmp_path)
    for _ in range(4):
        one.partial_fit(X, Y)
        other.partial_fit(X, Y)
    values, expected = {**other.parameters(), **other.states()}, {**one.parameters(), **one.states()}
    assert len(expected) == 8
    for path, value in expected.items():
        np.testing.assert_array_equal(values[path], value)


def test_nothing_is_kept_from_before_a_training(tmp_path: Path) -> None:
    one, other = model("adam"), model("adam")
    one.fit(X, Y, epochs=2, verbose=False)
    other.fit(X, Y, epochs=2, verbose=False)
    one = by_file(one, tmp_path)
    one.partial_fit(X, Y)
    other.partial_fit(X, Y)
    np.testing.assert_array_equal(one(X), other(X))
