"""Gradients along the path from the baseline to the sample: integrated and expected gradients.

Integrated gradients integrate the gradient along the straight line from the baseline b to the sample x. By
the fundamental theorem of calculus the values sum to f(x) - f(b) for every network: the attribution is
complete, up to the error of the numerical integration. The residual measures this error, so the number of
steps need not be guessed: it is doubled for those samples whose values do not add up yet.

The integral is computed at Gauss-Legendre points, which are accurate for smooth networks with few steps; for
the kinks of relu no rule is better than others.

Expected gradients average over many baselines, rows of the data, and over points on the paths from them: a
sampled integral over both. The points are stratified over the paths, which removes most of the sampling error
of the sum; the standard errors do not account for this and are therefore conservative.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainrule import prng
from chainrule.attribution.context import MAX_ELEMENTS, AttributionContext
from chainrule.attribution.method import Method, MethodResult, require_count, require_size, sum_error
from chainrule.errors import TrainingError, fact
from chainrule.records import frozen

FIRST_STEPS, MAX_STEPS = 16, 1024  # the initial and the maximum number of steps
FIRST_SAMPLES, MAX_SAMPLES = 64, 8192  # the same for samples


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
        counts: (n,) the number of points used.
    """

    values: dict[str, np.ndarray]
    squares: dict[str, np.ndarray]
    base: np.ndarray
    counts: np.ndarray

    def relative_residual(self, scores: np.ndarray) -> np.ndarray:
        """Return (n,) the error of the sum, relative to the larger of difference and absolute values."""
        residual, size = sum_error(self.values, scores - self.base)
        return np.abs(residual) / np.maximum(size, 1e-30)

    def replace_rows(self, own: np.ndarray, finer: PathIntegral) -> None:
        """Replace these samples by those of a finer integration."""
        for name in self.values:
            self.values[name][own], self.squares[name][own] = finer.values[name], finer.squares[name]
        self.base[own], self.counts[own] = finer.base, finer.counts

    def errors(self) -> dict[str, np.ndarray]:
        """Return the standard errors of the values, if the points were sampled."""
        errors = {}
        for name, mean in self.values.items():
            count = self.counts.reshape(-1, *[1] * (mean.ndim - 1))
            errors[name] = np.sqrt(np.maximum(self.squares[name] - mean**2, 0) / np.maximum(count - 1, 1))
        return errors


def integrated_gradients(
    context: AttributionContext, steps: int | None = None, tolerance: float = 0.01
) -> MethodResult:
    """Return the gradients integrated along the path from the baseline, averaged over the baselines."""
    require_size("integrated_gradients", "tolerance", tolerance)
    if steps is not None:
        require_count("integrated_gradients", "steps", steps, 1)
    others = len(next(iter(context.baseline_entries.values())))

    def path_points(count: int) -> PathPoints:
        points, weights = np.polynomial.legendre.leggauss(count)
        rows = np.repeat(np.arange(others), count)
        return PathPoints(rows, np.tile((points + 1) / 2, others), np.tile(weights / 2, others) / others)

    integral = _refined(context, path_points, steps, (FIRST_STEPS, MAX_STEPS), tolerance)
    used = int(integral.counts.max(initial=0)) // others
    return MethodResult(
        integral.values, integral.base, None, tolerance, {"steps": used, "tolerance": tolerance}
    )


