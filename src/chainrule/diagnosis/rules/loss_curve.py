"""Rules about the way a loss goes: 9 to 12 of the list of problems."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.diagnosis.history import Course, middle
from chainrule.diagnosis.rule import Evidence, Rule

RUNAWAY = 4.0  # a loss over the best before it
STRIDE, LEAP = 0.1, 0.5  # a step over the length of the weights it moves; the very first one
CREEP, STRAIGHT = 1e-3, 0.6  # a step that is small; the late fall of a loss over the early fall
SWING, SHARE = 0.3, 0.15  # a turn of the loss, as a part of its mean; the share of epochs that turn
JITTER = 0.02  # of the first loss: smaller swings are no oscillation
LEVEL = 0.05  # a mean loss, as a part of the first, below which it may swing
FLAT, STILL = 0.02, 1e-3  # the fall of a loss from its start, and from the first epoch on


def _too_high(course: Course) -> Iterator[Evidence]:
    step = course.step
    stride, first = _stride(course), course.first_loss
    losses = course.losses[np.isfinite(course.losses)]
    if len(losses) >= 2 and first > 0:
        best = np.minimum.accumulate(np.concatenate([[first], losses[:-1]]))
        ratio = losses / np.maximum(best, 0.1 * first)
        if ratio[-1] > RUNAWAY or (ratio.max() > RUNAWAY and losses[-1] > 0.5 * first):
            yield Evidence(float(ratio.max()), RUNAWAY, {}, step, form="runaway")
            return
    stays = len(losses) >= 3 and losses[-1] > 0.9 * losses[0] and losses[-1] > 0.9 * course.chance
    worse = len(losses) >= 3 and losses[-1] > 0.9 * first
    if stride > STRIDE and (worse or stays or course.fault):
        yield Evidence(stride, STRIDE, {}, step, form="stride")
    elif (leap := _stride(course, first=True)) > LEAP and (worse or stays):
        yield Evidence(leap, LEAP, {}, 0, form="leap")
    elif "E501" in course.fault and _grown(course):
        yield Evidence(_grown(course), RUNAWAY, {}, step, form="fault")


def _grown(course: Course) -> float:
    """By how much the weights of the net have grown since its beginning, where it is very much; else 0."""
    if len(course.probes) < 2:
        return 0.0
    sizes = [
        sum(course.of_kernels(probe, "weight").values()) for probe in (course.probes[0], course.probes[-1])
    ]
    grown = sizes[1] / max(sizes[0], 1e-12)
    return grown if not grown <= RUNAWAY else 0.0


def _stride(course: Course, first: bool = False) -> float:
    """The median step of the weight matrices over their lengths, after the first steps; 0 if unknown.

    Args:
        course: the training.
        first: the very first step instead.
    """
    steps = [
        value for probe in course.probes if (probe.step == 0 if first else probe.step >= 10)
        for value in course.of_kernels(probe, "update").values()
    ]  # fmt: skip
    return middle(steps) if steps else 0.0


def _too_low(course: Course) -> Iterator[Evidence]:
    losses, stride = course.losses, _stride(course)
    if len(losses) < 8 or not 0 < stride < CREEP or not np.isfinite(losses).all():
        return
    begin, middle, end = (float(part.mean()) for part in _thirds(losses))
    early, late = begin - middle, middle - end
    falls = float(np.mean(np.diff(losses) < 0))
    moved = stride * course.per_epoch * len(losses)
    if early > 0 and late > STRAIGHT * early and falls > 0.7 and end > 0.5 * course.first_loss and moved < 1:
        yield Evidence(stride, CREEP, {"share": late / early}, course.step)


def _thirds(losses: np.ndarray) -> list[np.ndarray]:
    """The beginning, the middle and the end, each a quarter long."""
    part = len(losses) // 4
    return [losses[start : start + part] for start in (0, (len(losses) - part) // 2, len(losses) - part)]


def _oscillating(course: Course) -> Iterator[Evidence]:
    losses = course.losses[len(course.losses) // 4 :]
    if len(losses) < 8 or not np.isfinite(losses).all():
        return
    mean = float(np.abs(losses).mean())
    # What is left of a loss that has all but gone jitters in any training: that is no oscillation.
    share = _turns(losses, max(SWING * mean, JITTER * course.first_loss)) / len(losses)
    if share > SHARE and mean > LEVEL * course.first_loss:
        yield Evidence(share, SHARE, {"share": share}, course.step)


def _turns(losses: np.ndarray, size: float) -> int:
    """How often a loss turns, after a way of this size at least.

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


