"""Attributions by gradients: at the sample, and along the path from a baseline (integrated gradients)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields

import numpy as np

from chainrule import prng
from chainrule.attribution.context import MAX_ELEMENTS, AttributionContext
from chainrule.attribution.method import Method, MethodResult
from chainrule.errors import TrainingError, fact
from chainrule.records import frozen
from chainrule.validation import integer, number

# Attributions by the gradient of the score at the sample: the oldest and cheapest methods.
#
# A gradient describes the effect of a small change, not the contribution so far: where a unit is saturated,
# its gradient is 0 however much it contributes. Therefore none of these methods is complete; integrated
# gradients and DeepLIFT follow the path from the baseline instead.


def saliency(context: AttributionContext, absolute: bool = True) -> MethodResult:
    """Return the gradient of the score, or its magnitude."""
    gradients = context.gradients(context.entries, np.arange(context.rows))
    sized = {label: np.abs(gradient) if absolute else gradient for label, gradient in gradients.items()}
    return MethodResult(context.sum_to_inputs(sized), settings={"absolute": absolute})


def gradient_x_input(context: AttributionContext) -> MethodResult:
    """Return the gradient times the input minus the baseline."""
    gradients = context.gradients(context.entries, np.arange(context.rows))
    base = {label: array.mean(0) for label, array in context.baseline_entries.items()}
    products = {
        label: gradient * (context.entries[label] - base[label]) for label, gradient in gradients.items()
    }
    return MethodResult(context.sum_to_inputs(products))


def smooth_grad(
    context: AttributionContext, samples: int = 50, noise: float = 0.15, absolute: bool = False
) -> MethodResult:
    """Return the mean gradient at points around the sample, with the standard error of the mean."""
    samples = integer(samples, "samples", "attribute, smooth_grad", minimum=2, example=64)
    noise = number(noise, "noise", "attribute, smooth_grad", minimum=0, example=0.1)
    sums = {name: np.zeros(context.inputs[name].shape) for name in context.score.entries}
    squares = {name: np.zeros_like(total) for name, total in sums.items()}
    size = sum(array.size for array in context.entries.values())
    step = max(1, MAX_ELEMENTS // max(size, 1))
    for start in range(0, samples, step):
        for name, gradients in _noisy_gradients(context, noise, start, min(step, samples - start)).items():
            values = np.abs(gradients) if absolute else gradients
            sums[name] += values.sum(0)
            squares[name] += np.square(values, dtype=np.float64).sum(0)
    means = {name: total / samples for name, total in sums.items()}
    variances = {name: np.maximum(squares[name] / samples - means[name] ** 2, 0) for name in means}
    return MethodResult(
        means,
        errors={name: np.sqrt(variance / (samples - 1)) for name, variance in variances.items()},
        settings={"samples": samples, "noise": noise, "absolute": absolute},
    )


def _noisy_gradients(
    context: AttributionContext, noise: float, start: int, count: int
) -> dict[str, np.ndarray]:
    """Return the gradients at points around each sample, by input: (J, n, ...)."""
    points = {}
    for i, (label, array) in enumerate(context.entries.items()):
        # The same noise for every sample, so that its values do not depend on the other samples.
        key, size = prng.fold(prng.key_of(context.seed), i), array[0].size
        samples = prng.normal(key, count * size, array.dtype.name, start * size)
        offsets = _range(array) * noise * samples.reshape(count, 1, *array.shape[1:])
        points[label] = (array + offsets).reshape(-1, *array.shape[1:]).astype(array.dtype)
    gradients = context.gradients(points, np.tile(np.arange(context.rows), count))
    folded = context.sum_to_inputs(gradients)
    return {name: array.reshape(count, -1, *array.shape[1:]) for name, array in folded.items()}


def _range(array: np.ndarray) -> np.ndarray:
    """Return (n, 1, ...) the range of the values of each sample."""
    return np.ptp(array.reshape(len(array), -1), axis=1).reshape(-1, *[1] * (array.ndim - 1))


SALIENCY = Method(
    name="saliency",
    title="saliency",
    formula="|df/dx[i]|",
    summary=(
        "The magnitude of the gradient: how much the score would change for a small change of each input."
    ),
    reference="Simonyan, Vedaldi and Zisserman (2014), Deep inside convolutional networks (ICLR workshop)",
    run=saliency,
    needs=("gradient",),
    options={"absolute": True},
)
GRADIENT_X_INPUT = Method(
    name="gradient_x_input",
    title="gradient x input",
    formula="(x[i] - b[i]) df/dx[i]",
    summary=(
        "The gradient times the distance from the baseline: the contribution of the input if the network "
        "were linear."
    ),
    reference="Shrikumar, Greenside, Shcherbina and Kundaje (2016), Not just a black box",
    run=gradient_x_input,
    needs=("gradient",),
)
SMOOTH_GRAD = Method(
    name="smooth_grad",
    title="SmoothGrad",
    formula="mean over e of df/dx[i] at x + e, e normal",
    summary="The mean gradient at many points around the sample, which reduces the noise of the gradient.",
    reference="Smilkov, Thorat, Kim, Viégas and Wattenberg (2017), SmoothGrad: removing noise by "
    "adding noise",
    run=smooth_grad,
    needs=("gradient",),
    options={"samples": 50, "noise": 0.15, "absolute": False},
)


TOLERANCE = 1e-4  # of the explained difference; docs/attribution.md states the reason
POINTS = 8  # Gauss-Legendre points of an interval
FIRST_INTERVALS, MAX_INTERVALS = 2, 512  # of the path from a baseline to a sample
MAX_FINE_INTERVALS = 8192  # of a path whose values do not add up with MAX_INTERVALS: many kinks
MAX_ROUNDS = 40  # of bisections: an interval is then far below the resolution of float32
SAMPLED_TOLERANCE = 0.05  # of the explained difference, where the user chooses the number of sampled points


@frozen(eq=False)
class PathPoints:
    """The points on the paths from the baselines at which gradients are computed, and their weights.

    Args:
        rows: (J,) the baseline of each path.
        places: (J,) the position on the path, from 0 at the baseline to 1 at the sample.
        weights: (J,) the weight of each point; they sum to 1.
    """

    rows: np.ndarray
    places: np.ndarray
    weights: np.ndarray


@frozen(eq=False)
class PathIntegral:
    """The integral for each sample.

    Args:
        values: the values by input.
        squares: the mean squares of the integrands, for standard errors.
        base: (n,) the score of the baselines.
        count: the number of points.
    """

    values: dict[str, np.ndarray]
    squares: dict[str, np.ndarray]
    base: np.ndarray
    count: int

    def errors(self) -> dict[str, np.ndarray]:
        """Return the standard errors of the values, if the points were sampled."""
        return {
            name: np.sqrt(np.maximum(self.squares[name] - mean**2, 0) / max(self.count - 1, 1))
            for name, mean in self.values.items()
        }


@frozen(eq=False)
class Intervals:
    """Intervals of the paths from baselines to samples.

    Args:
        own: (J,) the sample of each interval.
        rows: (J,) the baseline of each.
        low, high: (J,) where it starts and ends on the path, from 0 to 1.
        low_scores, high_scores: (J,) the scores there.
        integrals: (J, M) the integral over each interval for each of the M input elements; (J, 1) their sum
            if all of them would take too much memory.
    """

    own: np.ndarray
    rows: np.ndarray
    low: np.ndarray
    high: np.ndarray
    low_scores: np.ndarray
    high_scores: np.ndarray
    integrals: np.ndarray

    @property
    def errors(self) -> np.ndarray:
        """(J,) The integral over each interval minus the difference of the scores at its ends."""
        return self.integrals.sum(1) - (self.high_scores - self.low_scores)

    def select(self, index: np.ndarray) -> Intervals:
        """Return some of the intervals."""
        return Intervals(*(getattr(self, field.name)[index] for field in fields(self)))

    def halves(self, context: AttributionContext) -> Intervals:
        """Return both halves of each interval, first all lower ones."""
        middle = (self.low + self.high) / 2
        scores = _scores_on_paths(context, self.own, self.rows, middle)
        parts = [
            (self.own, self.rows, self.low, middle, self.low_scores, scores),
            (self.own, self.rows, middle, self.high, scores, self.high_scores),
        ]
        return _intervals_between(context, *map(np.concatenate, zip(*parts, strict=True)))

    def extended(self, others: Intervals) -> Intervals:
        """Return these intervals, then others."""
        pairs = [(getattr(self, field.name), getattr(others, field.name)) for field in fields(self)]
        integrals = pairs.pop()
        elements = sum(map(len, integrals)) * max(array.shape[1] for array in integrals)
        if elements > MAX_ELEMENTS:
            integrals = tuple(array.sum(1, keepdims=True) for array in integrals)
        return Intervals(*map(np.concatenate, [*pairs, integrals]))


def _intervals_between(
    context: AttributionContext,
    own: np.ndarray,
    rows: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    low_scores: np.ndarray,
    high_scores: np.ndarray,
) -> Intervals:
    """Return intervals with their integrals; the arguments are those of ``Intervals``."""
    places, weights = _gauss_points(low, high)
    repeated = np.repeat(own, POINTS), np.repeat(rows, POINTS)
    parts = []
    for block, products in _products_in_blocks(context, *repeated, places.ravel()):
        flat = np.concatenate([array.reshape(len(array), -1) for array in products.values()], 1)
        weighted = flat * weights.ravel()[block, None]
        integrals = weighted.reshape(-1, POINTS, flat.shape[1]).sum(1)
        is_large = len(own) * integrals.shape[1] > MAX_ELEMENTS
        parts.append(integrals.sum(1, keepdims=True) if is_large else integrals)
    integrals = np.concatenate(parts)
    return Intervals(own, rows, low, high, low_scores, high_scores, integrals)


def _gauss_points(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (J, POINTS) the points of each interval on the path, and their weights."""
    places, weights = np.polynomial.legendre.leggauss(POINTS)
    width = (high - low)[:, None]
    return low[:, None] + width * (places + 1) / 2, width * weights / 2


