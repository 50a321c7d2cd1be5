"""Private training on Fashion-MNIST at epsilon 3, delta 1e-5; accounting; the time of a private step.

Run it as ``python -m campaigns.privacy``; it writes three paragraphs of docs/trust.md. A linear classifier on
the scattering transform, which is fixed before any image is read (``campaigns.scattering``), is trained with
``--seeds`` seeds. Its settings (``CHOSEN``) were selected by ``--tune``: private trainings on 50,000 of the
training images, scored on the other 10,000. Test images are read by the final trainings only.

``--accounting`` compares the accountant with dp-accounting called directly, on a finer grid, for 200
mechanisms. ``--speed`` measures the CPU time of a private step and of a plain one on one thread, and those of
PyTorch with Opacus, if it is installed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dp_accounting
import numpy as np
from campaigns.robustness import images
from campaigns.scattering import scattering
from dp_accounting.pld import PLDAccountant

import chainrule as cr
from chainrule.train.fit_options import FitOptions
from chainrule.train.fit_preparation import TrainingData, prepare
from chainrule.train.private.accounting import epsilon_of
from chainrule.train.private.privacy import Phase
from chainrule.train.private.private_updates import PrivateUpdates
from chainrule.train.step_execution import RowUpdates

torch: Any = None
try:
    import torch
    from opacus import GradSampleModule
    from opacus.optimizers import DPOptimizer
except ImportError:
    GradSampleModule: Any = None
    DPOptimizer: Any = None

PAGE = Path(__file__).parents[1] / "docs" / "trust.md"
EPSILON, DELTA, GOAL = 3.0, 1e-5, 0.86
GROUPS = 27  # of the 81 channels: each group of an image has mean 0 and variance 1
CHOSEN: dict[str, Any] = {"batch": 4096, "learning_rate": 8.0, "epochs": 40, "max_norm": 0.1, "decay": 0.0}
TRIED: dict[str, Sequence[Any]] = {
    "batch": (4096, 8192),
    "learning_rate": (4.0, 8.0),
    "epochs": (20, 40),
    "max_norm": (0.1,),
    "decay": (0.0,),
}
HELD_OUT = 10_000
SPEED_BATCH, SPEED_ROWS, REPEATS = 1024, 8192, 5


# --- accuracy


def features(part: str, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The normalized scattering transform of the images of a part, (N, 3969), and their classes."""
    file = folder / f"scattering-{part}.npz"
    if not file.exists():
        x, labels = images(part)
        np.savez(file, x=scattering(x[..., 0]), y=labels.astype(str))
    with np.load(file) as arrays:
        x, labels = arrays["x"], arrays["y"]
    grouped = x.reshape(len(x), x.shape[1] * x.shape[2], GROUPS, -1)
    mean, deviation = (f(grouped, axis=(1, 3), keepdims=True) for f in (np.mean, np.std))
    return ((grouped - mean) / (deviation + 1e-5)).reshape(len(x), -1).astype(np.float32), labels


def trained(x: np.ndarray, y: np.ndarray, seed: int, settings: Mapping[str, Any]) -> cr.Model:
    """A private linear classifier."""
    optimizer: Any = cr.SGD(settings["learning_rate"], momentum=0.9)
    if settings["decay"]:
        optimizer = cr.EMA(optimizer, decay=settings["decay"])
    model = cr.Model(cr.Sequential(cr.Dense(10)), "cross_entropy", optimizer)
    privacy = cr.Privacy(EPSILON, DELTA, settings["max_norm"])
    model.fit(
        x,
        y,
        epochs=settings["epochs"],
        batch_size=settings["batch"],
        seed=seed,
        verbose=False,
        privacy=privacy,
    )
    return model


def tune(folder: Path) -> None:
    """Print the accuracy on held-out training images for each combination of ``TRIED``."""
    x, y = features("train", folder)
    order = np.random.default_rng(0).permutation(len(x))
    training, held_out = order[HELD_OUT:], order[:HELD_OUT]
    for values in itertools.product(*TRIED.values()):
        settings = dict(zip(TRIED, values, strict=True))
        model = trained(x[training], y[training], 0, settings)
        accuracy = model.evaluate(x[held_out], y[held_out])["accuracy"]
        print(f"{100 * accuracy:.2f} %", settings, flush=True)


