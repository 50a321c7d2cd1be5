"""The distance of a row of a table from the training rows, in its encoded columns.

Features of a network see little of a row of another table: an ensemble of networks has several, and a column
that does not matter for the target leaves none. The columns themselves are compared instead. A category has
the surprise -log p of its level in the training rows; a level that none of them has is rarer than any other.
A number has the normal score u of its place among the training values, which continues beyond their range:

    u = sign * sqrt(u_end^2 + 4 log(1 + d / s))

with d the distance from the last training value and s that from it to the median, so that a value ten times
as far is as surprising in a column of incomes as in one of temperatures. Two sums are compared with the usual
ones, their 99 % quantiles q in the training rows:

    alone     sum of surprises + u' u / 2
    together  sum of surprises + u' R^-1 u / 2
    score     max(alone / q_alone, together / q_together)

with the correlation matrix R of the scores of training rows, shrunk towards the identity. The second sees
numbers that are usual alone and not together, and little of a row in which all of many correlated columns are
far outside, which the first sees. Dates are left out: later rows have later ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import Any, Self

import numpy as np

from chainrule.data.tables.fitted_preparation import Preparation
from chainrule.memoization import cached_property
from chainrule.records import frozen
from chainrule.robustness.packed_arrays import packed, unpacked
from chainrule.train.model_state import ModelState

GRID = np.array([0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1])
SHRINKAGE = 0.1  # of the correlations
LEAST = 1e-6  # of a sum, as of a table whose cells are all equal
MAX_TOGETHER = 256  # numbers whose correlations are stored
BLOCK = 1024  # rows that are compared at once
USUAL = 0.99  # quantile of the sums of training rows, with which those of a row are compared
MEDIAN = len(GRID) // 2
ARRAYS = ("quantiles", "precision", "surprises")


@frozen
class Levels:
    """Features of a category, of which at most one is 1, or a single one that is 0 or 1.

    Args:
        start, end: of the features.
    """

    start: int
    end: int

    def codes(self, x: np.ndarray) -> np.ndarray:
        """Return the number of the level of each row of x (N, F), ``end - start`` where all are 0, (N,)."""
        own = x[:, self.start : self.end]
        return np.where(own.max(axis=1) >= 0.5, own.argmax(axis=1), self.end - self.start)


@frozen(eq=False)
class Grid:
    """What normal scores are computed from.

    Args:
        numbers: (M,) features.
        places, scores: (M, Q) the quantiles of each, and their normal scores.
        gaps, rises: (M, Q) the distance from each to the next, 1 where it is 0, and that of the scores.
        below, above: (M,) the unit of a distance beyond the first or last quantile.
    """

    numbers: np.ndarray
    places: np.ndarray
    scores: np.ndarray
    gaps: np.ndarray
    rises: np.ndarray
    below: np.ndarray
    above: np.ndarray

    @cached_property
    def starts(self) -> np.ndarray:
        """The position of the first quantile of each number in a flat array, (M,)."""
        return np.arange(len(self.places)) * len(GRID)


@frozen(eq=False)
class ColumnSurprise:
    """How usual the cells of the training rows are.

    Args:
        width: the number of features F of a row.
        numbers: (M,) the features that are numbers.
        levels: of each category.
        ends: the highest normal score of a training value.
        quantiles: (M, Q) of each number in the training rows, at ``GRID``.
        precision: (M, M) inverse of the shrunk correlations of the normal scores; (1, 1) of many numbers or
            one, which are not compared together.
        surprises: (S,) -log p of the levels of all categories, each with one more for no level.
        usual: the quantile of the sum of each column alone, and of all together.
    """

    width: int
    numbers: tuple[int, ...]
    levels: tuple[Levels, ...]
    ends: float
    quantiles: np.ndarray
    precision: np.ndarray
    surprises: np.ndarray
    usual: tuple[float, float] = (1.0, 1.0)

    @classmethod
    def fitted(cls, numbers: Sequence[int], levels: Sequence[Levels], x: np.ndarray) -> Self:
        """Return the surprise in training rows.

        Args:
            numbers: the features that are numbers; others than these and those of ``levels`` are ignored.
            levels: the features of each category.
            x: (N, F) encoded rows.
        """
        count = len(x)
        ends = -NormalDist().inv_cdf(1 / (count + 2))
        quantiles = np.quantile(x[:, list(numbers)].astype(np.float64), GRID, axis=0).T.astype(np.float32)
        tables = [np.zeros(0)]
        for own in levels:
            counts = np.bincount(own.codes(x), minlength=own.end - own.start + 1)
            tables.append(-np.log(np.maximum(counts, 0.5) / (count + 1)))
        surprises = np.concatenate(tables).astype(np.float32)
        fit = cls(x.shape[1], tuple(numbers), tuple(levels), ends, quantiles, np.ones((1, 1)), surprises)
        if 1 < len(numbers) <= MAX_TOGETHER:
            fit = replace(fit, precision=_precision(fit.normal_scores(x)))
        alone, together = (float(np.quantile(part, USUAL)) for part in fit.sums(x))
        return replace(fit, usual=(max(alone, LEAST), max(together, LEAST)))

    @classmethod
    def of(cls, record: Any) -> Self | None:
        """Return the surprise of a record; ``None`` where it is damaged."""
        width, numbers, spans, ends = (record.get(name) for name in ("width", "numbers", "levels", "ends"))
        is_plain = type(width) is int and isinstance(ends, float) and 0 < ends < 10
        if not is_plain or not _are_features(numbers, width) or not _are_spans(spans, width):
            return None
        levels = tuple(Levels(start, end) for start, end in spans)
        sizes = sum(own.end - own.start + 1 for own in levels)
        own = {name: unpacked(record.get(name)) for name in ARRAYS}
        quantiles = own["quantiles"] if numbers else np.zeros((0, len(GRID)), np.float32)
        surprises = own["surprises"] if levels else np.zeros(0, np.float32)
        precision = own["precision"]
        if quantiles is None or precision is None or surprises is None:
            return None
        usual = record.get("usual")
        if not isinstance(usual, list) or not all(isinstance(q, float) and q > 0 for q in usual):
            return None
        is_whole = (
            len(usual) == 2 and quantiles.shape == (len(numbers), len(GRID)) and surprises.shape == (sizes,)
        )
        if not is_whole or precision.shape not in ((1, 1), (len(numbers),) * 2):
            return None
        if not ((np.diff(quantiles, axis=1) >= 0).all() and np.linalg.eigvalsh(precision)[0] > 0):
            return None
        return cls(width, tuple(numbers), levels, ends, quantiles, precision, surprises, (usual[0], usual[1]))

    def record(self) -> dict[str, Any]:
        """Return the surprise as plain data."""
        spans = [[own.start, own.end] for own in self.levels]
        facts = {"width": self.width, "numbers": list(self.numbers), "levels": spans, "ends": self.ends}
        facts["usual"] = list(self.usual)
        return facts | {name: packed(getattr(self, name)) for name in ARRAYS}

    def represented(self, model: ModelState, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Return the features of encoded rows, (N, F)."""
        (x,) = inputs.values()
        return x

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Return the score of each row, (N, F) -> (N,); those of another width are 0."""
        if x.ndim != 2 or x.shape[1] != self.width:
            return np.zeros(len(x))
        alone, together = self.sums(x)
        return np.maximum(alone / self.usual[0], together / self.usual[1])

    def sums(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the sum of each column alone, and of all together, (N,) each."""
        u = self.normal_scores(x)
        weights, constant = self._level_weights
        levels = x.astype(np.float64) @ weights + constant if self.levels else np.zeros(len(x))
        alone = levels + (u * u).sum(axis=1) / 2
        if len(self.precision) != u.shape[1]:
            return alone, alone
        return alone, levels + (u @ self.precision * u).sum(axis=1) / 2

    def normal_scores(self, x: np.ndarray) -> np.ndarray:
        """Return the normal score of each number among the training values, (N, F) -> (N, M)."""
        parts = [self._normal_scores(x[i : i + BLOCK]) for i in range(0, len(x), BLOCK)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.numbers)))

    def _normal_scores(self, x: np.ndarray) -> np.ndarray:
        own = self._grid
        values = x[:, own.numbers].astype(np.float64)
        first = (own.places <= values[:, :, None]).sum(axis=2) - 1  # (N, M): the last quantile not larger
        low = own.starts + np.minimum(np.maximum(first, 0), len(GRID) - 2)
        share = np.minimum(np.maximum((values - own.places.take(low)) / own.gaps.take(low), 0), 1)
        inside = own.scores.take(low) + share * own.rises.take(low)
        below = np.maximum(own.places[:, 0] - values, 0) / own.below
        above = np.maximum(values - own.places[:, -1], 0) / own.above
        beyond = below + above
        if not beyond.any():
            return inside
        outer = np.sqrt(self.ends**2 + 4 * np.log1p(beyond))
        return np.where(below > 0, -outer, np.where(above > 0, outer, inside))

    @cached_property
    def _grid(self) -> Grid:
        """The quantiles of each number with their normal scores; equal ones share the mean score."""
        normal = np.array([NormalDist().inv_cdf(p) for p in GRID[1:-1]])
        normal = np.concatenate([[-self.ends], np.clip(normal, -self.ends, self.ends), [self.ends]])
        places = self.quantiles.astype(np.float64)
        is_equal = places[:, :, None] == places[:, None, :]  # (M, Q, Q)
        scores = (is_equal @ normal) / is_equal.sum(axis=2)
        gaps, rises = (np.diff(values, axis=1, append=values[:, -1:]) for values in (places, scores))
        lowest, median, highest = places[:, 0], places[:, MEDIAN], places[:, -1]
        width = np.where(highest > lowest, (highest - lowest) / 10, 1.0)  # 1 for a constant
        return Grid(
            np.array(self.numbers, np.int64),
            places,
            scores,
            np.where(gaps > 0, gaps, 1.0),
            rises,
            np.maximum(median - lowest, width),
            np.maximum(highest - median, width),
        )

    @cached_property
    def _level_weights(self) -> tuple[np.ndarray, float]:
        """The surprise of the levels of a row x is x w + c: w (F,) and c."""
        weights, constant, start = np.zeros(self.width), 0.0, 0
        for own in self.levels:
            *present, none = self.surprises[start : start + own.end - own.start + 1].tolist()
            weights[own.start : own.end] = np.array(present) - none
            constant += none
            start += len(present) + 1
        return weights, constant


