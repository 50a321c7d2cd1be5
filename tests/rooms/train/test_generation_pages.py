"""The page on writing texts: its examples run and print what they say, its table is whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chainrule.train.generation.strategy import STRATEGIES
from guides import DOCS, examples

PAGE = DOCS / "generation.md"


@pytest.mark.parametrize("code", examples([PAGE]))
def test_the_example_runs_and_prints_what_it_says(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "page", "exec"), {"__name__": "__main__"})
    said = re.findall(r"^print\(.*\)  # (.*)$", code, re.MULTILINE)
    assert capsys.readouterr().out.splitlines() == said
    assert said


def test_the_table_has_every_strategy_with_its_formula() -> None:
    rows = re.findall(
        r"^\| `(\w+)=.*?` \| `cr\.(\w+)` \| (.*?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert rows == [(name, kind.__name__, kind.formula) for name, kind in STRATEGIES.items()]
