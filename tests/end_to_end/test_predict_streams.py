"""``chainrule predict``: Parquet files and folders in blocks, and files of other formats than CSV."""

from __future__ import annotations

import datetime
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest

import chainrule as cr
from chainrule.data.readers import streaming
from end_to_end.conftest import run_command

ROWS = 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training on a table with numbers, texts and a code, and its table as Parquet files and as CSV."""
    folder = tmp_path_factory.mktemp("streams")
    rng = random.Random(0)
    table = pl.DataFrame(
        {
            "code": [f"{i:05}" for i in range(ROWS)],
            "age": [rng.choice([None, 20.5, 40.0, 61.25]) for _ in range(ROWS)],
            "city": [rng.choice(["Bern", "Rome", "=Oslo"]) for _ in range(ROWS)],
            "member": [rng.choice([True, False]) for _ in range(ROWS)],
        }
    )
    sick = pl.Series("sick", [rng.choice(["no", "yes"]) for _ in range(ROWS)])
    table.with_columns(sick).write_parquet(folder / "train.parquet")
    table.write_parquet(folder / "rows.parquet")
    (folder / "parts").mkdir()
    table[:100].write_parquet(folder / "parts" / "a.parquet")
    table[100:].select("city", "member", "age", "code").write_parquet(folder / "parts" / "b.parquet")
    words = ("--target", "sick", "--epochs", 2, "--net", "4 tanh", "--id", "code", "--out", folder / "run")
    outcome = run_command("train", folder / "train.parquet", *words)
    assert outcome.code == 0, outcome.err
    return folder


@pytest.fixture(params=[7, 100, 65_536])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """The rows of a block."""
    monkeypatch.setattr(streaming.read_frames, "__defaults__", (request.param,))
    return request.param


def test_blocks_change_nothing(chainrule: Any, folder: Path, block: int) -> None:
    printed = chainrule("predict", folder / "run", folder / "rows.parquet", "--proba", "--raw")
    saved = chainrule(
        "predict", folder / "run", folder / "rows.parquet", "--proba", "--raw", "--out", "rows.csv"
    )
    assert (printed.code, saved.code) == (0, 0), saved.err
    assert Path("rows.csv").read_text() == printed.out
    assert saved.err == printed.err


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "sqlite", "db", "xlsx"])
def test_every_format_has_the_same_rows(chainrule: Any, folder: Path, suffix: str) -> None:
    for name in ("rows.csv", f"rows.{suffix}"):
        outcome = chainrule("predict", folder / "run", folder / "rows.parquet", "--proba", "--out", name)
        assert outcome.code == 0, outcome.err
    expected, frame = cr.read_table("rows.csv").frame, cr.read_table(f"rows.{suffix}").frame
    assert frame.columns == expected.columns
    for name in ("age", "prediction", "probability of yes"):
        assert frame[name].to_list() == expected[name].to_list()
    assert set(frame["city"]) == {"Bern", "Rome", "=Oslo"}
    assert [path.name for path in Path().iterdir() if path.name.startswith(".chainrule")] == []


def test_a_database_has_a_table_of_predictions(chainrule: Any, folder: Path) -> None:
    assert chainrule("predict", folder / "run", folder / "rows.parquet", "--out", "rows.sqlite").code == 0
    with closing(sqlite3.connect("rows.sqlite")) as database:
        rows = database.execute("SELECT code, age, member, prediction FROM predictions LIMIT 3").fetchall()
    assert [row[0] for row in rows] == ["00000", "00001", "00002"]
    assert {row[3] for row in rows} <= {"no", "yes"}


def test_a_folder_of_files_is_one_table(chainrule: Any, folder: Path) -> None:
    for name, data in {"one.csv": "rows.parquet", "parts.csv": "parts"}.items():
        outcome = chainrule("predict", folder / "run", folder / data, "--only-predictions", "--out", name)
        assert outcome.code == 0, outcome.err
    assert Path("parts.csv").read_text() == Path("one.csv").read_text()
    assert Path("one.csv").read_text().startswith("code,prediction\n00000,")


def test_a_table_in_csv_is_written_in_other_formats(chainrule: Any, folder: Path) -> None:
    pl.read_parquet(folder / "rows.parquet").write_csv("rows.csv")
    assert chainrule("predict", folder / "run", "rows.csv", "--out", "rows.parquet").code == 0
    assert pl.read_parquet("rows.parquet")["code"].to_list()[:2] == ["00000", "00001"]


def test_differences_are_measured_on_a_sample(
    chainrule: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chainrule.apps.cli.commands.predict.SAMPLE", 100)
    strange = pl.read_parquet(folder / "rows.parquet").with_columns(city=pl.lit("Ulm"))
    strange.write_parquet("strange.parquet")
    outcome = chainrule("predict", folder / "run", "strange.parquet", "--out", "rows.csv")
    assert "100 of 300 rows" in outcome.err
    assert "Ulm" in outcome.err


@pytest.mark.parametrize("suffix", ["csv", "parquet", "sqlite"])
def test_a_damaged_cell_writes_nothing(
    chainrule: Any, folder: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming.read_frames, "__defaults__", (50,))
    ages = [str(i) if i != 160 else "old" for i in range(ROWS)]
    pl.read_parquet(folder / "rows.parquet").with_columns(age=pl.Series(ages)).write_parquet("bad.parquet")
    outcome = chainrule("predict", folder / "run", "bad.parquet", "--out", f"rows.{suffix}")
    assert outcome.code == 2
    assert "rows 151 to 200" in outcome.err
    assert '"old"' in outcome.err
    assert [path.name for path in Path().iterdir()] == ["bad.parquet"]


def test_a_folder_whose_files_differ_is_refused(chainrule: Any, folder: Path) -> None:
    Path("parts").mkdir()
    rows = pl.read_parquet(folder / "rows.parquet")
    rows.write_parquet("parts/a.parquet")
    rows.drop("age").write_parquet("parts/b.parquet")
    outcome = chainrule("predict", folder / "run", "parts", "--out", "rows.parquet")
    assert outcome.code == 2
    assert "E326 in b.parquet" in outcome.err
    assert not Path("rows.parquet").exists()


def test_a_folder_is_printed_without_out_and_has_no_options_of_single_files(
    chainrule: Any, folder: Path
) -> None:
    printed = chainrule("predict", folder / "run", folder / "parts")
    assert printed.code == 0, printed.err
    assert len(printed.out.splitlines()) == ROWS + 1
    refused = chainrule("predict", folder / "run", folder / "parts", "--damaged", "skip")
    assert refused.code == 2
    assert "E601" in refused.err


@pytest.mark.parametrize("suffix", ["sqlite", "db"])
def test_predictions_replace_no_database_of_others(chainrule: Any, folder: Path, suffix: str) -> None:
    name, rows = f"shop.{suffix}", pl.read_parquet(folder / "rows.parquet")
    with closing(sqlite3.connect(name)) as database, database:
        database.execute("CREATE TABLE people (code TEXT, age REAL, city TEXT, member INTEGER)")
        database.executemany("INSERT INTO people VALUES (?, ?, ?, ?)", rows.rows())
    content = Path(name).read_bytes()
    for data in (f"{name}::SELECT * FROM people", folder / "rows.parquet"):
        refused = chainrule("predict", folder / "run", data, "--out", name)
        assert refused.code == 2
        assert "E609" in refused.err
    assert Path(name).read_bytes() == content
    for _ in range(2):  # the second one replaces the first
        outcome = chainrule(
            "predict", folder / "run", f"{name}::SELECT * FROM people", "--out", f"out.{suffix}"
        )
        assert outcome.code == 0, outcome.err
    assert cr.read_table(f"out.{suffix}").rows == ROWS


def test_workbooks_have_dates_and_booleans(chainrule: Any, folder: Path) -> None:
    first, day = datetime.datetime(2024, 2, 28, 6, 30), datetime.timedelta(days=1)
    times = [first + i * day if i else None for i in range(ROWS)]
    rows = pl.read_parquet(folder / "rows.parquet").with_columns(seen=pl.Series(times))
    rows = rows.with_columns(day=pl.col("seen").dt.date(), old=pl.lit(datetime.date(1850, 1, 2)))
    rows.write_parquet("rows.parquet")
    for name in ("rows.xlsx", "rows.csv"):
        assert chainrule("predict", folder / "run", "rows.parquet", "--out", name).code == 0
    sheet = openpyxl.load_workbook("rows.xlsx").active
    cells = [row[3:7] for row in sheet.iter_rows(values_only=True)]
    assert cells[0] == ("member", "seen", "day", "old")
    dates = [None if day is None else datetime.datetime.combine(day, datetime.time()) for day in rows["day"]]
    olds = ["1850-01-02"] * ROWS
    assert cells[1:] == list(zip(rows["member"], times, dates, olds, strict=True))
    assert Path("rows.csv").read_text().splitlines()[2].split(",")[4:6] == [
        "2024-02-29T06:30:00",
        "2024-02-29",
    ]


@pytest.mark.parametrize("suffix", ["json", "csv.gz", "xls", "tsv"])
def test_a_format_that_is_not_written_is_refused(chainrule: Any, folder: Path, suffix: str) -> None:
    outcome = chainrule("predict", folder / "run", folder / "rows.parquet", "--out", f"rows.{suffix}")
    assert outcome.code == 2
    assert "E101" in outcome.err
    assert ".parquet" in outcome.err
