"""The pages on metrics and callbacks: their examples run and print what they say, their tables are whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import chainrule as cr
from chainrule.train.callback import CALLBACKS
from chainrule.train.metric import METRICS
from guides import DOCS, examples

PAGES = [DOCS / f"{name}.md" for name in ("metrics", "callbacks")]


@pytest.mark.parametrize("code", examples([*PAGES, DOCS / "sequences.md"]))
def test_the_example_runs_and_prints_what_it_says(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "page", "exec"), {"__name__": "__main__"})
    said = re.findall(r"^print\(.*\)  # (.*)$", code, re.MULTILINE)
    assert capsys.readouterr().out.splitlines() == said
    assert said


def test_the_tables_are_whole() -> None:
    metrics, callbacks = (page.read_text(encoding="utf-8") for page in PAGES)
    listed = [
        name
        for row in re.findall(r"^\| the .*|^\| values .*", metrics, re.MULTILINE)
        for name in re.findall("`(.*?)`", row)
    ]
    assert sorted(listed) == sorted(METRICS)
    assert all(f"| `{name}` |" in callbacks for name in CALLBACKS)
    for name in re.findall(r"`cr\.(\w+)", metrics + callbacks):
        assert hasattr(cr, name), name
