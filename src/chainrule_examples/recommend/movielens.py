"""Ratings of films, the films' properties, and divisions of the ratings: at random, by time, by film.

The data set MovieLens-100k contains 100,000 ratings from 1 to 5 by 943 people, each with at least 20. It may
be used for research but not be redistributed, so it is read from a package or a copy of the user's.

Reference: Harper and Konstan (2015), The MovieLens datasets: history and context, ACM TiiS 5(4).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import polars as pl

from chainrule import Model
from chainrule.data import Table
from chainrule.data.datasets import open_dataset, table_of
from chainrule.errors import DataError
from chainrule.inputs import ItemKind
from chainrule.messages import Text, Texts
from chainrule.metrics import top_items
from chainrule_examples.score_table import csv_text

RATINGS = ("user_id", "movie_id", "rating", "timestamp")
GENRES = tuple(
    (
        "Action Adventure Animation Children's Comedy Crime Documentary Drama Fantasy Film-Noir Horror "
        "Musical Mystery Romance Sci-Fi Thriller War Western"
    ).split()
)
_YEAR = re.compile(r"\((\d{4})\)\s*$")
_FIRST_YEAR, _LAST_YEAR = 1920, 1998
SHOWN, LIKED = 6, 3  # users on the page; films that explain a suggestion
OPTIONS: Texts = {
    "data": "file or folder of a copy of the data set",
    "content": "predict the stars of films without any rating",
    "long": "a network twice as wide, trained twice as long",
    "seeds": "number of trainings, each with its own division",
    "epochs": "number of epochs; 0: chosen",
    "out": "folder for the model, the scores and the page",
}
RIDGE: Text = "ridge regression, later films on earlier ones"
TEXTS: Texts = {
    "popular": "most popular films",
    "neighbors": "similar films (itemKNN)",
    "linear": "linear autoencoder (EASE)",
    "next": RIDGE,
    "net": "variational autoencoder",
    "title": "Recommendation of films",
    "because": "Because you watched: the films that contribute most",
    "header": "user,suggestion,because of",
    "limits": (
        "A random division lets the model see what people watched later; the division by time is what a "
        "recommender has to do, and all scores are lower there. Whether users would have liked the films "
        "that they did not rate is unknown; the users of 1998 are mostly young men."
    ),
    "mean": "mean rating",
    "user mean": "mean rating of the user",
    "ridge": "ridge regression of each user",
    "towers": "two towers",
    "content limits": (
        "The films were removed at random; new films differ from old ones, and those that are rated are "
        "not a random choice."
    ),
}


@dataclass(frozen=True, eq=False)
class Ratings:
    """Ratings of films.

    Args:
        user: (N,) user of each rating, from 0.
        film: (N,) film of each rating, from 0.
        stars: (N,) 1 to 5.
        time: (N,) seconds.
        titles: the F titles.
        genres: (F, 18) zeros and ones.
    """

    user: np.ndarray
    film: np.ndarray
    stars: np.ndarray
    time: np.ndarray
    titles: tuple[str, ...]
    genres: np.ndarray

    @property
    def users(self) -> int:
        """The number of users."""
        return int(self.user.max()) + 1

    def matrix(self, chosen: np.ndarray) -> np.ndarray:
        """Which user rated which film among the chosen ratings (a mask or numbers), (U, F) float32."""
        matrix = np.zeros((self.users, len(self.titles)), np.float32)
        matrix[self.user[chosen], self.film[chosen]] = 1.0
        return matrix

    @property
    def features(self) -> np.ndarray:
        """The properties of each film: genres, and its year around five centers, (F, 23) float32."""
        matches = [_YEAR.search(title) for title in self.titles]
        years = np.array([float(match[1]) if match else np.nan for match in matches])
        position = (years - _FIRST_YEAR) / (_LAST_YEAR - _FIRST_YEAR)
        centers = np.array([0.2, 0.45, 0.7, 0.88, 1.0])
        near = np.exp(-np.square((position[:, None] - centers) / 0.1))  # (F, 5)
        return np.concatenate([self.genres, np.nan_to_num(near)], axis=1).astype(np.float32)


def read_ratings(data: str = "") -> Ratings:
    """Read the ratings and the films.

    Args:
        data: file or folder of a copy.

    Raises:
        DataError: E315 no copy, and it cannot be downloaded; E313 a column is missing; E316 a rating
            that is not from 1 to 5, or of a film that is not in the list.
    """
    archive = open_dataset("movielens", data)
    table = table_of(archive, "*MovieLens100k_data.parquet.brotli", RATINGS)
    films = table_of(archive, "*MovieLens100k_items.parquet.brotli", ("movie_id", "movie_title", *GENRES))
    frame, items = table.frame, films.frame.sort("movie_id")
    _require(table, "rating", frame["rating"].is_between(1, 5), "1 <= rating <= 5")
    _require(
        table, "movie_id", frame["movie_id"].is_in(items["movie_id"].implode()), f"movie_id: {films.source}"
    )
    numbers = items.select("movie_id").with_row_index("film")
    frame = frame.sort("user_id", "timestamp", "movie_id").join(numbers, "movie_id", maintain_order="left")
    user = np.unique(frame["user_id"].to_numpy(), return_inverse=True)[1]
    titles = tuple(items["movie_title"].cast(pl.String).to_list())
    film = frame["film"].to_numpy().astype(np.int64)
    stars = frame["rating"].to_numpy().astype(np.float32)
    time = frame["timestamp"].to_numpy()
    return Ratings(user, film, stars, time, titles, items.select(GENRES).to_numpy().astype(np.float32))


def suggestion_rows(ratings: Ratings, known: np.ndarray, model: Model) -> list[list[object]]:
    """For some users: the first suggestion, and the films of theirs that contribute most to its score."""
    rows: list[list[object]] = []
    for user in np.argsort(-known.sum(axis=1), kind="stable")[:: max(1, len(known) // SHOWN)][:SHOWN]:
        film = int(top_items(np.asarray(model(known[[user]])), known[[user]], 1)[0, 0])
        (reasons,) = model.attribute(known[[user]], "occlusion", target=film).values.values()
        because = np.argsort(-reasons[0], kind="stable")[:LIKED]
        rows.append([int(user) + 1, ratings.titles[film], "; ".join(ratings.titles[i] for i in because)])
    return rows


def title_file(ratings: Ratings) -> dict[str, str]:
    """The number and title of each film, as a file of a RUN."""
    return {"films.csv": csv_text([("film", "title"), *enumerate(ratings.titles)])}


def with_titles(model: Model, ratings: Ratings) -> Model:
    """The model with the titles of the films, which ``predict`` writes."""
    named = Model.of(model.state)
    ItemKind(tuple(ratings.titles)).attach(named)
    return named


def random_test(ratings: Ratings, share: float = 0.25, seed: int = 0) -> np.ndarray:
    """Which ratings are test ratings: this share of each user's, at random, (N,) bool."""
    return _last(ratings.user, np.random.default_rng(seed).random(len(ratings.user)), share)


