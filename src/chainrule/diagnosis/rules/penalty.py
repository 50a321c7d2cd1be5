"""The rule on a penalty that is too strong: problem 29."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.diagnosis.first_steps import FirstSteps
from chainrule.diagnosis.history import TrainingRecord
from chainrule.diagnosis.rule import Evidence, Rule
from chainrule.messages import fact
from chainrule.train.monitor.probe import Probe

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
    """Whether almost no gradient of the loss reaches the first layer; without a penalty neither."""
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
