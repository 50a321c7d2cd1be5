"""Accuracy, robust accuracy and certified accuracy of three trainings; writes a table of docs/trust.md.

Run it as ``python -m campaigns.robustness``. A small convolutional network learns Fashion-MNIST by ordinary,
adversarial and interval training at an L-inf radius of 0.1. Per training and seed: the accuracy on the test
images, the accuracy under an ensemble of attacks on the first ``--rows`` of them, and the share of these that
is proven robust by interval bounds with a linear last pass. For one seed, verified accuracies at several
radii by three methods follow in a second table: linear bounds (CROWN), the same and division of the input
box, and division by the signs of relu with optimized slopes, both with ``SECONDS`` of processor time for each
image. All bounds are computed in float64 with outward rounding. What is in the folder is not repeated. The
campaign fails if a proven image was broken.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.bounds.branch_and_bound import BranchAndBound
from chainrule.bounds.neuron_splitting import NeuronSplitting
from chainrule.bounds.propagation import ONE_PASS
from chainrule.bounds.requirement import Case
from chainrule.bounds.verified_network import Subject

PAGE = Path(__file__).parents[1] / "docs" / "trust.md"
BEGIN, END = "<!-- robustness -->", "<!-- end of robustness -->"
RADIUS = 0.1
BATCH = 128
STEPS_OF_EPOCH = 60_000 // BATCH
TRAININGS: dict[str, tuple[int, float, Any]] = {  # name -> epochs, learning rate, how
    "plain": (8, 1e-3, None),
    "adversarial (PGD, 7 steps)": (5, 1e-3, cr.AdversarialTraining(radius=RADIUS, steps=7)),
    "interval": (
        16,
        2e-3,
        cr.IntervalTraining(radius=RADIUS, warmup=STEPS_OF_EPOCH, ramp=8 * STEPS_OF_EPOCH, clean_weight=0.0),
    ),
}
HEAD = """\
| training | epochs | accuracy | under attack | proven | CPU time of the training |
|---|---|---|---|---|---|"""
PUBLISHED = """\
| published, MNIST at 0.1: IBP (Gowal et al., 2018, arXiv; 2019, ICCV) | | | | 97.1 %; 97.8 % | |
| published, MNIST at 0.3: IBP (Gowal et al., 2018, arXiv; 2019, ICCV) | | | | 91.8 %; 92.0 % | |"""
BLOCK = 16  # images that are bounded at once
SECONDS = 2.0  # of processor time for each image and method
VERIFIED = {  # the radii at which the networks are verified
    "plain": {"2/255": 2 / 255, "4/255": 4 / 255},
    "adversarial (PGD, 7 steps)": {"4/255": 4 / 255, "8/255": 8 / 255},
    "interval": {"0.1": 0.1},
}
VERIFIED_HEAD = """\
| training | radius | correct | linear bounds | and division of the box | and division by signs of relu |
|---|---|---|---|---|---|"""


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


def trained(name: str, seed: int, file: Path) -> tuple[cr.Model, float]:
    """The trained network, from its file if there is one, and the processor time of its training."""
    note = file.with_suffix(".seconds")
    if file.exists():
        return cr.load(file), float(note.read_text())
    epochs, learning_rate, robust = TRAININGS[name]
    x, y = images("train")
    model = cr.Model(network(), "cross_entropy", cr.Adam(cr.Cosine(learning_rate)))
    start = time.process_time()
    model.fit(x, y, epochs=epochs, batch_size=BATCH, seed=seed, robust=robust, verbose=False)
    spent = time.process_time() - start
    note.write_text(f"{spent:.1f}")
    model.save(file)
    return model, spent


def subject_of(model: cr.Model) -> Subject:
    """The network of a model for bounds."""
    assert model.network is not None
    return Subject(model.network.inference.output, model.parameters(), "x")


def margins(
    subject: Subject, x: np.ndarray, labels: np.ndarray, radius: float, is_tightened: bool
) -> np.ndarray:
    """Lower bounds of the logit of the label minus each other one, for all changes of images, (n, 9)."""
    lower, upper = box_of(x, radius)
    enclosure = subject.enclosure(lower, upper, tightening=ONE_PASS if is_tightened else None)
    boxes = np.repeat(np.arange(len(x)), 9)
    rows = np.concatenate([differences(label) for label in labels])
    return enclosure.linear_bound(subject.structure.output, rows, boxes).value.reshape(-1, 9)


def differences(label: int) -> np.ndarray:
    """The coefficients of the logit of a label minus each other one, (9, 10)."""
    return np.delete(np.eye(10)[label] - np.eye(10), label, axis=0)


def box_of(x: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """The flat boxes of images (n, 28, 28, 1) within a radius, rounded outward."""
    flat = x.reshape(len(x), -1).astype(np.float64)
    lower, upper = np.nextafter(flat - radius, -1), np.nextafter(flat + radius, 2)
    return np.maximum(lower, 0.0), np.minimum(upper, 1.0)


def proven(model: cr.Model, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Whether no image of each ball is misclassified, (n,): a proof in float64 with outward rounding."""
    subject = subject_of(model)
    parts = [slice(start, start + BLOCK) for start in range(0, len(x), BLOCK)]
    bounds = [margins(subject, x[part], labels[part], RADIUS, is_tightened=False) for part in parts]
    return np.asarray((np.concatenate(bounds) > 0).all(axis=1))  # NaN, no bound, is no proof


