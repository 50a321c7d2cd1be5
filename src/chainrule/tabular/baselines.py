"""Baselines: the majority class or the mean, a linear model, and gradient boosting.

A metric of a network has no meaning without a comparison: an accuracy of 0.95 is high where the classes are
balanced and low where 99 of 100 rows have the same class. Other models are therefore evaluated on the same
rows. The *trivial* baseline always predicts the class frequencies of the training rows, or their mean. The
*linear* baseline is logistic or ridge regression with scikit-learn's defaults, on the inputs of the network;
they are implemented with NumPy, because importing scikit-learn takes longer than fitting them. Tests compare
the predictions with scikit-learn's. *Boosting* is scikit-learn's histogram boosting of trees with its default
settings, the strongest of the baselines on most tables. A network that is not better than these does not
justify its cost.

Trees do not use the features of a network as they are: the 0/1 features of a category become one column of
codes, which a tree divides into sets of levels, and a value that was missing is missing again. A category of
more levels than trees divide becomes the mean target of its level, which for the rows of the fit is that of
other rows (cross-fitting), so that trees cannot learn a row from itself. They are grown
in one thread: the threads of OpenMP wait in a loop for each other, which costs more than it saves on small
tables and on a busy machine, and sums in the order in which they finish, so that results would differ.

Reference: Micci-Barreca (2001), A preprocessing scheme for high-cardinality categorical attributes; Hoerl and
Kennard (1970) ridge regression; Cox (1958) logistic regression; Nocedal (1980) L-BFGS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from chainrule.records import frozen
from chainrule.train.background_import import finish_imports, import_in_background, single_openmp_thread

Predict = Callable[[np.ndarray], np.ndarray]


@frozen
class Baseline:
    """A fitted baseline.

    Args:
        name: ``"trivial"``, ``"linear"`` or ``"boosting"``.
        predict: maps inputs (N, F) to probabilities (N, K), or to values (N, 1).
    """

    name: str
    predict: Predict


def baselines(
    x: np.ndarray,
    y: np.ndarray,
    classes: int,
    weights: np.ndarray | None = None,
    columns: TreeColumns | None = None,
) -> list[Baseline]:
    """Fit the baselines to training rows: trivial, linear, and boosting unless the table is too large for it.

    Args:
        x: (N, F) prepared inputs.
        y: (N,) class indices, or values.
        classes: number of classes; 0 for regression.
        weights: (N,) sample weights of the linear baseline and of boosting.
        columns: the columns that the features belong to, for boosting.

    Example:
        >>> x, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 1, 1, 1])
        >>> [b.predict(x[:1]).argmax(axis=1).item() for b in baselines(x, y, classes=2)]
        [1, 1, 1]
    """
    prior = np.bincount(y, minlength=classes) / len(y) if classes else np.array([y.mean(dtype=np.float64)])
    linear = _classifier(x, y, classes, weights) if classes else ridge(x, y, weights)
    fitted = [Baseline("trivial", lambda x: np.tile(prior, (len(x), 1))), Baseline("linear", linear)]
    if is_affordable(len(x), x.shape[1], classes):
        fitted.append(Baseline("boosting", boosting(x, y, classes, weights, columns)))
    return fitted


def _classifier(x: np.ndarray, y: np.ndarray, classes: int, weights: np.ndarray | None) -> Predict:
    """Return logistic regression as a function of inputs; classes without a row get probability 0."""
    present, indices = np.unique(y, return_inverse=True)
    model = logistic(x, indices, len(present), weights) if len(present) > 1 else None

    def predict(x: np.ndarray) -> np.ndarray:
        probabilities = np.zeros((len(x), classes))
        if model is None:
            probabilities[:, present] = 1.0
            return probabilities
        scores = model(x)
        logits = np.hstack([np.zeros_like(scores), scores]) if len(present) == 2 else scores
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities[:, present] = powers / powers.sum(axis=1, keepdims=True)
        return probabilities

    return predict


TREES = 100  # scikit-learn's default number of iterations
MAX_CATEGORIES = 51  # features of a column of codes; levels of more have too few rows for a tree to divide
MAX_BINS = 255  # of a column, scikit-learn's default
MAX_COST, COST_OF_A_TREE = 2e9, 2e5  # in cells that a tree reads
IMPORTS = ("scipy.sparse", "scipy.stats", "sklearn.base", "sklearn.tree", "sklearn.ensemble")  # in this order


@frozen
class TreeColumns:
    """Division of features into columns for trees.

    Args:
        widths: the number of features of each column, in order.
        kinds: of each column: ``"category"`` (one 0/1 feature per level), ``"wide"`` (a category of more
            than ``MAX_CATEGORIES``), ``"indicator"`` (a value and a 0/1 feature "is missing"), or
            ``"plain"`` (each feature is a column).

    Example:
        >>> columns = TreeColumns((1, 3), ("plain", "category"))
        >>> columns(np.array([[0.5, 0, 0, 1], [0.1, 1, 0, 0], [0.2, 0, 0, 0]])).tolist()
        [[0.5, 2.0], [0.1, 0.0], [0.2, nan]]
    """

    widths: tuple[int, ...]
    kinds: tuple[str, ...]

    @staticmethod
    def of(encodings: Sequence[Any]) -> TreeColumns:
        """Return the columns of the encodings of a preparation."""
        widths = tuple(len(encoding.features) for encoding in encodings)
        kinds = tuple(_kind(encoding, width) for encoding, width in zip(encodings, widths, strict=True))
        return TreeColumns(widths, kinds)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the columns (N, C), in float64, of features (N, F)."""
        starts = np.cumsum((0, *self.widths))
        parts = [x[:, a:b] for a, b in pairwise(starts)]
        columns = [_COLUMNS[kind](part) for kind, part in zip(self.kinds, parts, strict=True)]
        return np.concatenate(columns, axis=1)

    @property
    def is_category(self) -> list[bool]:
        """Whether each column is one of codes, as categories."""
        return self._are("category")

    @property
    def is_wide(self) -> list[bool]:
        """Whether each column is one of codes, more than trees divide into sets."""
        return self._are("wide")

    def _are(self, name: str) -> list[bool]:
        return [
            kind == name
            for kind, width in zip(self.kinds, self.widths, strict=True)
            for _ in range(width if kind == "plain" else 1)
        ]