def variables_of(preparation: Preparation) -> tuple[list[int], list[Levels]]:
    """Return the features of encoded rows that are numbers, and those of each category; without dates."""
    numbers: list[int] = []
    levels: list[Levels] = []
    start = 0
    for encoding in preparation.encodings:
        features, kind = encoding.features, encoding.kind
        end = start + len(features)
        if kind == "category":
            own = [i for i, feature in enumerate(features) if feature.std == 1.0 and not feature.mean]
            is_rare = len(own) < len(features)  # with the logarithm of the frequency after "other"
            listed = next((i for i in range(len(features)) if i not in own), len(features))
            levels.append(Levels(start, start + listed))
            numbers += [start + listed] * is_rare
        elif kind == "yes_no":
            levels += [Levels(i, i + 1) for i in range(start, end)]
        elif kind == "number":
            numbers.append(start)
            levels += [Levels(i, i + 1) for i in range(start + 1, end)]
        elif kind != "date":
            numbers += range(start, end)
        start = end
    return numbers, levels


def _precision(scores: np.ndarray) -> np.ndarray:
    """Return the inverse of the shrunk correlations of normal scores, (N, M) -> (M, M)."""
    deviation = np.maximum(scores.std(axis=0), 0.1)  # of a number that is almost constant
    shrunk = (1 - SHRINKAGE) * np.cov(scores.T) / np.outer(deviation, deviation)
    np.fill_diagonal(shrunk, 1.0)
    return np.linalg.inv(shrunk).astype(np.float32)


def _are_features(numbers: Any, width: int) -> bool:
    """Return whether numbers of a record are features of a row."""
    return isinstance(numbers, list) and all(type(n) is int and 0 <= n < width for n in numbers)


def _are_spans(spans: Any, width: int) -> bool:
    """Return whether pairs of a record are spans of the features of a row."""
    if not isinstance(spans, list) or not all(isinstance(span, list) and len(span) == 2 for span in spans):
        return False
    return all(type(a) is type(b) is int and 0 <= a < b <= width for a, b in spans)