def integrated_gradients(
    context: AttributionContext, steps: int | None = None, tolerance: float = TOLERANCE
) -> MethodResult:
    """Return the gradients integrated along the path from the baseline, averaged over the baselines."""
    tolerance = number(tolerance, "tolerance", "attribute, integrated_gradients", minimum=0, example=0.1)
    others = len(next(iter(context.baseline_entries.values())))
    if steps is None:
        values, base, count = _adaptive(context, tolerance)
        return MethodResult(values, base, None, tolerance, {"steps": count, "tolerance": tolerance})
    steps = integer(steps, "steps", "attribute, integrated_gradients", minimum=1, example=64)
    points, weights = np.polynomial.legendre.leggauss(steps)
    rows = np.repeat(np.arange(others), steps)
    path_points = PathPoints(rows, np.tile((points + 1) / 2, others), np.tile(weights / 2, others) / others)
    integral = _integrate(context, path_points)
    used = {"steps": steps, "tolerance": tolerance}
    return MethodResult(integral.values, integral.base, None, tolerance, used)


def _adaptive(context: AttributionContext, tolerance: float) -> tuple[dict[str, np.ndarray], np.ndarray, int]:
    """Integrate on intervals that are bisected until the values of each sample add up.

    Returns:
        The values by input; (n,) the mean score of the baselines; the largest number of points on a path.
    """
    rows, others = context.rows, len(next(iter(context.baseline_entries.values())))
    grid = np.linspace(0, 1, FIRST_INTERVALS + 1)
    own, row, part = (index.ravel() for index in np.indices((rows, others, FIRST_INTERVALS)))
    scores = [_scores_on_paths(context, own, row, grid[part + i]) for i in range(2)]
    intervals = _intervals_between(context, own, row, grid[part], grid[part + 1], *scores)
    starts = intervals.low_scores.reshape(rows, others, FIRST_INTERVALS)[:, :, 0]
    ends = context.sample_scores.astype(np.float64)
    goal = _goal(context, ends - starts.mean(1), starts, tolerance) * others
    for _ in range(MAX_ROUNDS):
        errors = intervals.errors
        total = np.bincount(intervals.own, np.abs(errors), rows)
        counts = np.bincount(intervals.own, minlength=rows)
        is_off = np.abs(np.bincount(intervals.own, errors, rows)) > goal
        limits = np.where(is_off, MAX_FINE_INTERVALS, MAX_INTERVALS) * others
        is_open = (total > goal) & (counts < limits)
        split = is_open[intervals.own] & (np.abs(errors) > (goal / (2 * counts))[intervals.own])
        if not split.any():
            break
        halves = intervals.select(split).halves(context)
        intervals = intervals.select(~split).extended(halves)
    values = _values_of_samples(context, intervals, others)
    per_path = np.bincount(intervals.own * others + intervals.rows).max(initial=0)
    return values, starts.mean(1), int(per_path) * POINTS