def _kind(encoding: Any, width: int) -> str:
    if encoding.kind == "category":
        return "category" if width <= MAX_CATEGORIES else "wide"
    return "indicator" if getattr(encoding, "indicator", False) and width == 2 else "plain"


def _codes(part: np.ndarray) -> np.ndarray:
    is_level = part == 1.0  # the frequency of a level is no 0/1 feature, and the last but one
    return np.where(is_level.any(axis=1), is_level.argmax(axis=1), np.nan)[:, None]  # (N, L) -> (N, 1)


_COLUMNS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "category": _codes,
    "wide": _codes,
    "indicator": lambda part: np.where(part[:, 1:] > 0.5, np.nan, part[:, :1].astype(np.float64)),
    "plain": lambda part: part.astype(np.float64),
}


def is_affordable(rows: int, columns: int, classes: int) -> bool:
    """Return whether boosting on a table takes at most about a minute."""
    trees = TREES * (classes if classes > 2 else 1)
    return trees * (rows * columns + COST_OF_A_TREE) <= MAX_COST


def prepare_boosting() -> None:
    """Import scikit-learn in the background, for a program that calls ``boosting`` after a training."""
    import_in_background(IMPORTS)


def boosting(
    x: np.ndarray,
    y: np.ndarray,
    classes: int,
    weights: np.ndarray | None = None,
    columns: TreeColumns | None = None,
) -> Predict:
    """Fit gradient boosting; a function of inputs (N, F) to probabilities (N, K), or to values (N, 1).

    Args:
        x: (N, F) prepared inputs.
        y: (N,) class indices, or values.
        classes: number of classes; 0 for regression.
        weights: (N,) sample weights.
        columns: the columns that the features belong to; by default each feature is one.

    Example:
        >>> x = np.arange(80.0)[:, None]
        >>> predict = boosting(x, (x[:, 0] > 40).astype(int), 2)
        >>> predict(np.array([[3.0], [70.0]])).argmax(axis=1).tolist()
        [0, 1]

    Reference: Ke et al. (2017), LightGBM: a highly efficient gradient boosting decision tree (NeurIPS 30).
    """
    finish_imports()
    from sklearn import ensemble  # noqa: PLC0415  # takes longer to import than most networks to train

    columns = TreeColumns((x.shape[1],), ("plain",)) if columns is None else columns
    bins = max(2, min(MAX_BINS, len(x)))  # of few rows, as many are enough, and need less time and memory
    settings: dict[str, Any] = {
        "categorical_features": columns.is_category,
        "random_state": 0,
        "max_bins": bins,
    }
    if not classes:
        trees = ensemble.HistGradientBoostingRegressor(**settings)
        return _fitted(trees, columns, x, y, weights, classes, lambda x: trees.predict(x)[:, None])
    present, counts = np.unique(y, return_counts=True)
    if len(present) == 1:
        return lambda x: np.tile(np.eye(classes)[present], (len(x), 1))
    if counts.min() < 10:  # above 10,000 rows scikit-learn sets rows of each class aside, a tenth
        settings["early_stopping"] = False
    model = ensemble.HistGradientBoostingClassifier(**settings)

    def probabilities(x: np.ndarray) -> np.ndarray:
        out = np.zeros((len(x), classes))
        out[:, present] = model.predict_proba(x)
        return out

    return _fitted(model, columns, x, y, weights, classes, probabilities)


