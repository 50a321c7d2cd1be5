"""Kinds of input: a new one is one class, and commands use it without a case for it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

import chainrule as cr
from chainrule.apps.cli.main import main
from chainrule.attribution.attribution import Attribution
from chainrule.data import Table
from chainrule.data.molecules import MoleculeInput
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import NO_OPTIONS, ReadOptions
from chainrule.errors import DataError, UsageError
from chainrule.inputs import (
    Evaluation,
    InputKind,
    InputRows,
    ItemKind,
    MoleculeKind,
    Output,
    TranscriptKind,
    kind_of,
    read_rows,
)
from chainrule.inputs import reading as reading_of_kinds
from chainrule.records import frozen
from kind_models import items


@frozen
class ChordKind(InputKind):
    """Chords, one in each line of a file: their numbers, separated by blanks."""

    name = "chords"
    title: str

    @classmethod
    def of(cls, model: cr.Model) -> Self | None:
        title = model.facts.get("chords")
        return cls(title) if isinstance(title, str) else None

    def read(
        self, model: cr.Model, data: str, reading: ReadOptions, damaged: str = "refuse"
    ) -> InputRows | None:
        if not data.endswith(".chords"):
            return None
        lines = Path(data).read_text().splitlines()
        x = np.array([line.split() for line in lines], np.float32)
        cells = Table(pl.DataFrame({"chord": lines}), data)
        y = x.sum(axis=1, keepdims=True) if self.title == "sums" else None
        return InputRows(self, {"x": x}, y, len(lines), cells, parts=x)

    def expected(self, model: cr.Model, run: str) -> tuple[str, str]:
        return "a .chords file", f"chainrule predict {run} song.chords"

    def target_place(self, rows: InputRows, data: str) -> str:
        return "there are no targets"

    @property
    def facts(self) -> dict[str, Any]:
        return {"chords": self.title}

    def output(self, model: cr.Model, rows: InputRows, out: str | None) -> Output:
        return Output({"loudness": rows.parts.sum(axis=1)}, out, is_by_row=True, notice=f"{self.title}!")

    def evaluation(self, model: cr.Model, rows: InputRows, metrics: Sequence[str]) -> Evaluation:
        return Evaluation({"harmony": 0.25}, (f"{rows.count} chords",))

    def relabel(self, attribution: Attribution, row: InputRows) -> Attribution:
        assert row.table is not None
        return replace(attribution, words=(tuple(row.table.frame["chord"][0].split()),))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A model whose kind of input is defined in this file, in a folder with two chords."""
    known = reading_of_kinds.kinds()
    monkeypatch.setattr(reading_of_kinds, "kinds", lambda: (ChordKind, *known))
    model = cr.Model(cr.Dense(1), "mse", cr.Adam(0.01))
    model.fit(np.ones((8, 3), "float32"), np.ones((8, 1), "float32"), epochs=1, verbose=False)
    ChordKind("sums").attach(model)
    monkeypatch.chdir(tmp_path)
    model.save("m.safetensors")
    Path("a.chords").write_text("1 2 3\n4 5 6\n")
    return "m.safetensors"


def test_commands_use_a_kind_that_they_do_not_name(run: str, chainrule: Any) -> None:
    outcome = chainrule("predict", run, "a.chords")
    assert (outcome.code, outcome.out.splitlines()) == (0, ["chord,loudness", "1 2 3,6.0", "4 5 6,15.0"])
    assert "sums!" in outcome.err
    outcome = chainrule("evaluate", run, "a.chords")
    assert outcome.code == 0
    assert [text in outcome.out for text in ("2 rows of a.chords", "harmony", "0.25", "2 chords")] == [
        True
    ] * 4
    outcome = chainrule("explain", run, "a.chords", "--row", 2)
    assert outcome.code == 0, outcome.err
    outcome = chainrule("attribute", run, "a.chords", "--row", 2, "--target", 0)
    assert outcome.code == 0, outcome.err


