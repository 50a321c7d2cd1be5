"""Every code has a page with an example that provokes it, and clauses that agree in both languages."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

from case_loops import loop_over
from chainrule.errors import CATALOG
from chainrule.messages import translated
from page_examples import example_of, provoke

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "docs" / "errors"
# The examples of data need a machine without a network: see tests/unit/data. E6xx are of the command line.
RUNS = sorted(code for code in CATALOG if code[:2] in ("E1", "E2", "E4", "E5") and example_of(code))


def placeholders(text: str) -> set[str]:
    """The facts that a clause names in braces."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@cache
def text_of_tests() -> str:
    """The text of all tests."""
    return "".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))


def test_every_page_has_a_code() -> None:
    assert {page.stem for page in PAGES.glob("E*.md")} - set(CATALOG) == set()


@loop_over("code", sorted(CATALOG))
def test_every_code_has_a_page(code: str) -> None:
    text = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {code}: ")
    assert "## How to fix it" in text
    assert re.search("[一-鿿]", text), "the page has no Chinese line"


@loop_over("code", sorted(CATALOG))
def test_both_languages_contain_the_same_facts(code: str) -> None:
    english, chinese = CATALOG[code], translated(CATALOG[code], "zh")
    assert placeholders(english) == placeholders(chinese)
    assert re.search("[一-鿿]", chinese)
    assert not re.search("[一-鿿]", english)


@loop_over("code", sorted(CATALOG))
def test_every_code_is_provoked_by_a_test(code: str) -> None:
    assert code in RUNS or code in text_of_tests()


@pytest.mark.parametrize("code", RUNS)
def test_the_example_of_a_page_provokes_it(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    provoke(code)
