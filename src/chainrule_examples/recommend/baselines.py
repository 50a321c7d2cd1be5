"""Recommendations without a network: the popular, the similar, and a linear model with a closed solution.

Each takes the training matrix, (U, I) of zeros and ones, and returns a score for each user and item, (U, I).

By time there is also a ridge regression of the later films on the earlier ones, the task of the network.

References: Sarwar, Karypis, Konstan and Riedl (2001), Item-based collaborative filtering (WWW); Steck (2019),
Embarrassingly shallow autoencoders for sparse data (WWW).
"""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import Normalizer

import chainrule as cr
from chainrule.metrics import SampledScore, mean_score, ndcg_and_recall_of_users
from chainrule_examples.recommend.movielens import RIDGE, Ratings, earlier_and_later, latest_known
from chainrule_examples.tuning import tuned

RIDGE_GRID = {"ridge__alpha": (3.0, 10.0, 30.0, 100.0)}
NEIGHBORS, PENALTY = ((200, 10_000), (500.0, 200.0))  # at random and by time, chosen on training rows


def popularity(matrix: np.ndarray) -> np.ndarray:
    """How many users chose the item: the same for all users."""
    return np.broadcast_to(matrix.sum(axis=0, dtype=np.float64), matrix.shape)


def item_neighbors(matrix: np.ndarray, neighbors: int = 200) -> np.ndarray:
    """The sum of the cosine similarities of an item with the user's items, among its nearest neighbors.

    Args:
        matrix: (U, I).
        neighbors: the similarities of each item that count.
    """
    x = matrix.astype(np.float64)
    lengths = np.sqrt(np.square(x).sum(axis=0))
    similarity = (x.T @ x) / (np.outer(lengths, lengths) + 1e-9)  # (I, I)
    np.fill_diagonal(similarity, 0.0)
    if neighbors < len(similarity):
        limit = np.partition(similarity, -neighbors, axis=1)[:, -neighbors]
        similarity = np.where(similarity >= limit[:, None], similarity, 0.0)
    return x @ similarity.T


def linear_autoencoder(matrix: np.ndarray, penalty: float = 500.0) -> np.ndarray:
    """EASE: every item as a linear function of the others, fitted by least squares with an L2 penalty.

    Formula: B minimizes |X - X B|^2 + penalty |B|^2 with diagonal 0; with P = (X^T X + penalty I)^-1 it is
    B_ij = -P_ij / P_jj for i != j.

    Args:
        matrix: X, (U, I).
        penalty: above 0.
    """
    x = matrix.astype(np.float64)
    gram = x.T @ x
    gram[np.diag_indices_from(gram)] += penalty
    inverse = np.linalg.inv(gram)
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return x @ weights


def tuned_later_films(ratings: Ratings, known: np.ndarray) -> Pipeline:
    """A ridge regression of later films on earlier ones, whose penalty is best for the last known ones.

    Args:
        ratings: the ratings.
        known: (N,) bool, the training ratings.
    """
    is_later = latest_known(ratings, known)
    rows, watched = earlier_and_later(ratings, known & ~is_later), ratings.matrix(known & ~is_later)

    def ndcg(model: Pipeline, x: np.ndarray, y: np.ndarray) -> float:
        return float(np.nanmean(ndcg_and_recall_of_users(model.predict(x), x, y)[0]))

    model, validation = make_pipeline(Normalizer(), Ridge()), (watched, ratings.matrix(is_later))
    final = earlier_and_later(ratings, known)
    return tuned(RIDGE, model, RIDGE_GRID, rows, validation, measure=ndcg, final=final)


def evaluate(
    known: np.ndarray, later: np.ndarray, model: cr.Model, by_time: int, ridge: Pipeline | None = None
) -> list[dict[str, SampledScore]]:
    """nDCG@10 and recall@10 of each baseline, then of the network, on the test ratings of users.

    Args:
        known, later: (U, I) the training and the test ratings.
        model: the network.
        by_time: whether the test ratings are the later ones.
        ridge: of ``tuned_later_films``; without it, that baseline has no scores.
    """
    neighbors = item_neighbors(known, NEIGHBORS[by_time])
    linear = linear_autoencoder(known, PENALTY[by_time])
    names = [name + " by time" * by_time for name in ("nDCG@10", "recall@10")]
    following = None if ridge is None else ridge.predict(known)
    scores = popularity(known), neighbors, linear, following, np.asarray(model(known))
    results = []
    for own in scores:
        if own is None:
            results.append({})
            continue
        values = ndcg_and_recall_of_users(own, known, later)
        users = np.isfinite(values[0])
        results.append({name: mean_score(part[users]) for name, part in zip(names, values, strict=True)})
    return results
