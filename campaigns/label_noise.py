"""Accuracy of losses and remedies under wrong labels; writes the table of docs/label-noise.md.

Run it as ``python -m campaigns.label_noise``. A fully connected network learns 2,000 images of Fashion-MNIST
some of whose labels were replaced: by another class at random (symmetric), or by the next class (pairs). Test
labels are right. Nothing is tuned: losses have the settings of their papers, and all have the same network,
optimizer and epochs. Results in the folder are not recomputed; ``--seeds N`` has N seeds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import chainrule as cr

PAGES = [Path(__file__).parents[1] / "docs" / name for name in ("label-noise.md", "label-noise.zh.md")]
BEGIN, END = "<!-- table -->", "<!-- end of table -->"
ROWS, VALIDATION, EPOCHS, BATCH = 2_000, 400, 30, 64
NOISES = {"none": 0.0, "symmetric 20 %": 0.2, "symmetric 40 %": 0.4, "pairs 30 %": 0.3}
CHINESE = {
    "method": "方法",
    "none": "无",
    "symmetric 20 %": "对称 20 %",
    "symmetric 40 %": "对称 40 %",
    "pairs 30 %": "成对 30 %",
    "cross-entropy": "交叉熵",
    "label smoothing 0.1": "标签平滑 0.1",
    "bootstrapping (hard, 0.8)": "自举（hard，0.8）",
    "generalized cross-entropy (q = 0.7)": "广义交叉熵 (q = 0.7)",
    "symmetric cross-entropy (0.1, 1)": "对称交叉熵 (0.1, 1)",
    "cross-entropy, early stopping": "交叉熵，早停",
    "cross-entropy, issues removed": "交叉熵，移除可疑标签",
}

Data = tuple[np.ndarray, np.ndarray]


@cache
def images(part: str) -> Data:
    """Images with pixels from 0 to 1, and their classes."""
    table = cr.read_images(f"fashion-mnist/{part}")
    (pixels,) = table.images.values()
    return pixels.astype(np.float32).reshape(len(pixels), -1) / 255, table.frame[str(table.target)].to_numpy()


def with_noise(y: np.ndarray, noise: str, seed: int) -> np.ndarray:
    """Class indices of which a share is replaced by another class, or by the next one."""
    rng = np.random.default_rng(1000 + seed)
    is_wrong = rng.random(len(y)) < NOISES[noise]
    step = np.ones(len(y), np.int64) if noise.startswith("pairs") else rng.integers(1, 10, len(y))
    return np.where(is_wrong, (y + step) % 10, y)


def network(loss: str | cr.Loss) -> cr.Model:
    """Two hidden layers."""
    net = cr.Sequential(cr.Dense(128, "relu"), cr.Dense(128, "relu"), cr.Dense(10))
    return cr.Model(net, loss, cr.Adam(1e-3))  # type: ignore[arg-type]


def trained(loss: str | cr.Loss, data: Data, seed: int, **options: Any) -> cr.Model:
    """A network after all epochs."""
    model = network(loss)
    words = {"epochs": EPOCHS, "batch_size": BATCH, "verbose": False, "probes": False, "doctor": False}
    model.fit(*data, seed=seed, **{**words, **options})
    return model


def by_loss(loss: str | cr.Loss) -> Callable[[Data, int], cr.Model]:
    """Training with a loss."""
    return lambda data, seed: trained(loss, data, seed)


def stopped(data: Data, seed: int) -> cr.Model:
    """Cross-entropy, stopped by validation rows, whose labels are as noisy."""
    order = np.random.default_rng(seed).permutation(len(data[1]))
    own, others = order[VALIDATION:], order[:VALIDATION]
    validation = (data[0][others], data[1][others])
    stopping = cr.EarlyStopping(patience=5)
    return trained("cross_entropy", (data[0][own], data[1][own]), seed, validation=validation,
                   callbacks=[stopping])  # fmt: skip


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


def measure(method: str, noise: str, seed: int) -> float:
    """The accuracy on all test images."""
    x, y = images("train")
    rows = np.random.default_rng(seed).permutation(len(y))[:ROWS]
    classes = np.unique(y)
    labels = classes[with_noise(np.searchsorted(classes, y[rows]), noise, seed)]
    model = METHODS[method]((x[rows], labels), seed)
    return float(model.evaluate(*images("test"))["accuracy"])


def cell(values: list[float], is_best: bool) -> str:
    """The mean in percent with the standard deviation over the seeds; the best one is bold."""
    spread = f" ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else ""
    text = f"{100 * statistics.mean(values):.1f}{spread}"
    return f"**{text}**" if is_best else text


def table(results: dict[str, dict[str, list[float]]], words: dict[str, str]) -> str:
    """The table of accuracies, by method and noise."""
    best = {
        noise: max(METHODS, key=lambda method: statistics.mean(results[method][noise])) for noise in NOISES
    }
    heads = [words.get(name, name) for name in ("method", *NOISES)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for method in METHODS:
        cells = [cell(results[method][noise], best[noise] == method) for noise in NOISES]
        lines.append(f"| {' | '.join([words.get(method, method), *cells])} |")
    return "\n".join(lines)


def write(results: dict[str, dict[str, list[float]]]) -> None:
    """Replace the tables between the marks of both pages."""
    for page, words in zip(PAGES, ({}, CHINESE), strict=True):
        before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        page.write_text(f"{before}{BEGIN}\n{table(results, words)}\n{END}{after}", encoding="utf-8")


def main(words: Sequence[str] | None = None) -> int:
    """Measure what is missing; write the tables when nothing is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/label-noise"))
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args(words)
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "accuracy.json"
    known: dict[str, float] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    results: dict[str, dict[str, list[float]]] = {}
    for seed in range(options.seeds):
        for noise in NOISES:
            for method in METHODS:
                key = f"{method}, {noise}, {seed}"
                if key not in known:
                    known[key] = measure(method, noise, seed)
                    file.write_text(json.dumps(known, indent=1), encoding="utf-8")
                    print(f"{key}: {known[key]:.4f}", flush=True)
                results.setdefault(method, {}).setdefault(noise, []).append(known[key])
    write(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