def is_divided(
    subject: Subject,
    search_of: Callable[[Subject, Case], Any],
    x: np.ndarray,
    rows: np.ndarray,
    radius: float,
) -> bool:
    """Whether a search proves that some differences of logits are positive, in ``SECONDS`` together."""
    lower, upper = (tuple(Fraction(float(v)) for v in end[0]) for end in box_of(x, radius))
    started = time.process_time()
    for row in rows:
        search = search_of(subject, Case(lower, upper, row[None], (Fraction(0),)))
        if search.run(lambda: time.process_time() - started > SECONDS) is not None or not search.is_done:
            return False
    return True


def verified(model: cr.Model, radius: float, x: np.ndarray, labels: np.ndarray) -> list[int]:
    """The number of correct images, and of those proven by each of ``METHODS``."""
    subject, counts = subject_of(model), np.zeros(4, int)
    correct = subject.run(x.reshape(len(x), -1)).argmax(1) == labels
    for i in np.flatnonzero(correct):
        image, label = x[i : i + 1], int(labels[i])
        excluded = margins(subject, image, labels[i : i + 1], radius, is_tightened=True)[0] > 0
        rest, is_proven = differences(label)[~excluded], bool(excluded.all())
        searches = (BranchAndBound, NeuronSplitting)
        are_proven = [is_proven or is_divided(subject, search, image, rest, radius) for search in searches]
        counts += np.array([True, is_proven, *are_proven])
    return counts.tolist()


def measure(name: str, seed: int, rows: int, file: Path) -> dict[str, Any]:
    """Train a network and measure its three accuracies."""
    model, spent = trained(name, seed, file)
    x, y = images("test")
    accuracy = model.evaluate(x, y)["accuracy"]
    result = model.attack(x[:rows], y[:rows], radius=RADIUS, method="ensemble", lang="en")
    print(name, result, sep="\n", flush=True)
    is_proven = proven(model, x[:rows], result.labels) & (result.clean == result.labels)
    return {
        "epochs": TRAININGS[name][0],
        "accuracy": accuracy,
        "rows": rows,
        "seconds": spent,
        "robust": result.robust_accuracy.count,
        "proven": int(is_proven.sum()),
        "broken": int((is_proven & result.success).sum()),
        "suspicions": [check.name for check in result.suspicions],
    }


def share(counts: Sequence[int], rows: int) -> str:
    """The mean share over the trainings with its standard error over the images, and the range.

    All trainings are attacked on the same images, so their number does not reduce the standard error.
    """
    p = sum(counts) / len(counts) / rows
    text = f"{100 * p:.1f} % ± {100 * (p * (1 - p) / rows) ** 0.5:.1f} %"
    if len(counts) == 1:
        return text
    return f"{text} ({100 * min(counts) / rows:.1f} … {100 * max(counts) / rows:.1f})"


