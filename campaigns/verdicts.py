"""Count how often ties and differences of simulated methods are called clear.

``python -m campaigns.verdicts`` draws two methods for each row of the table, many times: equally good ones
(ties), and one that is better by the stated amount. The test is that of ``chainrule.metrics``, which decides
every verdict. ``--write`` writes the table of ``docs/metrics.md``. It fails where more ties are called
clear than 5 % and two standard errors of the count.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from chainrule.metrics import (
    Difference,
    SampledScore,
    fold_difference,
    mean_difference,
    mean_score,
    sampled_difference,
)
from chainrule.records import frozen

PAGE = Path(__file__).parents[1] / "docs/metrics.md"
NAME = "simulated verdicts"
HEADER = ("| comparison | ties called clear | a difference | called clear |", "|---|---|---|---|")
LEVEL = 0.05
Simulation = Callable[[np.random.Generator, float], "Difference | None"]


@frozen
class Kind:
    """A kind of comparison: what is compared, how one is drawn, and a difference."""

    name: str
    draw: Simulation
    difference: float
    unit: str


def area(y: np.ndarray, p: np.ndarray) -> float:
    """The area under the ROC curve: the share of pairs in which the positive unit has the larger value."""
    above = p[y][:, None] - p[~y]  # (positive, negative)
    return float(np.mean((above > 0) + 0.5 * (above == 0)))


def of_areas(positives: int, rows: int = 200) -> Simulation:
    """Areas under the curve of two methods whose errors are alike in part; the second has less signal."""

    def draw(rng: np.random.Generator, gap: float) -> Difference | None:
        y = np.arange(rows) < positives
        seen, signal = 0.7 * rng.normal(size=rows), 1.5 * y
        outputs = [signal * scale + seen + 0.7 * rng.normal(size=rows) for scale in (1.0, 1.0 - gap)]
        return sampled_difference(*([SampledScore(area, (y, p), y)] for p in outputs))

    return draw


def of_rows(loss: Callable[[np.ndarray, np.ndarray], np.ndarray], rows: int, k: int = 5) -> Simulation:
    """Losses of out-of-fold predictions of two linear models that read other columns of the same table."""

    def draw(rng: np.random.Generator, gap: float) -> Difference | None:
        columns = rng.normal(size=(2, k * rows, 7))
        y = columns[0, :, 0] + (1 - gap) * columns[1, :, 0] + rng.normal(size=k * rows)
        y, fold = y if loss is squared else np.sign(y), np.arange(k * rows) % k
        losses = np.zeros((2, k * rows))
        for number in range(k):
            train, test = fold != number, fold == number
            for x, own in zip(columns, losses, strict=True):
                weights = np.linalg.lstsq(x[train], y[train], rcond=None)[0]
                own[test] = loss(y[test], x[test] @ weights)
        return mean_difference(*losses, folds=k)

    return draw


def squared(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The squared errors."""
    return (y - p) ** 2


def wrong(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Whether the sign is wrong."""
    return (np.sign(p) != y).astype(float)


def logistic(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The log-losses."""
    return np.logaddexp(0, -2 * y * p)


def of_folds(rng: np.random.Generator, gap: float, k: int = 5) -> Difference | None:
    """Scores of folds, which have something in common besides their own rows."""
    return fold_difference(rng.normal(size=k) + rng.normal() * 0.5 + gap, np.zeros(k), 1 / (k - 1))


def of_units(rng: np.random.Generator, gap: float) -> Difference | None:
    """Mean scores of 120 units by two methods."""
    a, b = rng.normal(size=(2, 120)) + rng.normal(size=120)
    return sampled_difference([mean_score(a + gap)], [mean_score(b)])


KINDS = (
    Kind("mean of 120 test rows", of_units, 0.5, "0.35 standard deviations"),
    *(
        Kind(
            f"area under the curve, {n} positive rows of 200", of_areas(n), 0.8, "a fifth of the signal left"
        )
        for n in (3, 4, 5, 10, 30)
    ),
    *(
        Kind(
            f"{name} of {5 * rows} rows of five folds", of_rows(loss, rows), 0.8, "a fifth of the signal left"
        )
        for name, loss in (("squared error", squared), ("accuracy", wrong), ("log-loss", logistic))
        for rows in (12, 60)
    ),
    Kind("scores of five folds", of_folds, 3.0, "3 standard deviations"),
)


def share(kind: Kind, gap: float, count: int) -> float:
    """How often a drawn comparison is called clear."""
    clear = [kind.draw(np.random.Generator(np.random.Philox(seed)), gap) for seed in range(count)]
    return float(np.mean([result is not None and result.is_clear for result in clear]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw comparisons of each kind; 1 if ties are called clear too often."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=400, help="comparisons of each kind")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    limit = LEVEL + 2 * np.sqrt(LEVEL * (1 - LEVEL) / options.count)
    table, failed = list(HEADER), False
    for kind in KINDS:
        ties, differences = (share(kind, gap, options.count) for gap in (0.0, kind.difference))
        table.append(f"| {kind.name} | {ties:.1%} | {kind.unit} | {differences:.0%} |")
        print(table[-1], flush=True)
        failed |= ties > limit
    if options.write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(f"<!-- {NAME} -->")
        text = "\n".join([f"<!-- {NAME} -->", *table, f"<!-- end of {NAME} -->"])
        PAGE.write_text(f"{before}{text}{rest.partition(f'<!-- end of {NAME} -->')[2]}", encoding="utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
