"""How users differ: the normal distribution of their weights, estimated from all ratings.

The stars of a user are a linear function of the film's properties with a bias and weights of the user, and
both have a normal prior. A single user has too few ratings to estimate it; all users together determine it,
by expectation maximization: the posterior of each user under the prior, then the prior of all posteriors.

Reference: Dempster, Laird and Rubin (1977), Maximum likelihood from incomplete data via the EM algorithm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ROUNDS = 8


@dataclass(frozen=True, eq=False)
class UserPrior:
    """The distribution of the weights of users.

    Args:
        mean: (1 + F,) mean bias, and mean weight of each property.
        bias: the variance of biases.
        factor: (F, F) a matrix whose product with its transpose is the covariance of the weights.
        noise: the variance of the ratings around the function of their user.
    """

    mean: np.ndarray
    bias: float
    factor: np.ndarray
    noise: float


def user_prior(features: np.ndarray, user: np.ndarray, stars: np.ndarray) -> UserPrior:
    """Estimate the prior.

    Args:
        features: (N, F) properties of the film of each rating.
        user: (N,) user of each rating.
        stars: (N,) the ratings.
    """
    x = np.concatenate([np.ones((len(user), 1)), features], axis=1)
    rows = [np.flatnonzero(user == one) for one in np.unique(user)]
    size = x.shape[1]
    mean, covariance, noise = np.zeros(size), np.eye(size) * 0.1, float(stars.var())
    mean[0] = stars.mean()
    for _ in range(ROUNDS):
        precision = np.linalg.inv(covariance)
        weights, total, squares = np.empty((len(rows), size)), np.zeros((size, size)), 0.0
        for i, own in enumerate(rows):
            posterior = np.linalg.inv(x[own].T @ x[own] / noise + precision)
            weights[i] = posterior @ (x[own].T @ stars[own] / noise + precision @ mean)
            residual = stars[own] - x[own] @ weights[i]
            squares += residual @ residual + np.sum((x[own] @ posterior) * x[own])
            total += posterior
        mean, noise = weights.mean(axis=0), squares / len(stars)
        covariance = ((weights - mean).T @ (weights - mean) + total) / len(rows)
        covariance[0, 1:] = covariance[1:, 0] = 0.0  # biases and weights are independent
    return UserPrior(mean, float(covariance[0, 0]), np.linalg.cholesky(covariance[1:, 1:]), noise)
