"""``chainrule predict``: ids, damaged cells, differences from the training rows; ``evaluate`` with gaps."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from end_to_end.conftest import Outcome, run_command


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short training on a table with an id, a number and a category."""
    folder = tmp_path_factory.mktemp("predict")
    rng = random.Random(0)
    lines = ["id,age,city,y"]
    for i in range(120):
        age = rng.randint(18, 90)
        lines.append(f"{i:04},{age},{rng.choice(['Bern', 'Rome', 'Oslo'])},{'old' if age > 50 else 'young'}")
    (folder / "train.csv").write_text("\n".join(lines) + "\n")
    words = ("--target", "y", "--epochs", 3, "--net", "4 tanh", "--out", folder / "run")
    outcome = run_command("train", folder / "train.csv", *words)
    assert outcome.code == 0, outcome.err
    return folder / "run"


ROWS = "id,age,city\n0007,31,Bern\n0008,old,Rome\n0009,-5,Paris\n0010,44,\n" + "".join(
    f"{i:04},{20 + i},Oslo\n" for i in range(11, 61)
)


def rows_of(outcome: Outcome) -> list[dict[str, str]]:
    assert outcome.code == 0, outcome.err
    return list(csv.DictReader(io.StringIO(outcome.out, newline=""), strict=True))


@pytest.fixture
def rows(chainrule: Any) -> Path:
    Path("rows.csv").write_text(ROWS)
    return Path("rows.csv")


def test_predictions_are_beside_the_columns_of_the_table(chainrule: Any, model: Path, rows: Path) -> None:
    outcome = chainrule("predict", model, rows, "--damaged", "skip", "--proba")
    table = rows_of(outcome)
    added = ["prediction", "probability of old", "probability of young", "reason"]
    assert list(table[0]) == ["id", "age", "city", *added]
    assert [row["id"] for row in table][:4] == ["0007", "0008", "0009", "0010"]
    assert {row["prediction"] for row in table} == {"old", "young", ""}


def test_only_predictions_have_none_of_the_other_columns(chainrule: Any, model: Path, rows: Path) -> None:
    words = ("predict", model, rows, "--damaged", "skip", "--proba")
    added = ("prediction", "probability of old", "probability of young", "reason")
    complete = rows_of(chainrule(*words))
    only = rows_of(chainrule(*words, "--only-predictions"))
    assert only == [{name: row[name] for name in added} for row in complete]
    assert len(only) == 54


def test_a_damaged_row_is_left_out_with_its_reason(chainrule: Any, model: Path, rows: Path) -> None:
    outcome = chainrule("predict", model, rows, "--damaged", "skip", "--proba")
    table = rows_of(outcome)
    damaged = table[1]
    assert (damaged["age"], damaged["prediction"], damaged["probability of old"]) == ("old", "", "")
    assert damaged["reason"] == '"old" in column "age" is not a number'
    assert all(row["prediction"] and not row["reason"] for row in (*table[:1], *table[2:]))
    assert "1 row with 1 damaged cell has no prediction" in outcome.err
    # The predictions of the other rows are those of a table without the damaged one.
    Path("sound.csv").write_text(ROWS.replace("0008,old,Rome\n", ""))
    sound = rows_of(chainrule("predict", model, "sound.csv", "--proba"))
    names = ("prediction", "probability of old", "probability of young")
    assert [[row[n] for n in names] for row in sound] == [
        [row[n] for n in names] for row in (*table[:1], *table[2:])
    ]


def test_a_damaged_cell_counts_as_missing(chainrule: Any, model: Path, rows: Path) -> None:
    outcome = chainrule("predict", model, rows, "--damaged", "missing", "--proba")
    table = rows_of(outcome)
    Path("empty.csv").write_text(ROWS.replace("0008,old,", "0008,,"))
    empty = rows_of(chainrule("predict", model, "empty.csv", "--proba"))
    assert [row["prediction"] for row in table] == [row["prediction"] for row in empty]
    assert table[1]["probability of old"] == empty[1]["probability of old"]
    assert "not a number" in table[1]["reason"]
    assert table[1]["age"] == "old"


