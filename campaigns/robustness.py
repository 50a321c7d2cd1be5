"""Accuracy, robust accuracy and certified accuracy of three trainings; writes a table of docs/trust.md.

Run it as ``python -m campaigns.robustness``. A small convolutional network learns Fashion-MNIST by ordinary,
adversarial and interval training at an L-inf radius of 0.1. Per training: the accuracy on the test images,
the accuracy under an ensemble of attacks on the first ``--rows`` of them, and the share of these that is
proven robust by interval bounds with a linear last pass, computed in float64 with outward rounding. A
training whose scores are in the folder is not repeated. The campaign fails if a proven image was broken.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.bounds.subject import Subject

PAGE = Path(__file__).parents[1] / "docs" / "trust.md"
BEGIN, END = "<!-- robustness -->", "<!-- end of robustness -->"
RADIUS = 0.1
BATCH = 128
STEPS_OF_EPOCH = 60_000 // BATCH
TRAININGS: dict[str, tuple[int, Any]] = {  # name -> epochs, how
    "plain": (5, None),
    "adversarial (PGD, 7 steps)": (5, cr.AdversarialTraining(radius=RADIUS, steps=7)),
    "interval": (
        12,
        cr.IntervalTraining(radius=0.11, warmup=STEPS_OF_EPOCH, ramp=6 * STEPS_OF_EPOCH),
    ),
}
HEAD = """\
| training | epochs | accuracy | under attack | proven | CPU time of the training |
|---|---|---|---|---|---|"""
PUBLISHED = """\
| published, MNIST at 0.1: IBP (Gowal et al., 2018, arXiv; 2019, ICCV) | | | | 97.1 %; 97.8 % | |
| published, MNIST at 0.3: IBP (Gowal et al., 2018, arXiv; 2019, ICCV) | | | | 91.8 %; 92.0 % | |"""
BLOCK = 16  # images that are bounded at once


def network() -> cr.Layer:
    """Two convolutions and two fully connected layers."""
    return cr.Sequential(
        cr.Conv(16, 4, stride=2, activation="relu"),
        cr.Conv(32, 4, stride=2, activation="relu"),
        cr.Flatten(),
        cr.Dense(100, "relu"),
        cr.Dense(10),
    )


def images(part: str) -> tuple[np.ndarray, np.ndarray]:
    """The training or test images with pixels from 0 to 1, and their classes."""
    table = cr.read_images(f"fashion-mnist/{part}")
    (pixels,) = table.images.values()
    return pixels.astype(np.float32) / 255, table.frame[str(table.target)].to_numpy()


def proven(model: cr.Model, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Whether no image of each ball is misclassified, (n,): a proof in float64 with outward rounding."""
    network = model.network
    assert network is not None
    subject = Subject(network.inference.output, model.parameters(), "x")
    results = []
    for start in range(0, len(x), BLOCK):
        part, own = x[start : start + BLOCK].astype(np.float64), labels[start : start + BLOCK]
        lower, upper = np.nextafter(part - RADIUS, -1), np.nextafter(part + RADIUS, 2)
        enclosure = subject.enclosure(np.maximum(lower, 0), np.minimum(upper, 1), is_tightened=False)
        boxes = np.repeat(np.arange(len(part)), 9)
        others = np.array([k for label in own for k in range(10) if k != label])
        rows = np.zeros((len(boxes), 10))
        rows[np.arange(len(boxes)), own[boxes]] = 1.0
        rows[np.arange(len(boxes)), others] = -1.0
        bound = enclosure.linear_bound(subject.structure.output, rows, boxes).value
        results.append((bound.reshape(-1, 9) > 0).all(axis=1))  # NaN, no bound, is no proof
    return np.concatenate(results)


def measure(name: str, rows: int) -> dict[str, Any]:
    """Train a network and measure its three accuracies."""
    epochs, robust = TRAININGS[name]
    x, y = images("train")
    model = cr.Model(network(), "cross_entropy", cr.Adam(cr.Cosine(1e-3)))
    start = time.process_time()
    model.fit(x, y, epochs=epochs, batch_size=BATCH, seed=0, robust=robust, verbose=False)
    spent = time.process_time() - start
    x, y = images("test")
    accuracy = model.evaluate(x, y)["accuracy"]
    result = model.attack(x[:rows], y[:rows], radius=RADIUS, method="ensemble", lang="en")
    print(name, result, sep="\n", flush=True)
    is_proven = proven(model, x[:rows], result.labels) & (result.clean == result.labels)
    return {
        "epochs": epochs, "accuracy": accuracy, "rows": rows, "robust": result.robust_accuracy.count,
        "proven": int(is_proven.sum()), "broken": int((is_proven & result.success).sum()), "seconds": spent,
        "suspicions": [check.name for check in result.suspicions],
    }  # fmt: skip


def share(count: int, rows: int) -> str:
    """A share of the attacked images with its standard error."""
    p = count / rows
    return f"{100 * p:.1f} % ± {100 * (p * (1 - p) / rows) ** 0.5:.1f} %"


def line(name: str, result: dict[str, Any]) -> str:
    """A row of the table."""
    rows = result["rows"]
    return (
        f"| {name} | {result['epochs']} | {100 * result['accuracy']:.1f} % | {share(result['robust'], rows)} "
        f"| {share(result['proven'], rows)} | {result['seconds']:.0f} s |"
    )


def write(results: dict[str, dict[str, Any]]) -> None:
    """Replace the table between the marks of the page."""
    rows = next(iter(results.values()))["rows"]
    how = f"By `python -m campaigns.robustness`; attack and proof on the first {rows} test images:"
    lines = [HEAD, *(line(name, result) for name, result in results.items()), PUBLISHED]
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    text = "\n".join([how, "", *lines])
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def main(words: Sequence[str] | None = None) -> int:
    """Measure what is missing and write the table; return 1 if a proven image was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/robustness"))
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--only", choices=TRAININGS)
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args(words)
    options.out.mkdir(parents=True, exist_ok=True)
    results: dict[str, dict[str, Any]] = {}
    for name in TRAININGS:
        file = options.out / f"{name.split()[0]}.json"
        selected = options.only in (None, name)
        if selected and (options.again or not file.exists()):
            file.write_text(json.dumps(measure(name, options.rows)), encoding="utf-8")
        if not file.exists():
            continue
        results[name] = json.loads(file.read_text(encoding="utf-8"))
        print(line(name, results[name]), flush=True)
    write(results)
    return int(any(result["broken"] for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
