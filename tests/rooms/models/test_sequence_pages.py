"""The pages on sequence models: their examples run, and the counts of BERT's sizes are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from chainrule.models import MODELS
from guides import DOCS, examples

PAGES = ("transformer", "gpt2", "bert", "vit", "recurrent")


@pytest.mark.parametrize("code", examples([DOCS / "models" / f"{name}.md" for name in PAGES]))
def test_the_example_runs(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "page", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().err == ""


def test_the_page_of_bert_counts_every_size() -> None:
    text = (DOCS / "models" / "bert.md").read_text(encoding="utf-8")
    for size in ("minilm", "small", "base", "large"):
        assert f"{MODELS['bert'].count(size=size):,}" in text
