"""The catalogs of docs/ translate every message of their pages, and follow changes of numbers."""

from __future__ import annotations

import posixpath
import re
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from pages import docstring_catalog
from pages.page import Page
from pages.page_catalogs import (
    CATALOGS,
    HEADER,
    WITHOUT_CATALOG,
    catalog_files,
    is_code,
    missing,
    updated,
    updates,
)
from pages.reference import AREAS
from pages.site import frame
from pages.translations import as_po, empty_catalog, read_catalog


@pytest.fixture(scope="module")
def current() -> dict[Path, Catalog]:
    """The catalogs as ``python -m pages.page_catalogs`` would write them."""
    return updates()


def test_every_message_of_a_page_is_translated(current: dict[Path, Catalog]) -> None:
    assert len(current) > 20
    for file, catalog in current.items():
        assert as_po(catalog, False) == as_po(read_catalog(file), False), "run python -m pages.page_catalogs"
        assert missing(catalog) == [], f"translate {file.name}, delete the marks and run the command again"


def test_every_page_has_a_catalog_or_is_of_a_kind_without_one() -> None:
    paths = [page.path for page in frame()]
    without = {kind: [path for path in paths if fnmatch(path, kind)] for kind in WITHOUT_CATALOG}
    assert all(without.values())
    assert sorted([*catalog_files(), *chain(*without.values())]) == sorted(paths)


def test_each_translated_docstring_exists() -> None:
    catalog, words = read_catalog(docstring_catalog.FILE), docstring_catalog.docstrings()
    titles = {english for english, _, _ in AREAS.values()}
    texts = [str(message.id) for message in catalog if message.id]
    assert len(texts) > 1_000
    old = [text for text in texts if docstring_catalog.plain_text(text) not in words and text not in titles]
    assert old == [], "run python -m pages.docstring_catalog"


def test_a_translated_docstring_has_the_code_of_the_english_one() -> None:
    catalog = read_catalog(docstring_catalog.FILE)
    assert len(catalog) > 1_000
    for message in catalog:
        texts = [str(text).replace("``chainrule.", "``") for text in (message.id, message.string)]
        english, chinese = (set(re.findall(r"``[^`]+``", text)) for text in texts)
        assert chinese <= english, message.id


def test_a_page_with_a_catalog_is_in_english() -> None:
    assert [page.path for page in frame() if page.path in catalog_files() and "中文：" in page.text] == []


@pytest.mark.parametrize("path", catalog_files())
def test_a_translation_has_the_links_of_its_message(path: str) -> None:
    """Links of other languages would lead to other pages, and headings are linked by their English names."""
    catalog = read_catalog(CATALOGS / f"{path.removesuffix('.md')}.po")
    assert len(catalog) > 2
    for message in catalog:
        links = [
            sorted(Page(posixpath.basename(path), str(text)).links) for text in (message.id, message.string)
        ]
        assert is_code(str(message.id)) or links[0] == links[1], message.id


def of(**texts: str) -> Catalog:
    """A catalog of these translations by text."""
    catalog = empty_catalog("zh_CN", HEADER)
    for text, translation in texts.items():
        catalog.add(text, translation)
    return catalog


def translations(old: Catalog, *texts: str) -> dict[str, tuple[str, bool]]:
    """Translation and mark of the messages of a page that has these texts."""
    template = empty_catalog("zh_CN", HEADER)
    for text in texts:
        template.add(text)
    return {str(m.id): (str(m.string), m.fuzzy) for m in updated(old, template) if m.id}


def test_a_message_with_other_numbers_or_code_keeps_its_translation() -> None:
    old = of(**{"Run `a.py`, see [b](b.md).": "参见[乙](b.md)，运行 `a.py`。"})
    new = "Run `c/d.py`, see [b](e.md)."
    assert translations(old, new) == {new: ("参见[乙](e.md)，运行 `c/d.py`。", False)}
    old = of(**{"3 of 40 rows in 3 s": "3 秒内 40 行中的 3 行"})
    assert translations(old, "4 of 1,000 rows in 4 s") == {
        "4 of 1,000 rows in 4 s": ("4 秒内 1,000 行中的 4 行", False)
    }


@pytest.mark.parametrize("text", ["4 of 40 rows in 5 s", "3 of 40 lines in 3 s"])
def test_a_translation_that_may_be_wrong_is_fuzzy(text: str) -> None:
    old = of(**{"3 of 40 rows in 3 s": "3 秒内 40 行中的 3 行"})
    assert translations(old, text) == {text: ("3 秒内 40 行中的 3 行", True)}
    catalog = updated(old, of(**{text: ""}))
    assert missing(catalog) == [text]
    assert b'#| msgid "3 of 40 rows in 3 s"' in as_po(catalog, False)


def test_a_number_in_other_units_is_fuzzy() -> None:
    old = of(**{"0.41 million parameters": "41 万个参数"})
    assert translations(old, "0.52 million parameters") == {"0.52 million parameters": ("41 万个参数", True)}


def test_rows_of_names_are_messages_only_if_they_are_translated() -> None:
    template = empty_catalog("zh_CN", HEADER)
    for text in ("name", "dense", "convolution"):
        template.add(text)
    new = updated(of(convolution="卷积", names="名称"), template, optional={"dense", "convolution"})
    assert {m.id: m.string for m in new if m.id} == {"convolution": "卷积", "name": "名称"}


def test_numbers_and_code_are_messages_only_if_they_are_translated() -> None:
    assert translations(of(), "12", "`x`", "x = 1  # one\n", "one row") == {"one row": ("", False)}
    old = of(**{"x = 1  # one\n": "x = 1  # 一\n", "gone": "不再存在"})
    assert translations(old, "x = 1  # one\n") == {"x = 1  # one\n": ("x = 1  # 一\n", False)}
