"""The example on the page of each training error provokes that error."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chainrule.errors import CATALOGUE, ChainruleError

PAGES = Path(__file__).parents[3] / "docs" / "errors"
CODES = ["E440", *sorted(code for code in CATALOGUE if code.startswith("E5"))]


@pytest.mark.parametrize("code", CODES)
def test_the_example_provokes_the_error(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    block = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert block is not None
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ChainruleError) as provoked:
        exec(compile(block[1], f"{code}.md", "exec"), {"__name__": "example"})
    assert provoked.value.code == code
