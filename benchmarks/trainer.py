"""The command ``python -m benchmarks.trainer``: the cost of one update, of one row and of a second ``fit``.

Each is compared with the engine alone and, for an update, with PyTorch, measured in turn in one run: the
minimum of many runs each. On a busy machine the ratios are still comparable, the times are not.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

import chainrule as cr
from chainrule.train.multi_step import step_runner
from chainrule.train.objective import RowWeights
from chainrule.train.options import FitOptions
from chainrule.train.prepare import TrainingData, prepare

RUNS, CALLS = 40, 100
RNG = np.random.default_rng(0)


def smallest(ways: Mapping[str, Callable[[], object]], calls: int = CALLS) -> dict[str, float]:
    """Seconds per call of each variant: the minimum of many runs, all variants in turn."""
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(RUNS):
        for name, way in ways.items():
            start = time.perf_counter()
            for _ in range(calls):
                way()
            best[name] = min(best[name], (time.perf_counter() - start) / calls)
    return best


def update() -> dict[str, float]:
    """One update of 4-64-64-2 with Adam, 32 samples."""
    x = RNG.normal(size=(32, 4)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)
    model = cr.Model(
        cr.Sequential(*(cr.Dense(64, "relu") for _ in range(2)), cr.Dense(2)), "cross_entropy", "adam"
    )
    trainer = model.trainer(x, y)
    run = prepare(model.state, TrainingData(x, y), FitOptions(1, 32, 0))
    runner = step_runner(
        run.step, run.data, run.order, 0, run.state, RowWeights(run.network, run.data, False), None
    )
    assert runner is not None
    engine, rows, keys = runner.trainer, np.arange(32), np.zeros((0, 2), np.uint32)
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


def second_fit(units: int, calls: int) -> dict[str, float]:
    """A second ``fit`` of the same shapes: one epoch of one batch."""
    x = RNG.normal(size=(32, units)).astype(np.float32)
    y = np.arange(32) % 2
    model = cr.Model(
        cr.Sequential(*(cr.Dense(units, "relu") for _ in range(2)), cr.Dense(2)), "cross_entropy"
    )

    def fit() -> object:
        return model.fit(x, y, epochs=1, batch_size=32, verbose=False)

    fit()
    return smallest({f"fit, {units} units": fit}, calls)


def main() -> None:
    """Print all times in microseconds."""
    torch.set_num_threads(1)
    is_quick = "--quick" in sys.argv
    times = update() | one_row() | second_fit(64, 1) | ({} if is_quick else second_fit(1024, 1))
    for name, seconds in times.items():
        print(f"{name:20} {seconds * 1e6:10.1f} us")


if __name__ == "__main__":
    main()
