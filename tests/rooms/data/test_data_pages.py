"""The examples on the pages about data run, and what they print is what their comments say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guides import DOCS, examples


@pytest.mark.parametrize("code", examples(sorted((DOCS / "data").glob("*.md"))))
def test_the_example_runs_and_prints_what_it_says(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "page", "exec"), {"__name__": "page"})
    printed = capsys.readouterr().out
    said = re.findall(r"print\(.*\)  +# ([^:;,].*?)(?:[:;,] [a-z].*)?$", code, re.MULTILINE)
    for words in said:
        assert words in printed
