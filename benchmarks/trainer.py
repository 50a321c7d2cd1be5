"""The command ``python -m benchmarks.trainer``: the cost of one update, of one row and of a second ``fit``.

Each is compared with the engine alone and, for an update, with PyTorch, measured in turn in one run: the
minimum of many runs each. A second ``fit`` is also compared with that of a new model, which builds its graphs
and plans, and with the step that it makes.

``--quick`` leaves out the wide network. ``--cpu`` measures the CPU time of the process instead of the elapsed
time: on a busy machine the elapsed times are not comparable.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

import chainrule as cr
from chainrule.engines.dispatch import Trainer
from chainrule.train.fit_options import FitOptions
from chainrule.train.fit_preparation import TrainingData, prepare
from chainrule.train.step_execution import RowUpdates

RUNS, CALLS = 40, 100
CLOCK = time.process_time if "--cpu" in sys.argv else time.perf_counter
RNG = np.random.default_rng(0)


def smallest(ways: Mapping[str, Callable[[], object]], calls: int = CALLS) -> dict[str, float]:
    """Seconds per call of each variant: the minimum of many runs, all variants in turn."""
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(RUNS):
        for name, way in ways.items():
            start = CLOCK()
            for _ in range(calls):
                way()
            best[name] = min(best[name], (CLOCK() - start) / calls)
    return best


def model_of(units: int) -> cr.Model:
    """Two layers of this width and two outputs, trained by Adam."""
    layers = (cr.Dense(units, "relu") for _ in range(2))
    return cr.Model(cr.Sequential(*layers, cr.Dense(2)), "cross_entropy", "adam")


def engine_of(model: cr.Model, x: np.ndarray, y: np.ndarray) -> Trainer:
    """The trainer of the engine, which runs the steps of a training."""
    run = prepare(model.state, TrainingData(x, y), FitOptions(1, 32, 0))
    assert isinstance(run.updates, RowUpdates)
    run.updates.begin(run.state)
    assert run.updates.updater.loop is not None
    return run.updates.updater.loop


def update() -> dict[str, float]:
    """One update of 4-64-64-2 with Adam, 32 samples."""
    x = RNG.normal(size=(32, 4)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)
    model = model_of(64)
    trainer, rows, keys = model.trainer(x, y), np.arange(32), np.zeros((0, 2), np.uint32)
    engine = engine_of(model, x, y)
    peer = peer_step(x, y)
    ways = {
        "bare engine": lambda: engine.run(rows, 32, 0, 1, 5, keys),
        "trainer.step": lambda: trainer.step(x, y),
        "PyTorch": peer,
    }
    for way in ways.values():
        way()
    return smallest(ways)


def peer_step(x: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    """The same update in PyTorch."""
    layers = torch.nn.Sequential(
        torch.nn.Linear(4, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 2),
    )
    optimizer, loss = torch.optim.Adam(layers.parameters()), torch.nn.CrossEntropyLoss()
    inputs, targets = torch.tensor(x), torch.tensor(y)

    def step() -> object:
        optimizer.zero_grad()
        value = loss(layers(inputs), targets)
        value.backward()
        return optimizer.step()

    return step


def one_row() -> dict[str, float]:
    """The outputs for one row of 784-256-128-10."""
    x = RNG.normal(size=(64, 784)).astype(np.float32)
    model = cr.Model(
        cr.Sequential(cr.Dense(256, "relu"), cr.Dense(128, "relu"), cr.Dense(10)), "cross_entropy"
    )
    model.fit(x, np.arange(64) % 10, epochs=1, verbose=False, doctor=False)
    assert model.network is not None
    program, row = model.network.prediction_program, x[:1]
    feeds: dict[str, Any] = {**model.state.arrays, "x": row}
    return smallest({"Program.run": lambda: program.run(feeds), "model(x)": lambda: model(row)})


def second_fit(units: int) -> dict[str, float]:
    """A second ``fit`` of the same shapes: one epoch of one batch."""
    x = RNG.normal(size=(32, units)).astype(np.float32)
    y = np.arange(32) % 2
    model, rows, keys = model_of(units), np.arange(32), np.zeros((0, 2), np.uint32)
    engine = engine_of(model, x, y)

    def fit(trained: cr.Model) -> object:
        return trained.fit(x, y, epochs=1, batch_size=32, verbose=False)

    fit(model)
    ways = {
        f"fit, {units} units": lambda: fit(model),
        "  of a new model": lambda: fit(model_of(units)),
        "  its step": lambda: engine.run(rows, 32, 0, 1, 5, keys),
    }
    return smallest(ways, 1)


def main() -> None:
    """Print all times in microseconds."""
    torch.set_num_threads(1)
    is_quick = "--quick" in sys.argv
    for times in (update(), one_row(), second_fit(64), {} if is_quick else second_fit(1024)):
        for name, seconds in times.items():
            print(f"{name:20} {seconds * 1e6:10.1f} us")


if __name__ == "__main__":
    main()