def line(name: str, results: Sequence[dict[str, Any]]) -> str:
    """A row of the table: the mean over the seeds."""
    rows = results[0]["rows"]
    robust, is_proven = ([result[key] for result in results] for key in ("robust", "proven"))
    accuracy, seconds = (np.mean([result[key] for result in results]) for key in ("accuracy", "seconds"))
    return (
        f"| {name} | {results[0]['epochs']} | {100 * accuracy:.1f} % | {share(robust, rows)} "
        f"| {share(is_proven, rows)} | {seconds:.0f} s |"
    )


def write(
    results: dict[str, list[dict[str, Any]]], counts: dict[str, dict[str, list[int]]], checked: int
) -> None:
    """Replace the tables between the marks of the page."""
    first = next(iter(results.values()))
    seeds = {len(of_name) for of_name in results.values()}
    rows = first[0]["rows"]
    how = (
        f"By `python -m campaigns.robustness --seeds {max(seeds)} --rows {rows}`; attack and proof on the "
        f"first {rows} test images; trainings: {max(seeds)} of each kind:"
    )
    lines = [how, "", HEAD, *(line(name, result) for name, result in results.items()), PUBLISHED]
    if counts:
        lines += [
            "",
            f"Proven of the first {checked} test images (`--verified {checked}`), {SECONDS:.0f} s for each:",
            "",
            VERIFIED_HEAD,
        ]
    for name, by_radius in counts.items():
        for radius, numbers in by_radius.items():
            lines.append(f"| {name} | {radius} | {' | '.join(map(str, numbers))} |")
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    text = "\n".join(lines)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def stored(file: Path, is_measured: bool, function: Callable[[], Any]) -> Any:
    """The content of a file of results; written first if it is missing and to be measured."""
    if is_measured and not file.exists():
        file.write_text(json.dumps(function()), encoding="utf-8")
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def main(words: Sequence[str] | None = None) -> int:
    """Measure what is missing and write the tables; return 1 if a proven image was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/robustness"))
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--verified", type=int, default=50, help="images for the table of methods")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", choices=TRAININGS)
    options = parser.parse_args(words)
    options.out.mkdir(parents=True, exist_ok=True)
    results: dict[str, list[dict[str, Any]]] = {}
    counts: dict[str, dict[str, list[int]]] = {}
    for name in TRAININGS:
        selected = options.only in (None, name)
        stem = options.out / name.split()[0]
        for seed in range(options.seeds):
            file = Path(f"{stem}-{seed}.json")
            model_file = file.with_suffix(".safetensors")
            result = stored(
                file, selected, lambda f=model_file, s=seed, n=name: measure(n, s, options.rows, f)
            )
            if result is not None:
                results.setdefault(name, []).append(result)
                print(line(name, [result]), flush=True)
        for radius, value in VERIFIED[name].items():
            file = Path(f"{stem}-{radius.replace('/', '_')}.json")
            numbers = stored(
                file, selected, lambda n=name, r=value, s=stem: of_first_seed(n, r, s, options.verified)
            )
            if numbers is not None:
                counts.setdefault(name, {})[radius] = numbers
                print(name, radius, numbers, flush=True)
    if len(results) == len(TRAININGS):
        write(results, counts, options.verified)
    return int(any(result["broken"] for of_name in results.values() for result in of_name))


def of_first_seed(name: str, radius: float, stem: Path, count: int) -> list[int]:
    """``verified`` for the training with the first seed."""
    model, _ = trained(name, 0, Path(f"{stem}-0.safetensors"))
    x, y = images("test")
    classes = sorted(set(y.tolist()))
    labels = np.array([classes.index(label) for label in y[:count].tolist()])
    return verified(model, radius, x[:count], labels)


if __name__ == "__main__":
    sys.exit(main())
