"""Rules on the graph of network and loss: problems 19 and 26."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from chainrule.diagnosis.context import TrainingContext, last_operation
from chainrule.diagnosis.rule import Evidence, Rule
from chainrule.graph import Node, order

if TYPE_CHECKING:
    from chainrule.diagnosis.first_steps import FirstSteps

PROBABLE = 1e-4  # maximum difference of a sum of probabilities from 1
_AFTER_ACTIVATION = (
    "multiply",
    "divide",
    "where",
    "max",
    "mean",
)  # operations of layers that may follow an activation
_NORMALIZED = ("softmax", "sigmoid", "log_softmax")
_POINTWISE = ("add", "subtract", "multiply", "divide", "maximum", "minimum", "power", "where")


def _repeated_activation(context: TrainingContext) -> Iterator[Evidence]:
    """Report losses that expect scores after a network that outputs probabilities."""
    for name, target in context.targets.items():
        if target.loss.wants == "logits":
            node = last_operation(context.network.inference.outputs[name])
            while node.op.name in _AFTER_ACTIVATION and node.inputs:
                node = last_operation(node.inputs[-1 if node.op.name == "where" else 0])
            if node.op.name in _NORMALIZED:
                yield mismatch(target.loss.name, node.op.name, target.scores, node.site.path)


def _probabilities_as_scores(first: FirstSteps) -> Iterator[Evidence]:
    """Report probabilities among the values that the loss receives."""
    if list(_repeated_activation(first.context)):
        return
    for name, target in first.context.targets.items():
        values = first.outputs[name]
        if target.loss.wants != "logits" or values.ndim < 2 or values.shape[-1] < 2:
            continue
        sums = values.sum(axis=-1)
        if values.min() >= 0.0 and np.abs(sums - 1.0).max() < PROBABLE:
            yield mismatch(target.loss.name, "softmax", values.shape[-1], name)


def mismatch(loss: str, activation: str, classes: int, path: str) -> Evidence:
    """Return the evidence for a network whose output activation repeats that of the loss."""
    # Probabilities lie between 0 and 1, so as scores they cannot favor a class by more than 1.
    floor = math.log1p((max(2, classes) - 1) / math.e)
    facts = {"loss": loss, "activation": activation, "floor": floor}
    return Evidence(floor, 0.0, facts, layer=path)


def _broadcast_to_pairs(context: TrainingContext) -> Iterator[Evidence]:
    """Report elementwise operations with two batch axes, the result of broadcasting two vectors."""
    for node in order([context.network.sample_loss(context.network.inference)]):
        if node.op.name in _POINTWISE and _batch_axes(node) > 1:
            sides = [_without_broadcast(source) for source in node.inputs]
            if all(_batch_axes(side) == 1 for side in sides):
                shapes = " - ".join(str(side.spec.shape) for side in sides[:2])
                yield Evidence(2, 1, {"op": node.op.name, "shapes": shapes}, layer=str(node.site))
                return


def _batch_axes(node: Node) -> int:
    return sum(str(axis) == "B" for axis in node.shape)


def _without_broadcast(node: Node) -> Node:
    while node.op.name in ("broadcast", "reshape"):
        node = node.inputs[0]
    return node


LOSS_ACTIVATION = Rule(
    19,
    "loss-activation",
    ("loss and output activation do not match", "损失与输出激活不匹配"),
    "error",
    symptom=(
        "a loss that expects scores (logits) receives probabilities",
        "会把得分变成概率的损失，收到的已经是概率",
    ),
    threshold=(
        "exact: the last operation is softmax or sigmoid, or the inputs of the loss are non-negative and sum "
        f"to 1 within {PROBABLE:g}",
        f"精确判断：最后的运算是 softmax 或 sigmoid，或进入损失的数非负且和为 1（误差 {PROBABLE:g} 以内）",
    ),
    source="UMLAUT; the floor ln(1 + (K - 1)/e) is exact: 0.313 for 2 classes, 1.461 for 10",
    what=(
        "{loss} applies {activation} itself, but the network already applies it: the loss cannot fall below "
        "{floor:.3f}",
        "{loss} 自身会应用 {activation}，而网络已经应用过：损失不可能低于 {floor:.3f}",
    ),
    why=(
        "Probabilities are between 0 and 1. Read as scores they differ by at most 1, so even a perfect "
        "prediction becomes odds of only e to 1; the gradients are small and stay small.",
        "概率在 0 与 1 之间；当作得分时最多相差 1，即使答案完美也只能表示为 e 比 1，梯度始终很小。",
    ),
    remedy="cr.Dense(10)  # output scores, without activation; predict_proba returns probabilities",
    remedy_comment="输出得分：最后一层不加激活函数；概率由 predict_proba 给出",
    before=_repeated_activation,
    is_silent=True,
    first=_probabilities_as_scores,
)

BROADCAST_LOSS = Rule(
    26,
    "broadcast-loss",
    ("targets broadcast against predictions", "预测与目标被广播成方阵"),
    "error",
    symptom=(
        "a custom loss compares the prediction of every sample with the target of every sample",
        "自定义损失把每个样本的预测与所有样本的目标相比较",
    ),
    threshold=(
        "exact: the result of an elementwise operation of the loss has two batch axes, its inputs have "
        "one each",
        "精确判断：损失中某个按元素运算的结果有两个批轴，而输入各只有一个",
    ),
    source="exact (in scikit-learn, PyTorch and Keras it occurs as (n, 1) minus (n,))",
    what=(
        "the loss broadcasts {shapes} to batch by batch: every prediction is compared with every target",
        "损失把 {shapes} 广播成批量乘批量的方阵：每个预测都与每个目标相比较",
    ),
    why=(
        "(n, 1) minus (n,) is (n, n). The mean over all pairs is minimal where every prediction is the "
        "mean of all targets, so the network learns to predict that mean. Built-in losses reject this "
        "(E201); targets of shape (n, 1) are used as (n,).",
        "(n, 1) 减 (n,) 得到 (n, n)。所有配对的平均在每个预测都等于目标均值时最小，网络便学会只输出均值。"
        "内置损失会拒绝这种形状 (E201)，(n, 1) 的目标会当作 (n,)。",
    ),
    remedy="output[:, 0] - target[:, 0]  # in the loss: use equal shapes",
    remedy_comment="在损失函数里：使两者形状相同",
    before=_broadcast_to_pairs,
    is_silent=True,
)
