"""The processor time of the first call with a new number of rows: ``python -m benchmarks.batch_sizes``.

A plan is computed for each number of rows: of a prediction, and of a step of a trainer. Its machine code is
compiled once and cached on the disk. The command measures both in new processes: with an empty cache, and
with the cache that this process leaves. Processor time does not depend on what else runs on the machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np

import chainrule as cr

SIZES = (1, 3, 8, 17, 32, 33)
ROWS = 64
NETWORKS: dict[str, tuple[Callable[[], cr.Layer], tuple[int, ...]]] = {
    "dense": (lambda: cr.Sequential(cr.Dense(256, "relu"), cr.Dense(256, "relu"), cr.Dense(10)), (64,)),
    "convolution": (
        lambda: cr.Sequential(
            cr.Conv(16, 3, activation="relu"),
            cr.MaxPool(2),
            cr.Conv(32, 3, activation="relu"),
            cr.GlobalAveragePool(),
            cr.Dense(10),
        ),
        (28, 28, 1),
    ),
    "attention": (
        lambda: cr.Sequential(
            cr.Dense(64), cr.TransformerEncoderLayer(4, units=128), cr.SequencePool("mean"), cr.Dense(10)
        ),
        (16, 32),
    ),
}


def milliseconds(call: Callable[[], object]) -> float:
    """The processor time of a call, of all threads."""
    start = time.process_time()
    call()
    return (time.process_time() - start) * 1e3


def measure(name: str) -> None:
    """Print the times of the first and of the second prediction, and of the first step, for each size."""
    build, shape = NETWORKS[name]
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(ROWS, *shape)).astype("float32"), rng.integers(0, 10, ROWS)
    model = cr.Model(build(), "cross_entropy", classes=range(10)).initialize(x)
    trainer = model.trainer(x, y)
    predictions = [milliseconds(lambda n=n: model.predict_proba(x[:n])) for n in SIZES]
    again = [milliseconds(lambda n=n: model.predict_proba(x[:n])) for n in SIZES]
    steps = [milliseconds(lambda n=n: trainer.step(x[:n], y[:n])) for n in SIZES]
    for kind, times in (("predict", predictions), ("again", again), ("step", steps)):
        print(f"{name:12s}{kind:9s}" + "".join(f"{value:9.1f}" for value in times), flush=True)


def main() -> None:
    """Measure every network in a new process, with an empty cache and with a filled one."""
    with tempfile.TemporaryDirectory() as folder:
        variables = {**os.environ, "XDG_CACHE_HOME": folder}
        for state in ("empty cache", "filled cache"):
            print(f"{state}; milliseconds for {', '.join(map(str, SIZES))} rows", flush=True)
            for name in NETWORKS:
                command = [sys.executable, "-m", "benchmarks.batch_sizes", name]
                subprocess.run(command, env=variables, check=True)


if __name__ == "__main__":
    measure(sys.argv[1]) if len(sys.argv) > 1 else main()
