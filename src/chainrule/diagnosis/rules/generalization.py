"""Rules on generalization: problems 14, 15, 16, 24 and 31."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.diagnosis.context import TrainingContext
from chainrule.diagnosis.history import TrainingRecord, median
from chainrule.diagnosis.rule import Evidence, Rule
from chainrule.diagnosis.rules.loss_curve import too_low
from chainrule.messages import fact

# Rule 24 before training: batch normalization with small batches.
#
# In training mode the layer uses the mean and variance of the batch, in evaluation mode the running
# statistics. Statistics of few samples differ strongly from these, so the evaluated network is not the
# trained one.

SMALL_BATCH = 8  # samples in a batch
SMALL_BATCHES = '"{path}" computes mean and variance over only {size} samples at a time'


def small_batches(context: TrainingContext) -> Iterator[Evidence]:
    """Report batch normalization with small batches."""
    size = context.order.batch_size
    if size >= SMALL_BATCH or context.order.steps < 2:
        return
    for path, layer in context.network.training.book.layers.items():
        if type(layer).__name__ == "BatchNorm":
            facts, remedy = (
                {"size": size, "path": path},
                "model.fit(x, y, batch_size=64)  # or cr.LayerNorm()",
            )
            yield Evidence(size, SMALL_BATCH, facts, layer=path, form="small_batch", remedy=remedy)
            return


RISE, GAP = 0.15, 0.1  # validation loss relative to its best; validation loss relative to the training loss
SLIGHT, WIDE = 0.05, 1.0  # a smaller rise is reported with a larger gap
FAR = 5.0  # a gap that is reported with any rise, if it exceeds half of the constant loss
POOR = 0.7  # training loss relative to the loss of the best constant prediction
PATIENCE, LONG = 10, 0.6  # epochs without improvement; their share of the training
BETTER = 0.01  # the minimum relative improvement
MODES = 2.0  # loss in evaluation mode relative to the loss in training mode
EASIER = 0.05  # relative difference by which the validation loss is below the training loss


def _overfitting(record: TrainingRecord) -> Iterator[Evidence]:
    """Report a validation loss that has risen, of the weights that the model has.

    Where a rule keeps the best weights, this is evaluated at the end, up to the epoch that they are of.
    """
    if record.keeps_best and not (record.ended and record.best_epoch is not None):
        return
    if (rise := _rise(record.up_to_best)) is not None:
        value, threshold, best, form = rise
        yield Evidence(value, threshold, {"epoch": best + 1}, record.step, form=form)


def _undone(record: TrainingRecord) -> Iterator[Evidence]:
    """Report a validation loss that has risen where the model has the weights of better epochs."""
    if not record.keeps_best or record.kept_loss is None or any(_overfitting(record)):
        return
    if (rise := _rise(record)) is not None:
        value, threshold, *_ = rise
        val, train = record.validation_losses, record.losses
        facts = {
            "epoch": int(np.argmin(val)) + 1,
            "last": float(val[-1]),
            "train": float(train[-1]),
            "kept": record.kept_loss,
            "best": record.best_epoch,
        }
        form = "members" if record.best_epoch is None else "epoch"
        yield Evidence(value, threshold, facts, record.step, form=form)


def _rise(record: TrainingRecord) -> tuple[float, float, int, str] | None:
    """Return how far the validation loss has risen above its best, or the training loss, and the threshold.

    Returns:
        also the index of the best epoch, and the form of the sentence; ``None``: not far.
    """
    val, train = record.validation_losses, record.losses
    if len(val) < 8 or not np.isfinite(val).all():
        return None
    best = int(np.argmin(val))
    tail = val[-max(3, len(val) // 5) :]
    if best >= len(val) - len(tail) or not train[-1] < train[best]:
        return None
    lowest, last = (float(value / max(val[best], 1e-12) - 1) for value in (tail.min(), val[-1]))
    gap = float(val[-1] / max(train[-1], 1e-12) - 1)
    for rise, distance in ((RISE, GAP), (SLIGHT, WIDE)):
        if lowest > rise and gap > distance:
            return last, rise, best, "rise"
    scale = record.constant_loss if record.constant_loss > 0 else record.first_loss
    is_memorized = lowest > 0 and gap > FAR and tail.min() - train[-1] > 0.5 * scale
    return (gap, FAR, best, "gap") if is_memorized else None


def _underfitting(record: TrainingRecord) -> Iterator[Evidence]:
    losses = record.losses
    if len(losses) < 5 or not np.isfinite(losses).all() or not record.constant_loss > 0:
        return
    part = max(2, len(losses) // 4)
    current, before = losses[-part:].mean(), losses[-2 * part : -part].mean()
    level = float(current / record.constant_loss)
    is_flat = before - current < 0.02 * before
    gap = record.validation_losses[-1] / current - 1 if len(record.validation_losses) else 0.0
    if level > POOR and is_flat and gap < 2 * GAP and not any(too_low(record)):
        yield Evidence(level, POOR, {"share": level}, record.step)


def _too_long(record: TrainingRecord) -> Iterator[Evidence]:
    val = record.validation_losses
    if len(val) <= PATIENCE or record.keeps_best or not np.isfinite(val).all():
        return
    best, at = val[0], 0
    for epoch, value in enumerate(val):
        if value < best * (1 - BETTER):
            best, at = value, epoch
    since = len(val) - 1 - at
    if since >= PATIENCE and since > LONG * len(val):
        facts = {"epoch": at + 1, "since": since}
        yield Evidence(since, PATIENCE, facts, record.step)


def _modes_differ(record: TrainingRecord) -> Iterator[Evidence]:
    gaps = []
    for probe in record.probes:
        training_loss, inference_loss = probe.values["training_loss"], probe.values["inference_loss"]
        is_large = inference_loss - training_loss > 0.1 * record.first_loss
        if probe.epoch >= 1 and is_large and inference_loss > MODES * training_loss:
            gaps.append((inference_loss / max(training_loss, 1e-12), probe))
    if gaps and gaps[-1][1] is record.last_probe and (len(gaps) >= 2 or len(record.probes) <= 3):
        ratio, probe = gaps[-1]
        yield Evidence(ratio, MODES, {}, probe.step)


def _validation_easier(record: TrainingRecord) -> Iterator[Evidence]:
    val, train = record.validation_losses, record.losses
    if len(val) < 3:
        return
    lower = val < train * (1 - EASIER)
    if lower.mean() <= 0.8:
        return
    probes = record.second_half
    ratios = [probe.values["inference_loss"] / max(probe.values["training_loss"], 1e-12) for probe in probes]
    form = "modes" if ratios and median(ratios) < 1 - EASIER else "split"
    facts = {"share": 1 - median(val / np.maximum(train, 1e-12))}
    yield Evidence(facts["share"], EASIER, facts, record.step, form=form)


OVERFITTING = Rule(
    14,
    "overfitting",
    "overfitting",
    "warning",
    symptom="the validation loss rises while the training loss falls",
    threshold=fact(
        "up to the epoch whose weights the model has, if there are eight or more: in the last fifth "
        "of the epochs, the validation loss is more than {rise:.0%} above its best and more than "
        "{gap:.0%} above the training loss, which still falls; or {slight:.0%} and {wide:.0%}; or "
        "above its best and {far:.0%} above the training loss, and by more than half of the loss of "
        "a constant prediction",
        rise=RISE,
        gap=GAP,
        slight=SLIGHT,
        wide=WIDE,
        far=FAR,
    ),
    source=(
        "SageMaker Debugger, Overfit (a gap of 0.1); UMLAUT and AutoTrainer (one rises while the other "
        "falls); the size of the rise is this project's own"
    ),
    what={
        "rise": (
            "since epoch {epoch} the validation loss has risen by {value:.0%}, while the training loss falls"
        ),
        "gap": (
            "since epoch {epoch} the validation loss rises, and it is {value:.0%} above the training loss, "
            "which still falls"
        ),
    },
    why="The network memorizes details of the training rows that do not generalize.",
    remedy="model.fit(x, y, validation=0.2, callbacks=[cr.EarlyStopping(patience=10)])",
    remedy_comment="or more data, cr.Dropout(0.3), penalty=cr.L2(1e-4)",
    during=_overfitting,
)
UNDERFITTING = Rule(
    15,
    "underfitting",
    "underfitting",
    "warning",
    symptom="even the training loss stays high and no longer falls",
    threshold=fact(
        "at the end the training loss is more than {poor:.0%} of that of the best constant "
        "prediction and has fallen by less than 2 % in the last quarter; the validation loss is at "
        "most 20 % higher",
        poor=POOR,
    ),
    source="D2L; AutoTrainer (0.7)",
    what="the training loss has settled at {share:.0%} of the loss of the best constant prediction",
    why=(
        "The network is too small or too strongly regularized for the task, or the inputs do not contain the "
        "required information."
    ),
    remedy='cr.Sequential(cr.Dense(128, "relu"), cr.Dense(1))',
    remedy_comment="larger network; smaller penalty",
    after=_underfitting,
)
TOO_LONG = Rule(
    16,
    "trained-too-long",
    "trained too long",
    "info",
    symptom="the best epoch is long past",
    threshold=fact(
        "no improvement of the validation loss by {better:.0%} for {patience} epochs and {long:.0%} "
        "of the training",
        better=BETTER,
        patience=PATIENCE,
        long=LONG,
    ),
    source=(
        "SageMaker Debugger, Overtraining (patience 10, improvement 0.01); the share is this project's own"
    ),
    what="epoch {epoch} was the best; the {since} epochs since then had no improvement",
    why="Epochs after the best one only cost time.",
    remedy="model.fit(x, y, validation=0.2, callbacks=[cr.EarlyStopping(patience=10)])",
    after=_too_long,
)
OVERFITTING_UNDONE = Rule(
    37,
    "overfitting-undone",
    "overfitting, undone by the best epoch",
    "info",
    symptom=(
        "the validation loss rises while the training loss falls, and the model has the weights of an "
        "earlier epoch"
    ),
    threshold=(
        fact(
            "that of overfitting, in a training with early stopping, whose model has the weights of the best "
            "epoch"
        )
    ),
    source="this project's own; an explanation, not a warning",
    what={
        "epoch": (
            "after epoch {epoch} the validation loss rose to {last:.4g}, while the training loss fell to "
            "{train:.4g}; the model has the weights of epoch {best}, with a validation loss of {kept:.4g}"
        ),
        "members": (
            "after epoch {epoch} the validation loss rose to {last:.4g}, while the training loss fell to "
            "{train:.4g}; each network of the model has the weights of its best epoch, with a validation "
            "loss of {kept:.4g}"
        ),
    },
    why=(
        "Longer training memorizes details of the training rows. Early stopping keeps the weights from "
        "before that; epochs after the best one do not change the model."
    ),
    remedy="cr.Dropout(0.3)",
    remedy_comment="or penalty=cr.L2(1e-4): may move the best epoch to a lower validation loss",
    after=_undone,
)
MODE_GAP = Rule(
    24,
    "mode-gap",
    "training and inference differ",
    "warning",
    symptom="on the same rows, the loss in evaluation mode is far above that in training mode",
    threshold=fact(
        "after the first epoch, the loss in evaluation mode is more than {modes:g} times that in "
        "training mode; or batch normalization with fewer than {small_batch} samples per batch",
        modes=MODES,
        small_batch=SMALL_BATCH,
    ),
    source="this project's own; Dive into Deep Learning, section 8.5 (batches of 50 to 100 suit)",
    what={
        "": "on the same rows, the loss in evaluation mode is {value:.3g} times that in training mode",
        "small_batch": SMALL_BATCHES,
    },
    why=(
        "In evaluation mode, batch normalization uses running statistics, which have not converged yet "
        "or are distorted by small batches."
    ),
    remedy="cr.LayerNorm()",
    remedy_comment="instead of cr.BatchNorm(); or use larger batches, a smaller momentum",
    before=small_batches,
    during=_modes_differ,
)
VALIDATION_EASIER = Rule(
    31,
    "validation-easier",
    "validation loss below training loss",
    "info",
    symptom="the validation rows appear easier than the training rows",
    threshold=fact(
        "in more than 80 % of the epochs the validation loss is more than {easier:.0%} lower", easier=EASIER
    ),
    source="this project's own; an explanation, not a warning",
    what={
        "modes": (
            "the validation loss is {share:.0%} below the training loss: dropout and similar layers are "
            "active in training only, which is normal"
        ),
        "split": (
            "the validation loss is {share:.0%} below the training loss although both modes agree: these "
            "rows are easier, or the training loss is the mean over an epoch in which the network "
            "improved"
        ),
    },
    why=(
        "The two are measured differently: the training loss is the mean over an epoch, with dropout and "
        "penalties; the validation loss is measured after the epoch, without them."
    ),
    remedy="model.evaluate(x, y)",
    remedy_comment="measures the training rows like the validation rows",
    after=_validation_easier,
)
