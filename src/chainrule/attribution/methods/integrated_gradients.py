"""Gradients on the whole way from the baseline to the sample: integrated and expected gradients.

Move from the baseline b to the sample x in a straight line and add up, for each input, slope times step. By
the fundamental theorem of calculus the sums add up to exactly f(x) - f(b), whatever the net: the
attribution is complete, up to the error of the integral. That error is seen (it is the residual), so the
number of steps need not be guessed: it is doubled for those samples that do not add up yet.

The integral is taken at Gauss-Legendre points, which are exact for smooth nets with few steps; at the
corners of relu no rule is better than any other.

Expected gradients take the mean over many baselines, rows of the data, and over points on the way to each:
an integral over both at once, sampled. Points are spread evenly over the ways, which takes most of the
chance out of the sum; so the standard errors, which know nothing of it, are rather too large.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainrule import prng
from chainrule.attribution.method import Found, Method, account, require_count, require_size
from chainrule.attribution.question import AT_ONCE, Question
from chainrule.errors import TrainingError
from chainrule.records import frozen

FIRST, MOST = 16, 1024  # steps that are tried first, and at most
DRAWN, MOST_DRAWN = 64, 8192  # likewise of samples


@frozen(eq=False)
class Stops:
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
class Walked:
    """What was found for each sample: values by input, their squares, the score of the baselines, how many
    stops were made.
    """

    values: dict[str, np.ndarray]
    squares: dict[str, np.ndarray]
    base: np.ndarray
    counts: np.ndarray

    def off(self, scores: np.ndarray) -> np.ndarray:
        """Return (n,) the residual, relative to the larger of the explained and the distributed amount."""
        residual, size = account(self.values, scores - self.base)
        return np.abs(residual) / np.maximum(size, 1e-30)

    def mend(self, own: np.ndarray, finer: Walked) -> None:
        """Replace these samples by those of a finer integration."""
        for name in self.values:
            self.values[name][own], self.squares[name][own] = finer.values[name], finer.squares[name]
        self.base[own], self.counts[own] = finer.base, finer.counts

    def errors(self) -> dict[str, np.ndarray]:
        """Return the standard errors of the values, if the points were sampled."""
        found = {}
        for name, mean in self.values.items():
            count = self.counts.reshape(-1, *[1] * (mean.ndim - 1))
            found[name] = np.sqrt(np.maximum(self.squares[name] - mean**2, 0) / np.maximum(count - 1, 1))
        return found


def integrated_gradients(question: Question, steps: int | None = None, tolerance: float = 0.01) -> Found:
    """Return the gradients integrated along the path from the baseline, averaged over the baselines."""
    require_size("integrated_gradients", "tolerance", tolerance)
    if steps is not None:
        require_count("integrated_gradients", "steps", steps, 1)
    others = len(next(iter(question.baselines.values())))

    def stops(count: int) -> Stops:
        points, weights = np.polynomial.legendre.leggauss(count)
        rows = np.repeat(np.arange(others), count)
        return Stops(rows, np.tile((points + 1) / 2, others), np.tile(weights / 2, others) / others)

    walked = _doubled(question, stops, steps, (FIRST, MOST), tolerance)
    used = int(walked.counts.max(initial=0)) // others
    return Found(walked.values, walked.base, None, tolerance, {"steps": used, "tolerance": tolerance})


def expected_gradients(question: Question, samples: int | None = None, tolerance: float = 0.05) -> Found:
    """Return the mean gradient at random points on paths from many baselines, and its standard error.

    Raises:
        TrainingError E543: there are no rows to compare with.
    """
    if question.baseline is None:
        raise TrainingError(
            "E543", where="attribute, expected_gradients", what="rows to compare with",
            what_zh="用于比较的样本行", expected="baseline, (k, ...)", received="none",
            fix="baseline=x_train[:100]",
        )  # fmt: skip
    require_size("expected_gradients", "tolerance", tolerance)
    if samples is not None:
        require_count("expected_gradients", "samples", samples, 2)
    others, key = len(next(iter(question.baselines.values()))), prng.key_of(question.seed)

    def stops(count: int) -> Stops:
        rows = prng.permutation(prng.fold(key, 1), others)[np.arange(count) % others]
        # The way is cut into equal parts with a stop in each: for every row, where as many fall to each.
        each, rest = divmod(count, others)
        cuts = prng.permutation(prng.fold(key, 2), count) if rest else np.arange(count) // others
        places = (cuts + prng.uniform(prng.fold(key, 3), count)) / (count if rest else each)
        return Stops(rows, places, np.full(count, 1 / count))

    first = min(others * -(-DRAWN // others), MOST_DRAWN)  # so that every row is taken as often
    walked = _doubled(question, stops, samples, (first, MOST_DRAWN), tolerance)
    used = {"samples": int(walked.counts.max(initial=0)), "tolerance": tolerance}
    return Found(walked.values, walked.base, walked.errors(), tolerance, used)


def _doubled(
    question: Question,
    stops: Callable[[int], Stops],
    count: int | None,
    limits: tuple[int, int],
    tolerance: float,
) -> Walked:
    """The walk with as many stops as were asked for; or with as many as it takes until the values add up."""
    used, most = limits if count is None else (count, count)
    own = np.arange(question.rows)
    walked = _walk(question, own, stops(used))
    while used < most and len(own := own[walked.off(question.asked)[own] > tolerance]):
        used *= 2
        walked.mend(own, _walk(question, own, stops(used)))
    return walked


def _walk(question: Question, own: np.ndarray, stops: Stops) -> Walked:
    """Return the gradients at all points times the paths, computed for many points at a time."""
    shapes = {name: (len(own), *question.inputs[name].shape[1:]) for name in question.score.entries}
    values, squares = ({name: np.zeros(shape) for name, shape in shapes.items()} for _ in range(2))
    size = len(own) * sum(array[0].size for array in question.entries.values())
    step = max(1, AT_ONCE // max(size, 1))
    for start in range(0, len(stops.places), step):
        part = slice(start, start + step)
        weights = stops.weights[part]
        moved = _moves(question, own, stops.rows[part], stops.places[part])
        for name, array in moved.items():  # (J, n, ...)
            values[name] += np.tensordot(weights, array, 1)
            squares[name] += np.tensordot(weights, array**2, 1)
    rows, place = np.unique(stops.rows, return_inverse=True)
    shares = np.bincount(place, stops.weights)
    begins = {label: np.repeat(array[rows], len(own), 0) for label, array in question.baselines.items()}
    scores = question.at(begins, np.tile(own, len(rows))).reshape(len(rows), len(own))
    counts = np.full(len(own), len(stops.places))
    return Walked(values, squares, shares @ scores.astype(np.float64), counts)


def _moves(
    question: Question, own: np.ndarray, rows: np.ndarray, places: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the gradient at each point times the path, by input: (J, n, ...) float64."""
    ways, points = {}, {}
    for label, array in question.entries.items():
        base = question.baselines[label][rows][:, None]  # (J, 1, ...)
        ways[label] = array[own] - base  # (J, n, ...)
        share = places.astype(array.dtype).reshape(-1, *[1] * array.ndim)
        points[label] = (base + share * ways[label]).reshape(-1, *array.shape[1:])
    _, slopes = question.slopes(points, np.tile(own, len(rows)))
    moved = {label: slope * ways[label].reshape(slope.shape) for label, slope in slopes.items()}
    folded = question.folded(moved)
    return {
        name: part.reshape(len(rows), len(own), *part.shape[1:]).astype(np.float64)
        for name, part in folded.items()
    }


INTEGRATED_GRADIENTS = Method(
    name="integrated_gradients",
    titles=("integrated gradients", "积分梯度"),
    formula="(x[i] - b[i]) integral from 0 to 1 of df/dx[i] at b + t (x - b) dt",
    says=(
        "The gradient integrated along the straight line from the baseline to the sample: the values sum "
        "exactly "
        "to the difference of the scores.",
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
    says=(
        "Integrated gradients averaged over rows of the data as baselines, so that no single baseline "
        "has to be "
        "chosen.",
        "以数据中的许多行作为基线的积分梯度的平均：不必选定某一个基线。",
    ),
    reference="Erion, Janizek, Sturmfels, Lundberg and Lee (2021), Improving performance of deep learning "
    "models with axiomatic attribution priors and expected gradients (Nature Machine Intelligence 3)",
    run=expected_gradients,
    complete=True,
    needs=("gradient", "samples"),
    options={"samples": None, "tolerance": 0.05},
)
