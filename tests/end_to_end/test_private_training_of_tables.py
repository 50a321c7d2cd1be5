"""``chainrule train --epsilon``: a private training of a table with public ranges and levels."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.data import Table, read_table
from chainrule.store import RunFolder
from chainrule.tabular.private_training import missing_file
from chainrule.train.model_state import NOVELTY_GATE
from chainrule.train.private.ledger import LEDGER
from end_to_end.conftest import Command, Outcome

PUBLIC = 'target = ["no", "yes"]\n\n[columns]\nage = [0, 120]\ncity = ["Ulm", "Bonn"]\n'
TRAIN = ("train", "rows.csv", "--target", "ill", "--epsilon", "3", "--delta", "1e-5")


@pytest.fixture
def folder(chainrule: Command, tmp_path: Path) -> Path:
    """Rows with the secret cells 98.76543 and Zanzibar, and the file of the public columns."""
    rng = np.random.default_rng(0)
    age, city = rng.uniform(0, 120, 400).round(2), rng.choice(["Ulm", "Bonn"], 400)
    lines = [
        f"{a},{c},{i},{'yes' if a > 60 else 'no'}" for i, (a, c) in enumerate(zip(age, city, strict=True))
    ]
    lines[0] = "98.76543,Zanzibar,31415926,yes"
    (tmp_path / "rows.csv").write_text("\n".join(["age,city,income,ill", *lines]) + "\n")
    (tmp_path / "test.csv").write_text("\n".join(["age,city,income,ill", *lines[200:260]]) + "\n")
    (tmp_path / "columns.toml").write_text(PUBLIC)
    return tmp_path


def train(chainrule: Command, *words: str) -> Outcome:
    return chainrule(*TRAIN, "--public", "columns.toml", *words)


@pytest.mark.long
def test_a_private_training_prints_what_it_spends_and_no_score_of_its_rows(
    chainrule: Command, folder: Path
) -> None:
    outcome = train(chainrule, "--epochs", "20", "--out", "run")
    assert outcome.code == 0, outcome.err
    assert "Privacy spent: (3, 1e-05)-differentially private: 400 steps" in outcome.out
    assert 'left out: "income" (1)' in outcome.out
    assert "accuracy" not in outcome.out
    everything = outcome.out + outcome.err
    files = [path for path in (folder / "run").rglob("*") if path.is_file()]
    assert {"model.safetensors", "history.csv", "config.toml", LEDGER} <= {path.name for path in files}
    assert not (folder / "run" / "report.html").exists()
    contents = [everything.encode(), *(path.read_bytes() for path in files)]
    assert [
        secret for secret in (b"Zanzibar", b"98.76543", b"31415926") if secret in b"".join(contents)
    ] == []
    assert 'fingerprint = ""' in (folder / "run" / "config.toml").read_text()
    predicted = chainrule("predict", "run", "test.csv")
    assert predicted.code == 0, predicted.err
    rows = [line.split(",") for line in predicted.out.splitlines()[1:]]
    assert sum(row[3] == row[4] for row in rows) > 0.8 * len(rows) > 0


def test_rows_of_a_test_file_are_scored_with_a_notice_that_they_are_unprotected(
    chainrule: Command, folder: Path
) -> None:
    outcome = train(chainrule, "--epochs", "5", "--out", "run", "--test", "test.csv")
    assert outcome.code == 0, outcome.err
    assert "Test rows of test.csv: 60." in outcome.out
    assert "does not cover these rows" in outcome.out
    assert "accuracy" in outcome.out
    assert NOVELTY_GATE not in cr.load(folder / "run" / "model.safetensors").facts  # of unprotected rows


@pytest.mark.long
def test_the_middle_of_a_range_is_not_reported_as_the_mean_of_the_training_rows(
    chainrule: Command, folder: Path
) -> None:
    (folder / "columns.toml").write_text('target = [0, 120]\n[columns]\ncity = ["Ulm", "Bonn"]\n')
    words = ("--epsilon", "3", "--delta", "1e-5", "--public", "columns.toml", "--epochs", "2", "--out", "run")
    assert chainrule("train", "rows.csv", "--target", "age", *words).code == 0
    outcome = chainrule("evaluate", "run", "test.csv")
    assert outcome.code == 0, outcome.err
    assert "RMSE" in outcome.out
    assert "raining mean" not in outcome.out


@pytest.mark.long
def test_a_private_run_resumes_and_is_not_extended(chainrule: Command, folder: Path) -> None:
    assert train(chainrule, "--epochs", "4", "--out", "run").code == 0
    again = chainrule("resume", "run")
    assert again.code == 0, again.err
    assert "is complete" in again.out
    longer = chainrule("resume", "run", "--epochs", "6")
    assert longer.code == 2
    assert "4, for which the noise was calibrated" in longer.err
    (folder / "run" / "model.safetensors").unlink()  # as after an interruption before the end
    steps = json.loads((folder / "run" / LEDGER).read_text())["steps"]
    ended = chainrule("train", "rows.csv", "--out", "run", "--resume")
    assert ended.code == 0, ended.err
    assert f"{steps} steps" in ended.out
    assert RunFolder.open(folder / "run").latest() is not None


def test_results_that_would_read_the_training_rows_are_refused(chainrule: Command, folder: Path) -> None:
    assert train(chainrule, "--epochs", "2", "--out", "run").code == 0
    for words in (
        ("calibrate", "run"),
        ("explain", "run", "rows.csv", "--step", "1"),
        ("doctor", "run"),
        ("doctor", "run/model.safetensors"),
        ("predict", "run", "rows.csv", "--novelty"),
    ):
        outcome = chainrule(*words)
        assert outcome.code == 2
        assert " E591 " in outcome.err
    audit = chainrule("audit", "run")
    assert audit.code == 2
    assert "fix       chainrule audit run DATA --others FILE" in audit.err
    assert "fix       --novelty --reference FILE" in outcome.err
    assert chainrule("predict", "run", "rows.csv", "--novelty", "--reference", "rows.csv").code == 0


def test_without_public_columns_the_error_contains_a_template_that_works(
    chainrule: Command, folder: Path
) -> None:
    outcome = chainrule(*TRAIN, "--out", "run")
    assert outcome.code == 2
    lines = [line.strip() for line in outcome.err.splitlines()]
    first, last = lines.index('target = ["no", "yes"]'), lines.index("income = [0, 1]")
    (folder / "columns.toml").write_text("\n".join(lines[first : last + 1]).replace("city = [0, 1]\n", ""))
    assert "Zanzibar" not in outcome.err
    outcome = train(chainrule, "--epochs", "2", "--out", "run")
    assert outcome.code == 0, outcome.err


def test_the_template_is_toml_for_any_name_of_a_column() -> None:
    names = ["a", "a b", 'q"', "日期", "x.y", "tab\t", "\x7f", "-"]
    table: Table = read_table({name: [1.0, 2.0] for name in [*names, "y"]})
    notes = [str(note) for note in missing_file(table, "y").notes]
    assert list(tomllib.loads("\n".join(notes[1:]))["columns"]) == list(table.columns)[:-1]


BAD: dict[str, tuple[str, str]] = {
    "a range in the wrong order": (PUBLIC.replace("[0, 120]", "[120, 0]"), "[0, 120]"),
    "NaN": (PUBLIC.replace("[0, 120]", "[0, nan]"), 'columns["age"]'),
    "one level": (PUBLIC.replace('["Ulm", "Bonn"]', '["Ulm"]'), 'columns["city"]'),
    "a repeated level": (PUBLIC.replace('"Bonn"', '"Ulm"'), "distinct levels"),
    "an unknown column": (PUBLIC.replace("age", "agee"), 'no column "agee"'),
    "no target": (PUBLIC.partition("\n")[2], "target = [...]"),
    "columns outside of their table": (PUBLIC.replace("[columns]", ""), '"age"'),
    "not TOML": ("target = [", "Invalid value"),
    "not a text": ("\x00", "--public"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_file_of_public_columns_ends_in_one_error(
    name: str, chainrule: Command, folder: Path
) -> None:
    text, expected = BAD[name]
    (folder / "columns.toml").write_text(text)
    outcome = train(chainrule, "--out", "run")
    assert outcome.code == 2
    assert expected in outcome.err
    assert "Traceback" not in outcome.err
    assert not (folder / "run").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--epsilon", "3", "--public", "columns.toml"), "--delta 1e-5"),
        (("--delta", "1e-5", "--public", "columns.toml"), "--epsilon 3"),
        (("--public", "columns.toml"), "--epsilon 3"),
        (("--epsilon", "-1", "--delta", "1e-5"), "0 <= --epsilon\n"),
        (("--epsilon", "nan", "--delta", "1e-5"), "fix       --epsilon 3\n"),
        (("--epsilon", "3", "--delta", "1", "--public", "columns.toml"), "0 <= --delta < 1"),
        (("--epsilon", "3", "--delta", "1e-5", "--public", "nothing.toml"), "E401"),
        (("--epsilon", "3", "--delta", "1e-5", "--public", "columns.toml", "--patience", "3"), "--patience"),
        (("--epsilon", "3", "--delta", "1e-5", "--public", "columns.toml", "--split", "random"), "--split"),
        (("--epsilon", "0.001", "--delta", "1e-5", "--public", "columns.toml"), "fix       --epsilon 0"),
    ],
)
def test_wrong_options_end_in_one_error(
    words: tuple[str, ...], expected: str, chainrule: Command, folder: Path
) -> None:
    outcome = chainrule("train", "rows.csv", "--target", "ill", *words, "--out", "run")
    assert outcome.code == 2
    assert expected in outcome.err
    assert not (folder / "run" / "model.safetensors").exists()