def _flat(course: Course) -> Iterator[Evidence]:
    seen = course.losses[np.isfinite(course.losses)]
    if len(seen) < 5 or not course.first_loss > 0:
        return
    start, best = course.first_loss, float(seen.min())
    still = seen[-1] > (1 - FLAT) * seen[len(seen) // 2]
    if still and abs(best - course.chance) < FLAT * course.chance:
        start = min(start, course.chance)  # to find the best answer for all, nothing is learned of the inputs
    within = 1 - best / float(
        seen[0]
    )  # the first look reads a few rows of one batch: another loss altogether
    fall = within if within < STILL and start < 1.2 * seen[0] else 1 - best / start
    if fall < FLAT and not best < 0.5 * course.chance:
        facts = {"share": max(fall, 0.0), "epochs": len(seen)}
        yield Evidence(fall, FLAT, facts, course.step)


RATE_TOO_HIGH = Rule(
    9, "rate-too-high", ("learning rate too high", "学习率过大"), "warning",
    symptom=(
        "the loss runs away, or every step moves the weights far",
        "损失失控上升，或每一步都把权重移动很远",
    ),
    threshold=(
        f"a loss over {RUNAWAY:g} times the best so far; or steps over {STRIDE:.0%} of the weights' length "
        f"(the first one: {LEAP:.0%}) while the loss does not fall",
        f"损失超过此前最好值的 {RUNAWAY:g} 倍；或每步移动超过权重长度的 {STRIDE:.0%}"
        f"（第一步：{LEAP:.0%}）而损失不降",
    ),
    source=(
        "fastai's rate finder (4 times the best); CS231n (steps of about 1e-3); the 10 % is this "
        "project's own"
    ),
    what={
        "runaway": ("the loss was {value:.3g} times its best before", "损失达到此前最好值的 {value:.3g} 倍"),
        "stride": (
            "each step moves the weights by {value:.1%} of their length, and the loss does not fall",
            "每一步移动权重长度的 {value:.1%}，损失却不下降",
        ),
        "leap": (
            "the first step alone moves the weights by {value:.0%} of their length, and the loss "
            "does not fall",
            "仅第一步就移动了权重长度的 {value:.0%}，损失没有下降",
        ),
        "fault": (
            "the weights grew to {value:.3g} times their first size before a number overflowed",
            "溢出之前，权重增长到最初的 {value:.3g} 倍",
        ),
    },
    why=(
        "the gradient tells the slope at one place only; a step that is longer than the valley is wide "
        "climbs "
        "the other side",
        "梯度只说明当前位置的坡度；步子比谷还宽，就会爬上对面的坡",
    ),
    remedy="model.find_rate(x, y).suggestion  # or a rate 3 to 10 times smaller",
    during=_too_high,
)  # fmt: skip
RATE_TOO_LOW = Rule(
    10, "rate-too-low", ("learning rate too low", "学习率过小"), "warning",
    symptom=("the loss falls in a straight line, a little in each epoch", "损失沿直线缓慢下降"),
    threshold=(
        f"steps below {CREEP:g} of the weights' length, and a loss above half of its first value that falls "
        f"as fast at the end (over {STRAIGHT:.0%}) as at the beginning",
        f"每步移动不到权重长度的 {CREEP:g}，损失仍高于初值的一半，且后期下降速度不低于前期的 {STRAIGHT:.0%}",
    ),
    source="CS231n (steps of about 1e-3); AutoTrainer",
    what=(
        "each step moves the weights by only {value:.2g} of their length, and the loss still falls in a "
        "straight line",
        "每一步只移动权重长度的 {value:.2g}，损失仍在沿直线下降",
    ),
    why=(
        "steps this small would need many times the epochs to arrive",
        "步子这样小，需要多出许多倍的轮数才能到达",
    ),
    remedy="model.find_rate(x, y).suggestion  # or a rate 3 to 10 times larger",
    after=_too_low,
)  # fmt: skip
OSCILLATING = Rule(
    11, "oscillating-loss", ("oscillating loss", "损失震荡"), "warning",
    symptom=("the loss goes up and down from epoch to epoch", "损失逐轮忽高忽低"),
    threshold=(
        f"after the first quarter the loss turns, by more than {SWING:.0%} of its mean and {JITTER:.0%} of "
        f"what it began with each time, in over {SHARE:.0%} of the epochs, and its mean is over {LEVEL:.0%} "
        "of what it began with",
        f"前四分之一之后，超过 {SHARE:.0%} 的轮次里损失发生转折，每次幅度超过其均值的 {SWING:.0%} "
        f"与初值的 {JITTER:.0%}，"
        f"且均值高于初值的 {LEVEL:.0%}",
    ),
    source="AutoTrainer (swings in 20 % of the epochs); the size of a swing is this project's own",
    what=(
        "the loss turns up and down in {share:.0%} of the epochs",
        "有 {share:.0%} 的轮次损失来回摆动",
    ),
    why=(
        "steps jump from one side of a valley to the other; the rate is high for what is left to do, or a "
        "batch tells little of the whole",
        "步子在谷的两侧来回跳：学习率对剩下的路来说太大，或一个批次代表不了整体",
    ),
    remedy="cr.Adam(cr.Cosine(1e-3))  # a rate that falls; or a larger batch",
    after=_oscillating,
)  # fmt: skip
FLAT_LOSS = Rule(
    12, "flat-loss", ("loss does not fall", "损失不降"), "warning",
    symptom=("the loss stays what it was at the start", "损失停在初值附近"),
    threshold=(
        f"the best epoch is less than {FLAT:.0%} below the loss at the start, or below that of the best "
        "constant answer, after five epochs or more",
        f"五轮以上之后，最好的一轮比初始损失或最佳常数答案的损失降低不到 {FLAT:.0%}",
    ),
    source="SageMaker Debugger, LossNotDecreasing, applied to whole epochs",
    what=(
        "in {epochs} epochs the loss fell by {share:.2%}",
        "{epochs} 轮里损失只下降了 {share:.2%}",
    ),
    why=(
        "nothing is learned: no gradient arrives, the inputs say nothing of the answers, or the rate is far "
        "too low or too high",
        "什么也没学到：梯度没有传到，输入与答案无关，或学习率差得太远",
    ),
    remedy="model.fit(x[:20], y[:20], epochs=500)  # can it learn 20 samples by heart? then data and rate",
    after=_flat,
)  # fmt: skip
