"""The example risk on a small table in the publisher's layout: scores, groups, page, RUN, bad input."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from chainrule.apps.cli.main import main
from chainrule.data import read_table
from chainrule_examples import table_folds
from saved_scores import check_gate, check_own_input, check_saved_scores

HEADER = (
    "rownames,Status,Seniority,Home,Time,Age,Marital,Records,Job,Expenses,Income,Assets,Debt,Amount,Price"
)
METHODS = ["share of the training rows", "logistic regression", "gradient boosting", "ensemble of networks"]


def loans(count: int = 80) -> list[str]:
    """Lines of a table of loans, where low incomes are bad and some are missing."""
    draw = np.random.default_rng(0)
    lines = [HEADER]
    for number in range(1, count + 1):
        income = int(draw.integers(40, 300))
        status = "bad" if income + draw.normal(0, 40) < 110 else "good"
        home, marital = draw.choice(["rent", "owner"]), ("married" if number % 10 else "single")
        age, cell = draw.integers(20, 60), "" if number % 9 == 0 else income
        row = (
            number,
            status,
            number % 7,
            home,
            36,
            age,
            marital,
            "no",
            "fixed",
            60,
            cell,
            0,
            0,
            900,
            800 + number,
        )
        lines.append(",".join(map(str, row)))
    return lines


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """The table in an archive of the collection."""
    path = tmp_path / "Rdatasets-1c97ab8.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("Rdatasets-1c97ab8/csv/modeldata/credit_data.csv", "\n".join(loans()) + "\n")
    return path


@pytest.mark.long
def test_scores_groups_and_a_run_are_written(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    options = ("--data", archive, "--seeds", 1, "--epochs", 1, "--out", run)
    assert main([str(word) for word in ("example", "risk", *options)]) == 0
    out = capsys.readouterr().out
    assert "Marital: married" in out
    assert "from a probability of 0.167 on" in out
    scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    assert list(scores) == METHODS
    assert all(len(scores[name]["AUC"]) == 5 for name in METHODS)
    assert scores[METHODS[0]]["AUC"] == [0.5] * 5
    assert (run / "risk.html").read_text(encoding="utf-8").count("<svg") == 1
    titles = {"AUC": "roc_auc", "Brier": "brier", "cost": "cost per row"}
    check_saved_scores(run, run / "test.csv", METHODS[-1], titles, capsys, place=4)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    check_gate(run)
    check_own_input(run, [run / "test.csv"], [tmp_path / "other.csv"], capsys, names=("good", "bad"))
    capsys.readouterr()
    assert main(["predict", str(run), str(run / "test.csv"), "--proba"]) == 0
    predicted = capsys.readouterr().out.splitlines()
    for row in csv.DictReader(predicted):
        is_refused = float(row["probability of bad"]) >= 1 / 6
        assert row["prediction"] == ("bad" if is_refused else "good")
    assert predicted[0].endswith("prediction,probability of good,probability of bad")
    assert len(predicted) == 1 + 16


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: [lines[0].replace("Status", "State"), *lines[1:]], ["Status", "credit_data.csv"]),
        (lambda lines: [*lines[:5], "5,good,3", *lines[6:]], ["line 6"]),
        (lambda lines: [line.replace("bad", "good") for line in lines], ["Status"]),
        (lambda lines: [HEADER], []),
    ],
    ids=["another column", "a short row", "one class", "no rows"],
)
def test_a_damaged_table_is_refused_in_one_message(
    change: Callable[[list[str]], list[str]],
    words: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write(tmp_path / "credit_data.csv", change(loans()))
    assert main(["example", "risk", "--data", str(path), "--seeds", "1", "--epochs", "1"]) == 2
    message = capsys.readouterr().err
    assert "Traceback" not in message
    assert all(word in message for word in words), message


def test_an_archive_without_the_table_and_an_invalid_cost_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("other.txt", "x")
    assert main(["example", "risk", "--data", str(path)]) == 2
    assert "credit_data.csv" in capsys.readouterr().err
    assert main(["example", "risk", "--cost", "0:0"]) == 2
    assert "FP:FN" in capsys.readouterr().err


@pytest.mark.long
def test_every_row_is_predicted_by_models_of_other_folds(tmp_path: Path) -> None:
    lines = loans(24)
    table = read_table(write(tmp_path / "loans.csv", [*lines, *lines[1:6]]))  # five loans twice
    result = table_folds.cross_predict(table, "Status", "bad", count=3, epochs=1)
    assert result.fold[:5].tolist() == result.fold[-5:].tolist()
    assert sorted(set(result.fold.tolist())) == [0, 1, 2]
    share = result.outputs["trivial"]
    for number in range(3):
        rows = result.fold == number
        np.testing.assert_allclose(share[rows], result.y[~rows].mean(), rtol=1e-6)
    assert all(((p >= 0) & (p <= 1)).all() for p in result.outputs.values())
