"""What a training allocates is freed when it ends: nothing waits for the garbage collector."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines.native.runtime.step_runner import Trainer as EngineTrainer
from chainrule.errors import TrainingError
from chainrule.events import Event
from chainrule.train.monitor.probe import Prober
from chainrule.train.step_execution import RowUpdates, Updater
from chainrule.train.training_run import TrainingRun

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 8)).astype("f4")
Y = (X[:, 0] > 0).astype(int)
OPTIONS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "default": lambda folder: {},
    "without_doctor": lambda folder: {"doctor": False},
    "without_probes": lambda folder: {"probes": False},
    "shown": lambda folder: {"verbose": True},
    "function": lambda folder: {"callbacks": [lambda event: None]},
    "early_stopping": lambda folder: {"validation": 0.3, "callbacks": [cr.EarlyStopping(patience=2)]},
    "time_limit": lambda folder: {"callbacks": [cr.TimeLimit(seconds=100)]},
    "csv_log": lambda folder: {"callbacks": [cr.CSVLog(str(folder / "log.csv"))]},
    "tensorboard": lambda folder: {"callbacks": [cr.TensorBoard(str(folder / "events"))]},
    "run_folder": lambda folder: {"run": folder / "run"},
    "checkpoints": lambda folder: {"run": folder / "run", "save_every": 0.0},
    "private": lambda folder: {"batch_size": 20, "privacy": cr.Privacy(epsilon=3.0, delta=1e-3)},
}


@pytest.fixture(autouse=True)
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def model_of(engine: Any = "native", optimizer: Any = "adam") -> cr.Model:
    net = cr.Sequential(cr.Dense(16, "relu"), cr.Dense(2))
    return cr.Model(net, "cross_entropy", optimizer, engine=engine)


def alive() -> list[str]:
    """The classes of the objects of trainings that exist."""
    kinds = (TrainingRun, RowUpdates, Updater, EngineTrainer, Prober)
    return sorted(type(entry).__qualname__ for entry in gc.get_objects() if issubclass(type(entry), kinds))


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("name", OPTIONS)
def test_a_training_frees_its_memory(name: str, engine: str, tmp_path: Path) -> None:
    before, model = alive(), model_of(engine)
    model.fit(X, Y, **{"epochs": 3, "verbose": False, **OPTIONS[name](tmp_path)})
    assert alive() == before


def fail(event: Event) -> None:
    raise ValueError("a bug")


@pytest.mark.parametrize("case", ["callback", "not_finite"])
def test_a_training_that_fails_frees_its_memory(case: str) -> None:
    before, codes = alive(), []
    model = model_of(optimizer=cr.SGD(1e30) if case == "not_finite" else "adam")
    try:
        model.fit(X, Y, epochs=5, verbose=False, callbacks=[fail] if case == "callback" else [])
    except TrainingError as error:
        codes.append(error.code)
    assert codes == ["E501" if case == "not_finite" else "E511"]
    assert alive() == before


def test_partial_fit_keeps_no_model() -> None:
    before, model = alive(), model_of()
    for _ in range(3):
        model.partial_fit(X, Y)
    state = weakref.ref(model.state)
    del model
    assert state() is None
    assert alive() == before
