"""The example diagnose on a small table in the publisher's layout: scores, abstention, RUN and bad input."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from chainrule.apps.cli.main import main
from chainrule.data import read_table
from chainrule.model import Model
from chainrule.nn import Dense
from chainrule_examples.diagnose import SPECIFIC, abstention_rows
from chainrule_examples.table_folds import FoldPredictions
from saved_scores import check_gate, check_own_input, check_saved_scores

HEADER = "age\tgender\tchest pain\tmax HR\tdiameter narrowing\nc\td\td\tc\td\n\t\t\t\tclass\n"


def patients(count: int = 80) -> str:
    """A table whose patients with a low heart rate are ill."""
    draw = np.random.default_rng(0)
    text = HEADER
    for number in range(count):
        heart_rate = int(draw.integers(90, 190))
        ill = int(heart_rate + draw.normal(0, 20) < 135)
        pain = draw.choice(["typical ang", "non-anginal"])
        text += (
            f"{draw.integers(40, 70)}\t{'male' if number % 8 else 'female'}\t{pain}\t{heart_rate}\t{ill}\n"
        )
    return text


def archive(path: Path, text: str) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("Orange/datasets/heart_disease.tab", text)
    return path


@pytest.mark.long
def test_scores_abstention_and_a_run_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, data = tmp_path / "run", archive(tmp_path / "orange3-3.40.0-x.whl", patients())
    options = ("--data", data, "--seeds", 1, "--epochs", 1, "--out", run)
    assert main([str(word) for word in ("example", "diagnose", *options)]) == 0
    out = capsys.readouterr().out
    assert "Not for clinical use" in out
    assert "gender: male" in out
    scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    assert len(scores["ensemble of networks"]["AUC"]) == 5
    titles = {"AUC": "roc_auc", "Brier": "brier", SPECIFIC: "sensitivity_at_specificity_0.9"}
    check_saved_scores(run, run / "test.csv", "ensemble of networks", titles, capsys, place=4)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    check_gate(run)
    unlike = int(Model.load(run / "model.safetensors").unlike(read_table(run / "test.csv")).sum())
    page = (run / "diagnose.html").read_text(encoding="utf-8")
    assert (f"test.csv: {unlike} of 16 rows are unlike the training rows" in page) == (unlike > 0)
    check_own_input(run, [run / "test.csv"], [tmp_path / "other.csv"], capsys, names=("0", "1"))
    capsys.readouterr()
    assert main(["predict", str(run), str(run / "test.csv")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 16


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (patients().replace("max HR", "max"), ["max HR", "heart_disease.tab"]),
        (patients().replace("\t0\n", "\t0\t7\n", 1), ["heart_disease.tab", "line"]),
        ("", ["heart_disease.tab"]),
    ],
    ids=["another column", "a long row", "an empty file"],
)
def test_a_damaged_table_is_refused_in_one_message(
    text: str, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = archive(tmp_path / "orange3-3.40.0-x.whl", text)
    assert main(["example", "diagnose", "--data", str(data), "--seeds", "1", "--epochs", "1"]) == 2
    message = capsys.readouterr().err
    assert "Traceback" not in message
    assert all(word in message for word in words), message


def test_abstention_keeps_the_patients_far_from_one_half() -> None:
    p = np.array([0.05, 0.45, 0.55, 0.95])
    division = FoldPredictions(np.array([0, 1, 1, 1], bool), np.arange(4), {"net": p}, Model(Dense(1), "mse"))
    rows = {str(row[0]): row[1:] for row in abstention_rows([division])}
    assert rows["0.5 - 0.5"] == [1.0, 0.75, pytest.approx(2 / 3), 1.0]
    assert rows["0.4 - 0.6"] == [0.5, 1.0, 1.0, 1.0]
    only_ill = FoldPredictions(np.ones(4, bool), np.arange(4), {"net": p}, Model(Dense(1), "mse"))
    assert abstention_rows([only_ill]) == []