def expected_gradients(
    context: AttributionContext, samples: int | None = None, tolerance: float = 0.05
) -> MethodResult:
    """Return the mean gradient at random points on paths from many baselines, and its standard error.

    Raises:
        TrainingError E543: there are no rows to compare with.
    """
    if context.baseline is None:
        raise TrainingError(
            "E543", where="attribute, expected_gradients", what="rows to compare with",
            what_zh="用于比较的样本行", expected="baseline, (k, ...)", received=fact("none"),
            fix="baseline=x_train[:100]",
        )  # fmt: skip
    require_size("expected_gradients", "tolerance", tolerance)
    if samples is not None:
        require_count("expected_gradients", "samples", samples, 2)
    others, key = len(next(iter(context.baseline_entries.values()))), prng.key_of(context.seed)

    def path_points(count: int) -> PathPoints:
        rows = prng.permutation(prng.fold(key, 1), others)[np.arange(count) % others]
        # Stratified: one point in each of equal parts of the path, per baseline row if the counts allow it.
        per_row, rest = divmod(count, others)
        cuts = prng.permutation(prng.fold(key, 2), count) if rest else np.arange(count) // others
        places = (cuts + prng.uniform(prng.fold(key, 3), count)) / (count if rest else per_row)
        return PathPoints(rows, places, np.full(count, 1 / count))

    first = min(others * -(-FIRST_SAMPLES // others), MAX_SAMPLES)  # a multiple of the rows
    integral = _refined(context, path_points, samples, (first, MAX_SAMPLES), tolerance)
    used = {"samples": int(integral.counts.max(initial=0)), "tolerance": tolerance}
    return MethodResult(integral.values, integral.base, integral.errors(), tolerance, used)


def _refined(
    context: AttributionContext,
    path_points: Callable[[int], PathPoints],
    count: int | None,
    limits: tuple[int, int],
    tolerance: float,
) -> PathIntegral:
    """Integrate with the given number of points, or double it until the values add up."""
    used, max_count = limits if count is None else (count, count)
    own = np.arange(context.rows)
    integral = _integrate(context, own, path_points(used))
    while used < max_count and len(
        own := own[integral.relative_residual(context.sample_scores)[own] > tolerance]
    ):
        used *= 2
        integral.replace_rows(own, _integrate(context, own, path_points(used)))
    return integral


def _integrate(context: AttributionContext, own: np.ndarray, path_points: PathPoints) -> PathIntegral:
    """Return the gradients at all points times the paths, computed for many points at a time."""
    shapes = {name: (len(own), *context.inputs[name].shape[1:]) for name in context.score.entries}
    values, squares = ({name: np.zeros(shape) for name, shape in shapes.items()} for _ in range(2))
    size = len(own) * sum(array[0].size for array in context.entries.values())
    step = max(1, MAX_ELEMENTS // max(size, 1))
    for start in range(0, len(path_points.places), step):
        part = slice(start, start + step)
        weights = path_points.weights[part]
        products = _products(context, own, path_points.rows[part], path_points.places[part])
        for name, array in products.items():  # (J, n, ...)
            values[name] += np.tensordot(weights, array, 1)
            squares[name] += np.tensordot(weights, array**2, 1)
    rows, index = np.unique(path_points.rows, return_inverse=True)
    shares = np.bincount(index, path_points.weights)
    starts = {label: np.repeat(array[rows], len(own), 0) for label, array in context.baseline_entries.items()}
    scores = context.scores_at(starts, np.tile(own, len(rows))).reshape(len(rows), len(own))
    counts = np.full(len(own), len(path_points.places))
    return PathIntegral(values, squares, shares @ scores.astype(np.float64), counts)


def _products(
    context: AttributionContext, own: np.ndarray, rows: np.ndarray, places: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the gradient at each point times the path, by input: (J, n, ...) float64."""
    paths, points = {}, {}
    for label, array in context.entries.items():
        base = context.baseline_entries[label][rows][:, None]  # (J, 1, ...)
        paths[label] = array[own] - base  # (J, n, ...)
        share = places.astype(array.dtype).reshape(-1, *[1] * array.ndim)
        points[label] = (base + share * paths[label]).reshape(-1, *array.shape[1:])
    _, gradients = context.gradients(points, np.tile(own, len(rows)))
    products = {
        label: gradient * paths[label].reshape(gradient.shape) for label, gradient in gradients.items()
    }
    folded = context.sum_to_inputs(products, np.tile(own, len(rows)))
    return {
        name: part.reshape(len(rows), len(own), *part.shape[1:]).astype(np.float64)
        for name, part in folded.items()
    }


INTEGRATED_GRADIENTS = Method(
    name="integrated_gradients",
    titles=("integrated gradients", "积分梯度"),
    formula="(x[i] - b[i]) integral from 0 to 1 of df/dx[i] at b + t (x - b) dt",
    summary=(
        "The gradient integrated along the straight line from the baseline to the sample: the values sum "
        "exactly to the difference of the scores.",
        "沿着从基线到样本的直线对梯度积分：各值之和恰好等于两处得分之差。",
    ),
    reference="Sundararajan, Taly and Yan (2017), Axiomatic attribution for deep networks (ICML)",
    run=integrated_gradients,
    complete=True,
    needs=("gradient",),
    options={"steps": None, "tolerance": 0.01},
)
EXPECTED_GRADIENTS = Method(
    name="expected_gradients",
    titles=("expected gradients", "期望梯度"),
    formula="mean over rows b and t in [0, 1] of (x[i] - b[i]) df/dx[i] at b + t (x - b)",
    summary=(
        "Integrated gradients averaged over rows of the data as baselines, so that no single baseline "
        "has to be chosen.",
        "以数据中的许多行作为基线的积分梯度的平均：不必选定某一个基线。",
    ),
    reference="Erion, Janizek, Sturmfels, Lundberg and Lee (2021), Improving performance of deep learning "
    "models with axiomatic attribution priors and expected gradients (Nature Machine Intelligence 3)",
    run=expected_gradients,
    complete=True,
    needs=("gradient", "samples"),
    options={"samples": None, "tolerance": 0.05},
)
