"""Options of reading on the command line: hints work when pasted, and the run folder stores the options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from chainrule.apps.cli.main import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = [f"{i / 10},{'red' if i % 3 else 'blue'},{'yes' if i % 2 else 'no'}" for i in range(60)]
    Path("rows.csv").write_text("\n".join(rows))
    return tmp_path


def fix_of(text: str) -> list[str]:
    match = re.search(r"(?m)^  fix +(.*)$", text)
    assert match is not None
    return shlex.split(match[1])


def test_the_hints_for_a_file_without_names_lead_to_a_training(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "rows.csv", "--epochs", "1", "--out", "run"]
    for code in ("E310", "E319"):  # no names, then no target
        assert main(words) == 2
        errors = capsys.readouterr().err
        assert code in errors
        words += fix_of(errors)
    assert words[-4:] == ["--header", "none", "--target", "x3"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert 'header = "none"' in (folder / "run" / "config.toml").read_text()
    following = re.search(r"Next: chainrule (.*)", out)
    assert following is not None
    assert main(shlex.split(following[1])) == 0
    assert len(capsys.readouterr().out.splitlines()) == 61


def test_an_option_without_effect_ends_in_one_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "rows.csv", "--query", "SELECT 1", "--target", "x"]) == 2
    assert "E128" in capsys.readouterr().err


def test_a_url_ends_in_one_error_with_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "https://example.org/data.csv", "--target", "y"]) == 2
    assert fix_of(capsys.readouterr().err)[:3] == ["curl", "-fLo", "data.csv"]


def test_the_conventions_of_cells_are_options_of_training_and_prediction(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    days = [f"{1 + i * 5 % 12:02}/{1 + i * 7 % 12:02}/2024" for i in range(60)]
    sold = ["950" if i % 3 else f"{1 + i % 8}.{100 + i}" for i in range(60)]
    rows = [
        f"{day};{count};{'yes' if i % 2 else 'no'}"
        for i, (day, count) in enumerate(zip(days, sold, strict=True))
    ]
    Path("shop.csv").write_text("\n".join(["day;sold;y", *rows]))
    words = ["shop.csv", "--target", "y"]
    assert main(["check", *words]) == 0
    notices = capsys.readouterr().out
    assert "--decimal" in notices
    assert "--day-first" in notices
    chosen = ["--decimal", ",", "--day-first"]
    assert main(["check", *words, *chosen]) == 0
    assert "--decimal" not in capsys.readouterr().out
    assert main(["train", *words, *chosen, "--quick", "--epochs", "1", "--out", "run"]) == 0
    assert "--decimal , --day-first" in capsys.readouterr().out
    config = (folder / "run" / "config.toml").read_text()
    assert "day_first = true" in config
    Path("later.csv").write_text("day;sold\n12/03/2024;1.234\n")
    assert main(["predict", "run", "later.csv"]) == 0
    assert '"1.234" is read as 1234' in capsys.readouterr().err
    assert main(["predict", "run", "later.csv", "--decimal", ".", "--day-first", "--month-first"]) == 2
