"""The example fraud on a small table in the publisher's layout: scores, ranked cases, RUN and bad input."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from chainrule.apps.cli.main import main
from chainrule_examples.payments import read_payments
from saved_scores import check_gate, check_own_input, check_saved_scores

NAMES = (
    "empty_server_form_handler",
    "popup_window",
    "https",
    "request_from_other_domain",
    "anchor_from_other_domain",
    "is_popular",
    "long_url",
    "age_of_domain",
    "ip_in_url",
    "is_phishing",
)


def pages(count: int = 48) -> str:
    """A table of pages, each twice, where those without https are phishing."""
    draw = np.random.default_rng(1)
    lines = []
    for _ in range(count // 2):
        values = draw.integers(0, 3, 7) / 2
        fraud = int(values[2] + draw.normal(0, 0.3) < 0.5)
        lines += [",".join(map(str, [*values, *draw.integers(0, 2, 2), fraud]))] * 2
    return "\n".join([",".join(NAMES), *lines]) + "\n"


def archive(path: Path, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("river/datasets/phishing.csv.gz", content)
    return path


@pytest.mark.long
def test_scores_ranked_cases_and_a_run_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, data = tmp_path / "run", archive(tmp_path / "river-0.26.1-x.whl", gzip.compress(pages().encode()))
    options = ("--data", data, "--seeds", 1, "--epochs", 2, "--out", run)
    assert main([str(word) for word in ("example", "fraud", *options)]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("probability"))
    cases = lines[start + 1 : lines.index("", start)]
    probabilities = [float(line.split()[0]) for line in cases]
    assert probabilities == sorted(probabilities, reverse=True)
    assert len(set(cases)) == len(cases)  # a page that occurs twice is investigated once
    assert "https = " in "".join(cases)
    scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    assert list(scores["ensemble of networks"]) == ["AP", "precision in the first 5 %", "AUC"]
    titles = {"AP": "pr_auc", "precision in the first 5 %": "precision_at_top_0.05", "AUC": "roc_auc"}
    check_saved_scores(run, run / "test.csv", "ensemble of networks", titles, capsys, place=4)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    check_gate(run)
    check_own_input(run, [run / "test.csv"], [tmp_path / "other.csv"], capsys, names=("0", "1"))
    capsys.readouterr()
    assert main(["predict", str(run), str(run / "test.csv"), "--only-predictions"]) == 0


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (gzip.compress(pages().encode(), mtime=0)[:-30], "phishing.csv.gz"),
        (gzip.compress(pages().replace("https", "http").encode(), mtime=0), "https"),
        (gzip.compress((pages() + "1,2\n").encode(), mtime=0), "line 50"),
    ],
    ids=["a file that is cut off", "another column", "a short row"],
)
def test_a_damaged_table_is_refused_in_one_message(
    content: bytes, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = archive(tmp_path / "river-0.26.1-x.whl", content)
    assert main(["example", "fraud", "--data", str(data), "--seeds", "1", "--epochs", "1"]) == 2
    message = capsys.readouterr().err
    assert "Traceback" not in message
    assert word in message


def payments(count: int = 240, fraud: float = 1.0, time: str = "") -> str:
    """A table of payments in the publisher's layout, shuffled; fraud has a large V14."""
    draw = np.random.default_rng(2)
    header = ",".join(f'"{name}"' for name in ("Time", *(f"V{n}" for n in range(1, 29)), "Amount", "Class"))
    lines = []
    for number in range(count):
        v = draw.normal(size=28)
        is_fraud = v[13] > fraud
        cells = [*v.round(6), round(float(draw.exponential(80)), 2), f'"{int(is_fraud)}"']
        lines.append(",".join(map(str, [time or number * 7.0, *cells])))
    draw.shuffle(lines)
    return "\n".join([header, *lines]) + "\n"


@pytest.mark.long
def test_later_payments_are_predicted_from_earlier_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, data = tmp_path / "run", tmp_path / "creditcard.csv"
    data.write_text(payments(), encoding="utf-8")
    options = ("--set", "creditcard", "--data", data, "--seeds", 1, "--epochs", 2, "--out", run)
    assert main([str(word) for word in ("example", "fraud", *options)]) == 0
    printed = capsys.readouterr().out
    assert "180 earlier payments" in printed
    assert "60 later ones" in printed
    assert "V14 = " in printed
    scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    assert list(scores["gradient boosting"]) == ["AP", "precision in the first 0.5 %", "AUC"]
    assert scores["logistic regression"]["AP"][0] > scores["share of the training rows"]["AP"][0]
    lines = (run / "test.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 61
    assert "Time" not in lines[0]
    assert main(["predict", str(run), str(run / "test.csv"), "--only-predictions"]) == 0


def test_the_later_payments_are_the_test(tmp_path: Path) -> None:
    data = tmp_path / "creditcardfraud.zip"
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("__MACOSX/._creditcard.csv", b"\0")
        file.writestr("creditcard.csv", payments())
    rows = [line.split(",") for line in payments().splitlines()[1:]]
    by_time = [float(row[1]) for row in sorted(rows, key=lambda row: float(row[0]))]
    train, test = read_payments(str(data))
    assert [*train.frame["V1"].to_list(), *test.frame["V1"].to_list()] == by_time
    latest, same = read_payments(str(data), limit=50)
    assert latest.frame["V1"].to_list() == by_time[130:180]
    assert same.frame.equals(test.frame)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (payments().replace("V14", "V41"), "V14"),
        (payments(fraud=99.0), "fraud among the earlier"),
        (payments(time="noon"), "noon"),
        (payments() + "1,2\n", "line 242"),
    ],
    ids=["another column", "no fraud", "times that are no numbers", "a short row"],
)
def test_damaged_payments_are_refused_in_one_message(
    content: str, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "creditcard.csv").write_text(content, encoding="utf-8")
    assert main(["example", "fraud", "--set", "creditcard", "--data", str(tmp_path), "--epochs", "1"]) == 2
    message = capsys.readouterr().err
    assert "Traceback" not in message
    assert word in message
