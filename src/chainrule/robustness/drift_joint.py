"""A test whether new rows have the joint distribution of reference rows: does a classifier distinguish them?

Columns can have the same distributions each while their correlations change. A ridge classifier of reference
and new rows sees that: its inputs are the ranks of each feature as normal scores, their squares and the
products of pairs. It is trained on four fifths of the rows and predicts the last fifth, in turn; the
statistic is the area under the ROC curve (AUC), 0.5 if the rows are alike. Its distribution without a shift
comes from permutations of the labels, which share the factorization of each fold, so that hundreds of them
cost little more than one.

Rejected: the normal approximation of the cross-fitted AUC, whose folds are not independent (it rejects too
often); trees, which are too slow for permutations.

Reference: Lopez-Paz, D., & Oquab, M. (2017). Revisiting classifier two-sample tests. ICLR.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.records import frozen

FOLDS, PERMUTATIONS = 5, 499
MAX_ROWS = 4000  # of each side, evenly spaced
FEWEST = 20  # rows of each side
MAX_PAIRED = 40  # features whose products are inputs
MAX_FEATURES = 1000
RIDGE = 0.1
NAMED, CLEAR = 3, 3.0  # inputs that are named; standard errors of their difference
_TINY = 1e-9


@frozen
class JointTest:
    """Whether a classifier distinguishes new rows from reference rows.

    Args:
        auc: the cross-fitted area under the ROC curve.
        p_value: by permutations of the labels.
        rows: of the reference and new rows that were compared.
        features: the inputs that differ most: a feature, or the product of two.
        adjusted: the p-value after the correction for the number of tests.
    """

    auc: float
    p_value: float
    rows: tuple[int, int]
    features: tuple[str, ...] = ()
    adjusted: float = 1.0


def joint_test(
    reference: np.ndarray, new: np.ndarray, names: Sequence[str], seed: int = 0
) -> JointTest | None:
    """Compare rows (N, F) with reference rows; ``None`` for fewer than ``FEWEST`` of either.

    Args:
        reference, new: the features of the rows.
        names: of the features.
        seed: of folds and permutations.
    """
    reference, new = _spread(reference), _spread(new)
    if min(len(reference), len(new)) < FEWEST:
        return None
    inputs, texts = _inputs(np.concatenate([reference, new]).astype(np.float64), names)
    if not texts:
        return None
    rng = np.random.default_rng(seed)
    is_new = np.repeat([False, True], [len(reference), len(new)])
    labels = np.stack([is_new, *(rng.permutation(is_new) for _ in range(PERMUTATIONS))], axis=1)  # (N, P)
    fold = rng.permutation(len(is_new)) % FOLDS
    areas = np.mean([_area(inputs, labels, fold == k) for k in range(FOLDS)], axis=0)
    p_value = float((areas >= areas[0]).mean())
    differing = _differing(inputs, is_new, texts)
    return JointTest(float(areas[0]), p_value, (len(reference), len(new)), differing)


def _spread(rows: np.ndarray) -> np.ndarray:
    rows = rows.reshape(len(rows), -1)
    return rows[np.linspace(0, len(rows) - 1, MAX_ROWS).astype(int)] if len(rows) > MAX_ROWS else rows


def _inputs(rows: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """The inputs of the classifier (N, K), standardized, and what they are."""
    from scipy.stats import norm, rankdata  # noqa: PLC0415

    used = np.flatnonzero(np.ptp(rows, axis=0) > 0)[:MAX_FEATURES]
    scores = norm.ppf((rankdata(rows[:, used], axis=0) - 0.5) / len(rows))
    texts: list[str] = [str(names[i]) for i in used]
    first, second = np.triu_indices(min(len(used), MAX_PAIRED))
    inputs = np.concatenate([scores, scores[:, first] * scores[:, second]], axis=1)
    texts += [
        f"{texts[i]} * {texts[j]}" if i != j else f"{texts[i]}^2" for i, j in zip(first, second, strict=True)
    ]
    inputs -= inputs.mean(axis=0)
    std = inputs.std(axis=0)
    varying = np.flatnonzero(std > _TINY)
    return inputs[:, varying] / std[varying], [texts[i] for i in varying]


def _area(inputs: np.ndarray, labels: np.ndarray, is_tested: np.ndarray) -> np.ndarray:
    """The AUC (P,) in a fold, of the classifiers of the other rows, for each column of labels."""
    from scipy.stats import rankdata  # noqa: PLC0415

    x, t = inputs[~is_tested], labels[~is_tested].astype(np.float64)
    t -= t.mean(axis=0)
    matrix = x.T @ x
    matrix[np.diag_indices_from(matrix)] += RIDGE * len(x)
    scores = inputs[is_tested] @ np.linalg.solve(matrix, x.T @ t)  # (n, P)
    tested = labels[is_tested]
    ranks = rankdata(scores, axis=0)
    count = tested.sum(axis=0)
    others = len(tested) - count
    area = ((ranks * tested).sum(axis=0) - count * (count + 1) / 2) / np.maximum(count * others, 1)
    return np.where(count * others > 0, area, 0.5)


def _differing(inputs: np.ndarray, is_new: np.ndarray, texts: list[str]) -> tuple[str, ...]:
    """The inputs whose means differ by the most standard errors."""
    error = np.sqrt(1 / is_new.sum() + 1 / (~is_new).sum())
    z = np.abs(inputs[is_new].mean(axis=0) - inputs[~is_new].mean(axis=0)) / error
    order = np.argsort(-z, kind="stable")[:NAMED].tolist()
    return tuple(texts[i] for i in order if z[i] >= CLEAR)
