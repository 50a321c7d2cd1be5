"""The course: every number of its texts is an output of its code, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pages.page_catalogs import CATALOGS
from pages.translations import read_catalog

from page_examples import DOCS

PARTS = sorted((DOCS / "course").glob("*.md"))
CODE = re.compile(r"^(```+)\w*\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"(?<![\w.])\d+\.\d+(?!\w|\.\d)")
NAME = re.compile(
    r"`[^`]*`|^#+ .*|\b(?:section|sections|part|version|Section) \d[\d.]*|[\d.]+ ?节", re.MULTILINE
)
"""Text whose numbers are no results: code, headings, references to sections."""
SOURCES = {"1-background": {"15.3", "26.2", "1512.03385"}}
"""Numbers by page that a cited paper states."""


def code_of(page: str) -> str:
    """The code blocks of a page, with their outputs."""
    return "\n".join(block[1] for block in CODE.findall(page))


def stated(text: str) -> set[str]:
    """The decimal numbers of a text."""
    return set(NUMBER.findall(NAME.sub("", text)))


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.stem)
def test_every_number_of_the_text_is_computed(part: Path) -> None:
    page = part.read_text(encoding="utf-8")
    computed = set(re.findall(r"\d+\.\d+", code_of(page))) | SOURCES.get(part.stem, set())
    assert stated(CODE.sub("", page)) - computed == set()


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.stem)
def test_the_chinese_text_states_the_same_numbers(part: Path) -> None:
    catalog = read_catalog(CATALOGS / "course" / f"{part.stem}.po")
    assert len(catalog) > 10
    for message in catalog:
        if message.id and not str(message.id).endswith("\n"):
            assert stated(str(message.id)) == stated(str(message.string)), message.id


def test_numbers_of_code_and_sections_are_not_results() -> None:
    assert stated("## 3.1 Why\nsection 4.3 has `x = 0.5`; the loss is 0.25, not 0.5.") == {"0.25", "0.5"}