def measure_accuracy(folder: Path, seeds: int) -> dict[str, Any]:
    """Train with each seed on all training images and score on the test images."""
    results = []
    for seed in range(seeds):
        file = folder / f"seed-{seed}.json"
        if not file.exists():
            x, y = features("train", folder)
            start = time.process_time()
            model = trained(x, y, seed, CHOSEN)
            spent = time.process_time() - start
            tests, labels = features("test", folder)
            privacy = model.privacy_spent
            assert privacy is not None
            result = {
                "accuracy": model.evaluate(tests, labels)["accuracy"],
                "epsilon": privacy.epsilon,
                "steps": privacy.steps,
                "noise": privacy.noise_multiplier,
                "seconds": spent,
            }
            file.write_text(json.dumps(result), encoding="utf-8")
        results.append(json.loads(file.read_text(encoding="utf-8")))
        print(seed, results[-1], flush=True)
    accuracies = [100 * result["accuracy"] for result in results]
    first = results[0]
    spread = f"{np.mean(accuracies):.2f} % ± {np.std(accuracies, ddof=1):.2f} %"
    lines = [
        "By `python -m campaigns.privacy` (± is one standard deviation over the seeds):",
        "",
        "| training | seeds | accuracy, mean | lowest | epsilon | steps | noise multiplier | CPU time each |",
        "|---|---|---|---|---|---|---|---|",
        f"| scattering transform, linear, private | {seeds} | {spread} | {min(accuracies):.2f} % "
        f"| {first['epsilon']:.3f} | {first['steps']} | {first['noise']:.2f} "
        f"| {np.mean([r['seconds'] for r in results]):.0f} s |",
    ]
    return {
        "text": "\n".join(lines),
        "failed": np.mean(accuracies) < 100 * GOAL or first["epsilon"] > EPSILON,
    }


# --- accounting


def measure_accounting(folder: Path, seeds: int) -> dict[str, Any]:
    """The largest difference between the accountant and dp-accounting on a finer grid."""
    rng = np.random.default_rng(seeds)
    largest, largest_gap = 0.0, 0.0
    for _ in range(200):
        noise, probability = (
            math.exp(rng.uniform(math.log(0.6), math.log(10))),
            math.exp(rng.uniform(math.log(0.001), 0)),
        )
        steps, delta = int(math.exp(rng.uniform(0, math.log(2000)))), 10 ** rng.uniform(-7, -4)
        event = dp_accounting.PoissonSampledDpEvent(probability, dp_accounting.GaussianDpEvent(noise))
        interval = max(2e-5, 0.2 * math.sqrt(2e-4 / steps) * min(1.0, probability * math.sqrt(steps) / noise))
        fine = PLDAccountant(value_discretization_interval=interval).compose(event, steps).get_epsilon(delta)
        gap = epsilon_of([Phase(noise, probability, steps)], delta) - fine
        largest, largest_gap = max(largest, fine), max(largest_gap, abs(gap))
    text = (
        f"Accounting: for 200 random mechanisms (epsilon up to {largest:.1f}) the largest difference from "
        f"dp-accounting, called directly with a grid at least five times as fine, is {largest_gap:.1e} "
        "(`python -m campaigns.privacy --accounting`)."
    )
    return {"text": text, "failed": largest_gap > 1e-3}


# --- time


def networks() -> dict[str, tuple[cr.Layer, tuple[int, ...]]]:
    """The networks whose steps are measured, with the shape of a sample."""
    convolutional = cr.Sequential(
        cr.Conv(16, 8, stride=2, padding="same", activation="tanh"),
        cr.MaxPool(2, stride=1),
        cr.Conv(32, 4, stride=2, activation="tanh"),
        cr.MaxPool(2, stride=1),
        cr.Flatten(),
        cr.Dense(32, "tanh"),
        cr.Dense(10),
    )
    layers = cr.Sequential(cr.Dense(256, "relu"), cr.Dense(128, "relu"), cr.Dense(10))
    return {"convolutional": (convolutional, (28, 28, 1)), "fully connected": (layers, (784,))}


def torch_networks() -> dict[str, Any]:
    """The same networks in PyTorch."""
    nn = torch.nn
    convolutional = nn.Sequential(
        nn.ZeroPad2d(3),
        nn.Conv2d(1, 16, 8, 2),
        nn.Tanh(),
        nn.MaxPool2d(2, 1),
        nn.Conv2d(16, 32, 4, 2),
        nn.Tanh(),
        nn.MaxPool2d(2, 1),
        nn.Flatten(),
        nn.LazyLinear(32),
        nn.Tanh(),
        nn.Linear(32, 10),
    )
    convolutional(torch.zeros(1, 1, 28, 28))
    layers = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    return {"convolutional": convolutional, "fully connected": layers}