MEAN_FOLDS = 5  # of cross-fitted means
PRIOR_ROWS = 10.0  # rows that the mean of all rows counts for in the mean of a level
MAX_MEANS = 5  # classes up to which each has its mean


def level_means(
    codes: np.ndarray, target: np.ndarray, weights: np.ndarray, levels: int, chosen: np.ndarray
) -> np.ndarray:
    """Return the mean target of each level, (levels, T), shrunk to the mean of the chosen rows.

    Args:
        codes: (N,) from 0, -1 for no level.
        target: (N, T).
        weights: (N,) sample weights.
        levels: the number of levels.
        chosen: (N,) bool, the rows that are used.
    """
    part = chosen & (codes >= 0)
    total = np.average(target[chosen], axis=0, weights=weights[chosen])  # (T,)
    counts = np.bincount(codes[part], weights[part], minlength=levels)
    sums = [np.bincount(codes[part], weights[part] * values, minlength=levels) for values in target[part].T]
    return (np.stack(sums, axis=1) + PRIOR_ROWS * total) / (counts + PRIOR_ROWS)[:, None]


class _Means:
    """Columns for trees, with the mean target of the level in place of the codes of wide categories."""

    def __init__(
        self, columns: TreeColumns, x: np.ndarray, y: np.ndarray, classes: int, weights: np.ndarray | None
    ) -> None:
        self._columns, self._wide = columns, np.flatnonzero(columns.is_wide)
        names = range(1, classes) if 2 <= classes <= MAX_MEANS else range(classes)
        target = np.stack([y == k for k in list(names)[:MAX_MEANS]], axis=1) if classes else y[:, None]
        self._target = target.astype(np.float64)
        self._weights = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
        codes = self._codes(columns(x))
        self._levels = [int(part.max(initial=0)) + 1 for part in codes]
        everything = np.ones(len(y), bool)
        self._means = [self._mean(part, n, everything) for part, n in zip(codes, self._levels, strict=True)]

    def _codes(self, columns: np.ndarray) -> list[np.ndarray]:
        return [np.nan_to_num(columns[:, i], nan=-1.0).astype(np.int64) for i in self._wide]

    def _mean(self, codes: np.ndarray, levels: int, chosen: np.ndarray) -> np.ndarray:
        """Return the means of the levels, the last row for unknown ones."""
        means = level_means(codes, self._target, self._weights, levels, chosen)
        total = np.average(self._target[chosen], axis=0, weights=self._weights[chosen])
        return np.vstack([means, total])

    def fitted(self, x: np.ndarray) -> np.ndarray:
        """Return the columns of the rows of the fit, with means of other rows."""
        columns = self._columns(x)
        fold, parts = np.arange(len(columns)) % MEAN_FOLDS, []
        for codes, levels in zip(self._codes(columns), self._levels, strict=True):
            part = np.zeros((len(codes), self._target.shape[1]))
            for number in range(MEAN_FOLDS if len(codes) >= 2 * MEAN_FOLDS else 0):
                own = fold == number
                part[own] = self._mean(codes, levels, ~own)[codes[own]]
            parts.append(part)
        return self._replaced(columns, parts)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the columns of other rows."""
        columns = self._columns(x)
        parts = [
            means[np.where(codes < levels, codes, -1)]
            for codes, levels, means in zip(self._codes(columns), self._levels, self._means, strict=True)
        ]
        return self._replaced(columns, parts)

    def _replaced(self, columns: np.ndarray, parts: list[np.ndarray]) -> np.ndarray:
        """Return the columns with the first mean in place of codes, and further ones at the end."""
        columns = columns.copy()
        for i, part in zip(self._wide, parts, strict=True):
            columns[:, i] = part[:, 0]
        return np.concatenate([columns, *(part[:, 1:] for part in parts)], axis=1)

    @property
    def further(self) -> int:
        """The number of columns at the end."""
        return len(self._wide) * (self._target.shape[1] - 1)


def _fitted(
    model: Any,
    columns: TreeColumns,
    x: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray | None,
    classes: int,
    predict: Predict,
) -> Predict:
    encode: Any = columns
    rows = columns(x)
    if any(columns.is_wide):
        encode = _Means(columns, x, y, classes, weights)
        rows = encode.fitted(x)
        model.set_params(categorical_features=[*columns.is_category, *[False] * encode.further])
    with single_openmp_thread():
        model.fit(rows, y, sample_weight=weights)

    def run(x: np.ndarray) -> np.ndarray:
        with single_openmp_thread():
            return predict(encode(x))

    return run


STRENGTH = 1.0  # factor of the squared weights, against the sum of the losses of the rows
MAX_ITERATIONS, TOLERANCE = 1000, 1e-5  # L-BFGS stops when no derivative exceeds the tolerance
HISTORY = 10  # updates from which L-BFGS estimates the curvature
Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]
Update = tuple[np.ndarray, np.ndarray]


@frozen
class LinearModel:
    """Affine map ``z = x W + b``.

    Args:
        weight: W, (F, K).
        bias: b, (K,).
    """

    weight: np.ndarray
    bias: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the scores or values, (N, K), of inputs (N, F)."""
        return x @ self.weight + self.bias