def test_a_damaged_cell_refuses_the_table_and_the_hint_works(chainrule: Any, model: Path, rows: Path) -> None:
    outcome = chainrule("predict", model, rows)
    assert outcome.code == 2
    assert outcome.out == ""
    assert 'E311 in rows.csv line 3, column "age"' in outcome.err
    assert "fix       --damaged missing\n" in outcome.err, "the fix that predicts every row"
    assert "--damaged skip: predict the other rows\n" in outcome.err
    for damaged in ("missing", "skip"):
        assert chainrule("predict", model, rows, "--damaged", damaged).code == 0
    Path("all.csv").write_text("id,age,city\n" + "1,old,Bern\n" * 3)
    assert chainrule("predict", model, "all.csv", "--damaged", "skip").code == 2
    assert chainrule("predict", model, rows, "--damaged", "skp").code == 2


def test_differences_from_the_training_rows_are_listed(chainrule: Any, model: Path, rows: Path) -> None:
    errors = chainrule("predict", model, rows, "--damaged", "skip").err
    assert "Differences from the training rows" in errors
    lines = [line.split() for line in errors.splitlines()]
    assert any(line[:6] == ["age", "below", "the", "range", "1", "-5"] for line in lines)
    assert any(line[:6] == ["city", "did", "not", "occur", "1", "Paris"] for line in lines)
    Path("gap.csv").write_text("id,age,city\n" + "1,,Bern\n" * 3)
    outcome = chainrule("predict", model, "gap.csv")
    assert outcome.code == 0
    assert '- column "age" is empty: all 3 values are missing' in outcome.err
    assert "列“age”为空" in chainrule("predict", model, "gap.csv", "--lang", "zh").err


def test_an_input_column_keeps_its_name(chainrule: Any, model: Path) -> None:
    Path("again.csv").write_text("prediction,age,city\nx,31,Bern\ny,60,Rome\n")
    table = rows_of(chainrule("predict", model, "again.csv"))
    assert list(table[0]) == ["prediction", "age", "city", "prediction (2)"]
    assert [row["prediction"] for row in table] == ["x", "y"]


def test_a_cell_that_is_a_formula_is_written_with_an_apostrophe(chainrule: Any, model: Path) -> None:
    Path("formulas.csv").write_text('id,age,city\n=1+1,31,Bern\n"-x\ry",60,Rome\n-3.5,40,"a ""b"", c"\n')
    for option, first in (("", "'=1+1"), ("--raw", "=1+1")):
        table = rows_of(chainrule("predict", model, "formulas.csv", *option.split()))
        assert table[0]["id"] == first
        assert table[2]["id"] == "-3.5"
        assert table[2]["city"] == 'a "b", c'
        assert table[1]["id"].removeprefix("'") == "-x\ry"


def test_rows_without_a_target_are_left_out_of_an_evaluation(chainrule: Any, model: Path) -> None:
    frame = pl.read_csv(model.parent / "train.csv").head(60)
    frame.write_csv("all.csv")
    targets = [None if i % 3 == 0 else y for i, y in enumerate(frame["y"].to_list())]
    frame.with_columns(pl.Series("y", targets)).write_csv("gaps.csv")
    frame.filter(pl.Series([i % 3 != 0 for i in range(60)])).write_csv("rest.csv")
    gaps = chainrule("evaluate", model, "gaps.csv")
    assert gaps.code == 0, gaps.err
    assert "20 rows without a target are left out" in gaps.err
    assert gaps.out.replace("gaps.csv", "rest.csv") == chainrule("evaluate", model, "rest.csv").out
    frame.with_columns(pl.lit(None, pl.String).alias("y")).write_csv("none.csv")
    assert "E320" in chainrule("evaluate", model, "none.csv").err
