"""Accuracy of losses and remedies under wrong labels; writes the tables of docs/label-noise.md.

Run it as ``python -m campaigns.label_noise``. A fully connected network learns rows of three data sets some
of whose labels were replaced: by another class at random (symmetric), or by the next class (pairs). Test
labels are right. Nothing is tuned: losses have the settings of their papers, and all have the same network,
optimizer and epochs. Results in the folder are not recomputed; ``--seeds N`` has N seeds, and ``--only`` a
single data set.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits

import chainrule as cr

PAGE = Path(__file__).parents[1] / "docs" / "label-noise.md"
Results = dict[tuple[str, str], list[float]]
BEGIN, END = "<!-- table -->", "<!-- end of table -->"
Data = tuple[np.ndarray, np.ndarray]
EPOCHS, BATCH = 30, 64
TEN_CLASSES = (
    "none",
    "symmetric 20 %",
    "symmetric 40 %",
    "symmetric 60 %",
    "pairs 20 %",
    "pairs 30 %",
    "pairs 40 %",
)
TWO_CLASSES = ("none", "flipped 10 %", "flipped 20 %", "flipped 30 %", "flipped 40 %")


@dataclass(frozen=True)
class Subject:
    """A data set.

    Args:
        title: its name in the page.
        rows: training rows.
        noises: kinds of noise with their rates.
        read: returns the training rows and the test rows for a seed; test rows are never noisy.
    """

    title: str
    rows: int
    noises: tuple[str, ...]
    read: Callable[[int, int], tuple[Data, Data]]


@cache
def images(part: str) -> Data:
    """Images with pixels from 0 to 1, and their classes."""
    table = cr.read_images(f"fashion-mnist/{part}")
    (pixels,) = table.images.values()
    return pixels.astype(np.float32).reshape(len(pixels), -1) / 255, table.frame[str(table.target)].to_numpy()


def fashion(rows: int, seed: int) -> tuple[Data, Data]:
    """Random training images, and all test images."""
    x, y = images("train")
    chosen = np.random.default_rng(seed).permutation(len(y))[:rows]
    return (x[chosen], y[chosen]), images("test")


def digits(rows: int, seed: int) -> tuple[Data, Data]:
    """Random images of 8 x 8 pixels of scikit-learn; the others are test images."""
    x, y = load_digits(return_X_y=True)
    return divided((x / 16).astype(np.float32), y, rows, seed)


def tumors(rows: int, seed: int) -> tuple[Data, Data]:
    """Random rows of a table of tumors, standardized by the training rows; the others are test rows."""
    x, y = load_breast_cancer(return_X_y=True)
    (own, labels), (others, expected) = divided(x, y, rows, seed)
    mean, std = own.mean(axis=0), own.std(axis=0)
    own, others = ((part - mean) / std for part in (own, others))
    return (own.astype(np.float32), labels), (others.astype(np.float32), expected)


def divided(x: np.ndarray, y: np.ndarray, rows: int, seed: int) -> tuple[Data, Data]:
    """Random training rows, and the others."""
    order = np.random.default_rng(seed).permutation(len(y))
    own, others = order[:rows], order[rows:]
    return (x[own], y[own]), (x[others], y[others])


SUBJECTS = {
    "fashion": Subject("Fashion-MNIST", 2_000, TEN_CLASSES, fashion),
    "digits": Subject("Digits of 8 x 8 pixels", 1_000, TEN_CLASSES, digits),
    "tumors": Subject("Breast cancer, a table", 400, TWO_CLASSES, tumors),
}


def rate_of(noise: str) -> float:
    """The share of wrong labels of a kind of noise.

    Example:
        >>> rate_of("pairs 30 %"), rate_of("none")
        (0.3, 0.0)
    """
    return 0.0 if noise == "none" else int(noise.split()[1]) / 100


def with_noise(y: np.ndarray, noise: str, seed: int, classes: int) -> np.ndarray:
    """Class indices of which a share is replaced by another class, or by the next one."""
    rng = np.random.default_rng(1000 + seed)
    is_wrong = rng.random(len(y)) < rate_of(noise)
    others = rng.integers(1, classes, len(y))
    step = np.ones(len(y), np.int64) if noise.startswith("pairs") else others
    return np.where(is_wrong, (y + step) % classes, y)


def network(loss: str | cr.Loss, classes: int) -> cr.Model:
    """Two hidden layers."""
    net = cr.Sequential(cr.Dense(128, "relu"), cr.Dense(128, "relu"), cr.Dense(classes))
    return cr.Model(net, loss, cr.Adam(1e-3))  # type: ignore[arg-type]


def trained(loss: str | cr.Loss, data: Data, seed: int, **options: Any) -> cr.Model:
    """A network after all epochs."""
    model = network(loss, len(np.unique(data[1])))
    words = {"epochs": EPOCHS, "batch_size": BATCH, "verbose": False, "probes": False, "doctor": False}
    model.fit(*data, seed=seed, **{**words, **options})
    return model


def by_loss(loss: str | cr.Loss) -> Callable[[Data, int], cr.Model]:
    """Training with a loss."""
    return lambda data, seed: trained(loss, data, seed)


def stopped(data: Data, seed: int) -> cr.Model:
    """Cross-entropy, stopped by validation rows, whose labels are as noisy."""
    order = np.random.default_rng(seed).permutation(len(data[1]))
    own, others = order[len(order) // 5 :], order[: len(order) // 5]
    validation = (data[0][others], data[1][others])
    stopping = cr.EarlyStopping(patience=5)
    return trained(
        "cross_entropy", (data[0][own], data[1][own]), seed, validation=validation, callbacks=[stopping]
    )


def cleaned(data: Data, seed: int) -> cr.Model:
    """Cross-entropy on the rows that confident learning does not suspect; five short trainings find them."""
    model = trained("cross_entropy", data, seed, epochs=5)
    issues = model.label_issues(*data, folds=5, epochs=5, seed=seed)
    remaining = np.setdiff1d(np.arange(len(data[1])), issues.rows)
    return trained("cross_entropy", (data[0][remaining], data[1][remaining]), seed)


METHODS: dict[str, Callable[[Data, int], cr.Model]] = {
    "cross-entropy": by_loss("cross_entropy"),
    "label smoothing 0.1": by_loss(cr.CrossEntropy(label_smoothing=0.1)),
    "bootstrapping (hard, 0.8)": by_loss(cr.Bootstrapping(0.8)),
    "generalized cross-entropy (q = 0.7)": by_loss(cr.GeneralizedCrossEntropy(0.7)),
    "symmetric cross-entropy (0.1, 1)": by_loss(cr.SymmetricCrossEntropy(0.1, 1.0)),
    "cross-entropy, early stopping": stopped,
    "cross-entropy, issues removed": cleaned,
}


def measure(subject: Subject, method: str, noise: str, seed: int) -> float:
    """The accuracy on all test rows."""
    (x, y), test = subject.read(subject.rows, seed)
    classes = np.unique(np.concatenate([y, test[1]]))
    labels = classes[with_noise(np.searchsorted(classes, y), noise, seed, len(classes))]
    model = METHODS[method]((x, labels), seed)
    return float(model.evaluate(*test)["accuracy"])


def cell(values: list[float], is_best: bool) -> str:
    """The mean in percent with the standard deviation over the seeds; the best one is bold."""
    spread = f" ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else ""
    text = f"{100 * statistics.mean(values):.1f}{spread}"
    return f"**{text}**" if is_best else text


def table(results: Results, subject: Subject) -> str:
    """The table of accuracies of a data set, by method and noise."""
    best = {
        noise: max(METHODS, key=lambda method: statistics.mean(results[method, noise]))
        for noise in subject.noises
    }
    heads = ["method", *subject.noises]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for method in METHODS:
        cells = [cell(results[method, noise], best[noise] == method) for noise in subject.noises]
        lines.append(f"| {' | '.join([method, *cells])} |")
    return "\n".join(lines)


def write(results: dict[str, Results]) -> None:
    """Replace the tables between the marks of the page."""
    parts = [f"{SUBJECTS[name].title}:\n\n{table(own, SUBJECTS[name])}" for name, own in results.items()]
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    text = "\n\n".join(parts)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def measured(name: str, seeds: int, file: Path) -> Results:
    """The accuracies of a data set by method and noise; those in a file are not repeated."""
    known: dict[str, float] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    results: Results = {}
    for seed in range(seeds):
        for noise in SUBJECTS[name].noises:
            for method in METHODS:
                key = f"{method}, {noise}, {seed}"
                if key not in known:
                    known[key] = measure(SUBJECTS[name], method, noise, seed)
                    file.write_text(json.dumps(known, indent=1), encoding="utf-8")
                    print(f"{name}, {key}: {known[key]:.4f}", flush=True)
                results.setdefault((method, noise), []).append(known[key])
    return results


def main(words: Sequence[str] | None = None) -> int:
    """Measure what is missing; write the tables when nothing is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/label-noise"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", choices=SUBJECTS)
    options = parser.parse_args(words)
    options.out.mkdir(parents=True, exist_ok=True)
    names = [options.only] if options.only else list(SUBJECTS)
    results = {name: measured(name, options.seeds, options.out / f"{name}.json") for name in names}
    if not options.only:
        write(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
