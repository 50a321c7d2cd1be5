"""External text is escaped in every output: terminals, pages, spreadsheets, CSV."""

from __future__ import annotations

import ast
import csv
import io
import re
import sys
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.errors import DataError
from chainrule.escaping import (
    FORMULA,
    csv_text,
    escape,
    printable,
    printable_lines,
    spreadsheet_cell,
    spreadsheet_text,
)
from source_files import PACKAGE, SOURCE, nodes, violations

# Visible format characters: signs before Arabic, Syriac and Kaithi numbers.
VISIBLE = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
ANY = st.text(st.characters())  # including surrogates


def is_invisible(c: str) -> bool:
    """Whether a character is a control or an invisible character."""
    return unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in VISIBLE


def test_exactly_invisible_characters_are_escaped() -> None:
    for c in map(chr, range(sys.maxunicode + 1)):
        if is_invisible(c):
            assert printable(c) == ascii(c)[1:-1], ascii(c)
        elif c.isprintable() and unicodedata.category(c)[0] in "LNPS":
            assert printable(c) in (c, ascii(c)[1:-1]), ascii(c)
    visible = "Zażółć 中文，日本語 עברית العربية ไทย 🙂 ∂²f/∂x² ½ ﷽ é"
    assert printable(visible) == visible


@given(ANY)
def test_printable_returns_one_line_of_visible_characters(text: str) -> None:
    line = printable(text)
    assert not any(map(is_invisible, line))
    assert len(line.splitlines()) <= 1
    assert printable(line) == line
    if text.isprintable() and text.isascii():
        assert line == text
    assert "\n".join(map(printable, text.split("\n"))) == printable_lines(text)


@given(ANY, st.integers(1, 20))
def test_limit_bounds_the_length_of_the_line(text: str, limit: int) -> None:
    line = printable(text, limit)
    assert line == printable(text) if len(text) <= limit else line == printable(text[: limit - 1]) + "…"


@given(ANY)
def test_escaped_text_is_read_back_from_html_and_xml(text: str) -> None:
    markup = f'<p title="{escape(text)}">{escape(text)}</p>'
    element = ElementTree.fromstring(markup)
    visible = "\n".join(printable(part).replace("\\t", "\t") for part in text.split("\n"))
    assert element.text in (visible or None, text)
    assert not len(element)
    tags: list[str] = []
    reader = HTMLParser()
    reader.handle_starttag = lambda tag, attrs: tags.append(tag)  # type: ignore[method-assign]
    reader.feed(markup)
    assert tags == ["p"]


FORMULAS = (
    "=1+1",
    "-5",
    "+1e3",
    "-x",
    "@a",
    "\tb",
    "'",
    "''=1",
    "-inf",
    "+nan",
    "-1_0",
    "x;=A1",
    ";'=",
    "a\t-b",
    "a|@b",
    "1;-2",
    "a\n=1",
    "=a;=b",
    "'a;'b",
)


@given(ANY | st.sampled_from(FORMULAS))
def test_no_cell_is_a_formula_and_the_text_is_recovered(text: str) -> None:
    cell = spreadsheet_cell(text)
    for part in re.split("[;|\t\r\n]", cell):  # as a spreadsheet may split the line
        if part.startswith(FORMULA):
            float(part)  # raises unless it is a number
            assert set(part) <= set("+-.0123456789eE")
    assert spreadsheet_text(cell) == text


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=3)))
def test_csv_is_read_back_unchanged(rows: list[list[str]]) -> None:
    text = csv_text(rows)
    assert list(csv.reader(io.StringIO(text, newline=""), strict=True)) == rows
    # also for readers that end a line at a lone carriage return
    outside = "".join(part for i, part in enumerate(text.split('"')) if i % 2 == 0)
    assert "\r" not in outside


@given(ANY)
def test_errors_escape_what_they_quote(text: str) -> None:
    error = DataError("E313", where=text, name=text, expected=text, received=text, fix=text, notes=[text])
    for lang in ("en", "zh"):
        rendered = error.render(lang)
        assert not any(map(is_invisible, rendered.replace("\n", "")))
        assert len(rendered.splitlines()) <= 7
    assert error.received == text, "the record stores the text unescaped"


def test_the_error_of_a_long_name_is_short() -> None:
    error = DataError("E313", where="x" * 10**6, name="y" * 10**6, expected="z" * 10**6, fix="f")
    assert all(len(error.render(lang)) < 10_000 for lang in ("en", "zh"))


def test_pages_escape_what_they_quote() -> None:
    label = "a\x1b]0;t\x07\nb\u202e<script>alert(1)</script>"
    model = cr.Model(cr.Sequential(cr.Dense(2)), "cross_entropy", cr.SGD(0.1))
    model.fit([[0.0, 1.0], [1.0, 0.0]], [label, "b"], epochs=1, verbose=False)
    for page in (model.explain([0.0, 1.0], label), model.attribute([0.0, 1.0])):
        assert not any(map(is_invisible, str(page).replace("\n", "")))
        html = page.to_html().replace("<mo>\u2061</mo>", "").replace("\n", "")
        assert not any(map(is_invisible, html))
        assert "<script" not in html


OUTPUT = {
    "page/screen.py",
    "apps/cli/main.py",
    "apps/cli/commands/generate.py",
    "apps/cli/commands/predict.py",
    "apps/cli/process_supervisor.py",  # the escaped errors of a process that it started
    "web/responses.py",  # lines of JSON of ASCII characters
    "data/datasets/cached_download.py",  # progress: a name of our table and numbers
}


def unescaped(file: Path) -> list[str]:
    """The calls of a module that escape or print without this module."""
    calls = []
    for node in nodes(file):
        is_used = isinstance(node, ast.Attribute) and node.attr in ("escape", "write", "writer")
        name = ast.unparse(node) if is_used else ""
        if name in ("html.escape", "sys.stdout.write", "sys.stderr.write", "csv.writer"):
            calls.append(f"{name} (line {node.lineno})")
        if isinstance(node, ast.ImportFrom) and node.module in ("html", "xml.sax.saxutils"):
            calls.append(f"{node.module} (line {node.lineno})")
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print":
            calls.append(f"print (line {node.lineno})")
    return calls


@pytest.mark.long
def test_only_listed_files_print_and_only_one_escapes() -> None:
    files = [
        file
        for file in PACKAGE
        if file.is_relative_to(SOURCE)  # examples print computed values, no text of a file
        and str(file.relative_to(SOURCE)) not in OUTPUT | {"escaping.py"}
    ]
    assert violations(unescaped, files) == {}


def test_a_module_that_escapes_by_itself_is_found(tmp_path: Path) -> None:
    file = tmp_path / "m.py"
    file.write_text("import html\nfrom html import escape\nprint(html.escape('x'))\n", encoding="utf-8")
    assert len(unescaped(file)) == 3


@pytest.mark.parametrize("text", ["\x1b[31m", "\u2067", "[bold]x[/bold]", "{0}", "%s"])
def test_tracebacks_escape_what_they_quote(text: str) -> None:
    with pytest.raises(cr.errors.UsageError) as raised:
        cr.Model(cr.Sequential(cr.Dense(1)), text)
    assert not any(map(is_invisible, str(raised.value).replace("\n", "")))
    assert printable(text) in str(raised.value)
