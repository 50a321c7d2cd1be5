"""Fixtures of the end-to-end tests: run commands, and trained runs to run them on."""

from __future__ import annotations

import contextlib
import csv
import io
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from chainrule.apps.cli.main import main


@dataclass(frozen=True)
class Outcome:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


def run_command(*words: object) -> Outcome:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(word) for word in words])
    return Outcome(code, out.getvalue(), err.getvalue())


@pytest.fixture
def chainrule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run commands in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return run_command


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short training on iris; tests copy it and do not change it."""
    place = tmp_path_factory.mktemp("runs") / "small"
    outcome = run_command("train", "iris", "--epochs", 3, "--net", "4 tanh", "--out", place)
    assert outcome.code == 0, outcome.err
    return place


@pytest.fixture
def run(chainrule: Command, small_run: Path) -> Path:
    """A copy of ``small_run`` that a test may change."""
    shutil.copytree(small_run, "run")
    return Path("run")


@pytest.fixture(scope="session")
def credit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """240 loans: numbers, categories, yes/no and gaps, and columns that no network can use."""
    draw = random.Random(7)
    path = tmp_path_factory.mktemp("tables") / "credit.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["loan_id", "age", "amount", "purpose", "employed", "since", "remark", "credit"])
        for i in range(240):
            age, amount = draw.randint(19, 74), round(draw.lognormvariate(7.5, 0.6), 2)
            purpose = draw.choice(["car", "house", "radio/tv", "studies"])
            employed = draw.choice(["yes", "yes", "no"])
            risk = amount / 2500 + (employed == "no") + (purpose == "car") * 0.7 - age / 60
            remark = f"remark number {i} of many, in words of its own"
            row = [f"L{1000 + i}", age, amount, purpose, employed, f"2024-{1 + i % 12:02d}-11", remark]
            gaps = [cell if j in (0, 5, 6) or draw.random() > 0.06 else "" for j, cell in enumerate(row)]
            writer.writerow([*gaps, "bad" if risk + draw.gauss(0, 0.35) > 0.9 else "good"])
    return path


@pytest.fixture(scope="session")
def loans(credit: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Path]:
    """A training on the loans: its output, and its folder, which tests do not change."""
    place = tmp_path_factory.mktemp("runs") / "loans"
    outcome = run_command("train", credit, "--target", "credit", "--epochs", 25, "--quick", "--out", place)
    assert outcome.code == 0, outcome.err
    return outcome, place


@pytest.fixture
def trained(chainrule: Command, loans: tuple[Outcome, Path]) -> Outcome:
    """The output of the training on the loans; its folder is linked as ``loans``."""
    Path("loans").symlink_to(loans[1])
    return loans[0]
