"""Rules on the scale of inputs and targets: problems 17, 18 and 30."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.data.tables.findings import OFFSET_RATIO, SCALE_RATIO, SENTENCES, TARGET_STD
from chainrule.diagnosis.context import FEWEST, TrainingContext, last_operation
from chainrule.diagnosis.rule import Evidence, Rule
from chainrule.messages import fact

WIDE = 10.0  # standard deviation of inputs that is too large for usual initial weights
LARGEST = 2.0**24  # every larger float32 is an integer
CENTERED = ("mse", "half_mse", "mae", "huber", "smooth_l1", "log_cosh")  # losses that scale with the targets
RANGES = {  # the ranges of output activations
    "sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "relu": (0.0, np.inf),
    "exp": (0.0, np.inf),
    "softplus": (0.0, np.inf),
}


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
    """Report means and standard deviations of features, (n, F), beyond the thresholds."""
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
                share,
                0.0,
                {**facts, "share": share},
                form="out_of_reach",
                severity="error",
                remedy="cr.Sequential(net, cr.Dense(1))",
            )


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
    "inputs not standardized",
    "info",
    symptom="the features differ strongly in spread, or are far from 0",
    threshold=fact(
        "some value is larger than 1, and one standard deviation is more than {scale_ratio:g} times "
        "another, a mean is more than {offset_ratio:g} standard deviations from 0, or a standard "
        "deviation exceeds {wide:g}",
        scale_ratio=SCALE_RATIO,
        offset_ratio=OFFSET_RATIO,
        wide=WIDE,
    ),
    source="UMLAUT (inputs within [-1, 1]); the ratios are this project's own",
    what={
        "scale_gap": SENTENCES["scale_gap"],
        "far_from_zero": SENTENCES["far_from_zero"],
        "wide": 'the standard deviation of "{column}" is {std:.3g}; standardize the inputs',
    },
    why=(
        "The gradient of a weight is proportional to its input. With features of very different scale no "
        "single learning rate suits all weights: the loss is a narrow valley, and descent oscillates "
        "across it instead of following it."
    ),
    remedy="x = (x - x_train.mean(axis=0)) / x_train.std(axis=0)",
    remedy_comment="or cr.Normalization() as the first layer",
    before=_inputs_unscaled,
    reads_rows=True,
)

TARGET_SCALE = Rule(
    18,
    "target-scale",
    "targets not scaled, or out of range",
    "info",
    symptom="the targets are large, or outside the range of the output activation",
    threshold=fact(
        "the standard deviation of the targets exceeds {target_std:g}; or a target is outside the "
        "range of the output activation (below 0 with ReLU, above 1 with sigmoid)",
        target_std=TARGET_STD,
    ),
    source="this project's own",
    what={
        "target_scale": SENTENCES["target_scale"],
        "out_of_reach": (
            "{share:.1%} of the targets (such as {worst:.4g}) are outside the range of {activation}, "
            "{low} to {high}"
        ),
    },
    why=(
        "The gradient of a squared error is proportional to the error, so large targets cause large steps; "
        "and at the ends of the range of the output activation its derivative is 0, so nothing is learned."
    ),
    remedy="y = (y - y_train.mean()) / y_train.std()",
    before=_targets_unscaled,
    reads_rows=True,
)

INTEGER_INPUTS = Rule(
    30,
    "integer-inputs",
    "integer inputs",
    "info",
    symptom="all values of an input are integers: pixels, counts or codes, used without scaling",
    threshold=fact("all values are integers and span {wide:g} or more; no embedding reads them", wide=WIDE),
    source="UMLAUT (non-float inputs); the span is this project's own",
    what='input "{name}" has integers from {low} to {high}: scale pixels, use an embedding for codes',
    why=(
        "Codes have no order that a weight could use, and pixels from 0 to 255 make the initial weighted "
        "sums a hundred times too large."
    ),
    remedy="x = x / 255.0",
    remedy_comment="pixels; cr.Embedding(rows, width) for codes",
    before=_integer_inputs,
    reads_rows=True,
)
