"""Rules that read the graph of net and loss: 19 and 26 of the list of problems."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from chainrule.diagnosis.context import Look, last_operation
from chainrule.diagnosis.rule import Evidence, Rule
from chainrule.graph import Node, order

if TYPE_CHECKING:
    from chainrule.diagnosis.first_steps import FirstSteps

PROBABLE = 1e-4  # how near to 1 a sum must be
_MOVES = ("multiply", "divide", "where", "max", "mean")  # what a layer behind an activation may do to numbers
_SQUASHES = ("softmax", "sigmoid", "log_softmax")
_POINTWISE = ("add", "subtract", "multiply", "divide", "maximum", "minimum", "power", "where")


def _squashed(look: Look) -> Iterator[Evidence]:
    """Losses that make probabilities of scores, after a net that made some already."""
    for name, target in look.targets.items():
        if target.loss.wants == "logits":
            node = last_operation(look.network.inference.outputs[name])
            while node.op.name in _MOVES and node.inputs:
                node = last_operation(node.inputs[-1 if node.op.name == "where" else 0])
            if node.op.name in _SQUASHES:
                yield mismatch(target.loss.name, node.op.name, target.scores, node.site.path)


def _values_squashed(first: FirstSteps) -> Iterator[Evidence]:
    """The same, seen in the values that reach the loss."""
    if list(_squashed(first.look)):
        return
    for name, target in first.look.targets.items():
        values = first.outputs[name]
        if target.loss.wants != "logits" or values.ndim < 2 or values.shape[-1] < 2:
            continue
        sums = values.sum(axis=-1)
        if values.min() >= 0.0 and np.abs(sums - 1.0).max() < PROBABLE:
            yield mismatch(target.loss.name, "softmax", values.shape[-1], name)


def mismatch(loss: str, made: str, classes: int, path: str) -> Evidence:
    """What is said of a net that made probabilities before a loss that makes them itself."""
    # Probabilities lie between 0 and 1, so as scores they cannot favour a class by more than 1.
    floor = math.log1p((max(2, classes) - 1) / math.e)
    facts = {"loss": loss, "activation": made, "floor": floor}
    return Evidence(floor, 0.0, facts, layer=path)


def _crossed(look: Look) -> Iterator[Evidence]:
    """Every sample against every target: two batch axes, made by stretching one vector along each."""
    for node in order([look.network.sample_loss(look.network.inference)]):
        if node.op.name in _POINTWISE and _batch_axes(node) > 1:
            sides = [_unstretched(each) for each in node.inputs]
            if all(_batch_axes(each) == 1 for each in sides):
                shapes = " - ".join(str(each.spec.shape) for each in sides[:2])
                yield Evidence(2, 1, {"op": node.op.name, "shapes": shapes}, layer=str(node.site))
                return


def _batch_axes(node: Node) -> int:
    return sum(str(axis) == "B" for axis in node.shape)


def _unstretched(node: Node) -> Node:
    while node.op.name in ("broadcast", "reshape"):
        node = node.inputs[0]
    return node


LOSS_ACTIVATION = Rule(
    19,
    "loss-activation",
    ("loss and last activation do not fit", "损失与输出激活不匹配"),
    "error",
    symptom=(
        "a loss that makes probabilities of scores is given probabilities",
        "会把得分变成概率的损失，收到的已经是概率",
    ),
    threshold=(
        "exact: the last operation is softmax or sigmoid, or the numbers that reach the loss are at "
        f"least 0 and sum to 1 within {PROBABLE:g}",
        f"精确判断：最后的运算是 softmax 或 sigmoid，或进入损失的数非负且和为 1（误差 {PROBABLE:g} 以内）",
    ),
    source="UMLAUT; the floor ln(1 + (K - 1)/e) is exact: 0.313 for 2 classes, 1.461 for 10",
    what=(
        "{loss} applies {activation} itself, and the net has done so already: the loss can never go below "
        "{floor:.3f}",
        "{loss} 自身会应用 {activation}，而网络已经应用过：损失不可能低于 {floor:.3f}",
    ),
    why=(
        "Probabilities lie between 0 and 1. Read as scores they differ by 1 at most, so even a "
        "perfect answer "
        "is told as e to 1; the gradients are small and stay small.",
        "概率在 0 与 1 之间；当作得分时最多相差 1，即使答案完美也只能表示为 e 比 1，梯度始终很小。",
    ),
    remedy="cr.Dense(10)  # scores: no activation after the last layer; predict_proba gives probabilities",
    before=_squashed,
    first=_values_squashed,
)

BROADCAST_LOSS = Rule(
    26,
    "broadcast-loss",
    ("targets are broadcast against predictions", "预测与目标被广播成方阵"),
    "error",
    symptom=(
        "a loss of one's own compares every sample's prediction with every sample's target",
        "自定义损失把每个样本的预测与所有样本的目标相比较",
    ),
    threshold=(
        "exact: an elementwise operation of the loss has two batch axes, and its inputs one each",
        "精确判断：损失中某个逐元素运算的结果有两个批量轴，而输入各只有一个",
    ),
    source="exact (scikit-learn, PyTorch and Keras users meet it as (n, 1) minus (n,))",
    what=(
        "the loss stretches {shapes} to a square of batch by batch: every prediction meets every target",
        "损失把 {shapes} 广播成批量乘批量的方阵：每个预测都与每个目标相比较",
    ),
    why=(
        "(n, 1) minus (n,) is (n, n). The mean over all pairs is least where every prediction is the "
        "mean of "
        "all targets, so the net learns to answer that. Losses of the catalogue refuse it (E201); targets "
        "given as (n, 1) are taken as (n,).",
        "(n, 1) 减 (n,) 得到 (n, n)。所有配对的平均在每个预测都等于目标均值时最小，网络便学会只答均值。"
        "内置损失会拒绝这种形状 (E201)，(n, 1) 的目标会当作 (n,)。",
    ),
    remedy="output[:, 0] - target[:, 0]  # in the loss: one shape for both",
    before=_crossed,
)