def test_other_data_is_refused_in_the_words_of_the_kind(run: str, chainrule: Any) -> None:
    Path("b.txt").write_text("1 2 3\n")
    outcome = chainrule("predict", run, "b.txt")
    assert outcome.code == 2
    assert "a .chords file" in outcome.err
    assert "chainrule predict m.safetensors song.chords" in outcome.err
    assert "E301" in chainrule("predict", run, "missing.txt").err


def test_a_model_of_any_kind_reads_arrays(run: str) -> None:
    np.savez("a.npz", x=np.ones((2, 3), "float32"))
    rows = read_rows(cr.load(run), "a.npz")
    assert (rows.kind.name, rows.count, rows.y) == ("arrays", 2, None)


def test_rows_of_a_kind_are_taken_with_their_parts(run: str) -> None:
    rows = read_rows(cr.load(run), "a.chords")
    row = rows.row(2)
    assert row.table is not None
    assert (row.count, row.x["x"].tolist(), row.y.tolist()) == (1, [[4, 5, 6]], [[15]])
    assert row.table.frame["chord"].to_list() == ["4 5 6"]
    assert row.parts.tolist() == [[4, 5, 6]]
    with pytest.raises(UsageError, match="E606"):
        rows.row(3)


def test_kinds_are_found_and_each_has_a_name_of_its_own() -> None:
    names = [kind.name for kind in reading_of_kinds.kinds()]
    assert len(names) == len(set(names)) >= 12
    assert names[0] == "tables"
    assert names[-1] == "arrays"


def test_what_a_kind_stores_is_what_it_reads() -> None:
    model = cr.Model(cr.Dense(2), "mse", cr.Adam(0.01))
    model.fit(np.ones((8, 2), "float32"), np.ones((8, 2), "float32"), epochs=1, verbose=False)
    assert kind_of(model).name == "arrays"
    for kind in (
        ItemKind(("a", "b")),
        MoleculeKind(MoleculeInput(8), ("C", "O")),
        TranscriptKind("-ab"),
        TranscriptKind("-ab", 2, {("", "a"): 3}, 0.5, 1.0),
        TranscriptKind("-ab", frames=640, level=0.5),
    ):
        one = cr.Model.of(model.state)
        kind.attach(one)
        assert kind_of(one) == kind


def test_facts_that_are_damaged_are_no_kind() -> None:
    model = cr.Model(cr.Dense(2), "mse", cr.Adam(0.01))
    model.fit(np.ones((8, 2), "float32"), np.ones((8, 2), "float32"), epochs=1, verbose=False)
    for facts in (
        {"items": ["a"]},
        {"items": ["a", 2]},
        {"symbols": 3},
        {"questions": []},
        {"sound": "x"},
        {"speech": {}},
        {"molecules": 1},
        {"prices": {"smearing": 0.1, "risk": 2.0, "low": -1.0, "high": 1.0}},  # other inputs
    ):
        broken = cr.Model.of(replace(model.state, facts={**model.facts, **facts}))
        assert kind_of(broken).name == "arrays", facts


def test_missing_arrays_are_named(run: str) -> None:
    np.savez("b.npz", z=np.ones((2, 3), "float32"))
    with pytest.raises(DataError, match="E326"):
        read_rows(cr.load(run), "b.npz", NO_OPTIONS)


def test_semicolons_in_a_file_of_items_alone_are_no_delimiter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    items()
    Path("own.csv").write_text("items\nAlien; Dune\nBrazil\n", encoding="utf-8")
    assert main(["predict", "model.safetensors", "own.csv"]) == 0
    first, second = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert "Brazil" in str(first)
    assert "Dune" in str(second)
    Path("own.csv").write_text("name,items\nann,Alien,Dune\n", encoding="utf-8")
    assert main(["predict", "model.safetensors", "own.csv"]) == 2
    assert "E306" in capsys.readouterr().err
