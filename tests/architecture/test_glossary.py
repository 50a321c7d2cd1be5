"""Identifiers, docstrings, comments, messages and pages use the words of docs/glossary.md."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages.glossary import PAGE, Glossary, check, checked_files, entries, exceptions, glossary
from pages.source_text import passages

from source_files import ROOT, nodes

TABLE = """
| Term | 中文 | Meaning | Instead of |
|---|---|---|---|
| backward pass | 反向传播 | | way_back, "answers" |
| columns | 列 | the value's own name | `found`, colour* |
| pooling | 汇聚 | | 池化 |

| Form | Remark |
|---|---|
| table | not read |
"""
ALLOWED = """
[[exception]]
pattern = "questions and answers"
files = ["*.md"]
reason = "a dialogue"
"""


@pytest.fixture
def small() -> Glossary:
    """A glossary of a few words, with one exception."""
    return Glossary(tuple(entries(TABLE)), tuple(exceptions(ALLOWED)))


def hits(words: Glossary, folder: Path, name: str, text: str) -> list[tuple[int, str, str]]:
    """Line, kind and word of each hit in a file with this text."""
    file = folder / Path(name).name
    file.write_text(text, encoding="utf-8")
    return [(h.line, h.kind, h.word) for p in passages(file, name) for h in words.hits(name, p)]


def test_every_word_is_in_the_glossary() -> None:
    assert list(map(str, check(checked_files(), glossary(), nodes))) == []


def test_exceptions_have_reasons_and_name_entries_of_the_page() -> None:
    words = {entry.word for entry in glossary().entries}
    assert len(glossary().exceptions) > 10
    for exemption in glossary().exceptions:
        assert len(exemption.reason) > 20
        assert set(exemption.words) <= words


def test_the_page_has_a_meaning_and_chinese_for_every_term() -> None:
    rows = [line.strip("|\n").split("|") for line in PAGE.read_text(encoding="utf-8").splitlines()]
    terms = [row for row in rows if len(row) == 4 and any("一" <= sign <= "鿿" for sign in row[1])]
    assert len(terms) > 100
    assert all(len(row[2].strip()) > 5 for row in terms if row[0].strip() not in ("Term", ""))


def test_words_in_identifiers_are_reported(small: Glossary, tmp_path: Path) -> None:
    code = (
        "def way_back(x, colour_map):\n    found = x\n    self.wayBack = found\n"
        "    return [found for found in x]\n"
        "class ColourTable: ...\nimport torch as found\nsomething_found = torch.colour(found=1)\n"
    )
    assert hits(small, tmp_path, "a.py", code) == [
        (1, "identifier", "way_back"),
        (5, "identifier", "ColourTable"),
        (6, "identifier", "found"),
        (1, "identifier", "colour_map"),
        (2, "identifier", "found"),
        (3, "identifier", "wayBack"),
        (4, "identifier", "found"),
    ]


def test_the_name_of_a_test_is_read_as_a_text(small: Glossary, tmp_path: Path) -> None:
    code = "def test_predictions(): ...\ndef test_answers_are_given(): ...\ndef answers_given(): ...\n"
    assert hits(small, tmp_path, "a.py", code) == [(2, "identifier", "test_answers_are_given")]


def test_words_in_file_names_are_reported(small: Glossary, tmp_path: Path) -> None:
    assert hits(small, tmp_path, "way_back.py", "") == [(1, "file name", "way_back")]


def test_words_in_docstrings_are_reported(small: Glossary, tmp_path: Path) -> None:
    code = '"""The colours\n\nof the way\nback. Code is not prose: ``colour``.\n\n>>> colour\n"""\n'
    assert hits(small, tmp_path, "a.py", code) == [(1, "docstring", "colours"), (3, "docstring", "way back")]


def test_words_in_comments_are_reported(small: Glossary, tmp_path: Path) -> None:
    code = "x = 1\n# on the way\n# back it is found\n"
    assert hits(small, tmp_path, "a.py", code) == [(2, "comment", "way back")]


def test_words_in_messages_are_reported(small: Glossary, tmp_path: Path) -> None:
    code = "print(\n    f'{answers} answers on the way '\n    'back', 'answers', 'colour', '最大池化层')\n"
    assert hits(small, tmp_path, "a.py", code) == [
        (2, "message", "answers"),
        (2, "message", "way back"),
        (3, "message", "colour"),
        (3, "message", "池化"),
    ]


def test_words_in_pages_are_reported(small: Glossary, tmp_path: Path) -> None:
    page = "# Answers\n\nQuestions and answers, `colour`.\n\n```python\nfound = 1\n```\n\n```\ncolour\n```\n"
    assert hits(small, tmp_path, "a.md", page) == [(6, "identifier", "found"), (1, "page", "Answers")]
    assert hits(small, tmp_path, "a.html", "<b class=colour>colour</b>") == [(1, "page", "colour")]
    assert hits(small, tmp_path, "a.toml", '# colour\na = "way back"') == [
        (1, "message", "colour"),
        (2, "message", "way back"),
    ]


def test_words_in_translations_are_reported(small: Glossary, tmp_path: Path) -> None:
    catalog = 'msgid ""\nmsgstr ""\n\nmsgid "answers"\nmsgstr "`池化`层，池化"\n'
    assert hits(small, tmp_path, "a.po", catalog) == [(4, "message", "池化")]


def test_suggestions_are_the_first_column(small: Glossary) -> None:
    assert ROOT / "README.md" in checked_files()
    assert {entry.suggestion for entry in small.entries} == {"backward pass", "columns", "pooling"}
