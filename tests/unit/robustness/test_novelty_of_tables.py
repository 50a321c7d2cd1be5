"""Rows of tables unlike those of the training: which are marked, and that every program marks them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import chainrule as cr
import in_process
from chainrule.apps.cli.main import main
from chainrule.robustness import is_unlike, stored_gate, unlike_notice, with_table_gate
from chainrule.robustness.column_surprise import ColumnSurprise
from chainrule.train.model_state import NOVELTY_GATE

pytest.importorskip("starlette")
pytest.importorskip("prometheus_client")

from chainrule.serve.batch_queue import QueueLimits
from chainrule.serve.measurements import Measurements
from chainrule.serve.models import load_models
from chainrule.serve.routes import Application
from chainrule.studio.workbench import Workbench
from chainrule.web import Access, Limits

MARK = {"en": "unlike the training rows", "zh": "与训练数据行不相似"}
OPTIONS: dict[str, Any] = {"quick": True, "epochs": 3, "verbose": False}
NUMBERS = ("income", "debt", "age")


def loans(count: int, seed: int) -> dict[str, Any]:
    """Incomes that vary by the logarithm, debts that follow them, and categories of which one is rare."""
    draw = np.random.default_rng(seed)
    income = np.exp(draw.normal(10, 0.6, count)).round(2)
    debt = (income * np.exp(draw.normal(-1, 0.2, count))).round(2)
    age = draw.integers(18, 80, count)
    city = draw.choice(["Ulm", "Bonn", "Jena", "Kiel"], count, p=[0.5, 0.3, 0.19, 0.01])
    pays = np.where(debt / income + draw.normal(0, 0.05, count) < 0.37, "yes", "no")
    return {"income": income, "debt": debt, "age": age, "city": city, "job": city[::-1], "pays": pays}


def changed(rows: dict[str, Any], **columns: Any) -> dict[str, Any]:
    return {**rows, **{name: change(rows[name]) for name, change in columns.items()}}


@pytest.fixture(scope="module")
def model() -> cr.Model:
    return cr.train_table(loans(1000, 0), "pays", **OPTIONS).model


NEW = loans(1000, 1)
FOREIGN = {
    "all numbers far outside": changed(NEW, **{name: lambda v: v * 20 + 500 for name in NUMBERS}),
    "negative": changed(NEW, **dict.fromkeys(NUMBERS, np.negative)),
    "one number in cents of cents": changed(NEW, debt=lambda v: v * 1e4),
    "levels that are unknown": changed(NEW, city=lambda v: np.full(len(v), "?"), job=lambda v: v + "x"),
}
TOGETHER = changed(NEW, debt=lambda v: np.sort(v)[np.argsort(np.argsort(-v))])  # small of large incomes


def share(model: cr.Model, rows: dict[str, Any]) -> float:
    return float(model.unlike(rows).mean())


def test_rows_like_the_training_are_marked_at_the_stated_rate(model: cr.Model) -> None:
    assert share(model, NEW) < 0.025
    gate = stored_gate(model.state)
    assert gate is not None
    assert gate.false_alarms == 0.01


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_rows_are_marked(model: cr.Model, kind: str) -> None:
    assert share(model, FOREIGN[kind]) > 0.97


def test_numbers_that_are_usual_alone_are_marked_for_what_they_are_together(model: cr.Model) -> None:
    gate = stored_gate(model.state)
    assert gate is not None
    (score,) = gate.scores
    assert isinstance(score, ColumnSurprise)
    alone = replace(gate, scores=(replace(score, precision=np.ones((1, 1))),))
    assert is_unlike(model.state, alone, TOGETHER).mean() < 0.02
    assert share(model, TOGETHER) > 0.3  # the others are near the middle of both


def test_later_dates_are_not_marked() -> None:
    days = np.arange(300)
    rows = {
        "day": np.datetime64("2020-01-01") + days,
        "price": np.random.default_rng(0).normal(10, 1, 300),
        "sold": days % 7 + 1.5,
    }
    model = cr.train_table(pl.DataFrame(rows), "sold", **OPTIONS).model
    later = pl.DataFrame({**rows, "day": rows["day"] + np.timedelta64(900)})
    assert float(model.unlike(later).mean()) < 0.03


def test_missing_cells_and_rare_levels_are_usual_where_the_training_has_them() -> None:
    rows = loans(1000, 2)
    draw = np.random.default_rng(5)
    income = pl.Series(rows["income"]).set(pl.Series(draw.random(1000) < 0.1), None)
    city = pl.Series([None if draw.random() < 0.1 else f"c{int(draw.exponential(30))}" for _ in range(1000)])
    frame = pl.DataFrame(rows).with_columns(income.alias("income"), city.alias("city"))
    model = cr.train_table(frame[:500], "pays", **OPTIONS).model
    assert float(model.unlike(frame[500:]).mean()) < 0.03


def test_a_row_alone_is_marked_as_in_a_batch(model: cr.Model) -> None:
    rows = pl.DataFrame(NEW)[:40].vstack(pl.DataFrame(TOGETHER)[:40])
    together = model.unlike(rows)
    assert 5 < together.sum() < 70
    assert [model.unlike(rows[i : i + 1]).tolist() for i in range(len(rows))] == [[u] for u in together]


def test_a_row_is_predicted_and_the_rows_of_a_file_are_named(model: cr.Model) -> None:
    rows = pl.DataFrame(NEW)[:20].vstack(pl.DataFrame(FOREIGN["negative"])[:15])
    notice = unlike_notice(model.state, rows)
    assert notice is not None
    assert notice.startswith("15 of 35 rows")
    assert "row 21, 22" in notice
    assert "30, ..." in notice
    assert set(model.predict(rows)) <= {"yes", "no"}


@pytest.fixture(scope="module")
def run(model: cr.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    model.save(folder / "model.safetensors")
    pl.DataFrame(NEW)[:2].vstack(pl.DataFrame(FOREIGN["negative"])[:1]).write_csv(folder / "rows.csv")
    pl.read_csv(folder / "rows.csv").write_parquet(folder / "rows.parquet")
    return folder


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(
    "words",
    [
        ("predict", "rows.csv"),
        ("predict", "rows.parquet", "--out", "predicted.parquet"),
        ("evaluate", "rows.csv"),
        ("attribute", "rows.csv", "--row", "3"),
        ("explain", "rows.csv", "--row", "3"),
    ],
)
def test_each_command_names_the_row(
    run: Path, words: tuple[str, ...], lang: str, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.chdir(run)
    command, data, *options = words
    assert main([command, "model.safetensors", data, *options, "--lang", lang]) == 0
    printed = capsys.readouterr()
    (line,) = [line for line in printed.err.splitlines() if MARK[lang] in line]
    assert "3" in line
    assert "unknown" not in printed.out


def test_options_and_usual_rows_have_no_notice(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pl.DataFrame(NEW)[:2].write_csv(run / "usual.csv")
    model, rows = str(run / "model.safetensors"), str(run / "rows.csv")
    for words in ([str(run / "usual.csv")], [rows, "--every-class"]):
        assert main(["predict", model, *words]) == 0
        assert MARK["en"] not in capsys.readouterr().err


@pytest.fixture(scope="module")
def server(run: Path) -> Iterator[Any]:
    limits = QueueLimits(direct_seconds=0.01)
    application = Application(load_models([str(run / "model.safetensors")]), Measurements(), limits)
    guard = application.guarded(Access.at("127.0.0.1", 1, None), Limits())
    yield guard
    guard.close()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_server_and_the_studio_name_the_row(run: Path, server: Any, lang: str) -> None:
    bench = Workbench(str(run / "model.safetensors"))
    for row, is_marked in ((0, False), (2, True)):
        cells = pl.read_csv(run / "rows.csv").drop("pays").row(row, named=True)
        records = [bench.predict(cells, lang)]
        for path in ("/predict", "/explain"):
            status, content = in_process.post(server, path, {"rows": [cells]}, lang=lang)
            assert status == 200, content
            records.append(content)
        marks = [[notice for notice in record["notices"] if MARK[lang] in notice] for record in records]
        assert [len(own) for own in marks] == [int(is_marked)] * 3, json.dumps(records)[:2000]


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r["scores"][0].update(width="3"),
        lambda r: r["scores"][0].update(numbers=[99]),
        lambda r: r["scores"][0].update(levels=[[2, 1]]),
        lambda r: r["scores"][0].update(ends=-1.0),
        lambda r: r["scores"][0]["precision"].update(shape=[1, 9]),
        lambda r: r["scores"][0].pop("quantiles"),
        lambda r: r["scores"][0].update(usual=[1.0]),
        lambda r: r["scores"][0].update(usual=[0.0, 1.0]),
        lambda r: r.update(refuses="no"),
    ],
)
def test_a_damaged_gate_of_columns_is_none(model: cr.Model, change: Callable[[Any], object]) -> None:
    record = json.loads(json.dumps(model.facts[NOVELTY_GATE]))
    change(record)
    assert stored_gate(replace(model.state, facts={**model.facts, NOVELTY_GATE: record})) is None


def test_few_rows_have_no_gate(model: cr.Model) -> None:
    few = with_table_gate(replace(model.state, facts={}), np.zeros((39, 9), np.float32))
    assert stored_gate(few) is None


def test_many_numbers_are_compared_alone() -> None:
    draw = np.random.default_rng(0)
    rows = {f"c{i}": draw.normal(size=120) for i in range(260)} | {"y": draw.normal(size=120)}
    model = cr.train_table(rows, "y", **OPTIONS).model
    gate = stored_gate(model.state)
    assert gate is not None
    far = {name: column + 9 for name, column in rows.items()}
    assert is_unlike(model.state, gate, far).all()
    assert share(model, rows) <= 0.02
