"""The initial loss of sound and faulty networks with many seeds: rule 8.

``python -m campaigns.doctor_cases.initial_losses [--seeds 200]`` prints the initial loss relative to random
guessing, ln K, and how many seeds the rule reports. Seeds 0 to 19 are cases of ``campaigns.doctor``.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from campaigns.doctor_cases.before import two_classes
from campaigns.doctor_cases.case import Case
from campaigns.doctor_cases.training import blobs

import chainrule as cr

RULE = "first-loss"
Problem = tuple[np.ndarray, np.ndarray, cr.Layer]


def mlp(classes: int, *units: int, activation: str = "relu", **last: Any) -> cr.Layer:
    """Fully connected layers; the options are those of the last one."""
    hidden = (cr.Dense(n, activation) for n in units)
    return cr.Sequential(*hidden, cr.Dense(classes, **last))


def clusters(net: cr.Layer, seed: int, classes: int = 3) -> Problem:
    """Clusters of points with this network."""
    return *blobs(360, 6, classes, 3.0, seed), net


def standardized(classes: int, seed: int, **last: Any) -> Problem:
    """Standardized features and two hidden layers."""
    draw = np.random.default_rng(seed)
    return draw.normal(size=(300, 8)), draw.integers(0, classes, 300), mlp(classes, 32, 32, **last)


def four_classes(seed: int, **last: Any) -> Problem:
    """Four classes and one hidden layer."""
    x, y = two_classes(seed=seed)
    return x, np.arange(len(y)) % 4, mlp(4, 16, **last)


def scaled(times: float, seed: int) -> Problem:
    """Two classes with inputs in another unit."""
    x, y = two_classes(seed=seed)
    return times * x, y, mlp(2, 8)


def dropped() -> cr.Layer:
    return cr.Sequential(cr.Dense(64, "relu"), cr.Dropout(0.3), cr.Dense(3))


SOUND: dict[str, Callable[[int], Problem]] = {
    "one hidden layer": lambda seed: clusters(mlp(3, 32), seed),
    "five relu layers": lambda seed: clusters(mlp(3, *[32] * 5), seed),
    "gelu": lambda seed: clusters(mlp(3, 24, 24, activation="gelu"), seed),
    "dropout": lambda seed: clusters(dropped(), seed),
    "ten layers, 2 classes": lambda seed: (*two_classes(seed=seed), mlp(2, *[24] * 10)),
    "2 classes": lambda seed: standardized(2, seed),
    "10 classes": lambda seed: standardized(10, seed),
    "50 classes": lambda seed: standardized(50, seed),
}
FAULTY: dict[str, Callable[[int], Problem]] = {
    "scores 23 times too large": lambda seed: four_classes(seed, weight_initializer=cr.Normal(0.0, 8.0)),
    "biases up to 60": lambda seed: four_classes(seed, bias_initializer=cr.Uniform(-60.0, 60.0)),
    "inputs in hundreds": lambda seed: scaled(100.0, seed),
    "10 classes, scores 12 times too large": lambda seed: standardized(
        10, seed, weight_initializer=cr.Normal(0.0, 3.0)
    ),
}


def reported(problem: Problem, seed: int) -> bool:
    """Whether the rule reports the network."""
    x, y, net = problem
    return RULE in cr.Model(net, "cross_entropy").check(x, y, seed=seed, lang="en").rules


def initial_loss(problem: Problem, seed: int) -> float:
    """The loss of the untrained network relative to random guessing."""
    x, y, net = problem
    model = cr.Model(net, "cross_entropy")
    model.fit(x, y, epochs=0, seed=seed, verbose=False, doctor=False)
    return model.evaluate(x, y)["loss"] / math.log(len(np.unique(y)))


def _case(rule: str, name: str, make: Callable[[int], Problem], seed: int) -> Case:
    def run() -> tuple[str, ...]:
        return (RULE,) if reported(make(seed), seed) else ()

    return Case(rule, f"untrained: {name}, seed {seed}", run)


CASES = tuple(
    _case(rule, name, make, seed)
    for rule, problems in ((RULE, FAULTY), ("", SOUND))
    for name, make in problems.items()
    for seed in range(20)
)


def main() -> None:
    """Print a row for each kind of network."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    options = parser.parse_args()
    cr.settings.threads = 1
    seeds = range(options.first, options.first + options.seeds)
    print("| networks | smallest | median | largest | reported |\n|---|---|---|---|---|")
    for name, make in {**SOUND, **FAULTY}.items():
        losses = [initial_loss(make(seed), seed) for seed in seeds]
        share = sum(reported(make(seed), seed) for seed in seeds)
        numbers = f"{min(losses):.2f} | {np.median(losses):.2f} | {max(losses):.2f}"
        print(f"| {name} | {numbers} | {share} of {len(seeds)} |", flush=True)


if __name__ == "__main__":
    main()
