"""Stars for films without any rating, from their genres and year: the part ``--content`` of recommend.

A fifth of the films is removed with all ratings. Two towers map a user and the properties of a film to
vectors whose product is the rating; all users share the map of the films, so that a user with few ratings
profits from the others, which a regression for each user cannot. Beside them are a bias of the user and a
linear function of the film. How users differ is estimated from all of them (``user_prior``): the map of the
films and the penalties follow from it, so that a user with few ratings stays near the mean.

The prior of the users' weights is estimated by expectation maximization: the posterior of each user under the
prior, then the prior of all posteriors. Reference: Dempster, Laird and Rubin (1977), Maximum likelihood from
incomplete data via the EM algorithm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import chainrule as cr
from chainrule.messages import translated
from chainrule.page import screen
from chainrule_examples.recommend.movielens import TEXTS, Ratings, unseen_film_test
from chainrule_examples.score_table import Score, credit_line, npz, print_scores, save_run

EPOCHS = 25
ROUNDS = 8  # of expectation maximization
RIDGE = 10.0  # penalty of the regression of each user, chosen on validation films


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


def train_towers(ratings: Ratings, rows: np.ndarray, seed: int, epochs: int) -> cr.Model:
    """Train the vectors of the users on the ratings in ``rows``; the prior is the map of the films."""
    x, y = inputs_of(ratings, rows), ratings.stars[rows][:, None]
    prior = user_prior(x["film"], ratings.user[rows], ratings.stars[rows])
    size, strength = x["film"].shape[1], prior.noise / len(rows)  # the penalty of a prior of variance 1
    user = user_vectors(ratings.users, size, strength)
    towers = cr.Parallel("none", user=user, film=cr.Dense(size, bias=False))
    biases = cr.Parallel("add", user=user_vectors(ratings.users, 1, strength / prior.bias), film=cr.Dense(1))
    taste = cr.Sequential(towers=towers, product=cr.Dot())  # -> (B, 1)
    net = cr.Sequential(rating=cr.Residual(taste, shortcut=biases))
    frozen = ["rating.sequential.towers.film", "rating.shortcut.film"]
    model = cr.Model(net, "mse", cr.Adam(cr.Cosine(0.02)), frozen=frozen).initialize(x)
    model.load_parameters(
        {
            f"{frozen[0]}.weight": prior.factor.T,
            f"{frozen[1]}.weight": prior.mean[None, 1:],
            f"{frozen[1]}.bias": prior.mean[:1],
        }
    )
    model.fit(x, y, epochs=epochs, batch_size=2048, seed=seed)
    if model.facts["ended"] == "interrupted":
        raise KeyboardInterrupt
    return model


def user_vectors(users: int, length: int, strength: float) -> cr.Layer:
    """A vector for each user: (B, 1) -> (B, length)."""
    start = cr.Normal(std=0.01)
    table = cr.Embedding(users, length, weight_initializer=start, penalty=cr.L2(strength))
    return cr.Sequential(table, cr.Flatten())


def inputs_of(ratings: Ratings, rows: np.ndarray) -> dict[str, np.ndarray]:
    """The inputs of the network: the user, and the properties of the film."""
    return {"user": ratings.user[rows, None], "film": ratings.features[ratings.film[rows]]}


def baseline_predictions(ratings: Ratings, train: np.ndarray, test: np.ndarray) -> dict[str, np.ndarray]:
    """The predictions of each baseline for the test ratings."""
    mean = float(ratings.stars[train].mean())
    sums = np.bincount(ratings.user[train], ratings.stars[train], ratings.users)
    counts = np.bincount(ratings.user[train], minlength=ratings.users)
    of_user = (sums + mean) / (counts + 1)  # one rating with the mean of all, for users without any
    x, y = ratings.features[ratings.film], ratings.stars - of_user[ratings.user]
    ridge = np.zeros(len(ratings.stars))
    for user in range(ratings.users):
        own = ratings.user == user
        a = x[own & train]
        weights = np.linalg.solve(a.T @ a + RIDGE * np.eye(x.shape[1]), a.T @ y[own & train])
        ridge[own] = of_user[user] + x[own] @ weights
    return {
        "mean": np.full(int(test.sum()), mean),
        "user mean": of_user[ratings.user[test]],
        "ridge": ridge[test],
    }


def rmse(predicted: np.ndarray, stars: np.ndarray) -> float:
    """The root mean squared error of predictions, limited to 1 to 5."""
    return float(np.sqrt(np.mean((np.clip(predicted, 1, 5) - stars) ** 2)))


def print_content_scores(ratings: Ratings, lang: str, seeds: int, epochs: int, out: str) -> None:
    """Train on each division by film, print the RMSE of all methods, and save the last network."""
    values: dict[str, list[float]] = {name: [] for name in ("mean", "user mean", "ridge", "towers")}
    trained = []
    for seed in range(seeds):
        test = unseen_film_test(ratings, seed=seed)
        model = train_towers(ratings, np.flatnonzero(~test), seed, epochs or EPOCHS)
        predictions = baseline_predictions(ratings, ~test, test)
        predictions["towers"] = np.asarray(model(inputs_of(ratings, np.flatnonzero(test))))[:, 0]
        for name, predicted in predictions.items():
            values[name].append(rmse(predicted, ratings.stars[test]))
        trained.append((test, model))
    test, model = trained[-1]
    scores = [Score(TEXTS[name], {"RMSE": values[name]}) for name in values]
    print_scores(scores, lang, "RMSE", test_ratio=1 / 4)  # a fifth of the films is the test
    screen.block(f"\n{translated(TEXTS['content limits'], lang)}\n{credit_line('movielens', lang)}")
    if out:
        rows = np.flatnonzero(test)[:1000]
        arrays = npz(**inputs_of(ratings, rows), y=ratings.stars[rows][:, None])
        save_run(out, model, scores, {"ratings.npz": arrays})
