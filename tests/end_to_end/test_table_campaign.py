"""The comparison on tables: disjoint lists, sound preparation, results computed once, correct statistics."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from campaigns import folds as fold_campaign
from campaigns import tables as campaign
from campaigns.table_cases import baselines, comparison, protocol
from campaigns.table_cases.case import Case
from campaigns.table_cases.comparison import Difference
from campaigns.table_cases.development import DEVELOPMENT
from campaigns.table_cases.final import FINAL
from campaigns.table_cases.further import FURTHER, with_days
from campaigns.table_cases.small import SMALL
from campaigns.table_cases.sources import bundled
from campaigns.table_cases.wide import WIDE
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss


def flowers(folder: Path) -> pl.DataFrame:
    """Iris with a level, missing values, an identifier and a class of three rows."""
    frame = bundled("iris")(folder)
    n = frame.height
    rows = np.arange(n)
    return frame.with_columns(
        pl.Series("row", [f"row {i}" for i in rows]),
        pl.Series("level", [None if i % 7 == 0 else f"level {i % 3}" for i in rows]),
        pl.Series("width", [None if i % 5 == 0 else float(i % 11) for i in rows]),
        pl.when(pl.Series(rows < 3)).then(pl.lit("rare")).otherwise("target").alias("target"),
    )


FLOWERS = Case("flowers", "target", "multiclass", flowers, splits=2)


def test_development_and_final_tables_are_disjoint_and_large_enough() -> None:
    names = [case.name for case in (*DEVELOPMENT, *SMALL, *FINAL, *WIDE, *FURTHER)]
    assert len(FINAL) == 16
    assert len(DEVELOPMENT) >= 16
    assert len(set(names)) == len(names)
    assert {case.task for case in DEVELOPMENT} == {"binary", "multiclass", "regression"}


def days(_: Path) -> pl.DataFrame:
    """Days in no order, with a number for each."""
    dates = pl.date_range(pl.date(2020, 11, 1), pl.date(2020, 12, 20), eager=True).shuffle(seed=0)
    return pl.DataFrame({"date": dates.cast(pl.String), "y": np.arange(len(dates), dtype=float)})


def test_a_table_in_time_order_is_tested_on_the_days_after_its_training(tmp_path: Path) -> None:
    case = Case("days", "y", "regression", days, in_time="date")
    frame, last = case.frame(tmp_path), "2020-12-20"
    for seed in range(3):
        train, test = protocol.split(case, frame, seed)
        assert train["date"].max() < test["date"].min()  # pyright: ignore[reportOptionalOperand]
        assert test["date"].max() == last
        assert test.height == 5
        last = train["date"].max()
    features = baselines.with_calendar(test, ["date"])
    assert features.schema["date: day of the week"] == pl.String
    assert "date" not in features.columns


def test_days_of_holidays_have_their_own_level(tmp_path: Path) -> None:
    frame = with_days(days)(tmp_path).filter(pl.col("date") == "2020-11-26")  # Thanksgiving
    assert frame.select("day", "holiday").row(0) == ("m11d26", "m11w4d4")


def test_rows_without_target_and_rare_classes_are_left_out(tmp_path: Path) -> None:
    frame = FLOWERS.frame(tmp_path)
    assert frame.height == 147
    assert "rare" not in frame["target"]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_split_covers_all_rows_and_both_parts_have_every_class(tmp_path: Path, seed: int) -> None:
    frame = FLOWERS.frame(tmp_path)
    train, test = protocol.split(FLOWERS, frame, seed)
    assert sorted([*train["row"], *test["row"]]) == sorted(frame["row"])
    assert test.height == round(protocol.TEST_SHARE * frame.height + 0.5)
    assert set(train["target"]) == set(test["target"]) == set(frame["target"])


def test_preparation_uses_no_test_rows_and_encodes_unknown_levels_as_zeros() -> None:
    train = pl.DataFrame({"x": [1.0, 2.0, None, 3.0], "level": ["a", "b", "a", "b"]})
    test = pl.DataFrame({"x": [1000.0, None], "level": ["c", "a"]})
    x, x_test = baselines.prepared(train, test)
    np.testing.assert_allclose(x[:, 0], (np.array([1, 2, 2, 3]) - 2) / np.sqrt(0.5))
    np.testing.assert_allclose(x_test[1], [0, 1, 0])
    np.testing.assert_allclose(x_test[0, 1:], [0, 0])


def test_results_are_computed_once_and_metrics_are_those_of_scikit_learn(tmp_path: Path) -> None:
    store = protocol.Store(tmp_path / "results.jsonl")
    protocol.run_missing([FLOWERS], ["linear", "forest"], tmp_path, store)
    first = store.path.read_text(encoding="utf-8")
    protocol.run_missing([FLOWERS], ["linear", "forest"], tmp_path, store)
    assert store.path.read_text(encoding="utf-8") == first
    assert len(first.splitlines()) == 4
    result = store.results()["flowers", "linear", 1]
    train, test = protocol.split(FLOWERS, FLOWERS.frame(tmp_path), 1)
    labels, probabilities = baselines.predict("linear", FLOWERS, train, test, 1)
    assert result["log_loss"] == pytest.approx(log_loss(test["target"], probabilities, labels=labels))
    assert result["accuracy"] > 0.9


@pytest.mark.long
def test_chainrule_is_run_through_its_command(tmp_path: Path) -> None:
    frame = FLOWERS.frame(tmp_path)
    result = protocol.run(FLOWERS, frame, "chainrule", 0)
    assert result["accuracy"] > 0.85
    assert result["log_loss"] < 0.5


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=2, max_size=12))
def test_a_paired_difference_is_the_mean_of_the_differences(pairs: list[tuple[int, int]]) -> None:
    first, second = (dict(enumerate(map(float, values))) for values in zip(*pairs, strict=True))
    gains = np.array(list(first.values())) - np.array(list(second.values()))
    for metric, sign in (("r2", 1), ("log_loss", -1)):
        gain = comparison.difference(first, second, metric)
        assert gain.mean == pytest.approx(sign * gains.mean())
        assert gain.error == pytest.approx(gains.std(ddof=1) / np.sqrt(len(gains)))


def test_a_loss_needs_two_standard_errors_and_one_percent() -> None:
    assert Difference(-0.03, 0.01, 1.0).is_loss
    assert not Difference(-0.03, 0.02, 1.0).is_loss
    assert not Difference(-0.009, 0.001, 1.0).is_loss
    assert Difference(0.03, 0.01, 1.0).is_win
    assert not Difference(0.03, 0.01, 1.0).is_loss


def test_average_ranks_share_ties_and_use_the_order_of_the_metric() -> None:
    by_table = {
        "a": {"linear": {0: 1.0, 1: 3.0}, "forest": {0: 1.0, 1: 1.0}, "mlp": {0: 2.0, 1: 2.0, 2: 99.0}},
        "b": {"linear": {0: 3.0}, "forest": {0: 1.0}, "mlp": {0: 2.0}},
    }
    assert comparison.average_ranks(by_table, "log_loss") == {"linear": 2.75, "mlp": 2.25, "forest": 1.0}
    assert comparison.average_ranks(by_table, "r2") == {"linear": 1.25, "mlp": 1.75, "forest": 3.0}


def test_the_printed_page_has_every_table_and_marks_the_best() -> None:
    rows = [("linear", 0.4), ("chainrule", 0.3), ("mlp", 0.5)]
    results = [
        {
            "table": "a",
            "task": "binary",
            "method": m,
            "seed": s,
            "rows": 9,
            "seconds": 1.0,
            "log_loss": v + s / 1e3,
        }
        for m, v in rows
        for s in range(3)
    ]
    text = comparison.page(results)
    assert "| chainrule | 1.00 |" in text
    assert "| a | **0.3010** | 0.4010 | 0.5010 | +0.1000 ± 0.0000 better |" in text


def test_unknown_tables_and_final_runs_without_a_reason_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, message in (
        (["--only", "titanic"], "no table titanic; the development tables are"),
        (["--tables", "final"], "give a --reason"),
    ):
        with pytest.raises(SystemExit) as stopped:
            campaign.arguments(["--data", str(tmp_path), *words])
        assert stopped.value.code == 2
        assert message in capsys.readouterr().err


def test_a_later_line_of_the_results_replaces_an_earlier_one(tmp_path: Path) -> None:
    store = protocol.Store(tmp_path / "results.jsonl")
    for value in (1, 2):
        store.append({"table": "a", "method": "linear", "seed": 0, "r2": value})
    assert [result["r2"] for result in store.results().values()] == [2]
    assert len([json.loads(line) for line in store.path.read_text().splitlines()]) == 2


def test_the_campaign_of_few_different_rows_compares_with_the_shares(tmp_path: Path) -> None:
    """A network that predicts the share of all rows is behind the linear model; the shares are not."""
    case, frame = fold_campaign.CASES[0], fold_campaign.variants(tmp_path)
    train, test = frame[1_000:], frame[:1_000]
    labels, shares = fold_campaign.by_mean("", case, train, test, 0)
    of_b = train.filter(pl.col("variant") == "B")["clicked"]
    expected = ((of_b == "yes").sum() + 1) / (len(of_b) + 2)
    assert shares[(test["variant"] == "B").to_numpy(), 1] == pytest.approx(expected)
    y = test["clicked"].to_numpy()
    linear = fold_campaign._losses(*baselines.predict("linear", case, train, test, 0), y)
    same = np.broadcast_to([1 - (y == "yes").mean(), (y == "yes").mean()], shares.shape)
    by_method = {
        fold_campaign.LINEAR: linear,
        "estimator": fold_campaign._losses(labels, shares, y),
        "command line": fold_campaign._losses(labels, same, y),
    }
    (line,) = fold_campaign.behind({"variants": by_method})
    assert line.startswith("variants, command line: +")
