"""Rules on batch size and seeds: problems 33 and 35."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.diagnosis.history import TrainingRecord
from chainrule.diagnosis.rule import Evidence, Rule
from chainrule.messages import fact
from chainrule.records import frozen

FEW, JITTER = 8, 0.03  # batch size; standard deviation of the changes of the loss, relative to the loss
UPDATES = 100  # in a complete training
SPREADS = 2.0  # standard errors


def _batch_size(record: TrainingRecord) -> Iterator[Evidence]:
    losses = record.losses
    if len(losses) < 8 or not np.isfinite(losses).all() or not record.batch:
        return
    part = len(losses) // 4
    current, before = losses[-part:], losses[-2 * part : -part]
    facts: dict[str, Any] = {"batch": record.batch, "rows": record.rows}
    if record.batch <= FEW and record.rows >= 8 * record.batch:
        jitter = float(np.std(np.diff(losses[-2 * part :])) / max(current.mean(), 1e-12))
        settled = current.mean() > 0.8 * before.mean() and current.mean() > 0.2 * record.first_loss
        if settled and jitter > JITTER:
            yield Evidence(jitter, JITTER, facts, record.step, form="small")
    elif 2 * record.batch >= record.rows >= 200:
        updates = record.steps_per_epoch * len(losses)
        if updates < UPDATES and losses[-1] < 0.99 * current[0] and losses[-1] > 0.5 * record.first_loss:
            yield Evidence(updates, UPDATES, {**facts, "updates": updates}, record.step, form="large")


@frozen
class Comparison:
    """The scores of two training setups over several seeds.

    Args:
        first, second: a score for each seed.
    """

    first: tuple[float, ...]
    second: tuple[float, ...]


def _within_spread(comparison: object) -> Iterator[Evidence]:
    if not isinstance(comparison, Comparison):
        return
    first, second = comparison.first, comparison.second
    difference = abs(_mean(first) - _mean(second))
    facts = {"difference": difference, "seeds": min(len(first), len(second))}
    if facts["seeds"] < 2:
        yield Evidence(facts["seeds"], 2, facts, form="single")
        return
    error = math.sqrt(_variance(first) / len(first) + _variance(second) / len(second))
    if difference < SPREADS * error:
        yield Evidence(difference / error, SPREADS, {**facts, "error": error}, form="spread")


def _mean(scores: Sequence[float]) -> float:
    return sum(scores) / len(scores)


def _variance(scores: Sequence[float]) -> float:
    mean = _mean(scores)
    return sum((score - mean) ** 2 for score in scores) / (len(scores) - 1)


BATCH_SIZE = Rule(
    33,
    "batch-size",
    "batch size too small or too large",
    "warning",
    symptom="gradient noise dominates the updates, or there are very few updates",
    threshold=fact(
        "batch size at most {few}, and a loss that falls by less than a fifth in the last quarter, "
        "is above 20 % of its initial value and fluctuates by more than {jitter:.0%} between "
        "epochs; or a batch with at least half of 200 or more rows, fewer than {updates} updates, "
        "and a loss above half of its initial value that still falls",
        few=FEW,
        jitter=JITTER,
        updates=UPDATES,
    ),
    source="this project's own",
    what={
        "small": (
            "batches of {batch} represent the {rows} rows poorly: the loss fluctuates and no longer falls"
        ),
        "large": (
            "with {batch} of {rows} rows per batch there were only {updates} updates; the loss still falls"
        ),
    },
    why=(
        "The gradient is a mean over the batch: with few samples it is mostly noise, with very many it is "
        "accurate, but there are few updates per epoch."
    ),
    remedy="model.fit(x, y, batch_size=32)",
    after=_batch_size,
)
SEED_EFFECT = Rule(
    35,
    "seed-effect",
    "difference within the variation between seeds",
    "info",
    symptom="two training setups differ by less than one setup with different seeds",
    threshold=fact(
        "the means differ by less than {spreads:g} standard errors; or there is only one seed",
        spreads=SPREADS,
    ),
    source="this project's own, after Welch's test",
    what={
        "spread": (
            "the difference of {difference:.3g} is {value:.2g} standard errors over {seeds} seeds: it may be "
            "due to chance"
        ),
        "single": "with one seed, a difference of {difference:.3g} cannot be distinguished from chance",
    },
    why="Initial weights, the order of the rows and dropout are random; another seed is another training.",
    remedy="[model.fit(x, y, seed=seed) for seed in range(5)]",
    remedy_comment="compare the means",
    after=_within_spread,
)
