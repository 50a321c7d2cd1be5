"""``partial_fit``: the same updates in one process, across files and pickles, for each optimizer."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from case_loops import loop_over
from chainrule.nn.optimizer import OPTIMIZERS

X = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
Y = np.arange(16) % 2
WRAPPED = {
    "momentum": cr.SGD(0.1, momentum=0.9),
    "mean of weights": cr.EMA(cr.Adam(0.05)),
    "mean of the last weights": cr.SWA(cr.Adam(0.05), start=2),
    "accumulated": cr.Accumulated(cr.Adam(0.05), steps=3),
    "groups": cr.Grouped(cr.Adam(0.05), groups=(cr.Group("dense1", learning_rate_factor=0.1),)),
    "decay": cr.Adam(cr.ExponentialDecay(0.1, decay_steps=3, decay_rate=0.5)),
}
KINDS = sorted({*OPTIMIZERS, *WRAPPED})


def model(kind: str, engine: Any = None) -> cr.Model:
    net = cr.Sequential(cr.Dense(4, "tanh"), cr.Dropout(0.3), cr.BatchNorm(), cr.Dense(2))
    return cr.Model(net, "cross_entropy", WRAPPED.get(kind) or OPTIMIZERS[kind](), engine=engine)


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
@loop_over("kind", WRAPPED)
def test_updates_continue_as_if_nothing_had_been_saved(kind: str, way: str, tmp_path: Path) -> None:
    check_updates(kind, WAYS[way], tmp_path)


def test_a_pickle_has_the_engine_of_its_model() -> None:
    for engine in ("native", "reference"):
        one = model("adam", engine).partial_fit(X, Y)
        other = pickle.loads(pickle.dumps(one))
        assert np.array_equal(other.partial_fit(X, Y)(X), one.partial_fit(X, Y)(X))
        assert other.state.engine == engine


@pytest.mark.long
@loop_over("kind", sorted(OPTIMIZERS))
def test_updates_of_each_optimizer_continue_from_a_file(kind: str, tmp_path: Path) -> None:
    with cr.settings.using(engine="reference"):
        check_updates(kind, by_file, tmp_path)


def check_updates(kind: str, way: Callable[[cr.Model, Path], cr.Model], tmp_path: Path) -> None:
    """Compare updates across a file, a pickle or a copy with those of one model."""
    one, other = model(kind), model(kind)
    for _ in range(4):
        one.partial_fit(X, Y)
        other.partial_fit(X, Y)
    other = way(other, tmp_path)
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


@pytest.mark.long
@loop_over("kind", KINDS)
def test_a_trainer_of_each_optimizer_continues_from_its_file(kind: str, tmp_path: Path) -> None:
    engine: Any = "native" if kind in WRAPPED else "reference"  # without compiling each step
    first = model(kind, engine).trainer(X, Y, seed=3, steps=9)
    for _ in range(4):
        first.step(X, Y)
    first.save(tmp_path / "trainer")
    resumed = model(kind, engine).trainer(X, Y, steps=9).load(tmp_path / "trainer")
    for _ in range(4):
        assert resumed.step(X, Y) == first.step(X, Y)
    arrays, expected = resumed.state.arrays, first.state.arrays
    assert arrays.keys() == expected.keys()
    for path, value in expected.items():
        np.testing.assert_array_equal(arrays[path], value)
