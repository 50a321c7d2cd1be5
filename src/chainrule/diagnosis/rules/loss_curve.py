"""Rules on the loss curve: problems 9 to 12."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from chainrule.diagnosis.history import TrainingRecord, median
from chainrule.diagnosis.rule import Evidence, Rule
from chainrule.diagnosis.rules.penalty import shrinking

RUNAWAY = 4.0  # loss relative to the best before it
STRIDE, LEAP = 0.1, 0.5  # update relative to the norm of the weights; the same for the first update
CREEP, STRAIGHT = 1e-3, 0.6  # a small relative update; late decrease of the loss relative to the early one
STUCK, UNCHANGED = 0.02, 0.9  # all updates relative to the weights; final loss relative to the initial one
GOOD = 0.7  # final loss relative to that of the best constant prediction, below which the weights are good
SWING, SHARE = 0.3, 0.15  # size of a turn of the loss, relative to its mean; share of epochs with a turn
JITTER = 0.02  # smaller turns, relative to the initial loss, are no oscillation
LEVEL = 0.05  # mean loss relative to the initial loss, below which turns are not reported
FLAT, STILL = 0.02, 1e-3  # relative decrease of the loss from its initial value; from the first epoch on


def _too_high(record: TrainingRecord) -> Iterator[Evidence]:
    step = record.step
    stride, first = _stride(record), record.first_loss
    losses = record.losses[np.isfinite(record.losses)]
    if len(losses) >= 2 and first > 0:
        best = np.minimum.accumulate(np.concatenate([[first], losses[:-1]]))
        ratio = losses / np.maximum(best, 0.1 * first)
        if ratio[-1] > RUNAWAY or (ratio.max() > RUNAWAY and losses[-1] > 0.5 * first):
            yield Evidence(float(ratio.max()), RUNAWAY, {}, step, form="runaway")
            return
    is_constant = (
        len(losses) >= 3 and losses[-1] > 0.9 * losses[0] and losses[-1] > 0.9 * record.constant_loss
    )
    is_not_better = len(losses) >= 3 and losses[-1] > 0.9 * first
    if stride > STRIDE and (is_not_better or is_constant or record.error is not None):
        yield Evidence(stride, STRIDE, {}, step, form="stride")
    elif (leap := _stride(record, first=True)) > LEAP and (is_not_better or is_constant):
        yield Evidence(leap, LEAP, {}, 0, form="leap")
    elif record.nonfinite_error is not None and _growth(record):
        yield Evidence(_growth(record), RUNAWAY, {}, step, form="fault")


def _growth(record: TrainingRecord) -> float:
    """Return the growth of the norm of the weights since the beginning if it is very large, else 0."""
    if len(record.probes) < 2:
        return 0.0
    norms = [
        sum(record.statistic(probe, "weight").values()) for probe in (record.probes[0], record.probes[-1])
    ]
    growth = norms[1] / max(norms[0], 1e-12)
    return growth if not growth <= RUNAWAY else 0.0


def _stride(record: TrainingRecord, first: bool = False) -> float:
    """Return the median update of the weight matrices relative to their norms; 0 if unknown.

    Args:
        record: the training.
        first: whether to use the first update instead of those after the first steps.
    """
    steps = [
        value for probe in record.probes if (probe.step == 0 if first else probe.step >= 10)
        for value in record.statistic(probe, "update").values()
    ]  # fmt: skip
    return median(steps) if steps else 0.0


def too_low(record: TrainingRecord) -> Iterator[Evidence]:
    """Report steps that are too small for the weights to have gone anywhere."""
    losses, stride = record.losses, _stride(record) or _stride(record, first=True)
    if len(losses) < 8 or not 0 < stride < CREEP or not np.isfinite(losses).all():
        return
    distance = stride * record.steps_per_epoch * len(losses)  # of all updates, if they have one direction
    has_moved = distance >= STUCK or not losses[-1] > UNCHANGED * record.first_loss
    if not has_moved and not losses[-1] < GOOD * record.constant_loss:
        yield Evidence(distance, STUCK, {"steps": record.step}, record.step, form="stuck")
        return
    start, center, end = (float(part.mean()) for part in _thirds(losses))
    early_decrease, late_decrease = start - center, center - end
    decreasing = float(np.mean(np.diff(losses) < 0))
    if (
        early_decrease > 0
        and late_decrease > STRAIGHT * early_decrease
        and decreasing > 0.7
        and end > 0.5 * record.first_loss
        and distance < 1
    ):
        yield Evidence(stride, CREEP, {}, record.step, form="creep")


def _thirds(losses: np.ndarray) -> list[np.ndarray]:
    """Return the beginning, the middle and the end, a quarter of the epochs each."""
    part = len(losses) // 4
    return [losses[start : start + part] for start in (0, (len(losses) - part) // 2, len(losses) - part)]


def _oscillating(record: TrainingRecord) -> Iterator[Evidence]:
    losses = record.losses[len(record.losses) // 4 :]
    if len(losses) < 8 or not np.isfinite(losses).all():
        return
    mean = float(np.abs(losses).mean())
    # A loss that is nearly 0 fluctuates in every training, which is no oscillation.
    share = _turns(losses, max(SWING * mean, JITTER * record.first_loss)) / len(losses)
    if share > SHARE and mean > LEVEL * record.first_loss:
        yield Evidence(share, SHARE, {"share": share}, record.step)


def _turns(losses: np.ndarray, size: float) -> int:
    """Return how often a loss changes direction, by at least this size.

    Example:
        >>> _turns(np.array([1.0, 2.0, 1.0, 1.1, 1.0, 2.0]), 0.5)
        2
    """
    turns, low, high, rises = 0, losses[0], losses[0], None
    for loss in losses:
        low, high = min(low, loss), max(high, loss)
        if rises is not False and loss < high - size:
            turns, rises, low, high = turns + (rises is True), False, loss, loss
        elif rises is not True and loss > low + size:
            turns, rises, low, high = turns + (rises is False), True, loss, loss
    return turns


def _flat(record: TrainingRecord) -> Iterator[Evidence]:
    losses = record.losses[np.isfinite(record.losses)]
    if len(losses) < 5 or not record.first_loss > 0 or not losses[0] > 0 or any(shrinking(record)):
        return  # a penalty that is too strong is the cause, and has its own rule
    start, best = record.first_loss, float(losses.min())
    is_flat = losses[-1] > (1 - FLAT) * losses[len(losses) // 2]
    if is_flat and abs(best - record.constant_loss) < FLAT * record.constant_loss:
        start = min(start, record.constant_loss)  # a constant prediction needs nothing from the inputs
    # The first probe has few rows of one batch, so its loss is another one.
    first = float(losses[0])
    within = 1 - best / first if first else math.inf
    decrease = within if within < STILL and start < 1.2 * first else 1 - best / start
    if decrease < FLAT and not best < 0.5 * record.constant_loss:
        facts = {"share": max(decrease, 0.0), "epochs": len(losses)}
        yield Evidence(decrease, FLAT, facts, record.step)


RATE_TOO_HIGH = Rule(
    9, "rate-too-high", ("learning rate too high", "学习率过大"), "warning",
    symptom=(
        "the loss diverges, or every step changes the weights strongly",
        "损失失控上升，或每一步都把权重移动很远",
    ),
    threshold=(
        f"a loss above {RUNAWAY:g} times the best so far; or steps above {STRIDE:.0%} of the norm of the "
        f"weights (the first step: {LEAP:.0%}) while the loss does not fall",
        f"损失超过此前最好值的 {RUNAWAY:g} 倍；或每步移动超过权重长度的 {STRIDE:.0%}"
        f"（第一步：{LEAP:.0%}）而损失不降",
    ),
    source=(
        "fastai's learning-rate finder (4 times the best); CS231n (steps of about 1e-3); the 10 % is this "
        "project's own"
    ),
    what={
        "runaway": (
            "the loss reached {value:.3g} times its previous best",
            "损失达到此前最好值的 {value:.3g} 倍",
        ),
        "stride": (
            "each step changes the weights by {value:.1%} of their norm, and the loss does not fall",
            "每一步移动权重长度的 {value:.1%}，损失却不下降",
        ),
        "leap": (
            "the first step alone changes the weights by {value:.0%} of their norm, and the loss does "
            "not fall",
            "仅第一步就移动了权重长度的 {value:.0%}，损失没有下降",
        ),
        "fault": (
            "the weights grew to {value:.3g} times their initial norm before a value overflowed",
            "溢出之前，权重增长到最初的 {value:.3g} 倍",
        ),
    },
    why=(
        "The gradient is the slope at one point only; a step longer than the width of the valley climbs its "
        "other side.",
        "梯度只说明当前位置的坡度；步子比谷还宽，就会爬上对面的坡。",
    ),
    remedy="model.find_learning_rate(x, y).suggestion  # or divide the learning rate by 3 to 10",
    remedy_comment="或把学习率减小到 1/3 至 1/10",
    during=_too_high,
)  # fmt: skip
RATE_TOO_LOW = Rule(
    10, "rate-too-low", ("learning rate too low", "学习率过小"), "warning",
    symptom=(
        "the loss falls linearly, by a little in each epoch, or the weights hardly change at all",
        "损失沿直线缓慢下降，或权重几乎不变",
    ),
    threshold=(
        f"steps below {CREEP:g} of the norm of the weights, and a loss above half of its initial value "
        f"that falls at the end as fast (more than {STRAIGHT:.0%}) as at the beginning; or all steps "
        f"together below {STUCK:.0%} of that norm, and a loss above {UNCHANGED:.0%} of its initial value",
        f"每步移动不到权重长度的 {CREEP:g}，损失仍高于初值的一半，且后期下降速度不低于前期的 {STRAIGHT:.0%}；"
        f"或所有步加起来不到该长度的 {STUCK:.0%}，且损失仍高于初值的 {UNCHANGED:.0%}",
    ),
    source="CS231n (steps of about 1e-3); AutoTrainer",
    what={
        "creep": (
            "each step changes the weights by only {value:.2g} of their norm, and the loss still falls "
            "linearly",
            "每一步只移动权重长度的 {value:.2g}，损失仍在沿直线下降",
        ),
        "stuck": (
            "all {steps} steps together change the weights by at most {value:.2g} of their norm: nothing "
            "could be learned yet",
            "全部 {steps} 步加起来至多移动权重长度的 {value:.2g}：还学不到任何东西",
        ),
    },
    why=(
        "Steps this small need many times as many epochs.",
        "步子这样小，需要多出许多倍的轮数才能收敛。",
    ),
    remedy="model.find_learning_rate(x, y).suggestion  # or multiply the learning rate by 3 to 10",
    remedy_comment="或把学习率增大 3 至 10 倍",
    after=too_low,
)  # fmt: skip
OSCILLATING = Rule(
    11, "oscillating-loss", ("oscillating loss", "损失震荡"), "warning",
    symptom=("the loss rises and falls from epoch to epoch", "损失逐轮忽高忽低"),
    threshold=(
        f"after the first quarter the loss changes direction in more than {SHARE:.0%} of the epochs, "
        f"each time by more than {SWING:.0%} of its mean and {JITTER:.0%} of its initial value, and its "
        f"mean is above {LEVEL:.0%} of its initial value",
        f"前四分之一之后，超过 {SHARE:.0%} 的轮次里损失发生转折，每次幅度超过其均值的 {SWING:.0%} "
        f"与初值的 {JITTER:.0%}，"
        f"且均值高于初值的 {LEVEL:.0%}",
    ),
    source="AutoTrainer (swings in 20 % of the epochs); the size of a swing is this project's own",
    what=(
        "the loss changes direction in {share:.0%} of the epochs",
        "有 {share:.0%} 的轮次损失来回摆动",
    ),
    why=(
        "The steps jump from one side of a valley to the other: the learning rate is too high at this "
        "stage, or a batch does not represent the data.",
        "步子在谷的两侧来回跳：学习率对这一阶段来说太大，或一批样本代表不了整体。",
    ),
    remedy="cr.Adam(cr.Cosine(1e-3))  # a decreasing learning rate; or use larger batches",
    remedy_comment="递减的学习率；或增大批量",
    after=_oscillating,
)  # fmt: skip
FLAT_LOSS = Rule(
    12, "flat-loss", ("loss does not fall", "损失不降"), "warning",
    symptom=("the loss stays near its initial value", "损失停在初值附近"),
    threshold=(
        f"after five epochs or more, the best epoch is less than {FLAT:.0%} below the initial loss, or "
        "below the loss of the best constant prediction",
        f"五轮以上之后，最好的一轮比初始损失或最佳常数预测的损失降低不到 {FLAT:.0%}",
    ),
    source="SageMaker Debugger, LossNotDecreasing, applied to whole epochs",
    what=(
        "in {epochs} epochs the loss fell by {share:.2%}",
        "{epochs} 轮里损失下降了 {share:.2%}",
    ),
    why=(
        "Nothing is learned: no gradient reaches the weights, the inputs are unrelated to the targets, "
        "or the learning rate is far too low or too high.",
        "什么也没学到：梯度没有传到，输入与目标无关，或学习率差得太远。",
    ),
    remedy="model.fit(x[:20], y[:20], epochs=500)  # can it fit 20 samples? then check data and rate",
    remedy_comment="能否记住 20 个样本？再检查数据和学习率",
    after=_flat,
)  # fmt: skip
