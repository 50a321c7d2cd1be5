"""Compare the predicted memory of a training with the measured one.

Run it as ``python campaigns/memory.py``. Each network and batch size is measured in a new process: a training
of a few steps runs once, so that its kernels are compiled and loaded; then all of it is freed, free pages are
returned to the system, the kernel's peak of the resident size is reset, and the same training runs again,
from sampling the parameters to the last step, with the probes of ``fit``. What it adds to the process is the
measured peak. The data set is in memory before and after, and is neither predicted nor measured.

The prediction does not include the gaps that the C library keeps between freed blocks; they are why the
measurement is sometimes larger, mostly for trainings that take little memory.

``--only NAME`` measures the networks whose name contains NAME; ``--check 5`` fails when the median error is
larger than 5 percent.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.data import Arrays, Order
from chainrule.data.batches import row_order
from chainrule.nn import Layer
from chainrule.notation.number_format import amount
from chainrule.train.evaluation.evaluate import specs_of
from chainrule.train.fit_options import FitOptions
from chainrule.train.inputs.target import targets_of
from chainrule.train.monitor.memory import training_memory
from chainrule.train.monitor.probe import Prober
from chainrule.train.step_execution import RowUpdates
from chainrule.train.step_graph import training_step
from chainrule.train.train_state import TrainState
from chainrule.train.training_loop import train_epochs
from chainrule.train.training_run import TrainingRun

EPOCHS = 5  # of two batches each: enough to fill the cache of row orders


@dataclass(frozen=True)
class Case:
    """A network to measure: its layers, the shape of a sample, the batch size, the optimizer."""

    net: Layer
    shape: tuple[int, ...]
    batch: int
    optimizer: str = "sgd"
    dtype: str = "float32"
    engine: str = "native"


def dense(*units: int) -> Layer:
    """Fully connected layers with ReLU, and ten scores."""
    return cr.Sequential(*[cr.Dense(n, "relu") for n in units], cr.Dense(10))


def residual(width: int, blocks: int) -> Layer:
    """Blocks of two layers, each added to its input."""
    block = cr.Residual(cr.Sequential(cr.Dense(width, "relu"), cr.Dense(width)))
    return cr.Sequential(cr.Dense(width), *[block] * blocks, cr.Dense(10))


def dropout(width: int) -> Layer:
    """Two wide layers with dropout."""
    layers = (cr.Dense(width, "tanh"), cr.Dropout(0.5))
    return cr.Sequential(*layers, *layers, cr.Dense(10))


def lenet() -> Layer:
    """LeNet-5."""
    return cr.Sequential(
        cr.Conv(6, 5, padding="same", activation="relu"),
        cr.MaxPool(2),
        cr.Conv(16, 5, activation="relu"),
        cr.MaxPool(2),
        cr.Flatten(),
        cr.Dense(120, "relu"),
        cr.Dense(84, "relu"),
        cr.Dense(10),
    )


def convolutions(channels: int) -> Layer:
    """Two convolutions of one width and a mean over the positions."""
    layers = [cr.Conv(channels, 3, padding="same", activation="relu") for _ in range(2)]
    return cr.Sequential(*layers, cr.GlobalAveragePool(), cr.Dense(10))


FLAT, IMAGE, COLOR = (784,), (28, 28, 1), (32, 32, 3)
CASES: dict[str, Case] = {
    "dense 256-128": Case(dense(256, 128), FLAT, 128),
    "dense 256-128, batch 1000": Case(dense(256, 128), FLAT, 1000),
    "dense 256-128, batch 1001": Case(dense(256, 128), FLAT, 1001),
    "dense 256-128, batch 8192": Case(dense(256, 128), FLAT, 8192),
    "dense 256-128, momentum": Case(dense(256, 128), FLAT, 512, "momentum"),
    "dense 256-128, adam": Case(dense(256, 128), FLAT, 512, "adam"),
    "dense 256-128, rmsprop": Case(dense(256, 128), FLAT, 512, "rmsprop"),
    "dense 256-128, float64": Case(dense(256, 128), FLAT, 512, "adam", "float64"),
    "dense 256-128, reference": Case(dense(256, 128), FLAT, 2048, engine="reference"),
    "dense 1024-1024": Case(dense(1024, 1024), (1024,), 256),
    "dense 1024-1024, batch 32": Case(dense(1024, 1024), (1024,), 32),
    "dense 1024-1024, batch 4096": Case(dense(1024, 1024), (1024,), 4096),
    "dense 1024-1024, momentum": Case(dense(1024, 1024), (1024,), 256, "momentum"),
    "dense 1024-1024, adam": Case(dense(1024, 1024), (1024,), 256, "adam"),
    "dense 1024-1024, float64": Case(dense(1024, 1024), (1024,), 256, "sgd", "float64"),
    "dense 2048-2048, adamw": Case(dense(2048, 2048), (512,), 64, "adamw"),
    "dense 512 x 6": Case(dense(*[512] * 6), (512,), 1024),
    "dense 512 x 6, adam": Case(dense(*[512] * 6), (512,), 256, "adam"),
    "dense 64-64 of 20, batch 32768": Case(dense(64, 64), (20,), 32768),
    "dense 64-64 of 20, batch 65536, float64": Case(dense(64, 64), (20,), 65536, "adam", "float64"),
    "residual 256 x 4": Case(residual(256, 4), (256,), 512),
    "residual 256 x 4, batch 4096": Case(residual(256, 4), (256,), 4096, "adam"),
    "residual 512 x 3": Case(residual(512, 3), (128,), 1024, "momentum"),
    "residual 512 x 3, float64": Case(residual(512, 3), (128,), 300, "adam", "float64"),
    "residual 512 x 3, reference": Case(residual(512, 3), (128,), 1024, "sgd", engine="reference"),
    "dropout 512": Case(dropout(512), FLAT, 256),
    "dropout 512, batch 4096": Case(dropout(512), FLAT, 4096),
    "dropout 1024, adam": Case(dropout(1024), FLAT, 256, "adam"),
    "dropout 1024, float64": Case(dropout(1024), FLAT, 1000, "momentum", "float64"),
    "lenet": Case(lenet(), IMAGE, 128),
    "lenet, batch 1024": Case(lenet(), IMAGE, 1024),
    "lenet, adam, float64": Case(lenet(), IMAGE, 256, "adam", "float64"),
    "convolutions 32": Case(convolutions(32), COLOR, 64),
    "convolutions 64, adam": Case(convolutions(64), COLOR, 32, "adam"),
    "convolutions 16, batch 256": Case(convolutions(16), COLOR, 256, "momentum"),
    "lenet, reference": Case(lenet(), IMAGE, 256, engine="reference"),
}
OPTIMIZERS: dict[str, Any] = {
    "sgd": cr.SGD(0.01),
    "momentum": cr.SGD(0.01, momentum=0.9),
    "adam": cr.Adam(0.001),
    "adamw": cr.AdamW(0.001),
    "rmsprop": cr.RMSprop(0.001),
}


def measure(case: Case) -> tuple[int, int]:
    """The predicted and the measured bytes of a case, in this process."""
    rows = 2 * case.batch
    draw = np.random.Generator(np.random.Philox(1))
    x = draw.normal(size=(rows, *case.shape)).astype(case.dtype)
    optimizer = OPTIMIZERS[case.optimizer]
    model = cr.Model(case.net, "cross_entropy", optimizer, dtype=case.dtype, engine=case.engine)
    model.adopt(model.state.built(specs_of({"x": x})))
    network = model.network
    assert network is not None
    kind = next(iter(targets_of(network, {}).values())).spec.dtype
    data = Arrays({"x": x}, {"target": (np.arange(rows) % 10).astype(kind)})
    step = training_step(network, False, 2 * EPOCHS)

    def run(seed: int) -> TrainingRun:
        row_order, prober = Order(rows, case.batch, seed), Prober(network, step, case.batch)
        parameters, states = network.initialize(seed)
        state = TrainState(parameters, states, step.initial_slots())
        options = FitOptions(EPOCHS, case.batch, seed)
        updates = RowUpdates(step, data, row_order, seed, network)
        return TrainingRun(model.state, options, step, data, row_order, state, updates, prober=prober)

    predicted = training_memory(network, step, case.batch, rows).total
    train_epochs(run(0))
    before = settle()
    train_epochs(run(1))
    return predicted, status("VmHWM") - before


def settle() -> int:
    """Return free memory to the system, reset the peak resident size, and return the resident bytes."""
    row_order._epoch.cache_clear()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return status("VmRSS")


def status(field: str) -> int:
    """The bytes in a line of this process's status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def in_own_process(name: str) -> tuple[int, int]:
    """The result of ``measure`` in a new process."""
    words = [sys.executable, __file__, "--case", name]
    process = subprocess.run(words, capture_output=True, text=True, check=True)
    predicted, measured = map(int, process.stdout.split())
    return predicted, measured


def main() -> int:
    """Measure, print the table and the errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--check", type=float)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(*measure(CASES[options.case]))
        return 0
    errors = []
    print("| network | batch | optimizer | dtype | engine | predicted | measured | error |")
    print("|---|---|---|---|---|---|---|---|")
    for name, case in CASES.items():
        if options.only in name:
            predicted, measured = in_own_process(name)
            errors.append(100 * (predicted / measured - 1))
            facts = f"{case.batch} | {case.optimizer} | {case.dtype} | {case.engine}"
            sizes = f"{amount(predicted, 'B')} | {amount(measured, 'B')}"
            print(f"| {name} | {facts} | {sizes} | {errors[-1]:+.1f} % |", flush=True)
    sizes = [abs(error) for error in errors]
    print(f"\n{len(errors)} cases: median error {statistics.median(sizes):.1f} %, worst {max(sizes):.1f} %")
    return 1 if options.check is not None and statistics.median(sizes) > options.check else 0


if __name__ == "__main__":
    sys.exit(main())