def _goal(
    context: AttributionContext, difference: np.ndarray, starts: np.ndarray, tolerance: float
) -> np.ndarray:
    """Return (n,) the sum of the errors at which the integration of a sample ends: half of its tolerance."""
    sizes = np.abs(context.sample_scores.astype(np.float64)) + np.abs(starts).max(1)
    rounding = 8 * np.finfo(context.sample_scores.dtype).eps * sizes
    return np.maximum(tolerance * np.abs(difference) / 2, rounding)


def _values_of_samples(
    context: AttributionContext, intervals: Intervals, others: int
) -> dict[str, np.ndarray]:
    """Return the integrals of each sample, averaged over the baselines: by input (n, ...)."""
    shapes = {name: context.inputs[name].shape[1:] for name in context.score.entries}
    sizes = [math.prod(shape) for shape in shapes.values()]
    if intervals.integrals.shape[1] != sum(sizes):
        places, weights = _gauss_points(intervals.low, intervals.high)
        repeated = np.repeat(intervals.own, POINTS), np.repeat(intervals.rows, POINTS)
        return _weighted_sum(context, *repeated, places.ravel(), weights.ravel() / others)
    totals = np.zeros((context.rows, sum(sizes)))
    np.add.at(totals, intervals.own, intervals.integrals / others)
    parts = np.split(totals, np.cumsum(sizes)[:-1], 1)
    return {name: part.reshape(-1, *shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}


def _scores_on_paths(
    context: AttributionContext, own: np.ndarray, rows: np.ndarray, places: np.ndarray
) -> np.ndarray:
    """Return (J,) the score at a place on the path from a baseline to a sample."""
    parts = [
        context.scores_at(_points(context, own[block], rows[block], places[block])[0], own[block])
        for block in _blocks(context, len(own))
    ]
    return np.concatenate(parts).astype(np.float64)


def _weighted_sum(
    context: AttributionContext, own: np.ndarray, rows: np.ndarray, places: np.ndarray, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the gradients at points times the paths, a weighted sum for each sample: by input (n, ...)."""
    values = {
        name: np.zeros((context.rows, *context.inputs[name].shape[1:])) for name in context.score.entries
    }
    for block, products in _products_in_blocks(context, own, rows, places):
        for name, array in products.items():
            weight = weights[block].reshape(-1, *[1] * (array.ndim - 1))
            np.add.at(values[name], own[block], weight * array)
    return values


def expected_gradients(
    context: AttributionContext, samples: int | None = None, tolerance: float | None = None
) -> MethodResult:
    """Return the mean gradient on the paths from many baselines: integrated, or at sampled points.

    Raises:
        TrainingError E543: there are no rows to compare with.
    """
    if context.baseline is None:
        raise TrainingError(
            "E543",
            where="attribute, expected_gradients",
            what=fact("rows to compare with"),
            expected="baseline, (k, ...)",
            received=fact("none"),
            fix="baseline=x_train[:100]",
        )
    if tolerance is None:
        tolerance = TOLERANCE if samples is None else SAMPLED_TOLERANCE
    tolerance = number(tolerance, "tolerance", "attribute, expected_gradients", minimum=0, example=0.1)
    if samples is None:
        values, base, count = _adaptive(context, tolerance)
        return MethodResult(values, base, None, tolerance, {"steps": count, "tolerance": tolerance})
    samples = integer(samples, "samples", "attribute, expected_gradients", minimum=2, example=64)
    integral = _integrate(context, _sampled_points(context, samples))
    used = {"samples": samples, "tolerance": tolerance}
    return MethodResult(integral.values, integral.base, integral.errors(), tolerance, used)


def _sampled_points(context: AttributionContext, count: int) -> PathPoints:
    """Return points on the paths, one in each of equal parts; per baseline row if the counts allow it."""
    others, key = len(next(iter(context.baseline_entries.values()))), prng.key_of(context.seed)
    rows = prng.permutation(prng.fold(key, 1), others)[np.arange(count) % others]
    per_row, rest = divmod(count, others)
    cuts = prng.permutation(prng.fold(key, 2), count) if rest else np.arange(count) // others
    places = (cuts + prng.uniform(prng.fold(key, 3), count)) / (count if rest else per_row)
    return PathPoints(rows, places, np.full(count, 1 / count))


def _integrate(context: AttributionContext, path_points: PathPoints) -> PathIntegral:
    """Return the gradients at the same points of the paths of all samples, times the paths."""
    samples, count = context.rows, len(path_points.places)
    shapes = {name: (samples, *context.inputs[name].shape[1:]) for name in context.score.entries}
    values, squares = ({name: np.zeros(shape) for name, shape in shapes.items()} for _ in range(2))
    points = np.repeat(np.arange(count), samples)  # all samples at the first point, then at the next
    own, rows = np.tile(np.arange(samples), count), path_points.rows[points]
    for block, products in _products_in_blocks(context, own, rows, path_points.places[points]):
        weights = path_points.weights[points[block]]
        for name, array in products.items():  # (J, ...)
            weight = weights.reshape(-1, *[1] * (array.ndim - 1))
            np.add.at(values[name], own[block], weight * array)
            np.add.at(squares[name], own[block], weight * array**2)
    rows, index = np.unique(path_points.rows, return_inverse=True)
    shares = np.bincount(index, path_points.weights)
    starts = {label: np.repeat(array[rows], samples, 0) for label, array in context.baseline_entries.items()}
    scores = context.scores_at(starts, np.tile(np.arange(samples), len(rows))).reshape(len(rows), samples)
    return PathIntegral(values, squares, shares @ scores.astype(np.float64), count)


def _blocks(context: AttributionContext, count: int) -> list[slice]:
    """Return slices of points that are computed at a time: those of whole intervals."""
    size = MAX_ELEMENTS // max(1, sum(array[0].size for array in context.entries.values()))
    size = max(1, size // POINTS) * POINTS
    return [slice(start, start + size) for start in range(0, count, size)]


def _points(
    context: AttributionContext, own: np.ndarray, rows: np.ndarray, places: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the points at places of the paths from baselines to samples, and the paths: (J, ...) each."""
    points, paths = {}, {}
    for label, array in context.entries.items():
        base = context.baseline_entries[label][rows]
        paths[label] = array[own] - base
        points[label] = base + places.astype(array.dtype).reshape(-1, *[1] * (array.ndim - 1)) * paths[label]
    return points, paths


def _products_in_blocks(
    context: AttributionContext, own: np.ndarray, rows: np.ndarray, places: np.ndarray
) -> Iterator[tuple[slice, dict[str, np.ndarray]]]:
    """Yield the gradient at each point times the path, by input: (J, ...) float64."""
    for block in _blocks(context, len(own)):
        points, paths = _points(context, own[block], rows[block], places[block])
        gradients = context.gradients(points, own[block])
        products = {label: gradient * paths[label] for label, gradient in gradients.items()}
        folded = context.sum_to_inputs(products, own[block])
        yield block, {name: part.astype(np.float64) for name, part in folded.items()}


INTEGRATED_GRADIENTS = Method(
    name="integrated_gradients",
    title="integrated gradients",
    formula="(x[i] - b[i]) integral from 0 to 1 of df/dx[i] at b + t (x - b) dt",
    summary=(
        "The gradient integrated along the straight line from the baseline to the sample: the values sum "
        "to the difference of the scores, up to the error of the integration."
    ),
    reference="Sundararajan, Taly and Yan (2017), Axiomatic attribution for deep networks (ICML)",
    run=integrated_gradients,
    complete=True,
    needs=("gradient",),
    options={"steps": None, "tolerance": TOLERANCE},
)
EXPECTED_GRADIENTS = Method(
    name="expected_gradients",
    title="expected gradients",
    formula="mean over rows b and t in [0, 1] of (x[i] - b[i]) df/dx[i] at b + t (x - b)",
    summary=(
        "Integrated gradients averaged over rows of the data as baselines, so that no single baseline "
        "has to be chosen."
    ),
    reference="Erion, Janizek, Sturmfels, Lundberg and Lee (2021), Improving performance of deep learning "
    "models with axiomatic attribution priors and expected gradients (Nature Machine Intelligence 3)",
    run=expected_gradients,
    complete=True,
    needs=("gradient", "samples"),
    options={"samples": None, "tolerance": None},
)
