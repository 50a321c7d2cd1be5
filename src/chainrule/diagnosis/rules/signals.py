"""Rules on activations and gradients during training: problems 1 to 5 and 32."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from chainrule.diagnosis.history import RECTIFIERS, SATURATING, TrainingRecord, median
from chainrule.diagnosis.rule import Evidence, Rule
from chainrule.train.monitor.probe import Probe

EXPLODING, JUMP = 70.0, 10.0  # gradient of the first layer over the last; gradient over its earlier median
VANISHING, SMALL = 1e-3, 1e-4  # gradient of the first layer over the last; over the norm of its weights
SHARE = 0.5  # of the units of a layer, or of their outputs
LOST = 0.5  # share of the gradient of a matrix that is exactly 0


def _not_finite(record: TrainingRecord) -> Iterator[Evidence]:
    error = record.nonfinite_error
    if error is not None:
        yield Evidence(np.nan, 0.0, {"message": error.received}, record.step, form="fault")
    elif record.last_probe is not None:
        for path, part in record.last_probe.parts.items():
            if part.get("not_finite", 0.0) > 0:
                yield Evidence(part["not_finite"], 0.0, {}, record.last_probe.step, path, "part")
                return


def _exploding(record: TrainingRecord) -> Iterator[Evidence]:
    for chain in _deep_chains(record):
        ratios = [(probe, *_ends(record.data_gradients(probe), chain)) for probe in record.probes]
        exploding = [
            (probe, first / last) for probe, first, last in ratios if last > 0 and first / last > EXPLODING
        ]
        if len(exploding) >= 2 and 2 * len(exploding) >= len(ratios):
            probe, ratio = max(exploding, key=lambda item: item[1])
            yield Evidence(ratio, EXPLODING, {"last": chain[-1]}, probe.step, chain[0], "ratio")
            return
    norms = [(probe, probe.values["gradient_norm"]) for probe in record.probes]
    for i, (probe, norm) in enumerate(norms[1:], 1):
        typical = median(earlier for _, earlier in norms[:i])
        is_diverging = not np.isfinite(norm) or probe.values["training_loss"] > 2 * record.first_loss
        if norm > JUMP * max(typical, 1e-12) and is_diverging:
            yield Evidence(norm / max(typical, 1e-12), JUMP, {}, probe.step, form="jump")
            return


def _vanishing(record: TrainingRecord) -> Iterator[Evidence]:
    for chain in _deep_chains(record):
        vanishing = []
        for probe in record.probes:
            first, last = _ends(record.data_gradients(probe), chain)
            weight, _ = _ends(record.statistic(probe, "weight"), chain)
            if last > 0 and first / last < VANISHING and first < SMALL * max(weight, 1e-12):
                vanishing.append((first / last, probe))
        if len(vanishing) >= 2 and 2 * len(vanishing) > len(record.probes):
            ratio, probe = min(vanishing, key=lambda item: item[0])
            yield Evidence(ratio, VANISHING, {"last": chain[-1]}, probe.step, chain[0])
            return


def _deep_chains(record: TrainingRecord) -> list[tuple[str, ...]]:
    """Return the chains of weight matrices along which a gradient is multiplied at least twice."""
    return [tuple(chain) for chain in record.weight_chains if len(chain) >= 3]


def _ends(values: Mapping[str, float], chain: Sequence[str]) -> tuple[float, float]:
    """Return the values of the first and the last weight matrix of a chain."""
    norms = [values[path] for path in chain if path in values] or [0.0]
    return norms[0], norms[-1]


def _dying(record: TrainingRecord) -> Iterator[Evidence]:
    for path, kind in record.activations.items():
        if kind in RECTIFIERS and (share_and_probe := _lasting(record, path, "dead")):
            yield Evidence(
                share_and_probe[0], SHARE, {"share": share_and_probe[0]}, share_and_probe[1].step, path
            )


def _saturated(record: TrainingRecord) -> Iterator[Evidence]:
    for path in record.hidden_activations:
        if record.activations[path] in SATURATING and (
            share_and_probe := _lasting(record, path, "saturated")
        ):
            facts = {"share": share_and_probe[0], "kind": record.activations[path]}
            yield Evidence(share_and_probe[0], SHARE, facts, share_and_probe[1].step, path)


def _lasting(record: TrainingRecord, path: str, name: str) -> tuple[float, Probe] | None:
    """Return the smaller share above the threshold in the last two probes, and the last probe."""
    shares = [(probe.parts.get(path, {}).get(name, 0.0), probe) for probe in record.probes[-2:]]
    if len(shares) < 2 or not all(share > SHARE for share, _ in shares):
        return None
    return min(share for share, _ in shares), shares[-1][1]


def _underflow(record: TrainingRecord) -> Iterator[Evidence]:
    underflows = [
        (probe, path, share) for probe in record.probes for path, share in _lost(record, probe).items()
    ]
    probes = {probe.step for probe, _, _ in underflows}
    if underflows and 2 * len(probes) > len(record.probes):
        probe, path, share = underflows[-1]
        yield Evidence(share, LOST, {"share": share}, probe.step, path)


def _lost(record: TrainingRecord, probe: Probe) -> dict[str, float]:
    """Return the weight matrices whose gradient is mostly 0 although no layer is inactive."""
    layers = probe.layers.values()
    if any(layer.get("dead", 0.0) > 0.25 for layer in layers) or not probe.values["training_loss"] > 0:
        return {}
    shares = record.statistic(probe, "no_gradient")
    return {path: share for path, share in shares.items() if share > LOST}


NOT_FINITE = Rule(
    1, "not-finite", ("loss NaN or infinite", "损失变成 NaN"), "error",
    symptom=("a loss, a gradient or a weight is NaN or infinite", "损失、梯度或权重出现 NaN 或无穷大"),
    threshold=("a single value", "出现一个即报"),
    source="SageMaker Debugger, ExplodingTensor; AutoTrainer",
    what={
        "fault": ("a value became non-finite: {message}", "出现了非有限的数：{message}"),
        "part": ("{layer} contains non-finite values", "{layer} 含有非有限的数"),
    },
    why=(
        "The logarithm of 0, a division by 0 or an overflowing exponential gives a non-finite value, and "
        "so does everything computed from it; the most frequent cause is a learning rate that is too "
        "high.",
        "对 0 取对数、除以 0 或指数溢出会得到非有限的数，之后由它算出的一切也都如此；多半是学习率过大所致。",
    ),
    remedy="cr.Model(net, loss, optimizer, clip=cr.ClipGlobalNorm(1.0))  # reduce the learning rate",
    remedy_comment="并减小学习率",
    during=_not_finite,
)  # fmt: skip
EXPLODING_GRADIENTS = Rule(
    2, "exploding-gradients", ("exploding gradients", "梯度爆炸"), "warning",
    symptom=(
        "gradients grow from the last layer to the first, or increase suddenly",
        "梯度从最后一层到第一层逐层变大，或突然变大",
    ),
    threshold=(
        f"in most probes the gradient of the first layer, without penalties, is more than {EXPLODING:g} "
        f"times that of the last, or the norm of the gradient is more than {JUMP:g} times its usual value "
        "while the loss has doubled",
        f"多数探测中首层梯度（不含惩罚项）超过末层的 {EXPLODING:g} 倍，"
        f"或总梯度超过平时的 {JUMP:g} 倍且损失翻倍",
    ),
    source="AutoTrainer (70); the jump is this project's own",
    what={
        "ratio": (
            "the gradient of {layer} is {value:.3g} times that of {last}, the last layer behind it",
            "{layer} 的梯度是其后最后一层 {last} 的 {value:.3g} 倍",
        ),
        "jump": (
            "the gradient norm is {value:.3g} times its usual value, and the loss rises",
            "梯度达到平时的 {value:.3g} 倍，且损失上升",
        ),
    },
    why=(
        "In the backward pass the gradient is multiplied by the weights of each layer; if they are large, it "
        "grows with every layer.",
        "反向传播时梯度要乘上每一层的权重；权重大，梯度就逐层变大。",
    ),
    remedy="cr.Model(net, loss, optimizer, clip=cr.ClipGlobalNorm(1.0))",
    during=_exploding,
)  # fmt: skip
VANISHING_GRADIENTS = Rule(
    3, "vanishing-gradients", ("vanishing gradients", "梯度消失"), "warning",
    symptom=("almost no gradient reaches the first layers", "梯度几乎传不到前面的层"),
    threshold=(
        f"in most probes the gradient of the first layer, without penalties, is below {VANISHING:g} of that "
        f"of the last, and below {SMALL:g} of the norm of its weights",
        f"多数探测中首层梯度（不含惩罚项）不到末层的 {VANISHING:g}，且不到自身权重长度的 {SMALL:g}",
    ),
    source="AutoTrainer (1e-3, 1e-4)",
    what=(
        "the gradient of {layer} is only {value:.3g} of that of {last}, the last layer behind it: it hardly "
        "learns",
        "{layer} 的梯度只有其后最后一层 {last} 的 {value:.3g}：它几乎不学习",
    ),
    why=(
        "In the backward pass the gradient is multiplied by the derivative of every activation function; "
        "that of a sigmoid is at most 0.25, so ten layers reduce it to a millionth.",
        "反向传播时梯度要乘上每个激活函数的导数；Sigmoid 的导数至多 0.25，十层之后只剩百万分之一。",
    ),
    remedy='cr.Dense(64, activation="relu")  # or cr.Residual(...), cr.BatchNorm(), fewer layers',
    remedy_comment="或用 cr.Residual(...)、cr.BatchNorm()，或减少层数",
    during=_vanishing,
)  # fmt: skip
DYING_RELU = Rule(
    4, "dying-relu", ("dying ReLU", "ReLU 死亡"), "warning",
    symptom=("many units output 0 for every sample", "许多单元对任何样本都输出 0"),
    threshold=(
        f"more than {SHARE:.0%} of the units of a layer output 0 for every row in the last two probes",
        f"最近两次探测中，一层里超过 {SHARE:.0%} 的单元对所有样本都为 0",
    ),
    source="SageMaker Debugger, DyingRelu (50 %)",
    what=("{share:.0%} of the units of {layer} are inactive", "{layer} 有 {share:.0%} 的单元已失活"),
    why=(
        "Where a ReLU outputs 0, its derivative is 0: a unit whose weighted sum is negative for every sample "
        "gets no gradient and does not recover.",
        "ReLU 输出 0 处导数也为 0：若某单元对所有样本的加权和都为负，它便得不到梯度，再也不会恢复。",
    ),
    remedy='cr.Dense(64, activation="leaky_relu")  # also reduce the learning rate',
    remedy_comment="并降低学习率",
    during=_dying,
)  # fmt: skip
SATURATED = Rule(
    5, "saturated", ("saturated sigmoid or tanh", "激活函数饱和"), "warning",
    symptom=("most outputs are where the activation function is flat", "多数输出落在激活函数的平坦处"),
    threshold=(
        f"more than {SHARE:.0%} of the outputs of a hidden layer have a derivative below 0.01 in the last "
        "two probes",
        f"最近两次探测中，隐藏层超过 {SHARE:.0%} 的输出处斜率小于 0.01",
    ),
    source="this project's own (SageMaker Debugger's limits are reached far too late)",
    what=(
        "{share:.0%} of the outputs of {layer} are where its {kind} is flat",
        "{layer} 有 {share:.0%} 的输出落在 {kind} 的平坦处",
    ),
    why=(
        "Far from 0 a sigmoid or tanh is almost constant: its derivative is near 0, and so is the gradient "
        "that passes through it.",
        "远离 0 时 Sigmoid 或 tanh 几乎不再变化，导数接近 0，经它传回的梯度也接近 0。",
    ),
    remedy="cr.BatchNorm()  # before the activation; or standardize the inputs, reduce the initial weights",
    remedy_comment="放在激活函数之前；或标准化输入、减小初始权重",
    during=_saturated,
)  # fmt: skip
UNDERFLOW = Rule(
    32, "gradient-underflow", ("gradients underflow", "梯度下溢"), "warning",
    symptom=("gradients are exactly 0 although the loss is not", "损失不为 0，梯度却恰为 0"),
    threshold=(
        f"in most probes more than {LOST:.0%} of the gradient of a weight matrix, without penalties and "
        "without inputs that are 0 in every row, is exactly 0, and no unit is inactive",
        f"多数探测中某权重矩阵超过 {LOST:.0%} 的梯度恰为 0（不含惩罚项，"
        "不含每一行都为 0 的输入），且没有失活的单元",
    ),
    source="training-problems list, after mixed-precision training (Micikevicius et al. 2018)",
    what=(
        "{share:.0%} of the gradient of {layer} is exactly 0: too small for its dtype",
        "{layer} 的梯度有 {share:.0%} 恰为 0：小到该数值类型无法表示",
    ),
    why=(
        "In float32, values below about 1e-45 are 0; products of many small factors, or very small inputs, "
        "fall below that.",
        "float32 中小于约 1e-45 的数就是 0；许多小因子相乘或极小的输入都会低于它。",
    ),
    remedy='cr.Model(net, loss, dtype="float64")  # also scale the inputs to about 1',
    remedy_comment="并使输入的大小接近 1",
    during=_underflow,
)  # fmt: skip
