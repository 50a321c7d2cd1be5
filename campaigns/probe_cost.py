"""Measure the cost of probes: the time of a training on one core, with them and without.

Run it as ``python campaigns/probe_cost.py`` on an idle machine. Each training runs alternately with and
without probes, and the minimum times are compared. It fails when probes cost more than a twentieth.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np

import chainrule as cr
from chainrule.records import frozen

ALLOWED = 0.05


@frozen
class Subject:
    """A training to be timed.

    Args:
        make: creates a new model.
        x, y: its data.
        epochs, batch: their number and size.
    """

    make: Callable[[], cr.Model]
    x: np.ndarray
    y: np.ndarray
    epochs: int
    batch: int

    def seconds(self, probes: bool) -> tuple[float, int]:
        """The processor time of a training, and how many probes it had."""
        model = self.make()
        start = time.process_time()
        options = {"epochs": self.epochs, "batch_size": self.batch, "probes": probes}
        model.fit(self.x, self.y, verbose=False, doctor=False, **options)
        return time.process_time() - start, len(model.probes)


def subjects() -> dict[str, Subject]:
    """The trainings, by name."""
    draw = np.random.default_rng(0)
    table, images = (
        draw.normal(size=(1000, 20)).astype("f4"),
        draw.normal(size=(3200, 28, 28, 1)).astype("f4"),
    )
    texts = draw.integers(0, 64, (320, 33))
    block = cr.models.gpt2(vocabulary_size=64, length=32, width=64, depth=1, heads=4)
    lenet = cr.models.lenet5()
    dense = cr.Sequential(cr.Dense(32, "relu"), cr.Dense(32, "relu"), cr.Dense(3))
    return {
        "table": Subject(
            lambda: cr.Model(dense, "cross_entropy"), table, draw.integers(0, 3, 1000), 1000, 32
        ),
        "lenet": Subject(
            lambda: cr.Model(lenet, "cross_entropy"), images, draw.integers(0, 10, 3200), 16, 64
        ),
        "gpt block": Subject(lambda: cr.Model(block, "cross_entropy"), texts[:, :-1], texts[:, 1:], 80, 16),
    }


def main(words: Sequence[str] | None = None) -> int:
    """Time each training; return 1 if the probes of one cost more than allowed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only")
    options = parser.parse_args(words)
    cr.settings.threads = 1
    worst = 0.0
    print("training      steps   probes   without    with     cost")
    for name, subject in subjects().items():
        if options.only not in (None, name):
            continue
        rounds = [(subject.seconds(False)[0], *subject.seconds(True)) for _ in range(options.rounds)]
        without, with_probes = min(r[0] for r in rounds), min(r[1] for r in rounds)
        cost = with_probes / without - 1
        worst = max(worst, cost)
        steps = subject.epochs * -(-len(subject.x) // subject.batch)
        print(
            f"{name:12} {steps:6} {rounds[0][2]:8} {without:8.2f} s {with_probes:6.2f} s {cost:7.1%}",
            flush=True,
        )
    return 1 if worst > ALLOWED else 0


if __name__ == "__main__":
    sys.exit(main())