def latest_test(ratings: Ratings, share: float = 0.25) -> np.ndarray:
    """Which ratings are test ratings: the latest of each user, (N,) bool."""
    return _last(ratings.user, ratings.time, share)


def latest_known(ratings: Ratings, known: np.ndarray, share: float = 0.25) -> np.ndarray:
    """Which ratings are the latest of each user among the known ones, (N,) bool."""
    is_latest = np.zeros(len(ratings.user), bool)
    is_latest[known] = _last(ratings.user[known], ratings.time[known], share)
    return is_latest


def divisions(ratings: Ratings, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The test ratings at random and by time, (N,) bool each."""
    return random_test(ratings, seed=seed), latest_test(ratings)


def unseen_film_test(ratings: Ratings, share: float = 0.2, seed: int = 0) -> np.ndarray:
    """Which ratings are test ratings: those of a random share of the films, (N,) bool."""
    films = np.random.default_rng(seed).permutation(len(ratings.titles))
    return np.isin(ratings.film, films[: round(share * len(films))])


def earlier_and_later(
    ratings: Ratings, known: np.ndarray, cuts: tuple[float, ...] = (0.5, 0.7, 0.9)
) -> tuple[np.ndarray, np.ndarray]:
    """For each user and cut, the films of the earlier part of the known ratings, and those of the later part.

    A model that maps the one to the other learns what is watched next, not what is watched together.

    Args:
        ratings: the ratings.
        known: (N,) bool, the training ratings.
        cuts: shares of the earlier part.

    Returns:
        two matrices of zeros and ones, (users x cuts, F); rows without a later film are left out.
    """
    parts = [_last(ratings.user[known], ratings.time[known], 1 - cut) for cut in cuts]
    rows = np.flatnonzero(known)
    earlier = np.concatenate([ratings.matrix(rows[~is_later]) for is_later in parts])
    later = np.concatenate([ratings.matrix(rows[is_later]) for is_later in parts])
    is_used = later.any(axis=1) & earlier.any(axis=1)
    return earlier[is_used], later[is_used]


def _last(user: np.ndarray, key: np.ndarray, share: float) -> np.ndarray:
    """The share of each user's ratings with the largest keys; of equal keys the later rows."""
    order = np.lexsort((np.arange(len(user)), key, user))
    counts = np.bincount(user)  # 0 for users without ratings
    rank = np.arange(len(user)) - np.repeat(np.cumsum(counts) - counts, counts)  # within the user
    is_test = np.zeros(len(user), bool)
    is_test[order] = rank >= np.repeat(np.ceil((1 - share) * counts), counts)
    return is_test


def _require(table: Table, column: str, fits: pl.Series, expected: str) -> None:
    wrong = np.flatnonzero(~fits.fill_null(False).to_numpy())
    if len(wrong):
        cell = table.frame[column][int(wrong[0])]
        raise DataError(
            "E316", where=table.place(int(wrong[0])), expected=expected, received=f"{column} {cell}"
        )
