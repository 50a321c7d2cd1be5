"""Scores of trainings in bfloat16 and of predictions in 8 bits; writes the tables of docs/precision.md.

Run it as ``python -m campaigns.precision`` (about four minutes on two cores; ``--write`` changes the page).

- *bfloat16*: a network is trained with five seeds in float32 and in bfloat16. Both means differ by less
  than the range of the float32 seeds.
- *8 bits*: on each bundled set of labeled rows, networks learn from four fifths of the rows, are quantized
  with them, and predict the other fifth, five times. Points are percent of all rows.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.model_selection import StratifiedKFold

import chainrule as cr

PAGE = Path(__file__).parents[1] / "docs" / "precision.md"
MARKS = {"bfloat16": "<!-- bfloat16 -->", "int8": "<!-- int8 -->"}
SEEDS, FOLDS, LIMIT = 5, 5, 0.5
LETTERS = 27
TEXT = (Path(__file__).parents[1] / "docs" / "glossary.md").read_text(encoding="utf-8")
Arrays = tuple[np.ndarray, np.ndarray]


def images() -> Arrays:
    """Return the digits as images, (N, 8, 8, 1), with their classes."""
    x, y = load_digits(return_X_y=True)
    return (x / 16).astype("float32").reshape(-1, 8, 8, 1), y


def characters(length: int = 32) -> Arrays:
    """Return windows of the letters of an English text, and the letter after each position."""
    letters = [ord(c) - 96 if c.isalpha() and c.isascii() else 0 for c in TEXT.lower()]
    text = np.array([c for i, c in enumerate(letters) if c or not i or letters[i - 1]], np.int64)
    starts = np.arange(0, len(text) - length - 1, length // 2)
    rows = text[starts[:, None] + np.arange(length + 1)]
    return rows[:, :-1], rows[:, 1:]


def lenet() -> cr.Layer:
    """Return a small convolutional network."""
    layers = cr.Conv(12, 3, padding="same", activation="relu"), cr.MaxPool(2)
    return cr.Sequential(
        *layers, cr.Conv(24, 3, activation="relu"), cr.Flatten(), cr.Dense(64, "relu"), cr.Dense(10)
    )


def gpt() -> cr.Layer:
    """Return a small GPT over letters."""
    return cr.models.gpt2(vocabulary_size=LETTERS, length=32, width=64, depth=2, heads=4)


CASES: dict[str, tuple[Callable[[], cr.Layer], Callable[[], Arrays], str, int]] = {
    "LeNet, digits: accuracy": (lenet, images, "accuracy", 8),
    "GPT, letters: cross-entropy": (gpt, characters, "loss", 6),
}
SETS = {"iris": load_iris, "wine": load_wine, "breast-cancer": load_breast_cancer, "digits": load_digits}


def scores(name: str, precision: Any) -> list[float]:
    """Return the score on the last fifth of the rows for each seed."""
    network, read, score, epochs = CASES[name]
    (x, y), results = read(), []
    first = len(x) * 4 // 5
    for seed in range(SEEDS):
        model = cr.Model(network(), "cross_entropy", cr.Adam(2e-3), precision=precision)
        model.fit(x[:first], y[:first], epochs=epochs, batch_size=64, seed=seed, verbose=False, doctor=False)
        results.append(model.evaluate(x[first:], y[first:])[score])
    return results


def bfloat16_table() -> tuple[list[str], bool]:
    """Return the lines of the table, and whether all means are within the range of the float32 seeds."""
    header = ["network", "float32", "lowest", "highest", "bfloat16", "lowest", "highest"]
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    passes = True
    for name in CASES:
        exact, rounded = (np.array(scores(name, precision)) for precision in ("float32", "bfloat16"))
        difference = float(rounded.mean() - exact.mean())
        passes &= abs(difference) <= float(np.ptp(exact))
        cells = [f"{f(s):.4f}" for s in (exact, rounded) for f in (np.mean, np.min, np.max)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return lines, passes


def subjects() -> Iterator[tuple[str, Callable[[], cr.Layer], np.ndarray, np.ndarray]]:
    """Yield a name, a network and the rows of each bundled set; the digits also as images."""
    for name, load in SETS.items():
        x, y = load(return_X_y=True)
        x = ((x - x.mean(0)) / (x.std(0) + 1e-9)).astype("float32")
        outputs = int(y.max()) + 1
        yield (
            name,
            lambda n=outputs: cr.Sequential(cr.Dense(64, "relu"), cr.Dense(64, "relu"), cr.Dense(n)),
            x,
            y,
        )
    yield "digits, LeNet", lenet, *images()


def int8_table() -> tuple[list[str], bool]:
    """Return the lines of the table, and whether every loss of accuracy is within the limit."""
    header = ["data", "rows", "accuracy, float weights", "accuracy, 8 bits", "loss in points", "other labels"]
    lines, passes = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"], True
    for name, network, x, y in subjects():
        right = {"float": 0, "int8": 0}
        different = 0
        for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(x, y):
            model = cr.Model(network(), "cross_entropy", cr.Adam(2e-3))
            model.fit(x[train], y[train], epochs=20, batch_size=32, verbose=False, doctor=False)
            exact = model.predict(x[test])
            rounded = model.quantize(x[train]).predict(x[test])
            right["float"] += int((exact == y[test]).sum())
            right["int8"] += int((rounded == y[test]).sum())
            different += int((exact != rounded).sum())
        loss = 100 * (right["float"] - right["int8"]) / len(x)
        passes &= loss <= LIMIT
        cells = [f"{100 * right[key] / len(x):.2f} %" for key in ("float", "int8")]
        lines.append(f"| {name} | {len(x):,} | {' | '.join(cells)} | {loss:.2f} | {different} |")
        print(lines[-1], flush=True)
    return lines, passes


def write(page: Path, mark: str, lines: list[str]) -> None:
    """Replace the table between two marks of a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(mark)
    after = rest.partition(mark)[2]
    page.write_text(f"{before}{mark}\n" + "\n".join(lines) + f"\n{mark}{after}", encoding="utf-8")


def main() -> int:
    """Run the measurements; the exit status is 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", choices=list(MARKS), help="one of the two tables")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/precision.md")
    options, passes = parser.parse_args(), True
    for name, table in {"bfloat16": bfloat16_table, "int8": int8_table}.items():
        if options.only in (None, name):
            lines, is_good = table()
            passes &= is_good
            if options.write:
                write(PAGE, MARKS[name], lines)
    print("within the limits" if passes else "a limit is exceeded")
    return 0 if passes else 1


if __name__ == "__main__":
    sys.exit(main())
