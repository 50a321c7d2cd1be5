"""Rules on the scale of inputs and targets, and on the axes of images."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from chainrule.data.tables.findings import OFFSET_RATIO, SCALE_RATIO, SENTENCES, TARGET_STD
from chainrule.diagnosis.context import FEWEST, TrainingContext, last_operation
from chainrule.diagnosis.rule import Evidence, Rule
from chainrule.messages import fact

# Rules on the scale of inputs and targets: problems 17, 18 and 30.

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


FEW, LONG = 4, 5  # the maximum number of channels of most images; the minimum length of a side
MANY, TIMES = 16, 3  # up to MANY channels are possible if both sides are at least TIMES as long
SMOOTH = 0.7  # an axis is smooth if the relative difference of neighbors is smaller
ALIKE = 2.5  # the maximum ratio of the differences along both sides
IMAGE = 4  # axes of a batch of images
REMEDY = "{0} = {0}.transpose(0, 2, 3, 1)  # (N, C, H, W) -> (N, H, W, C)"
CHANNEL_AXIS = "{0} = {0}[..., None]  # (N, H, W) -> (N, H, W, 1)"
REARRANGED = ("Permute", "Reshape", "Flatten", "RepeatVector", "PatchEmbedding")


def _channels_first(context: TrainingContext) -> Iterator[Evidence]:
    if context.sampled_rows < FEWEST or not _has_sliding_window(context):
        return
    for name, x in context.x.items():
        if x.ndim != IMAGE or x.dtype.kind != "f" or not _may_be_channels_first(*x.shape[1:]):
            continue
        if np.count_nonzero(np.ptp(x.reshape(len(x), -1), axis=1)) < FEWEST:
            continue  # nearly all images are empty
        across, down, along = (neighbor_difference(x, axis) for axis in (1, 2, 3))
        if 0 < max(down, along) < SMOOTH and _are_sides(across, down, along):
            first, second, last = x.shape[1:]
            facts = {"first": first, "second": second, "last": last, "name": name}
            yield Evidence(along, SMOOTH, facts, layer=name, remedy=REMEDY.format(name))


def _without_channel_axis(context: TrainingContext) -> Iterator[Evidence]:
    """Report gray images without an axis of channels, whose columns a layer reads as channels."""
    if context.sampled_rows < FEWEST or not _has_sliding_window(context):
        return
    for name, x in context.x.items():
        if x.ndim != IMAGE - 1 or x.dtype.kind != "f" or not _may_be_gray_image(x):
            continue
        down, along = (neighbor_difference(x, axis) for axis in (1, 2))
        gap = abs(math.log(max(down, 1e-12) / max(along, 1e-12)))
        if 0 < max(down, along) < SMOOTH and gap < math.log(ALIKE):
            facts = {"rows": x.shape[1], "columns": x.shape[2], "name": name}
            yield Evidence(along, SMOOTH, facts, layer=name, remedy=CHANNEL_AXIS.format(name))


def _may_be_gray_image(x: np.ndarray) -> bool:
    """Return whether samples (H, W) may be images: square, or at most twice as long, and black is 0."""
    height, width = x.shape[1:]
    if min(height, width) < LONG:
        return False
    return height == width or (float(x.min()) == 0.0 and max(height, width) <= 2 * min(height, width))


def _may_be_channels_first(first: int, second: int, last: int) -> bool:
    """Return whether the lengths of the axes of a sample may be channels, height and width, in this order."""
    shorter = min(second, last)
    return (
        shorter >= LONG and first < shorter and (first <= FEW or (first <= MANY and first * TIMES <= shorter))
    )


def _are_sides(across: float, down: float, along: float) -> bool:
    """Return whether the last two axes are as similar as sides of an image, more than the first two."""
    gap = abs(math.log(max(down, 1e-12) / max(along, 1e-12)))
    other = math.inf if across < 0 else abs(math.log(max(across, 1e-12) / max(down, 1e-12)))
    return gap < math.log(ALIKE) and gap < other


def neighbor_difference(x: np.ndarray, axis: int) -> float:
    """Return the difference of neighbors along an axis, relative to random elements; -1 without neighbors.

    Example:
        >>> ramp = np.arange(10.0).reshape(1, 10)
        >>> round(neighbor_difference(ramp, 1), 3), neighbor_difference(ramp, 0)
        (0.061, -1.0)
    """
    spread = float(x.var(dtype=np.float64))
    if x.shape[axis] < 2 or not 0 < spread < math.inf:
        return -1.0
    return float(np.square(np.diff(x, axis=axis), dtype=np.float64).mean()) / (2 * spread)


def _has_sliding_window(context: TrainingContext) -> bool:
    """Return whether a window of several rows slides over the unchanged inputs; one of 1 row reads rows."""
    for layer in context.leaves():
        if type(layer).__name__ in REARRANGED:
            return False
        window = getattr(layer, "kernel_size", None)
        if window is not None:
            return (window[0] if isinstance(window, tuple | list) else window) > 1
    return False


CHANNELS_FIRST = Rule(
    36,
    "channels-first",
    "channels first",
    "warning",
    symptom="images are stored as (channels, height, width) but read as (height, width, channels)",
    threshold=fact(
        "the first axis of a sample is short; along the last two axes neighbors differ by less than "
        "{smooth:g} of the difference of two random elements, along both similarly (within a factor "
        "of {alike:g}), and more similarly than along the first two; not reported if no window of "
        "several rows slides over the input",
        smooth=SMOOTH,
        alike=ALIKE,
    ),
    source="this project's own; PyTorch stores images as (N, C, H, W)",
    what=(
        'samples of "{name}" are {first} x {second} x {last}, and their last two axes look like the sides '
        "of an image: they are read as {first} rows and {second} columns with {last} channels"
    ),
    why=(
        "PyTorch has the channels before height and width; here, as in Keras, they are the last axis. A "
        "convolution then slides over channels and rows and reads the columns as channels: the training "
        "runs, but the model is worse."
    ),
    remedy=REMEDY.format("x"),
    before=_channels_first,
    is_silent=True,
    reads_rows=True,
)

NO_CHANNEL_AXIS = Rule(
    38,
    "no-channel-axis",
    "images without a channel axis",
    "warning",
    symptom="gray images are stored as (height, width), and a convolution reads their columns as channels",
    threshold=fact(
        "samples have two axes of at least {long}, and are square, or at most twice as long as wide "
        "with 0 as the smallest value; along both axes neighbors differ by less than {smooth:g} of "
        "the difference of two random elements, similarly (within a factor of {alike:g}); not "
        "reported if no window of several rows slides over the input",
        long=LONG,
        smooth=SMOOTH,
        alike=ALIKE,
    ),
    source="this project's own",
    what=(
        'samples of "{name}" are {rows} x {columns} and look like gray images: the convolution slides over '
        "the {rows} rows only and reads the {columns} columns as channels"
    ),
    why=(
        "The last axis of an input is that of its channels. (N, H, W) is therefore a batch of sequences of H "
        "steps with W channels, and the convolution has one axis: the training runs, but neighbors within a "
        "row are unrelated channels to it."
    ),
    remedy=CHANNEL_AXIS.format("x"),
    before=_without_channel_axis,
    is_silent=True,
    reads_rows=True,
)
