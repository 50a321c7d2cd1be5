"""Rules on generalization: problems 14, 15, 16, 24 and 31."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.diagnosis.history import TrainingRecord, median
from chainrule.diagnosis.rule import Evidence, Rule
from chainrule.diagnosis.rules.batch_norm_mode import SMALL_BATCH, SMALL_BATCHES, small_batches
from chainrule.diagnosis.rules.loss_curve import too_low

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
            "epoch": int(np.argmin(val)) + 1, "last": float(val[-1]), "train": float(train[-1]),
            "kept": record.kept_loss, "best": record.best_epoch,
        }  # fmt: skip
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
    14, "overfitting", ("overfitting", "过拟合"), "warning",
    symptom=(
        "the validation loss rises while the training loss falls", "训练损失下降，验证损失上升",
    ),
    threshold=(
        "up to the epoch whose weights the model has, if there are eight or more: "
        f"in the last fifth of the epochs, the validation loss is more than {RISE:.0%} above "
        f"its best and more than {GAP:.0%} above the training loss, which still falls; or {SLIGHT:.0%} "
        f"and {WIDE:.0%}; or above its best and {FAR:.0%} above the training loss, and by more than half "
        "of the loss of a constant prediction",
        f"八轮以上，且最后五分之一的轮次里验证损失比最好值高 {RISE:.0%} 以上，并比仍在下降的训练损失高 "
        f"{GAP:.0%} 以上；或分别为 {SLIGHT:.0%} 与 {WIDE:.0%}；"
        f"或高于最好值且高 {FAR:.0%}，相差超过常数预测损失的一半",
    ),
    source=(
        "SageMaker Debugger, Overfit (a gap of 0.1); UMLAUT and AutoTrainer (one rises while the other "
        "falls); the size of the rise is this project's own"
    ),
    what={
        "rise": (
            "since epoch {epoch} the validation loss has risen by {value:.0%}, while the training loss falls",
            "第 {epoch} 轮之后验证损失上升了 {value:.0%}，训练损失仍在下降",
        ),
        "gap": (
            "since epoch {epoch} the validation loss rises, and it is {value:.0%} above the training loss, "
            "which still falls",
            "第 {epoch} 轮之后验证损失上升，已比仍在下降的训练损失高 {value:.0%}",
        ),
    },
    why=(
        "The network memorizes details of the training rows that do not generalize.",
        "网络开始死记训练样本各自的特点。",
    ),
    remedy=(
        "model.fit(x, y, validation=0.2, callbacks=[cr.EarlyStopping(patience=10)])"
        "  # or more data, cr.Dropout(0.3), penalty=cr.L2(1e-4)"
    ),
    remedy_comment="或增加数据，或用 cr.Dropout(0.3)、penalty=cr.L2(1e-4)",
    during=_overfitting,
)  # fmt: skip
UNDERFITTING = Rule(
    15, "underfitting", ("underfitting", "欠拟合"), "warning",
    symptom=("even the training loss stays high and no longer falls", "连训练损失也居高不下，且不再下降"),
    threshold=(
        f"at the end the training loss is more than {POOR:.0%} of that of the best constant prediction "
        "and has fallen by less than 2 % in the last quarter; the validation loss is at most 20 % higher",
        f"结束时训练损失高于最佳常数预测的 {POOR:.0%}，最后四分之一里下降不到 2%，且验证损失至多高 20%",
    ),
    source="D2L; AutoTrainer (0.7)",
    what=(
        "the training loss has settled at {share:.0%} of the loss of the best constant prediction",
        "训练损失停在最佳常数预测损失的 {share:.0%}",
    ),
    why=(
        "The network is too small or too strongly regularized for the task, or the inputs do not contain the "
        "required information.",
        "网络太小、约束太强，或输入里没有所需的信息。",
    ),
    remedy='cr.Sequential(cr.Dense(128, "relu"), cr.Dense(1))  # larger network; smaller penalty',
    remedy_comment="更大的网络；更小的惩罚项",
    after=_underfitting,
)  # fmt: skip
TOO_LONG = Rule(
    16, "trained-too-long", ("trained too long", "训练过久"), "info",
    symptom=("the best epoch is long past", "最好的一轮早已过去"),
    threshold=(
        f"no improvement of the validation loss by {BETTER:.0%} for {PATIENCE} epochs and {LONG:.0%} of "
        "the training",
        f"验证损失已有 {PATIENCE} 轮且占全程 {LONG:.0%} 以上没有再改善 {BETTER:.0%}",
    ),
    source=(
        "SageMaker Debugger, Overtraining (patience 10, improvement 0.01); the share is this project's own"
    ),
    what=(
        "epoch {epoch} was the best; the {since} epochs since then had no improvement",
        "第 {epoch} 轮最好；之后的 {since} 轮没有改善",
    ),
    why=("Epochs after the best one only cost time.", "最好的一轮之后，继续训练只是浪费时间。"),
    remedy="model.fit(x, y, validation=0.2, callbacks=[cr.EarlyStopping(patience=10)])",
    after=_too_long,
)  # fmt: skip
OVERFITTING_UNDONE = Rule(
    37, "overfitting-undone", ("overfitting, undone by the best epoch", "过拟合，已由最佳轮消除"), "info",
    symptom=(
        "the validation loss rises while the training loss falls, and the model has the weights of an "
        "earlier epoch",
        "训练损失下降而验证损失上升，但模型采用了较早一轮的权重",
    ),
    threshold=(
        "that of overfitting, in a training with early stopping, whose model has the weights of the best "
        "epoch",
        "与过拟合相同；训练使用早停，模型采用最佳轮的权重",
    ),
    source="this project's own; an explanation, not a warning",
    what={
        "epoch": (
            "after epoch {epoch} the validation loss rose to {last:.4g}, while the training loss fell to "
            "{train:.4g}; the model has the weights of epoch {best}, with a validation loss of {kept:.4g}",
            "第 {epoch} 轮之后验证损失升到 {last:.4g}，训练损失降到 {train:.4g}；"
            "模型采用第 {best} 轮的权重，验证损失为 {kept:.4g}",
        ),
        "members": (
            "after epoch {epoch} the validation loss rose to {last:.4g}, while the training loss fell to "
            "{train:.4g}; each network of the model has the weights of its best epoch, with a validation "
            "loss of {kept:.4g}",
            "第 {epoch} 轮之后验证损失升到 {last:.4g}，训练损失降到 {train:.4g}；"
            "模型中每个网络采用各自最佳轮的权重，验证损失为 {kept:.4g}",
        ),
    },
    why=(
        "Longer training memorizes details of the training rows. Early stopping keeps the weights from "
        "before that; epochs after the best one do not change the model.",
        "训练过久会死记训练样本各自的特点。早停保留此前的权重，最佳轮之后的训练不影响模型。",
    ),
    remedy="cr.Dropout(0.3)  # or penalty=cr.L2(1e-4): may move the best epoch to a lower validation loss",
    remedy_comment="或 penalty=cr.L2(1e-4)：可能使最佳轮的验证损失更低",
    after=_undone,
)  # fmt: skip
MODE_GAP = Rule(
    24, "mode-gap", ("training and inference differ", "训练与推理模式不一致"), "warning",
    symptom=(
        "on the same rows, the loss in evaluation mode is far above that in training mode",
        "同样的样本，推理时的损失远高于训练时",
    ),
    threshold=(
        f"after the first epoch, the loss in evaluation mode is more than {MODES:g} times that in "
        f"training mode; or batch normalization with fewer than {SMALL_BATCH} samples per batch",
        f"第一轮之后，推理模式的损失超过训练模式的 {MODES:g} 倍；或批量规范化的批量小于 {SMALL_BATCH}",
    ),
    source="this project's own; Dive into Deep Learning, section 8.5 (batches of 50 to 100 suit)",
    what={
        "": (
            "on the same rows, the loss in evaluation mode is {value:.3g} times that in training mode",
            "同样的样本，推理时的损失是训练时的 {value:.3g} 倍",
        ),
        "small_batch": SMALL_BATCHES,
    },
    why=(
        "In evaluation mode, batch normalization uses running statistics, which have not converged yet "
        "or are distorted by small batches.",
        "批量规范化在推理时使用滑动均值；它尚未收敛，或因每批样本过少而与数据不符。",
    ),
    remedy="cr.LayerNorm()  # instead of cr.BatchNorm(); or use larger batches, a smaller momentum",
    remedy_comment="代替 cr.BatchNorm()；或增大批量，减小 momentum",
    before=small_batches, during=_modes_differ,
)  # fmt: skip
VALIDATION_EASIER = Rule(
    31, "validation-easier", ("validation loss below training loss", "验证损失低于训练损失"), "info",
    symptom=("the validation rows appear easier than the training rows", "验证集看上去比训练集更容易"),
    threshold=(
        f"in more than 80 % of the epochs the validation loss is more than {EASIER:.0%} lower",
        f"超过 80% 的轮次里验证损失低 {EASIER:.0%} 以上",
    ),
    source="this project's own; an explanation, not a warning",
    what={
        "modes": (
            "the validation loss is {share:.0%} below the training loss: dropout and similar layers are "
            "active in training only, which is normal",
            "验证损失比训练损失低 {share:.0%}：暂退法之类只在训练时起作用，这是正常的",
        ),
        "split": (
            "the validation loss is {share:.0%} below the training loss although both modes agree: these "
            "rows are easier, or the training loss is the mean over an epoch in which the network "
            "improved",
            "验证损失比训练损失低 {share:.0%}，而训练与推理一致：这些样本更容易，"
            "或训练损失是一轮中不断改善的平均值",
        ),
    },
    why=(
        "The two are measured differently: the training loss is the mean over an epoch, with dropout and "
        "penalties; the validation loss is measured after the epoch, without them.",
        "二者的测量方式不同：前者是一轮中的平均，含暂退法与惩罚项；后者在轮末测量，不含它们。",
    ),
    remedy="model.evaluate(x, y)  # measures the training rows like the validation rows",
    remedy_comment="用测量验证集的方式测量训练集",
    after=_validation_easier,
)  # fmt: skip
