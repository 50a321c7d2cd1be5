"""Rules on the scale of inputs and targets: problems 17, 18 and 30."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.data.tables.check_thresholds import OFFSET_RATIO, SCALE_RATIO, TARGET_STD
from chainrule.data.tables.findings import SENTENCES
from chainrule.diagnosis.context import FEWEST, TrainingContext, last_operation
from chainrule.diagnosis.rule import Evidence, Rule

WIDE = 10.0  # standard deviation of inputs that is too large for usual initial weights
LARGEST = 2.0**24  # every larger float32 is an integer
CENTERED = ("mse", "half_mse", "mae", "huber", "smooth_l1", "log_cosh")  # losses that scale with the targets
RANGES = {  # the ranges of output activations
    "sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, np.inf),
    "exp": (0.0, np.inf), "softplus": (0.0, np.inf),
}  # fmt: skip


def _inputs_unscaled(context: TrainingContext) -> Iterator[Evidence]:
    if context.table_findings is not None:
        for finding in context.findings("scale_gap", "far_from_zero"):
            limit = SCALE_RATIO if finding.code == "scale_gap" else OFFSET_RATIO
            yield Evidence(_number(finding.facts["ratio"]), limit, finding.facts, form=finding.code)
        return
    if context.normalizes or context.sampled_rows < FEWEST:
        return
    for name, features in context.features.items():
        magnitude = np.abs(features).max()
        if magnitude > 1.0:  # values within [-1, 1] are small enough in any case
            yield from _spreads(name, features, magnitude)


def _spreads(name: str, features: np.ndarray, magnitude: float) -> Iterator[Evidence]:
    """Report means and standard deviations of features, (n, F), that exceed the thresholds.

    Args:
        name: of the input.
        features: the features.
        magnitude: the largest absolute value.
    """
    mean = features.mean(axis=0, keepdims=True)  # (1, F)
    mean, std = mean[0], features.std(axis=0, mean=mean)  # (F,)
    is_binary = (features[0] == 0.0) | (features[0] == 1.0)  # one-hot codes and booleans have no scale
    binary = np.flatnonzero(is_binary)
    if binary.size:
        is_binary[binary] = ((features[:, binary] == 0.0) | (features[:, binary] == 1.0)).all(axis=0)
    varying = np.flatnonzero((std > 1e-12 * magnitude) & ~is_binary)
    if not varying.size:
        return
    large, small = varying[np.argmax(std[varying])], varying[np.argmin(std[varying])]
    names = {"large": f"{name}[{large}]", "small": f"{name}[{small}]"}
    ratio = float(std[large] / std[small])
    offsets = np.abs(mean[varying]) / std[varying]
    worst = int(np.argmax(offsets))
    if std[large] > WIDE:
        facts = {"column": names["large"], "std": float(std[large])}
        yield Evidence(float(std[large]), WIDE, facts, layer=names["large"], form="wide", severity="warning")
    elif ratio > SCALE_RATIO:
        yield Evidence(ratio, SCALE_RATIO, {**names, "ratio": ratio}, layer=names["large"], form="scale_gap")
    elif offsets[worst] > OFFSET_RATIO:
        column, value = f"{name}[{varying[worst]}]", float(offsets[worst])
        facts = {"column": column, "ratio": value, "count": int((offsets > OFFSET_RATIO).sum())}
        yield Evidence(value, OFFSET_RATIO, facts, layer=column, form="far_from_zero")


def _targets_unscaled(context: TrainingContext) -> Iterator[Evidence]:
    for finding in context.findings("target_scale"):
        yield Evidence(_number(finding.facts["std"]), TARGET_STD, finding.facts, form="target_scale")
    for name, target in context.targets.items():
        if target.task != "regression":
            continue
        y = context.y[name].astype(np.float64)
        if (
            context.table_findings is None
            and target.loss.name in CENTERED
            and (std := float(y.std())) > TARGET_STD
        ):
            yield Evidence(std, TARGET_STD, {"std": std}, form="target_scale", severity="warning")
        activation = last_operation(context.network.inference.outputs[name]).op.name
        low, high = RANGES.get(activation, (-np.inf, np.inf))
        is_outside = (y < low) | (y > high)
        if is_outside.any():
            worst = float(y[is_outside].flat[0])
            facts = {"activation": activation, "low": f"{low:g}", "high": f"{high:g}", "worst": worst}
            share = float(is_outside.mean())
            yield Evidence(
                share, 0.0, {**facts, "share": share}, form="out_of_reach", severity="error",
                remedy="cr.Sequential(net, cr.Dense(1))",
            )  # fmt: skip


def _integer_inputs(context: TrainingContext) -> Iterator[Evidence]:
    if context.table_findings is not None or context.normalizes or context.sampled_rows < FEWEST:
        return
    for name, features in context.features.items():
        low, high = float(features.min()), float(features.max())
        if WIDE <= high - low <= LARGEST and not (features % 1.0).any():
            facts = {"name": name, "low": f"{low:g}", "high": f"{high:g}"}
            yield Evidence(high - low, WIDE, facts, layer=name)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float | np.number) else float("nan")


INPUT_SCALE = Rule(
    17,
    "input-scale",
    ("inputs not standardized", "输入未标准化"),
    "info",
    symptom=(
        "the features differ strongly in spread, or are far from 0",
        "各特征的离散程度相差悬殊，或远离 0",
    ),
    threshold=(
        f"some value is larger than 1, and one standard deviation is more than {SCALE_RATIO:g} times "
        f"another, a mean is more than {OFFSET_RATIO:g} standard deviations from 0, or a standard "
        f"deviation exceeds {WIDE:g}",
        f"存在大于 1 的数，且标准差之比超过 {SCALE_RATIO:g}，或均值距 0 超过 {OFFSET_RATIO:g} 个标准差，"
        f"或标准差超过 {WIDE:g}",
    ),
    source="UMLAUT (inputs within [-1, 1]); the ratios are this project's own",
    what={
        "scale_gap": SENTENCES["scale_gap"],
        "far_from_zero": SENTENCES["far_from_zero"],
        "wide": (
            'the standard deviation of "{column}" is {std:.3g}; standardize the inputs',
            "“{column}”的标准差为 {std:.3g}，请先标准化输入",
        ),
    },
    why=(
        "The gradient of a weight is proportional to its input. With features of very different scale no "
        "single learning rate suits all weights: the loss is a narrow valley, and descent oscillates "
        "across it instead of following it.",
        "权重的梯度与其输入成正比。特征大小悬殊时，没有一个学习率适合所有权重：损失曲面成为狭长的山谷，"
        "下降方向横穿山谷而不是沿谷前进。",
    ),
    remedy="x = (x - x_train.mean(axis=0)) / x_train.std(axis=0)  # or cr.Normalization() as the first layer",
    remedy_comment="或把 cr.Normalization() 作为第一层",
    before=_inputs_unscaled,
    reads_rows=True,
)

TARGET_SCALE = Rule(
    18,
    "target-scale",
    ("targets not scaled, or out of range", "目标未缩放"),
    "info",
    symptom=(
        "the targets are large, or outside the range of the output activation",
        "目标值过大，或超出输出激活的值域",
    ),
    threshold=(
        f"the standard deviation of the targets exceeds {TARGET_STD:g}; or a target is outside the range "
        "of the output activation (below 0 with ReLU, above 1 with sigmoid)",
        f"目标的标准差超过 {TARGET_STD:g}；或有目标落在输出激活的值域之外（relu 遇负数，sigmoid "
        f"遇大于 1 的数）",
    ),
    source="this project's own",
    what={
        "target_scale": SENTENCES["target_scale"],
        "out_of_reach": (
            "{share:.1%} of the targets (such as {worst:.4g}) are outside the range of {activation}, "
            "{low} to {high}",
            "{share:.1%} 的目标（如 {worst:.4g}）超出 {activation} 的值域 {low} 到 {high}",
        ),
    },
    why=(
        "The gradient of a squared error is proportional to the error, so large targets cause large steps; "
        "and at the ends of the range of the output activation its derivative is 0, so nothing is learned.",
        "平方误差的梯度与误差成正比，目标大则步子大；而在输出激活的边界处斜率为 0，什么也学不到。",
    ),
    remedy="y = (y - y_train.mean()) / y_train.std()",
    before=_targets_unscaled,
    reads_rows=True,
)

INTEGER_INPUTS = Rule(
    30,
    "integer-inputs",
    ("integer inputs", "输入为整数"),
    "info",
    symptom=(
        "all values of an input are integers: pixels, counts or codes, used without scaling",
        "某个输入的所有数都是整数：像素、计数或编码被直接使用",
    ),
    threshold=(
        f"all values are integers and span {WIDE:g} or more; no embedding reads them",
        f"全部为整数且跨度不小于 {WIDE:g}，并且没有嵌入层读取它们",
    ),
    source="UMLAUT (non-float inputs); the span is this project's own",
    what=(
        'input "{name}" has integers from {low} to {high}: scale pixels, use an embedding for codes',
        "输入“{name}”是 {low} 到 {high} 的整数：像素请先缩放，编码请用嵌入层",
    ),
    why=(
        "Codes have no order that a weight could use, and pixels from 0 to 255 make the initial weighted "
        "sums a hundred times too large.",
        "编码没有权重可以利用的顺序；0 到 255 的像素会使最初的加权和大上百倍。",
    ),
    remedy="x = x / 255.0  # pixels; cr.Embedding(rows, width) for codes",
    remedy_comment="像素；编码用 cr.Embedding(rows, width)",
    before=_integer_inputs,
    reads_rows=True,
)
