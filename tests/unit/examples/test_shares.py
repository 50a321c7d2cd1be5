"""The example shares on generated prices in the publisher's layout, its features and bad input."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.apps.cli.main import main
from chainrule.data.sequences.trading_days import MONTH, features_of, garman_klass
from chainrule_examples.volatility import kupiec_test, read_parts, sampled_scores, smearing_of
from saved_scores import check_own_input, check_saved_scores


def prices(count: int, seed: int = 0) -> np.ndarray:
    """Open, high, low, close and volume of days, (5, T)."""
    draw = np.random.default_rng(seed)
    last = 100 * np.exp(np.cumsum(draw.normal(0, 0.01, count)))
    first = last * np.exp(draw.normal(0, 0.005, count))
    high, low = (sign * np.maximum(sign * first, sign * last) for sign in (1, -1))
    spread = np.exp(np.abs(draw.normal(0, 0.004, (2, count))))
    return np.stack([first, high * spread[0], low / spread[1], last, draw.integers(10**6, 10**7, count)])


def lines(count: int = 90) -> list[str]:
    """The table: 60 days before 2014, 30 from 2016 on."""
    days = np.concatenate(
        [np.datetime64("2013-01-01") + np.arange(60), np.datetime64("2016-01-01") + np.arange(count - 60)]
    )
    rows = ["Date,Open,High,Low,Close,Adj Close,Volume"]
    for day, row in zip(days.astype(object), prices(count).T, strict=True):
        cells = [f"{value:.4f}" for value in (*row[:4], row[3])]
        rows.append(",".join([f"{day.month}/{day.day}/{day.year}", *cells, str(int(row[4]))]))
    return rows


def archive(path: Path, rows: list[str]) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("arch/data/sp500/sp500.csv.gz", gzip.compress("\n".join(rows).encode() + b"\n"))
    return path


@pytest.mark.long
def test_scores_direction_and_a_run_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, data = tmp_path / "run", archive(tmp_path / "arch-8.0.0-x.whl", lines())
    options = ("--data", data, "--seeds", 1, "--epochs", 2, "--out", run)
    assert main([str(word) for word in ("example", "shares", *options)]) == 0
    out = capsys.readouterr().out
    assert "No claim" in out
    rows = out.partition("Kupiec")[2].splitlines()[1:5]
    counts = [int(row.split()[-3]) for row in rows]
    assert all(0 <= count <= 29 for count in counts)
    assert [float(row.split()[-1]) for row in rows] == pytest.approx(
        [kupiec_test(count, 29, 0.01) for count in counts], abs=1e-3
    )
    assert "No investment advice" in out
    scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    assert [list(values) for values in scores.values()] == [["R²", "QLIKE"]] * 4
    check_saved_scores(run, run / "test.npz", "linear model and GRU", {"R²": "r2"}, capsys)
    assert main(["predict", str(run), str(run / "test.npz")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 29
    assert (run / "shares.html").read_text(encoding="utf-8").count("<circle") == 29


@pytest.mark.long
def test_own_prices_are_predicted_by_the_saved_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, data = tmp_path / "run", archive(tmp_path / "arch-8.0.0-x.whl", lines())
    options = ("--data", data, "--seeds", 1, "--epochs", 2, "--out", run)
    assert main([str(word) for word in ("example", "shares", *options)]) == 0
    own = tmp_path / "own.csv"
    own.write_text("\n".join(lines()), encoding="utf-8")  # all 90 days
    capsys.readouterr()
    assert main(["predict", str(run), str(own)]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header == "date,prediction,volatility,value at risk"
    assert len(rows) == 90 - MONTH + 1
    assert rows[-1].startswith("2016-01-30,")  # the day after the last is predicted
    assert main(["predict", str(run), str(run / "test.npz")]) == 0
    saved = [float(line) for line in capsys.readouterr().out.splitlines()[1:]]
    np.testing.assert_allclose([float(row.split(",")[1]) for row in rows[-30:-1]], saved, rtol=1e-6)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    check_own_input(run, [own], [tmp_path / "other.csv"], capsys)
    assert main(["evaluate", str(run), str(own)]) == 0
    assert "QLIKE" in capsys.readouterr().out
    assert main(["explain", str(run), str(own), "--row", str(len(rows))]) == 0
    assert "nan" not in capsys.readouterr().out.lower()
    assert main(["explain", str(run), str(own), "--row", str(len(rows)), "--depth", "1"]) == 2
    assert "the next day" in capsys.readouterr().err
    assert main(["predict", str(run), str(own), "--proba"]) == 2
    assert "prices: --out" in capsys.readouterr().err


def test_days_unlike_the_training_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, data = tmp_path / "run", archive(tmp_path / "arch-8.0.0-x.whl", lines())
    options = ("--data", data, "--seeds", 1, "--epochs", 1, "--out", run)
    assert main([str(word) for word in ("example", "shares", *options)]) == 0
    wild = [row.split(",") for row in lines()]
    cells = [wild[0], *([*row[:2], str(2 * float(row[2])), *row[3:]] for row in wild[1:])]
    own = tmp_path / "own.csv"
    own.write_text("\n".join(map(",".join, cells)), encoding="utf-8")
    capsys.readouterr()
    assert main(["predict", str(run), str(own)]) == 0
    assert "69 of 69 days" in capsys.readouterr().err


def test_a_table_of_other_prices_is_trained_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "own.csv"
    own.write_text("\n".join(lines(160)), encoding="utf-8")
    train, test = read_parts(str(own))
    assert (len(train.date), len(test.date)) == (110, 28)
    assert train.date[-1] < test.date[0]
    assert main(["example", "shares", "--data", str(own), "--seeds", "1", "--epochs", "1"]) == 0
    assert "Sheppard" not in capsys.readouterr().out
    own.write_text("\n".join(lines(100)), encoding="utf-8")
    assert main(["example", "shares", "--data", str(own)]) == 2
    assert "at least 122 days" in capsys.readouterr().err


def test_qlike_prefers_the_forecast_whose_mean_is_that_of_the_variance() -> None:
    """Log-normal days: without the smearing factor the median is forecast, and a noisier method can win."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=4000)
    add = smearing_of(np.zeros(4000), y)
    assert add == pytest.approx(0.5, abs=0.1)
    plain, smeared = (sampled_scores(np.zeros(4000), y, own)["QLIKE"].value for own in (0.0, add))
    assert smeared < plain
    assert smeared == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: [rows[0], rows[2], rows[1], *rows[3:]], ["line 3", "2013-01-02"]),
        (lambda rows: [*rows[:5], rows[5].replace(rows[5].split(",")[3], "999.0"), *rows[6:]], ["line 6"]),
        (lambda rows: [row.replace("High", "Top") for row in rows], ["High"]),
        (lambda rows: [*rows[:5], "13/40/2013" + rows[5][rows[5].index(",") :], *rows[6:]], ["line 6"]),
    ],
    ids=["unsorted", "a low above the close", "no high", "an impossible date"],
)
def test_a_damaged_table_is_refused_in_one_message(
    change: Callable[[list[str]], list[str]],
    words: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = archive(tmp_path / "arch-8.0.0-x.whl", change(lines()))
    assert main(["example", "shares", "--data", str(data), "--seeds", "1", "--epochs", "1"]) == 2
    message = capsys.readouterr().err
    assert "Traceback" not in message
    assert all(word in message for word in words), message


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 20))
def test_features_do_not_depend_on_later_days(seed: int, later: int) -> None:
    columns, dates = prices(60, seed), np.datetime64("2013-01-01") + np.arange(60)
    days = features_of(dates, *columns)
    changed = columns.copy()
    changed[:, 60 - later :] *= 3
    other = features_of(dates, *changed)
    count = max(0, 60 - later - MONTH + 1)
    for name, part in days.inputs.items():
        np.testing.assert_array_equal(part[:count], other.inputs[name][:count])
    np.testing.assert_allclose(days.har[:, 0], days.window[:, -1, 0], rtol=1e-5)
    np.testing.assert_allclose(days.change[:-1], days.window[1:, -1, 1], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(days.target[:-1, 0], days.har[1:, 0], rtol=1e-4, atol=1e-4)


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_qlike_is_zero_only_for_the_variance_itself(predicted: float, target: float) -> None:
    loss = sampled_scores(np.array([predicted]), np.array([target]))["QLIKE"].value
    assert loss >= 0
    assert (loss < 1e-12) == (abs(predicted - target) < 2e-6)


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 10))
def test_the_variance_does_not_depend_on_the_unit_of_prices(seed: int, unit: float) -> None:
    first, high, low, last, _ = prices(5, seed)
    scaled = garman_klass(unit * first, unit * high, unit * low, unit * last)
    np.testing.assert_allclose(garman_klass(first, high, low, last), scaled, rtol=1e-9)
