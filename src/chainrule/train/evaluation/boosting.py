"""Gradient boosting of decision trees, the strongest of the baselines on most tables.

scikit-learn's histogram boosting with its default settings. Trees do not use the features of a network as
they are: the 0/1 features of a category become one column of codes, which a tree divides into sets of levels,
and a value that was missing is missing again.

One thread: the threads of OpenMP wait in a loop for each other, which costs more than it saves on small
tables and on a busy machine, and sums in the order in which they finish, so that results would differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from chainrule.records import frozen
from chainrule.train.background_import import finish_imports, import_in_background, single_openmp_thread

TREES = 100  # scikit-learn's default number of iterations
MAX_CATEGORIES = 255  # of a column of codes
MAX_BINS = 255  # of a column, scikit-learn's default
MAX_COST, COST_OF_A_TREE = 2e9, 2e5  # in cells that a tree reads
IMPORTS = ("scipy.sparse", "scipy.stats", "sklearn.base", "sklearn.tree", "sklearn.ensemble")  # in this order
Predict = Callable[[np.ndarray], np.ndarray]


@frozen
class TreeColumns:
    """Divides features into columns for trees.

    Args:
        widths: the number of features of each column, in order.
        kinds: of each column: ``"category"`` (one 0/1 feature per level), ``"indicator"`` (a value and a 0/1
            feature "is missing"), or ``"plain"`` (each feature is a column).

    Example:
        >>> columns = TreeColumns((1, 3), ("plain", "category"))
        >>> columns(np.array([[0.5, 0, 0, 1], [0.1, 1, 0, 0], [0.2, 0, 0, 0]])).tolist()
        [[0.5, 2.0], [0.1, 0.0], [0.2, nan]]
    """

    widths: tuple[int, ...]
    kinds: tuple[str, ...]

    @staticmethod
    def of(encodings: Sequence[Any]) -> TreeColumns:
        """The columns of the encodings of a preparation."""
        widths = tuple(len(encoding.features) for encoding in encodings)
        kinds = tuple(_kind(encoding, width) for encoding, width in zip(encodings, widths, strict=True))
        return TreeColumns(widths, kinds)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The columns (N, C), in float64, of features (N, F)."""
        starts = np.cumsum((0, *self.widths))
        parts = [x[:, a:b] for a, b in pairwise(starts)]
        columns = [_COLUMNS[kind](part) for kind, part in zip(self.kinds, parts, strict=True)]
        return np.concatenate(columns, axis=1)

    @property
    def is_category(self) -> list[bool]:
        """Whether each column is one of codes."""
        return [
            kind == "category"
            for kind, width in zip(self.kinds, self.widths, strict=True)
            for _ in range(width if kind == "plain" else 1)
        ]


def _kind(encoding: Any, width: int) -> str:
    if encoding.kind == "category" and width <= MAX_CATEGORIES:
        return "category"
    return "indicator" if getattr(encoding, "indicator", False) and width == 2 else "plain"


def _codes(part: np.ndarray) -> np.ndarray:
    known = part.any(axis=1)
    return np.where(known, part.argmax(axis=1), np.nan)[:, None]  # (N, L) -> (N, 1)


_COLUMNS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "category": _codes,
    "indicator": lambda part: np.where(part[:, 1:] > 0.5, np.nan, part[:, :1].astype(np.float64)),
    "plain": lambda part: part.astype(np.float64),
}


def is_affordable(rows: int, columns: int, classes: int) -> bool:
    """Whether boosting on a table takes at most about a minute."""
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
        "categorical_features": columns.is_category, "random_state": 0, "max_bins": bins,
    }  # fmt: skip
    if not classes:
        trees = ensemble.HistGradientBoostingRegressor(**settings)
        return _fitted(trees, columns, x, y, weights, lambda x: trees.predict(x)[:, None])
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

    return _fitted(model, columns, x, y, weights, probabilities)


def _fitted(
    model: Any,
    columns: TreeColumns,
    x: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray | None,
    predict: Predict,
) -> Predict:
    with single_openmp_thread():
        model.fit(columns(x), y, sample_weight=weights)

    def run(x: np.ndarray) -> np.ndarray:
        with single_openmp_thread():
            return predict(columns(x))

    return run
