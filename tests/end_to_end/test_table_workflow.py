"""From a table with numbers, categories and gaps to a trained, used and explained network."""

from __future__ import annotations

import csv
import re
import tomllib
from pathlib import Path

import polars as pl
import pytest

import chainrule as cr
from chainrule.data import read_table


def test_train_prints_columns_split_summary_and_baselines(trained) -> None:
    for text in ("amount", "category", "yes/no", "date", "text", "id, ignored"):
        assert text in trained.out
    assert 'column "loan_id" is left out' in trained.out
    sizes = re.search(r"(\d+) training, (\d+) validation \(early stopping\), (\d+) test rows", trained.out)
    assert sum(map(int, sizes.groups())) == 240
    assert int(sizes[3]) in (47, 48, 49)
    assert re.search(r"dense1 +Dense\(64, activation='relu'\) +\(B, 64\) +[\d,]+\n", trained.out)
    for baseline in ("network", "linear model", "most frequent class"):
        assert baseline in trained.out


def test_train_writes_its_files(trained) -> None:
    assert {f.name for f in Path("loans").iterdir() if f.is_file() and f.name[0] != "."} == {
        "model.safetensors",
        "history.csv",
        "config.toml",
        "model-card.md",
        "report.html",
        "probes.csv",
        "doctor.json",
    }
    with Path("loans/history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "loss", "data_loss", "val_loss", "val_accuracy"]
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert tomllib.loads(Path("loans/config.toml").read_text())["target"] == "credit"


def test_the_network_is_better_than_the_most_frequent_class(trained) -> None:
    net, trivial = (
        float(re.search(rf"{name} +([\d.]+)", trained.out)[1]) for name in ("network", "most frequent class")
    )
    assert net > trivial + 0.05


def test_predict_has_a_prediction_for_every_row_in_order(trained, chainrule, credit: Path) -> None:
    table = read_table(credit)
    outcome = chainrule("predict", "loans", credit, "--proba")
    rows = list(csv.DictReader(outcome.out.splitlines()))
    assert outcome.code == 0
    assert len(rows) == table.rows
    added = ["prediction", "probability of good", "probability of bad"]
    assert list(rows[0]) == [*table.columns, *added]
    assert [row["loan_id"] for row in rows] == [str(name) for name in table.frame["loan_id"]]
    only = chainrule("predict", "loans", credit, "--proba", "--only-predictions")
    assert list(csv.DictReader(only.out.splitlines())) == [
        {name: row[name] for name in added} for row in rows
    ]
    model = cr.load("loans/model.safetensors")
    assert [row["prediction"] for row in rows] == model.predict(table).tolist()
    for row in rows:
        assert float(row["probability of bad"]) + float(row["probability of good"]) == pytest.approx(
            1, abs=1e-5
        )


def test_predict_needs_no_target_and_warns_of_unknown_categories(trained, chainrule, credit: Path) -> None:
    frame = read_table(credit).frame.drop("credit", "loan_id").head(3)
    frame.with_columns(purpose=pl.lit("boat")).write_csv("new.csv")
    outcome = chainrule("predict", "loans", "new.csv", "--out", "predictions.csv")
    assert (outcome.code, outcome.out) == (0, "")
    assert len(Path("predictions.csv").read_text().splitlines()) == 4
    assert re.search(r"purpose +did not occur +3 +boat +\d+ levels", outcome.err)


def test_evaluate_compares_with_the_majority(trained, chainrule, credit: Path) -> None:
    outcome = chainrule("evaluate", "loans/model.safetensors", credit)
    assert outcome.code == 0
    assert "240 rows of credit.csv" in outcome.out
    assert "Most frequent class of the training rows: good" in outcome.out


def test_explain_derives_a_row(trained, chainrule, credit: Path) -> None:
    outcome = chainrule("explain", "loans", credit, "--row", 3, "--depth", 1)
    assert outcome.code == 0, outcome.err
    assert "loss" in outcome.out
    page = chainrule("explain", "loans", credit, "--row", 3, "--lang", "zh", "--html", "why.html")
    assert page.code == 0, page.err
    assert "<html" in Path("why.html").read_text()
    derivation = chainrule("explain", "loans", credit, "--row", 3, "--weight", "dense1.weight[0,1]")
    assert derivation.code == 0, derivation.err


def test_show_prints_data_network_and_command_of_a_run(trained, chainrule) -> None:
    outcome = chainrule("show", "loans")
    for text in ("credit.csv", "dense3", "network", "val_accuracy", "chainrule train"):
        assert text in outcome.out


def test_the_same_command_gives_the_same_bytes(trained, chainrule, credit: Path) -> None:
    again = chainrule("train", credit, "--target", "credit", "--epochs", 25, "--quick", "--out", "again")
    assert again.code == 0
    for name in ("model.safetensors", "history.csv", "config.toml", "model-card.md", "report.html"):
        assert Path("again", name).read_bytes() == Path("loans", name).read_bytes(), name


@pytest.mark.long
def test_every_training_gets_a_new_folder(chainrule, credit: Path) -> None:
    for n in (1, 2):
        outcome = chainrule("train", credit, "--target", "credit", "--epochs", 1)
        assert outcome.code == 0
        assert Path(f"runs/credit-{n}/model.safetensors").is_file()


def test_options_override_the_inferred_columns(chainrule, credit: Path) -> None:
    words = ("--drop", "amount", "--category", "age", "--class-weight", "balanced", "--net", "8 tanh")
    outcome = chainrule("train", credit, "--target", "credit", "--epochs", 2, "--out", "mine", *words)
    assert outcome.code == 0, outcome.err
    assert "as requested" in outcome.out
    assert "amount" not in outcome.out
    assert tomllib.loads(Path("mine/config.toml").read_text())["category"] == ["age"]


@pytest.mark.long
def test_numbers_are_reported_in_their_own_units(chainrule, credit: Path) -> None:
    outcome = chainrule("train", credit, "--target", "amount", "--epochs", 5, "--out", "amounts")
    assert outcome.code == 0, outcome.err
    mae = float(re.search(r"training mean +\S+ +\S+ +([\d.]+)", outcome.out)[1])
    spread = read_table(credit).frame["amount"]
    assert 0.3 * spread.std() < mae < 2 * spread.std()
    predictions = chainrule("predict", "amounts", credit, "--only-predictions").out.split()[1:]
    assert spread.min() / 3 < sum(map(float, predictions)) / len(predictions) < spread.max()
    assert "Mean of the training rows" in chainrule("evaluate", "amounts", read_rows(credit)).out


def read_rows(credit: Path) -> str:
    """The loans whose amount is known, as a file."""
    read_table(credit).frame.drop_nulls("amount").write_csv("known.csv")
    return "known.csv"


def test_check_reports_identifiers_and_leakage(chainrule, credit: Path) -> None:
    outcome = chainrule("check", credit, "--target", "credit")
    assert outcome.code == 0
    assert 'column "loan_id" differs in every row' in outcome.out
    copied = read_table(credit).frame
    copied.with_columns(copy=copied["credit"]).write_csv("leak.csv")
    outcome = chainrule("check", "leak.csv", "--target", "credit", "--lang", "zh")
    assert outcome.code == 2
    assert "列“copy”与目标相同" in outcome.out


def test_a_long_comparison_with_baselines_is_announced(chainrule, credit: Path, monkeypatch) -> None:
    words = ("train", credit, "--target", "credit", "--epochs", 1, "--quick", "--out")
    assert "baselines for comparison" not in chainrule(*words, "short").err
    monkeypatch.setattr("chainrule.tabular.training.MANY_CELLS", 1_000)
    outcome = chainrule(*words, "long")
    assert re.search(r"Training the baselines for comparison, on \d+ rows of \d+ features", outcome.err)