def shortest(step: Callable[[], object]) -> float:
    """The CPU time of a step in milliseconds, the shortest of some."""
    step()
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        step()
        times.append(time.process_time() - start)
    return 1000 * min(times)


def own_times(net: cr.Layer, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The time of a plain and of a private step, with gathering, sampling and noise."""
    runs = []
    for privacy in (None, cr.Privacy(EPSILON, DELTA)):
        model = cr.Model(net, "cross_entropy", cr.SGD(0.1))
        options = FitOptions(20, SPEED_BATCH, 0, probes=False, doctor=False, privacy=privacy)
        runs.append(prepare(model.state, TrainingData(x, y), options))
    plain, private = runs
    for run in runs:
        run.updates.begin(run.state)

    def plain_step() -> None:
        assert isinstance(plain.updates, RowUpdates)
        plain.updates.length, plain.state.batch = 1, 0
        plain.updates.advance(plain.state)

    def private_step() -> None:
        assert isinstance(private.updates, PrivateUpdates)
        private.updates.advance(private.state)

    return shortest(plain_step), shortest(private_step)


def opacus_times(net: Any, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The time of a step of PyTorch, plain and with the gradients of samples and the noise of Opacus."""
    inputs = torch.from_numpy(x[:SPEED_BATCH])
    inputs = inputs.permute(0, 3, 1, 2).contiguous() if x.ndim == 4 else inputs
    labels, loss = torch.from_numpy(y[:SPEED_BATCH]), torch.nn.CrossEntropyLoss()

    def step(module: Any, optimizer: Any) -> Callable[[], None]:
        def run() -> None:
            optimizer.zero_grad()
            loss(module(inputs), labels).backward()
            optimizer.step()

        return run

    plain = shortest(step(net, torch.optim.SGD(net.parameters(), 0.1)))
    module = GradSampleModule(net)
    optimizer = DPOptimizer(
        torch.optim.SGD(module.parameters(), 0.1),
        noise_multiplier=1.0,
        max_grad_norm=1.0,
        expected_batch_size=SPEED_BATCH,
    )
    return plain, shortest(step(module, optimizer))


def measure_speed(folder: Path, seeds: int) -> dict[str, Any]:
    """The time of private and plain steps, on one thread."""
    cr.settings.threads = 1
    rng, failed = np.random.default_rng(0), False
    lines = [
        f"CPU time of a step on one thread, batch size {SPEED_BATCH:,}, the shortest of {REPEATS} "
        "(`python -m campaigns.privacy --speed`):",
        "",
        "| network | library | plain | private | ratio |",
        "|---|---|---|---|---|",
    ]
    for name, (net, shape) in networks().items():
        x = rng.random((SPEED_ROWS, *shape), dtype=np.float32)
        y = rng.integers(0, 10, SPEED_ROWS)
        measured = {"chainrule": own_times(net, x, y)}
        failed |= measured["chainrule"][1] > 3 * measured["chainrule"][0]
        if torch is not None:
            torch.set_num_threads(1)
            measured["PyTorch, Opacus"] = opacus_times(torch_networks()[name], x, y)
        for library, (plain, private) in measured.items():
            ratio = private / plain
            lines.append(f"| {name} | {library} | {plain:.0f} ms | {private:.0f} ms | {ratio:.1f} |")
            print(lines[-1], flush=True)
    return {"text": "\n".join(lines), "failed": failed}


# --- the page


def write(name: str, text: str) -> None:
    """Replace a paragraph between the marks of the page."""
    begin, end = f"<!-- privacy {name} -->", f"<!-- end of privacy {name} -->"
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(begin)
    after = rest.partition(end)[2]
    PAGE.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def main(words: Sequence[str] | None = None) -> int:
    """Measure and write; return 1 if a figure misses its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/privacy"))
    parser.add_argument("--seeds", type=int, default=5)
    for name in ("tune", "accounting", "speed"):
        parser.add_argument(f"--{name}", action="store_true")
    options = parser.parse_args(words)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.tune:
        tune(options.out)
        return 0
    parts = {"accounting": measure_accounting, "speed": measure_speed}
    chosen = {name: f for name, f in parts.items() if getattr(options, name)} or {
        "accuracy": measure_accuracy
    }
    failed = False
    for name, measure in chosen.items():
        result = measure(options.out, options.seeds)
        print(result["text"])
        write(name, result["text"])
        failed |= bool(result["failed"])
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
