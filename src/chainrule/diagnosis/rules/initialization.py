"""Rules on initial values and first steps: problems 6, 7, 8 and 13."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from chainrule.diagnosis.first_steps import STEPS, FirstSteps, batches_of
from chainrule.diagnosis.history import TrainingRecord, guessed_classes, normalizes
from chainrule.diagnosis.rule import Evidence, Rule
from chainrule.diagnosis.weight_chains import parameters_of_members, units_of, weight_chains_of

VARIANCES = 10.0  # largest over smallest variance of the weighted sums of the layers
EARLY = 10  # in the first steps a gradient may be 0 because other weights are
GAIN = (0.05, 8.0)  # range of the factor of the mean square of a layer; 1 or 2 preserves the scale of signals
# The initial loss alone does not separate: with few classes and random weights sound networks reach 6.9 ln K,
# and scores that are 23 times too large start at 5.4 ln K (campaigns.doctor_cases.initial_losses, 100 seeds
# from 1000). Therefore a loss above CHANCE is a finding only with a layer that makes the scores large.
CHANCE = 3.0  # initial loss relative to random guessing
INPUTS = 25.0  # mean square of the inputs; 1 for standardized ones
ANYHOW = 30.0  # initial loss relative to random guessing that needs no cause


def _wrong_weight_scale(first: FirstSteps) -> Iterator[Evidence]:
    network = first.context.network
    spread = {path: float(z.astype(np.float64).var()) for path, z in first.sums.items() if z.size > 1}
    gains = {}
    for path, units in units_of(network).items():
        weight = first.parameters[0][f"{path}.weight"].astype(np.float64)
        gains[path] = float((weight**2).sum()) / units
    yield from _compare_scales(spread, gains, normalizes(network))


def _of_first_probe(record: TrainingRecord) -> Iterator[Evidence]:
    """Report the same as ``_wrong_weight_scale``, from the probe before the first step."""
    for probe in record.probes[:1]:
        if probe.step == 0:
            spread = {path: layer["spread"] for path, layer in probe.layers.items() if "spread" in layer}
            norms = record.statistic(probe, "weight")  # squared by *: ** raises where it overflows
            gains = {
                path: norms[f"{path}.weight"] * norms[f"{path}.weight"] / units
                for path, units in record.units.items() if f"{path}.weight" in norms
            }  # fmt: skip
            yield from _compare_scales(spread, gains, record.normalizes)


def _compare_scales(
    spread: Mapping[str, float], factors: Mapping[str, float], is_normalized: bool
) -> Iterator[Evidence]:
    """Compare the variances of the weighted sums of the layers.

    Args:
        spread: these variances by path.
        factors: by what the weights of a layer multiply the mean square of its inputs.
        is_normalized: whether layers normalize their inputs, and therefore work at any scale.
    """
    spread = {path: v for path, v in spread.items() if v > 0 and math.isfinite(v)}
    if len(spread) < 2 or is_normalized:
        return
    large, small = max(spread, key=lambda p: spread[p]), min(spread, key=lambda p: spread[p])
    ratio = spread[large] / spread[small]
    gains = {path: factors[path] for path in spread if factors.get(path)}
    wrong = {path: g for path, g in gains.items() if not GAIN[0] <= g <= GAIN[1]}
    if ratio > VARIANCES and wrong:
        worst = max(wrong, key=lambda p: abs(math.log(wrong[p])))
        facts = {"large": large, "small": small, "path": worst, "gain": wrong[worst]}
        yield Evidence(ratio, VARIANCES, facts, step=0, layer=worst)


def _symmetric(first: FirstSteps) -> Iterator[Evidence]:
    of_members = parameters_of_members(first.context.network)  # equal members learn from different rows
    for path, weight in first.parameters[0].items():
        if weight.ndim < 2 or len(weight) < 2 or path not in first.gradients[0] or path in of_members:
            continue
        later_values = [first.parameters[-1][path], *(step[path] for step in first.gradients)]
        if all(_is_constant(value) for value in (weight, *later_values)):
            yield Evidence(len(weight), 1, {"path": path, "units": len(weight)}, step=0, layer=path)


def _is_constant(weight: np.ndarray) -> bool:
    """Whether all units have the same weights."""
    return bool((weight == weight[:1]).all())


def _first_loss(first: FirstSteps) -> Iterator[Evidence]:
    context = first.context
    if context.single_output is None:
        return
    squares = {path: _sum_of_squares(value) for path, value in first.parameters[0].items()}
    spread = {path: float(z.astype(np.float64).var()) for path, z in first.sums.items()}
    layer = _too_large(squares, spread, units_of(context.network), weight_chains_of(context.network))
    target, _ = context.single_output
    yield from _compare_with_chance(first.data_loss, guessed_classes(target), layer)


def _first_loss_of_probe(record: TrainingRecord) -> Iterator[Evidence]:
    """Report the same as ``_first_loss``, from the probe before the first step."""
    for probe in record.probes[:1]:
        if probe.step == 0:
            norms = {path: part["weight"] for path, part in probe.parts.items() if "weight" in part}
            squares = {path: norm * norm for path, norm in norms.items()}  # ** raises where it overflows
            spread = {path: layer["spread"] for path, layer in probe.layers.items() if "spread" in layer}
            layer = _too_large(squares, spread, record.units, record.weight_chains)
            yield from _compare_with_chance(probe.values["training_loss"], record.classes, layer)


def _too_large(
    squares: Mapping[str, float], spread: Mapping[str, float], units: Mapping[str, int],
    chains: Sequence[tuple[str, ...]],
) -> str:  # fmt: skip
    """Return the layer whose weights, biases or inputs make the scores large; ``""`` if no layer does.

    Args:
        squares: the sum of squares of each parameter, by path.
        spread: the variance of the weighted sums of each layer, by path.
        units: the units of each layer.
        chains: the chains of weight matrices; the first of each reads the inputs.
    """
    firsts = {chain[0].rpartition(".")[0] for chain in chains}
    excess = {"": 1.0}
    for path, count in units.items():
        weight, bias = (squares.get(f"{path}.{name}", 0.0) / count for name in ("weight", "bias"))
        inputs = spread.get(path, 0.0) / weight if path in firsts and weight else 0.0
        excess[path] = max((weight + bias) / GAIN[1], inputs / INPUTS)
    return max(excess, key=lambda path: excess[path])


def _sum_of_squares(value: np.ndarray) -> float:
    return float((value.astype(np.float64) ** 2).sum())


def _compare_with_chance(loss: float, classes: int, layer: str) -> Iterator[Evidence]:
    """Compare the initial loss with that of random guessing.

    Args:
        loss: the mean loss of the samples.
        classes: the number of classes; 0 for other tasks.
        layer: the layer that makes the scores large, or ``""``.
    """
    limit = CHANCE if layer else ANYHOW
    if classes >= 2 and loss / math.log(classes) > limit:
        chance = math.log(classes)
        facts = {"loss": loss, "chance": chance, "classes": classes}
        yield Evidence(loss / chance, limit, facts, step=0, layer=layer)


def _unmoved(first: FirstSteps) -> Iterator[Evidence]:
    if batches_of(first.context.network.recipe.optimizer) > len(first.gradients):
        return  # gradients are accumulated; no update yet
    for path in first.context.network.trainable:
        same = all(
            np.array_equal(first.parameters[0][path], parameters[path]) for parameters in first.parameters[1:]
        )
        silent = not any(step[path].any() for step in first.gradients if path in step)
        if same:
            form = "no_gradient" if silent else "no_update"
            remedy = "" if silent else "cr.Model(net, loss, optimizer=cr.Adam(1e-3))"
            facts = {"path": path, "steps": len(first.gradients)}
            yield Evidence(0.0, 0.0, facts, step=len(first.gradients), layer=path, form=form, remedy=remedy)


def _without_gradient(record: TrainingRecord) -> Iterator[Evidence]:
    """Report parameters whose gradient is 0 in every probe of a running training."""
    probes = [probe for probe in record.probes if probe.step >= EARLY]
    if len(probes) < 2:
        return
    for path, statistics in probes[-1].parts.items():
        shares = [probe.parts.get(path, {}).get("no_gradient", 0.0) for probe in probes]
        if "weight" in statistics and min(shares) == 1.0:
            facts = {"path": path, "steps": probes[-1].step}
            form = "only_penalty" if "penalty_gradient" in statistics else "no_gradient"
            yield Evidence(1.0, 1.0, facts, step=probes[-1].step, layer=path, form=form)


WEIGHT_SCALE = Rule(
    6,
    "weight-scale",
    ("wrong scale of the initial weights", "初始化尺度不当"),
    "warning",
    symptom=(
        "before training, the weighted sums grow or shrink from layer to layer",
        "训练开始前，加权和就逐层放大或缩小",
    ),
    threshold=(
        "no normalization layer; ratio of the largest to the smallest variance of the weighted sums "
        f"above {VARIANCES:g}, and a layer whose weights multiply the mean square of its inputs by less "
        f"than {GAIN[0]:g} or more than {GAIN[1]:g}",
        f"没有规范化层；各层加权和的最大与最小方差之比超过 {VARIANCES:g}，"
        f"且有一层的权重把输入的均方乘以小于 "
        f"{GAIN[0]:g} 或大于 {GAIN[1]:g} 的倍数",
    ),
    source="Amazon SageMaker Debugger, PoorWeightInitialization (ratio 10); the bounds are this "
    "project's own",
    what=(
        'the variance of the sums differs {value:.3g} times from "{small}" to "{large}"; the weights of '
        '"{path}" multiply a mean square by {gain:.3g}',
        "从“{small}”到“{large}”，加权和的方差相差 {value:.3g} 倍；“{path}”的权重把均方乘以 {gain:.3g}",
    ),
    why=(
        "A sum over I inputs has I times the variance of one input, times the variance of the weights. "
        "Unless that variance is about 1/I (2/I before ReLU), every layer scales the signal, and in the "
        "backward pass the gradient.",
        "I 个输入之和的方差是单个的 I 倍，再乘以权重的方差。除非权重的方差约为 1/I（relu 前为 2/I），"
        "否则每一层都会放大或缩小信号，反向时的梯度也是如此。",
    ),
    remedy='cr.Dense(64, "relu", weight_initializer="he")  # "xavier" before tanh or sigmoid',
    remedy_comment="tanh 或 sigmoid 之前用 “xavier”",
    first=_wrong_weight_scale,
    during=_of_first_probe,
)

SYMMETRY = Rule(
    7,
    "symmetry",
    ("identical units", "对称未打破"),
    "error",
    symptom=(
        "all units of a layer have equal weights and equal gradients",
        "某层所有单元的权重相同，得到的梯度也相同",
    ),
    threshold=(
        f"exact: weights, gradients, and weights after {STEPS} steps are equal in all units",
        f"精确判断：权重、梯度以及 {STEPS} 步之后的权重在所有单元中都相等",
    ),
    source="Zhang, Lipton, Li and Smola, Dive into Deep Learning, section 5.4; exact",
    what=(
        'the {units} units of "{path}" have equal weights and equal gradients',
        "“{path}”的 {units} 个单元权重相同、梯度也相同",
    ),
    why=(
        "Units with equal weights compute the same values and get the same gradients, so they stay equal: "
        "the layer is worth a single unit.",
        "相同的单元计算结果相同，链式法则给它们相同的梯度，于是永远相同：整层只相当于一个单元。",
    ),
    remedy='cr.Dense(64, "relu")  # the initial weights are random by default',
    remedy_comment="默认随机初始化权重",
    first=_symmetric,
)

FIRST_LOSS = Rule(
    8,
    "first-loss",
    ("wrong initial loss", "初始损失不对"),
    "warning",
    symptom=(
        "before training, the loss is far above that of random guessing",
        "训练开始前的损失远高于随机猜测",
    ),
    threshold=(
        f"more than {CHANCE:g} times ln K (2.303 for 10 classes, 0.693 for 2), and a layer whose weights and "
        f"biases have a sum of squares above {GAIN[1]:g} per unit, or that reads inputs with a mean square "
        f"above {INPUTS:g}; or more than {ANYHOW:g} times ln K",
        f"超过 ln K（10 类为 2.303，2 类为 0.693）的 {CHANCE:g} 倍，"
        f"且有一层每个单元的权重与偏置的平方和超过 {GAIN[1]:g}，"
        f"或其输入的均方超过 {INPUTS:g}；或者超过 ln K 的 {ANYHOW:g} 倍",
    ),
    source="cs231n (ln K); the factor is this project's own",
    what=(
        "the initial loss is {loss:.4g}; guessing among {classes} classes gives {chance:.4g}",
        "初始损失为 {loss:.4g}；在 {classes} 个类别中猜测为 {chance:.4g}",
    ),
    why=(
        "An untrained network should favor no class: its loss is -ln(1/K). A larger loss means confident "
        "wrong predictions: the scores are too large, because the initial weights, biases or inputs are.",
        "一无所知的网络不应偏向任何类别：损失为 -ln(1/K)。更大的损失说明它对错误答案很有把握："
        "初始权重、偏置或输入太大，使得分过大。",
    ),
    remedy="cr.Dense(10, weight_initializer=cr.Normal(0.0, 0.01))  # small initial scores; scale the inputs",
    remedy_comment="使初始得分较小；并缩放输入",
    first=_first_loss,
    during=_first_loss_of_probe,
)

NOT_LEARNING = Rule(
    13,
    "parameters-not-learning",
    ("parameters that do not change", "参数没有更新"),
    "warning",
    symptom=("a trainable parameter does not change at all", "应当学习的参数完全没有变化"),
    threshold=(
        f"exact: unchanged after {STEPS} steps; or a gradient, without penalties, of 0 everywhere in every "
        f"probe after step {EARLY}",
        f"精确判断：{STEPS} 步之后没有变化；或第 {EARLY} 步之后每次检查时梯度（不含惩罚项）全为 0",
    ),
    source="Amazon SageMaker Debugger, UnchangedTensor (three steps)",
    what={
        "no_gradient": (
            '"{path}" does not change in {steps} steps: its gradient is 0 everywhere',
            "“{path}”在 {steps} 步中没有变化：梯度全为 0",
        ),
        "only_penalty": (
            'only the penalty changes "{path}" in {steps} steps: the gradient of the loss is 0 everywhere',
            "在 {steps} 步中只有惩罚项改变“{path}”：损失的梯度全为 0",
        ),
        "no_update": (
            '"{path}" does not change in {steps} steps although it has a gradient: the update is 0',
            "“{path}”有梯度，但在 {steps} 步中没有变化：更新为 0",
        ),
    },
    why=(
        "Either no path leads from the parameter to the loss (an unused branch, a stopped gradient, "
        "units that always output 0), or the learning rate is 0 or too small for the precision of the "
        "parameter.",
        "要么参数到损失没有通路（未使用的分支、被截断的梯度、对一切输出 0 的单元），要么学习率为 0，"
        "或小到不足以改变它的数位。",
    ),
    remedy='cr.Dense(64, "leaky_relu")  # or remove unused parts; freeze constant ones: model.freeze(...)',
    remedy_comment="或去掉未用的部分；需要固定的用 model.freeze(...) 冻结",
    first=_unmoved,
    during=_without_gradient,
)
