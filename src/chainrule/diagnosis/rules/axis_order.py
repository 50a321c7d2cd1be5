"""Rules on the axes of images: problems 36 and 38.

PyTorch stores images as (N, C, H, W), this library and Keras as (N, H, W, C). An array in the order of
PyTorch is read as images with C rows, H columns and W channels, and trains without an error. The shape alone
cannot decide: three rows of forty positions with sixteen channels are valid data. The differences of
neighboring elements can. They are similar along both sides of an image, and different along its channels. The
rule measures them along each axis, relative to the difference of two random elements (1: neighbors are
unrelated).

    axis             1     2     3
    photos (C, H, W) 0.03  0.05  0.05   channels first: 2 and 3 are similar, 1 differs
    photos (H, W, C) 0.05  0.05  0.03   1 and 2 are similar
    3 rows, features 0.00  0.17  1.00   neighbors on the last axis are unrelated
    3 rows, spectra  0.47  0.58  0.01   2 and 3 differ strongly
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from chainrule.diagnosis.context import FEWEST, TrainingContext
from chainrule.diagnosis.rule import Evidence, Rule
from chainrule.messages import fact

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
