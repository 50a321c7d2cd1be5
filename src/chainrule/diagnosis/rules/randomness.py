"""Rules about what is left to chance: batches and seeds, 33 and 35 of the list of problems."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.diagnosis.history import Course
from chainrule.diagnosis.rule import Evidence, Rule
from chainrule.records import frozen

FEW, JITTER = 8, 0.03  # samples in a batch; the deviation of the changes of the loss, over the loss
UPDATES = 100  # in a whole training
SPREADS = 2.0  # standard errors


def _batch_size(course: Course) -> Iterator[Evidence]:
    losses = course.losses
    if len(losses) < 8 or not np.isfinite(losses).all() or not course.batch:
        return
    part = len(losses) // 4
    now, before = losses[-part:], losses[-2 * part : -part]
    facts: dict[str, Any] = {"batch": course.batch, "rows": course.rows}
    if course.batch <= FEW and course.rows >= 8 * course.batch:
        jitter = float(np.std(np.diff(losses[-2 * part :])) / max(now.mean(), 1e-12))
        settled = now.mean() > 0.8 * before.mean() and now.mean() > 0.2 * course.first_loss
        if settled and jitter > JITTER:
            yield Evidence(jitter, JITTER, facts, course.step, form="small")
    elif 2 * course.batch >= course.rows >= 200:
        made = course.per_epoch * len(losses)
        if made < UPDATES and losses[-1] < 0.99 * now[0] and losses[-1] > 0.5 * course.first_loss:
            yield Evidence(made, UPDATES, {**facts, "made": made}, course.step, form="large")


@frozen
class Comparison:
    """The scores of two ways to train, each with several seeds.

    Args:
        first, second: a score for each seed.
    """

    first: tuple[float, ...]
    second: tuple[float, ...]


def _within_spread(given: object) -> Iterator[Evidence]:
    if not isinstance(given, Comparison):
        return
    first, second = given.first, given.second
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
    33, "batch-size", ("batch too small or too large", "批次过小或过大"), "warning",
    symptom=(
        "chance moves the weights more than the slope does, or there are hardly any steps",
        "偶然性对权重的影响超过了坡度，或更新次数太少",
    ),
    threshold=(
        f"batches of at most {FEW}, and a loss that falls by less than a fifth in the last quarter, is above "
        f"20 % of its first value and jitters by over {JITTER:.0%} from epoch to epoch; or at least half of "
        f"200 rows or more in a batch, fewer than {UPDATES} updates, and a loss above half of its first "
        "value that falls",
        f"批次不超过 {FEW} 个样本，最后四分之一里损失下降不到五分之一，高于初值的 20%，且逐轮抖动超过 "
        f"{JITTER:.0%}；或一个批次占 200 行以上数据的一半，总更新不到 {UPDATES} 次，"
        "损失仍高于初值的一半且在下降",
    ),
    source="this project's own",
    what={
        "small": (
            "batches of {batch} say little of the {rows} rows: the loss jitters and falls no further",
            "{batch} 个样本的批次代表不了 {rows} 行数据：损失抖动且不再下降",
        ),
        "large": (
            "with {batch} of {rows} rows in a batch only {made} updates were made, and the loss still falls",
            "每批 {batch} 行（共 {rows} 行），总共只更新了 {made} 次，损失仍在下降",
        ),
    },
    why=(
        "a gradient is a mean over the batch: of few samples it is mostly chance, of very many it is exact "
        "but leaves few updates",
        "梯度是批次上的平均：样本太少，多是偶然；太多，虽准确但更新次数太少",
    ),
    remedy="model.fit(x, y, batch_size=32)",
    after=_batch_size,
)  # fmt: skip
SEED_EFFECT = Rule(
    35, "seed-effect", ("difference within the spread of seeds", "差异不超过随机种子的波动"), "info",
    symptom=(
        "two ways to train differ by less than one of them does with another seed",
        "两种训练方式的差别小于换一个随机种子带来的差别",
    ),
    threshold=(
        f"the means differ by less than {SPREADS:g} standard errors; or there is only one seed",
        f"均值之差小于 {SPREADS:g} 个标准误；或只有一个种子",
    ),
    source="this project's own, after Welch's test",
    what={
        "spread": (
            "the difference of {difference:.3g} is {value:.2g} standard errors of {seeds} seeds: it may be "
            "chance",
            "差异 {difference:.3g} 只有 {seeds} 个种子的 {value:.2g} 个标准误：可能只是偶然",
        ),
        "single": (
            "one seed cannot tell a difference of {difference:.3g} from chance",
            "只用一个种子，无法判断 {difference:.3g} 的差异是否偶然",
        ),
    },
    why=(
        "first weights, the order of the rows and dropout are drawn at random; another seed is another "
        "training",
        "初始权重、样本次序与 Dropout 都是随机的；换一个种子就是另一次训练",
    ),
    remedy="[model.fit(x, y, seed=seed) for seed in range(5)]  # and compare the means",
    after=_within_spread,
)  # fmt: skip
