"""Trainings whose results depend on chance: rules 33 and 35."""

from __future__ import annotations

import numpy as np
from campaigns.doctor_cases.case import Case
from campaigns.doctor_cases.training import Rules, blobs, trained

import chainrule as cr
from chainrule.diagnosis import compare_seeds


def _noisy(batch: int, learning_rate: float, seed: int = 0) -> Rules:
    x, y = blobs(200, 4, 2, 1.0, seed)
    net = cr.Sequential(cr.Dense(16, "tanh"), cr.Dense(2))
    return trained(
        cr.Model(net, "cross_entropy", cr.SGD(learning_rate)), x, y, epochs=24, batch_size=batch, seed=seed
    )


def _few_steps(rows: int, epochs: int, learning_rate: float = 1e-3) -> Rules:
    x, y = blobs(rows)
    model = cr.Model(
        cr.Sequential(cr.Dense(16, "tanh"), cr.Dense(2)), "cross_entropy", cr.Adam(learning_rate)
    )
    return trained(model, x, y, epochs=epochs, batch_size=None)


def _few_steps_of_values() -> Rules:
    x, _ = blobs(400, 4, 2, 3.0)
    net = cr.Sequential(cr.Dense(16, "tanh"), cr.Dense(1))
    return trained(cr.Model(net, "mse", cr.Adam(1e-3)), x, x.sum(axis=1), epochs=15, batch_size=200)


def _scores(width: int, seeds: int) -> list[float]:
    x, y = blobs(120, 4, 2, 1.5)
    scores = []
    for seed in range(seeds):
        model = cr.Model(cr.Sequential(cr.Dense(width, "relu"), cr.Dense(2)), "cross_entropy")
        model.fit(x[:60], y[:60], epochs=10, seed=seed, verbose=False)
        scores.append(model.evaluate(x[60:], y[60:])["accuracy"])
    return scores


def _sampled_scores() -> Rules:
    draw = np.random.default_rng(0)
    return compare_seeds(draw.normal(0.9, 0.01, 5), draw.normal(0.9, 0.01, 5)).rules


CASES = (
    Case("batch-size", "single samples at a high rate", lambda: _noisy(1, 0.3)),
    Case("batch-size", "pairs at a high rate", lambda: _noisy(2, 0.5, 1)),
    Case("batch-size", "threes at a high rate", lambda: _noisy(3, 0.5, 2)),
    Case("batch-size", "all rows at once, 20 epochs", lambda: _few_steps(400, 20)),
    Case("batch-size", "a thousand rows at once, 40 epochs", lambda: _few_steps(1000, 40, 3e-4)),
    Case("batch-size", "half of the rows at once, values", _few_steps_of_values),
    Case(
        "seed-effect",
        "15 units or 16, three seeds",
        lambda: compare_seeds(_scores(15, 3), _scores(16, 3)).rules,
    ),
    Case("seed-effect", "one seed each", lambda: compare_seeds(_scores(8, 1), _scores(16, 1)).rules),
    Case("seed-effect", "numbers of one distribution", _sampled_scores),
)
