"""``cr.train_table``: the same training as the command, from files and from rows in memory."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import chainrule as cr
from chainrule.apps.cli.main import main
from chainrule.errors import ChainruleError, UsageError
from chainrule.tabular.options import PASSED, Options
from chainrule.tabular.run_folder import CARD, CONFIG, HISTORY, MODEL, REPORT
from chainrule.tabular.train_table import TableOptions

FILES = (MODEL, HISTORY, CONFIG, CARD, REPORT)
QUICK = {"quick": True, "epochs": 2, "verbose": False}


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pl.DataFrame:
    """A table with a number, a category and two targets, also as ``t.csv`` in the working folder."""
    random = np.random.default_rng(0)
    size, kind = random.normal(size=300), random.choice(["<a>", *"bcdefgh"], 300)
    noise = random.normal(size=300) / 4
    frame = pl.DataFrame(
        {
            "size": size.round(3),
            "kind": kind,
            "price": (2 * size + noise + 5).round(3),
            "sold": np.where(size + noise > 0, "yes", "<no>"),
        }
    )
    monkeypatch.chdir(tmp_path)
    frame.write_csv("t.csv")
    return frame


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("--target sold --drop price --quick --cost 1:5", {"target": "sold", "drop": "price", "cost": "1:5"}),
        ("--target price --quick --split group:kind", {"target": "price", "split": "group:kind"}),
        ("--target sold --net ensemble", {"target": "sold", "net": "ensemble", "quick": False}),
    ],
    ids=["classes", "groups", "ensemble"],
)
@pytest.mark.parametrize("is_saved_later", [True, False], ids=["save", "out"])
def test_the_files_have_the_bytes_of_the_command(
    table: pl.DataFrame, words: str, options: dict[str, object], is_saved_later: bool
) -> None:
    assert main(["train", "t.csv", "--epochs", "2", "--out", "command", *words.split()]) == 0
    run = cr.train_table("t.csv", **{**QUICK, **options}, out=None if is_saved_later else "call")
    if is_saved_later:
        assert not Path("call").exists()
        assert run.save("call") == Path("call")
    for name in FILES:
        assert Path("call", name).read_bytes() == Path("command", name).read_bytes(), name


@pytest.mark.parametrize("kind", ["polars", "pandas", "arrow", "dict"])
def test_rows_in_memory_have_the_scores_of_the_file(table: pl.DataFrame, kind: str) -> None:
    sources = {
        "polars": lambda: table,
        "pandas": lambda: pytest.importorskip("pandas").DataFrame(table.to_dict(as_series=False)),
        "arrow": lambda: pa.table(table.to_dict(as_series=False)),
        "dict": lambda: table.to_dict(as_series=False),
    }
    expected = cr.train_table("t.csv", "price", **QUICK)
    run = cr.train_table(sources[kind](), "price", **QUICK)
    assert run.scores == expected.scores
    assert run.model.facts["command"] == "cr.train_table(data, target='price', quick=True, epochs=2)"


def test_a_saved_run_of_rows_in_memory_is_read_by_the_commands(
    table: pl.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    run = cr.train_table(table, "sold", test=table.head(30), **QUICK)
    assert len(run.comparison.target) == 30
    run.save("saved")
    assert main(["show", "saved"]) == 0
    assert main(["evaluate", "saved", "t.csv"]) == 0
    capsys.readouterr()
    assert main(["train", "", "--out", "saved", "--resume"]) == 2
    assert "rows in memory" in capsys.readouterr().err


def test_a_training_resumes_in_its_folder(table: pl.DataFrame) -> None:
    first = cr.train_table(table, "price", out="resumed", quick=True, epochs=2, verbose=False)
    stamps = {file.name: file.stat().st_mtime_ns for file in Path("resumed").iterdir() if file.suffix}
    again = cr.train_table(table, "price", out="resumed", resume=True, verbose=False)
    assert len(again.model.history) == 2
    assert again.scores == first.scores
    for name in ("report.html", "model.safetensors", "history.csv"):
        assert Path("resumed", name).stat().st_mtime_ns == stamps[name], "a complete training is kept"
    with pytest.raises(UsageError, match="E603"):
        cr.train_table(table.head(60), "price", out="resumed", resume=True, verbose=False)
    with pytest.raises(UsageError, match="E602") as raised:
        cr.train_table(table, "price", out="resumed", verbose=False)
    assert raised.value.fix == "out='resumed-2'"


def test_a_notebook_shows_scores_and_summary_with_texts_escaped(table: pl.DataFrame) -> None:
    run = cr.train_table(table, "sold", drop=["price"], metric="brier", **QUICK)
    html = run._repr_html_()
    assert "<table>" in html
    assert "<a>" not in html
    assert "<no>" not in run.report._repr_html_()
    assert run.report.html.startswith("<!DOCTYPE html>")
    assert "brier" in str(run).splitlines()[0].lower()
    with cr.settings.using(lang="zh"):
        assert "准确率" in str(run)


def test_the_report_is_saved_as_a_file(table: pl.DataFrame) -> None:
    run = cr.train_table(table, "price", **QUICK)
    run.report.save("page.html")
    assert Path("page.html").read_text(encoding="utf-8") == run.report.html
    assert run.card.startswith("# ")
    assert run.learning_curve is None


def test_the_learning_curve_is_measured_if_it_is_requested(table: pl.DataFrame) -> None:
    run = cr.train_table(table, "price", learning_curve=True, **QUICK)
    assert run.learning_curve is not None
    assert len(run.learning_curve.rows) > 1


@pytest.mark.parametrize(
    ("options", "where", "fix"),
    [
        ({"epoch": 3}, "train_table", "epochs=..."),
        ({"epsilon": 1.0}, "train_table", ""),
        ({"epochs": "3"}, "train_table", "epochs=1"),
        ({"epochs": 0}, "train_table, epochs", "epochs=1"),
        ({"task": 3}, "train_table, task", ""),
        ({"robust": "adversarial"}, "train_table", "radius=0.1"),
        ({"robust": "nope", "radius": 0.1}, "train_table, robust", 'robust="noise"'),
        ({"units": 3}, "train_table, units", "leave out units"),
        ({"drop": "sizes"}, "train_table, drop", "drop='size'"),
        ({"cost": "1:5"}, "train_table, cost", ""),
        ({"resume": True}, "train_table", 'out="runs/1"'),
    ],
    ids=str,
)
def test_errors_name_arguments_and_not_options(
    table: pl.DataFrame, options: dict[str, object], where: str, fix: str
) -> None:
    with pytest.raises(ChainruleError) as raised:
        cr.train_table(table, "price", **{**QUICK, **options})
    assert (str(raised.value.where), str(raised.value.fix)) == (where, fix)
    assert "--" not in str(raised.value)


def test_every_option_of_the_command_is_an_argument() -> None:
    options = {field.name for field in fields(Options)} - {PASSED}
    private = {"epsilon", "delta", "public"}  # a training with other results
    assert set(TableOptions.__annotations__) == options - private - {"data", "target", "test"}
