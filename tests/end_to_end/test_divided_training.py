"""Trainings with a test file, a division by group, weights and ids."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest


@pytest.fixture
def shops() -> Path:
    """Rows of 20 shops; one third have weight 0 and a false target."""
    index = np.arange(240)
    x = index * 0.377 % 4
    weight = (index % 3 > 0).astype(int) * 2
    y = np.where((x > 2) ^ (weight == 0), "yes", "no")
    names = [f"R{i}" for i in index]
    frame = pl.DataFrame({"no": names, "shop": index % 20, "w": weight, "x": x, "y": y})
    frame[:180].write_csv("shops.csv")
    frame[180:].write_csv("later.csv")
    return Path("shops.csv")


@pytest.mark.long
def test_a_test_file_with_weights_and_ids(chainrule, shops: Path) -> None:
    words = (
        "--target",
        "y",
        "--test",
        "later.csv",
        "--weight",
        "w",
        "--id",
        "no",
        "--epochs",
        30,
        "--patience",
        0,
    )
    outcome = chainrule("train", shops, *words, "--learning-rate", 0.02, "--quick", "--out", "run")
    assert outcome.code == 0, outcome.err
    assert "144 training, 36 validation, 60 test rows (seed 0)" in outcome.out
    assert "the test rows are those of later.csv" in outcome.out
    accuracy = float(outcome.out.partition("network ")[2].split()[0])
    assert accuracy > 0.9  # rows of weight 0 are ignored; unweighted it is at most 0.67
    evaluated = chainrule("evaluate", "run", "later.csv")
    assert 'weighted by "w"' in evaluated.out
    assert float(evaluated.out.partition("network ")[2].split()[0]) == accuracy
    rows = list(csv.DictReader(chainrule("predict", "run", "later.csv").out.splitlines()))
    assert [row["no"] for row in rows] == [f"R{i}" for i in range(180, 240)]
    again = chainrule("resume", "run", "--epochs", 31)
    assert "These test rows have been used before" in again.out
    pl.read_csv("later.csv")[:-1].write_csv("later.csv")
    changed = chainrule("resume", "run", "--epochs", 32)
    assert (changed.code, "E603" in changed.err) == (2, True)


def test_a_division_by_group(chainrule, shops: Path) -> None:
    outcome = chainrule(
        "train", shops, "--target", "y", "--split", "group:shop", "--epochs", 1, "--out", "run"
    )
    assert outcome.code == 0, outcome.err
    assert "divided by group: shop" in outcome.out
    assert 'column "shop" is left out: its groups divide the rows' in outcome.out
    refused = chainrule("train", shops, "--target", "y", "--split", "group:y")
    assert (refused.code, "E608" in refused.err) == (2, True)


def test_intervals_of_a_division_by_group_are_those_of_groups(chainrule) -> None:
    index = np.arange(800)
    state = np.where(index // 10 % 3 == 0, "yes", "no")  # all rows of a patient are alike
    frame = pl.DataFrame({"patient": index // 10, "x": index // 10 * 0.37 % 5, "y": state})
    frame[:400].write_csv("visits.csv")
    frame[400:].write_csv("later.csv")
    frame[400:].drop("patient").write_csv("rows.csv")
    words = ("--target", "y", "--split", "group:patient", "--quick", "--epochs", 1)
    assert chainrule("train", "visits.csv", *words, "--out", "run").code == 0
    widths = []
    for file in ("later.csv", "rows.csv"):
        low, high = re.findall(r"accuracy ([0-9.]+) to ([0-9.]+)", chainrule("evaluate", "run", file).out)[0]
        widths.append(float(high) - float(low))
    assert widths[0] > 2 * widths[1]
