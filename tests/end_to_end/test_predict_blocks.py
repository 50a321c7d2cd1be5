"""``chainrule predict`` reads, encodes, predicts and writes in blocks of rows, which change nothing."""

from __future__ import annotations

import random
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from chainrule.apps.cli import prediction_output
from chainrule.data.readers import cell_columns, csv_files
from chainrule.data.tables import encoded_rows
from chainrule.train.monitor import memory
from end_to_end.conftest import Outcome, run_command

NETWORK_ROWS = 32  # that the network predicts at once: other sizes may round a prediction differently
ROWS = 260  # more than the lines from which the dialect is detected
COMMAND = "import sys; from chainrule.apps.cli.main import main; sys.exit(main())"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A classifier and a regression with intervals."""
    folder, rng = tmp_path_factory.mktemp("blocks"), random.Random(0)
    lines = ["age,city,day,length,kind"]
    for i in range(160):
        age = rng.randint(18, 90)
        cells = [age, rng.choice(["Bern", "Rome", "Oslo", ""]), f"2024-0{1 + i % 9}-11"]
        lines.append(",".join(map(str, [*cells, age * 2 + rng.gauss(0, 9), "old" if age > 50 else "new"])))
    (folder / "train.csv").write_text("\n".join(lines) + "\n")
    folders = {}
    for target, other in (("kind", "length"), ("length", "kind")):
        folders[target] = folder / target
        words = ("--target", target, "--drop", other, "--epochs", 2, "--net", "4 tanh")
        outcome = run_command("train", folder / "train.csv", *words, "--out", folders[target])
        assert outcome.code == 0, outcome.err
    return folders


def table(is_damaged: bool) -> str:
    """Rows with quotes, formulas, gaps, new levels and numbers out of range, some of them damaged."""
    rng = random.Random(1)
    lines = ["id,age,city,day,note"]
    for i in range(ROWS):
        age = "old" if is_damaged and i % 50 == 49 else rng.choice(["31", "44", "-5", "", "120", "+60"])
        note = rng.choice(["=1+1", '"a, b"', "x", "", '"two ""quotes"""', "'y"])
        city = rng.choice(["Bern", "ROME", "Oslo", "Paris", "", "NA"])
        lines.append(f"{i:04},{age},{city},2024-0{1 + i % 9}-12,{note}")
    return "\n".join(lines) + "\n"


def in_blocks(stack: ExitStack, sizes: dict[str, int]) -> None:
    """Process very small blocks of rows."""
    size = {"BLOCK_CELLS": sizes["cells"], "BLOCK_CHARACTERS": sizes["characters"]}
    stack.enter_context(mock.patch.multiple(csv_files, **size))
    stack.enter_context(mock.patch.object(cell_columns, "MANY_ROWS", sizes["divided"]))
    small = {"BLOCK": sizes["block"] * NETWORK_ROWS, "PART": sizes["part"], "MANY_ROWS": 1}
    stack.enter_context(mock.patch.multiple(encoded_rows, **small))
    stack.enter_context(mock.patch.object(prediction_output, "PART", sizes["written"]))


SIZES = st.fixed_dictionaries(
    {
        "cells": st.integers(1, 900),
        "characters": st.integers(40, 5000),
        "divided": st.integers(1, 40),
        "block": st.integers(1, 9),
        "part": st.integers(3, 300),
        "written": st.integers(5, 300),
    }
)
WORDS = {
    "probabilities": ("kind", False, ("--proba",)),
    "refused": ("kind", True, ()),
    "skipped": ("kind", True, ("--damaged", "skip", "--proba", "--only-predictions")),
    "missing": ("kind", True, ("--damaged", "missing", "--raw")),
    "interval": ("length", False, ("--interval", "0.8")),
}


@pytest.mark.long
@pytest.mark.parametrize("name", WORDS)
@settings(max_examples=5, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(sizes=SIZES)
def test_the_size_of_blocks_does_not_change_the_output(
    runs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, name: str, sizes: dict[str, int]
) -> None:
    target, is_damaged, words = WORDS[name]
    file = tmp_path_factory.getbasetemp() / "blocks.csv"
    file.write_text(table(is_damaged))
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(memory, "BLOCK", NETWORK_ROWS))
        expected = run_command("predict", runs[target], file, *words)
        in_blocks(stack, sizes)
        assert run_command("predict", runs[target], file, *words) == expected
    assert expected.code == (2 if name == "refused" else 0)
    if name == "refused":
        assert "line 251" in expected.err


FAULTS = {
    "a ragged line": "1,2\n",
    "an open quote": '1,2,"3\n',
    "a NUL": "1,2,3,4,\0\n",
    "a damaged cell": "1,x,,,\n",
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_in_a_late_block_leaves_no_file(
    runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text(table(False) + fault + "8,30,Bern,2024-01-01,\n" * 30)
    expected = run_command("predict", runs["kind"], "rows.csv", "--out", "out.csv")
    with ExitStack() as stack:
        in_blocks(stack, {"cells": 9, "characters": 90, "divided": 3, "block": 1, "part": 3, "written": 9})
        outcome = run_command("predict", runs["kind"], "rows.csv", "--out", "out.csv")
    assert outcome == expected
    assert outcome.code == 2
    assert f"line {ROWS + 2}" in outcome.err
    assert not Path("out.csv").exists()


def test_the_network_predicts_the_same_blocks_in_any_part_of_a_table() -> None:
    assert encoded_rows.BLOCK % memory.BLOCK == 0


@pytest.mark.long
def test_a_file_and_standard_input_give_the_same_predictions(runs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(table(False))
    expected = run_command(
        "predict", runs["kind"], tmp_path / "rows.csv", "--proba", "--out", tmp_path / "a.csv"
    )
    assert expected.code == 0
    command = [sys.executable, "-c", COMMAND, "predict", str(runs["kind"]), "-", "--proba"]
    with open(tmp_path / "rows.csv", "rb") as rows:
        done = subprocess.run(command, stdin=rows, capture_output=True, check=False)
    outcome = Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert outcome.code == 0, outcome.err
    assert outcome.out == (tmp_path / "a.csv").read_text()
