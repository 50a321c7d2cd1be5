"""Metrics of recommendations: how many of a user's later choices are among the first k suggestions.

Every user has a score for each item; the items that the user already chose are left out, and the k highest
of the rest are suggested. Ties are decided by the order of the items. Users without a relevant item have no
score.

    nDCG@k    sum over the positions of relevant suggestions of 1 / log2(position + 1), divided by its largest
              possible value for this user: hits at the top count most
    recall@k  the share of the relevant items that are suggested

Reference: Järvelin and Kekäläinen (2002), Cumulated gain-based evaluation of IR techniques (ACM TOIS 20).
"""

from __future__ import annotations

import numpy as np


def top_items(scores: np.ndarray, seen: np.ndarray, k: int) -> np.ndarray:
    """Return the k items with the highest scores that each user has not seen, best first.

    Args:
        scores: (U, I) of each user and item, finite.
        seen: (U, I) whether the user chose the item before.

    Returns:
        (U, k) item numbers; -1 where a user has fewer unseen items.

    Example:
        >>> top_items(np.array([[3.0, 2.0, 1.0]]), np.array([[True, False, False]]), 3).tolist()
        [[1, 2, -1]]
    """
    is_seen = np.asarray(seen, bool)
    masked = np.where(is_seen, -np.inf, scores)
    order = np.argsort(-masked, axis=1, kind="stable")[:, :k]  # (U, I) -> (U, k)
    return np.where(np.take_along_axis(is_seen, order, axis=1), -1, order)


def ndcg_and_recall(
    scores: np.ndarray, seen: np.ndarray, relevant: np.ndarray, k: int = 10
) -> tuple[float, float]:
    """Return the mean nDCG@k and recall@k over the users with a relevant item.

    Args:
        scores: (U, I) of each user and item.
        seen: (U, I) whether the user chose the item before.
        relevant: (U, I) whether the user chose the item later; seen items do not count.

    Example:
        >>> scores, seen = np.array([[0.9, 0.8, 0.1]]), np.zeros((1, 3), bool)
        >>> ndcg, recall = ndcg_and_recall(scores, seen, np.array([[False, True, True]]), k=2)
        >>> round(ndcg, 4), recall
        (0.3869, 0.5)
    """
    ndcg, recall = ndcg_and_recall_of_users(scores, seen, relevant, k)
    known = np.isfinite(ndcg)
    return (float(ndcg[known].mean()), float(recall[known].mean())) if known.any() else (np.nan, np.nan)


def ndcg_and_recall_of_users(
    scores: np.ndarray, seen: np.ndarray, relevant: np.ndarray, k: int = 10
) -> tuple[np.ndarray, np.ndarray]:
    """Return nDCG@k and recall@k of each user, (U,) each; NaN without a relevant item.

    Args:
        scores, seen, relevant: as for ``ndcg_and_recall``.
    """
    is_relevant = np.asarray(relevant, bool) & ~np.asarray(seen, bool)
    counts = is_relevant.sum(axis=1)
    top = top_items(scores, seen, k)
    hits = np.take_along_axis(is_relevant, np.maximum(top, 0), axis=1) & (top >= 0)  # (U, k)
    discounts = 1 / np.log2(np.arange(2, hits.shape[1] + 2))
    ideal = np.cumsum(discounts)[np.minimum(counts, hits.shape[1]) - 1]
    known = np.where(counts > 0, 1.0, np.nan)
    return known * (hits * discounts).sum(axis=1) / ideal, known * hits.sum(axis=1) / np.maximum(counts, 1)
