"""Every code of the data room has a page, and the example on the page provokes exactly that error."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chainrule.data import bundled
from chainrule.errors import ChainruleError
from chainrule.errors.catalogue.data import ENTRIES

PAGES = Path(__file__).parents[3] / "docs" / "errors"


def test_pages_and_codes_match() -> None:
    assert {page.stem for page in PAGES.glob("E3*.md")} == set(ENTRIES)


@pytest.mark.filterwarnings("ignore:A network error")
@pytest.mark.parametrize("code", ENTRIES)
def test_the_example_of_the_page_provokes_its_error(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bundled, "FASHION_FOLDER", tmp_path / "no such folder")
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # offline, at once
    page = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    with pytest.raises(ChainruleError) as caught:
        exec(compile(example, f"{code}.md", "exec"), {})
    error = caught.value
    assert error.code == code
    for lang in ("en", "zh"):
        text = error.render(lang)
        assert "{" not in text.splitlines()[0]
        assert len(text.splitlines()) >= 2
    assert "中文" in page
