"""How much slower subnormal numbers make prediction and training: ``python -m benchmarks.subnormal``.

The weights of half of the units of a network are subnormal (1e-40), as those of inactive units become under
an L2 penalty, or 0. Both networks predict the same. Alternating runs, medians, one thread.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

import chainrule as cr

ROWS, UNITS, RUNS = 4096, 256, 15
SMALL = 1e-40


def network(value: float) -> cr.Model:
    """A network half of whose hidden units have this number as weights, with input and output."""
    x, y = np.zeros((ROWS, 64), np.float32), np.zeros((ROWS, 1), np.float32)
    net = cr.Sequential(cr.Dense(UNITS, "relu"), cr.Dense(UNITS, "relu"), cr.Dense(1))
    model = cr.Model(net, "mse", cr.SGD(1e-6))
    model.fit(x, y, epochs=1, batch_size=ROWS, seed=0, verbose=False, probes=False, doctor=False)
    parameters = {path: array.copy() for path, array in model.state.parameters.items()}
    for path in ("dense1.weight", "dense2.weight"):
        parameters[path][: UNITS // 2] = value
    model.adopt(model.state.with_arrays(parameters, dict(model.state.states)))
    return model


def seconds(call: Callable[[], object]) -> float:
    """The seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    """Print the medians and their ratio."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(ROWS, 64)).astype(np.float32)
    y = x[:, :1].copy()
    cr.settings.threads = 1
    models = {"subnormal": network(SMALL), "zero": network(0.0)}
    trainers = {name: model.trainer(x, y) for name, model in models.items()}
    work: dict[str, dict[str, Callable[[], object]]] = {
        "predict": {name: lambda model=model: model(x) for name, model in models.items()},
        "step": {name: lambda trainer=trainer: trainer.step(x, y) for name, trainer in trainers.items()},
    }
    for what, calls in work.items():
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(RUNS):
            for name, call in calls.items():
                times[name].append(seconds(call))
        slow, fast = (statistics.median(times[name]) for name in ("subnormal", "zero"))
        line = f"{what}: {1e3 * slow:.2f} ms with subnormal weights, {1e3 * fast:.2f} ms with 0"
        print(f"{line}: {slow / fast:.1f} times")


if __name__ == "__main__":
    main()