def ridge(x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> LinearModel:
    """Fit a ridge regression: least squares with a penalty on the squared weights.

    Formula: W = (X^T X + I)^-1 X^T y, with X (``x``) and y centered.

    Args:
        x: (N, F) inputs.
        y: (N,) values.
        weights: (N,) sample weights.

    Example:
        >>> model = ridge(np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0]))
        >>> model.weight.round(4).item(), model.bias.round(4).item()
        (1.3333, 1.6667)
    """
    x, y = x.astype(np.float64), y.astype(np.float64)
    root = np.sqrt(np.ones(len(x)) if weights is None else weights)
    x_mean, y_mean = np.average(x, axis=0, weights=root**2), np.average(y, weights=root**2)
    a, b = (x - x_mean) * root[:, None], (y - y_mean) * root
    if len(a) < a.shape[1]:  # the dual system is smaller and has the same solution
        weight = a.T @ np.linalg.solve(a @ a.T + STRENGTH * np.eye(len(a)), b)
    else:
        weight = np.linalg.solve(a.T @ a + STRENGTH * np.eye(a.shape[1]), a.T @ b)
    return LinearModel(weight[:, None], np.array([y_mean - x_mean @ weight]))


def logistic(x: np.ndarray, y: np.ndarray, classes: int, weights: np.ndarray | None = None) -> LinearModel:
    """Fit a logistic regression with an L2 penalty on the weights.

    Formula: minimizes sum_i w_i (-log p(y_i | x_i)) + |W|^2 / 2, where p is the softmax of the scores
    x W + b, and w the ``weights``. Two classes have a single score, and p is its sigmoid.

    Args:
        x: (N, F) inputs.
        y: (N,) class indices 0 to classes - 1.
        classes: number of classes, at least 2.
        weights: (N,) sample weights.

    Example:
        >>> model = logistic(np.array([[-1.0], [1.0]]), np.array([0, 1]), 2)
        >>> model.weight.round(3).item()
        0.675
    """
    x = x.astype(np.float64)
    counts = np.ones(len(x)) if weights is None else weights.astype(np.float64)
    columns, total = (1 if classes == 2 else classes), counts.sum()
    is_class = (y == 1)[:, None] if classes == 2 else y[:, None] == np.arange(classes)  # (N, K)

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        parameters = flat.reshape(-1, columns)
        model = LinearModel(parameters[:-1], parameters[-1])
        score = model(x)
        log_sum = np.logaddexp(0, score) if classes == 2 else _logsumexp(score)
        loss = counts @ (log_sum - (score * is_class).sum(axis=1, keepdims=True))[:, 0]
        dscore = (np.exp(score - log_sum) - is_class) * counts[:, None]
        gradient = np.vstack([x.T @ dscore + STRENGTH * model.weight, dscore.sum(axis=0)])
        cost = loss + STRENGTH * (model.weight**2).sum() / 2
        return float(cost / total), gradient.reshape(-1) / total

    parameters = lbfgs(objective, np.zeros((x.shape[1] + 1) * columns)).reshape(-1, columns)
    return LinearModel(parameters[:-1], parameters[-1])


def _logsumexp(score: np.ndarray) -> np.ndarray:
    top = score.max(axis=1, keepdims=True)
    return top + np.log(np.exp(score - top).sum(axis=1, keepdims=True))


def lbfgs(objective: Objective, start: np.ndarray) -> np.ndarray:
    """Minimize a smooth convex function with L-BFGS and a backtracking line search.

    Args:
        objective: returns value and gradient at a point.
        start: the initial point, (D,).

    Returns:
        the minimizer, (D,).

    Example:
        >>> lbfgs(lambda x: (float(((x - 3.0) ** 2).sum()), 2.0 * (x - 3.0)), np.zeros(2)).round(4).tolist()
        [3.0, 3.0]
    """
    point, updates = start, list[Update]()
    value, gradient = objective(point)
    for _ in range(MAX_ITERATIONS):
        if np.abs(gradient).max(initial=0.0) <= TOLERANCE:
            break
        direction = -_inverse_hessian_product(gradient, updates)
        length = 1.0 if updates else 1.0 / max(1.0, float(np.linalg.norm(gradient)))
        slope = float(direction @ gradient)
        new_value, new_gradient = objective(point + length * direction)
        while new_value > value + 1e-4 * length * slope and length > 1e-12:
            length /= 2
            new_value, new_gradient = objective(point + length * direction)
        if length <= 1e-12:
            break  # no step decreases the value within the precision of float64
        step, change = length * direction, new_gradient - gradient
        if step @ change > 0:
            updates = [*updates[1 - HISTORY :], (step, change)]
        point, value, gradient = point + step, new_value, new_gradient
    return point


def _inverse_hessian_product(gradient: np.ndarray, updates: list[Update]) -> np.ndarray:
    """Return the inverse Hessian, estimated from the updates, times the gradient (two-loop recursion)."""
    product, factors = gradient, []
    for step, change in reversed(updates):
        factors.append((step @ product) / (step @ change))
        product = product - factors[-1] * change
    if updates:
        step, change = updates[-1]
        product = product * ((step @ change) / (change @ change))
    for (step, change), factor in zip(updates, reversed(factors), strict=True):
        product = product + (factor - (change @ product) / (step @ change)) * step
    return product
