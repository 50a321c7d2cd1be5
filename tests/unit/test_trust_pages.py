"""docs/trust.zh.md has the numbers of docs/trust.md."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from pages.trust import CHINESE, ENGLISH, PLACE, tables_of, text, translated

NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


def test_the_tables_of_the_chinese_page_are_those_of_the_english_one() -> None:
    assert text() == CHINESE.read_text(encoding="utf-8")
    english = tables_of(ENGLISH.read_text(encoding="utf-8"))
    marks = [(match[2], match[3]) for match in PLACE.finditer(CHINESE.read_text(encoding="utf-8"))]
    assert len(marks) > 2
    for heading, chinese in marks:
        assert english[heading]
        assert NUMBER.findall("".join(english[heading])) == NUMBER.findall(chinese)


def test_the_chinese_page_has_no_other_numbers() -> None:
    english, chinese = (
        Counter(NUMBER.findall(page.read_text(encoding="utf-8"))) for page in (ENGLISH, CHINESE)
    )
    assert len(chinese) > 20
    assert chinese.keys() - english.keys() == set()


def test_a_word_without_translation_is_reported() -> None:
    with pytest.raises(KeyError):
        translated("| a word | 1 |\n|---|---|\n")
