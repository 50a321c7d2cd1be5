"""Rules on the loss curve: problems 9 to 12."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from chainrule.diagnosis.first_steps import FirstSteps
from chainrule.diagnosis.history import TrainingRecord, median
from chainrule.diagnosis.rule import Evidence, Rule
from chainrule.messages import fact
from chainrule.train.monitor.probe import Probe

# The rule on a penalty that is too strong: problem 29.

DOMINANT = 5.0  # penalty relative to the loss of the samples
PULL = 1.5  # gradient of the penalty relative to that of the loss, of one weight matrix in the first steps
EARLY = 10  # the last of the first steps
SHRUNK = 0.75  # norm of that matrix at the end, relative to its initial norm
UNLEARNED = 0.9  # loss of the samples relative to that of the best constant prediction
VANISHED = 1e-3  # gradient of the first matrix over the last, below which the penalty is not the cause


def _of_first_probe(record: TrainingRecord) -> Iterator[Evidence]:
    """Report the same as ``_of_first_step``, from the probe before the first step."""
    for probe in record.probes[:1]:
        loss = probe.values["training_loss"]
        if probe.step == 0:
            yield from _compare(probe.values["loss"] - loss, loss)


def _of_first_step(first: FirstSteps) -> Iterator[Evidence]:
    yield from _compare(first.penalty, first.data_loss)


def _compare(penalty: float, loss: float) -> Iterator[Evidence]:
    if penalty > DOMINANT * max(loss, 1e-12):
        facts = {"penalty": penalty, "loss": loss}
        yield Evidence(penalty / max(loss, 1e-12), DOMINANT, facts, step=0, form="size")


def shrinking(record: TrainingRecord) -> Iterator[Evidence]:
    """Report a weight matrix that the penalty shrinks before the samples can influence it.

    Only in a training that has not learned: where the loss falls, small weights are the purpose of a penalty.
    """
    losses, early = record.losses, [probe for probe in record.probes if probe.step <= EARLY]
    if len(losses) < 5 or len(record.probes) <= len(early) or not early or early[0].step > 0:
        return
    goal = min(loss for loss in (record.first_loss, record.constant_loss) if loss == loss)
    if not float(losses.min()) > UNLEARNED * goal or _is_vanishing(record, early[0]):
        return
    before, after = (record.statistic(probe, "weight") for probe in (early[0], record.probes[-1]))
    for path, pull in _pulls(record, early).items():
        share = after[path] / max(before[path], 1e-12)
        if pull > PULL and share < SHRUNK:
            facts = {"path": path, "share": share, "steps": record.probes[-1].step}
            remedy = f"cr.Model(net, loss, penalty={record.weaker_penalty})" if record.weaker_penalty else ""
            yield Evidence(pull, PULL, facts, record.probes[-1].step, path, "shrinking", remedy=remedy)
            return


def _pulls(record: TrainingRecord, early: list[Probe]) -> dict[str, float]:
    """Return the gradient of the penalty over that of the loss for each penalized weight matrix: the
    smallest ratio of the first steps.
    """
    pulls: dict[str, float] = {}
    for probe in early:
        data = record.data_gradients(probe)
        for path, norm in record.statistic(probe, "penalty_gradient").items():
            ratio = norm / max(data[path], 1e-12)
            pulls[path] = min(ratio, pulls.get(path, ratio))
    return pulls


def _is_vanishing(record: TrainingRecord, probe: Probe) -> bool:
    """Return whether almost no gradient of the loss reaches the first layer; without a penalty neither."""
    norms = list(record.data_gradients(probe).values()) or [0.0]
    return not norms[0] > VANISHED * norms[-1]


PENALTY_TOO_STRONG = Rule(
    29,
    "penalty-too-strong",
    "penalty too strong",
    "warning",
    symptom=(
        "the penalty on the weights exceeds the loss of the samples, or the weights shrink and the loss does "
        "not fall"
    ),
    threshold=fact(
        "ratio of penalty to data loss above {dominant:g} at the first step; or, in the first "
        "{early} steps, a gradient of the penalty above {pull:g} times that of the loss, for a "
        "weight matrix whose norm falls below {shrunk:.0%} of its initial value, while the loss of "
        "the samples stays above {unlearned:.0%} of that of the best constant prediction",
        dominant=DOMINANT,
        early=EARLY,
        pull=PULL,
        shrunk=SHRUNK,
        unlearned=UNLEARNED,
    ),
    source="cs231n (comparison of data loss and regularization loss); the factors are this project's own",
    what={
        "size": (
            "the penalty is {penalty:.4g}, the loss of the samples is {loss:.4g}: the weights mainly shrink"
        ),
        "shrinking": (
            "the penalty pulls {path} {value:.3g} times as strongly as the loss: its norm fell to "
            "{share:.0%} in {steps} steps, and the loss did not fall"
        ),
    },
    why=(
        "Training minimizes the sum of both. If the penalty is the larger part, the gradient mainly "
        "points to smaller weights, and the samples have little influence. Sigmoid layers pass on small "
        "gradients, so a penalty that suits ReLU layers can be too strong for them."
    ),
    remedy="cr.Model(net, loss, penalty=cr.L2(1e-4))",
    first=_of_first_step,
    during=_of_first_probe,
    after=shrinking,
)


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
        first: whether to use the first update instead of those after the first steps.
    """
    steps = [
        value
        for probe in record.probes
        if (probe.step == 0 if first else probe.step >= 10)
        for value in record.statistic(probe, "update").values()
    ]
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
    9,
    "rate-too-high",
    "learning rate too high",
    "warning",
    symptom="the loss diverges, or every step changes the weights strongly",
    threshold=fact(
        "a loss above {runaway:g} times the best so far; or steps above {stride:.0%} of the norm of "
        "the weights (the first step: {leap:.0%}) while the loss does not fall",
        runaway=RUNAWAY,
        stride=STRIDE,
        leap=LEAP,
    ),
    source=(
        "fastai's learning-rate finder (4 times the best); CS231n (steps of about 1e-3); the 10 % is this "
        "project's own"
    ),
    what={
        "runaway": "the loss reached {value:.3g} times its previous best",
        "stride": "each step changes the weights by {value:.1%} of their norm, and the loss does not fall",
        "leap": (
            "the first step alone changes the weights by {value:.0%} of their norm, and the loss does "
            "not fall"
        ),
        "fault": "the weights grew to {value:.3g} times their initial norm before a value overflowed",
    },
    why=(
        "The gradient is the slope at one point only; a step longer than the width of the valley climbs its "
        "other side."
    ),
    remedy="model.find_learning_rate(x, y).suggestion",
    remedy_comment="or divide the learning rate by 3 to 10",
    during=_too_high,
)
RATE_TOO_LOW = Rule(
    10,
    "rate-too-low",
    "learning rate too low",
    "warning",
    symptom="the loss falls linearly, by a little in each epoch, or the weights hardly change at all",
    threshold=fact(
        "steps below {creep:g} of the norm of the weights, and a loss above half of its initial "
        "value that falls at the end as fast (more than {straight:.0%}) as at the beginning; or all "
        "steps together below {stuck:.0%} of that norm, and a loss above {unchanged:.0%} of its "
        "initial value",
        creep=CREEP,
        straight=STRAIGHT,
        stuck=STUCK,
        unchanged=UNCHANGED,
    ),
    source="CS231n (steps of about 1e-3); AutoTrainer",
    what={
        "creep": (
            "each step changes the weights by only {value:.2g} of their norm, and the loss still falls "
            "linearly"
        ),
        "stuck": (
            "all {steps} steps together change the weights by at most {value:.2g} of their norm: nothing "
            "could be learned yet"
        ),
    },
    why="Steps this small need many times as many epochs.",
    remedy="model.find_learning_rate(x, y).suggestion",
    remedy_comment="or multiply the learning rate by 3 to 10",
    after=too_low,
)
OSCILLATING = Rule(
    11,
    "oscillating-loss",
    "oscillating loss",
    "warning",
    symptom="the loss rises and falls from epoch to epoch",
    threshold=fact(
        "after the first quarter the loss changes direction in more than {share:.0%} of the epochs, "
        "each time by more than {swing:.0%} of its mean and {jitter:.0%} of its initial value, and "
        "its mean is above {level:.0%} of its initial value",
        share=SHARE,
        swing=SWING,
        jitter=JITTER,
        level=LEVEL,
    ),
    source="AutoTrainer (swings in 20 % of the epochs); the size of a swing is this project's own",
    what="the loss changes direction in {share:.0%} of the epochs",
    why=(
        "The steps jump from one side of a valley to the other: the learning rate is too high at this "
        "stage, or a batch does not represent the data."
    ),
    remedy="cr.Adam(cr.Cosine(1e-3))",
    remedy_comment="a decreasing learning rate; or use larger batches",
    after=_oscillating,
)
FLAT_LOSS = Rule(
    12,
    "flat-loss",
    "loss does not fall",
    "warning",
    symptom="the loss stays near its initial value",
    threshold=fact(
        "after five epochs or more, the best epoch is less than {flat:.0%} below the initial loss, "
        "or below the loss of the best constant prediction",
        flat=FLAT,
    ),
    source="SageMaker Debugger, LossNotDecreasing, applied to whole epochs",
    what="in {epochs} epochs the loss fell by {share:.2%}",
    why=(
        "Nothing is learned: no gradient reaches the weights, the inputs are unrelated to the targets, "
        "or the learning rate is far too low or too high."
    ),
    remedy="model.fit(x[:20], y[:20], epochs=500)",
    remedy_comment="can it fit 20 samples? then check data and rate",
    after=_flat,
)
