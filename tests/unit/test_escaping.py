"""Text from outside is shown, never obeyed: terminals, pages, spreadsheets, CSV."""

from __future__ import annotations

import ast
import csv
import io
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
from sources import PACKAGE, SOURCE, breaches, tree

# Format characters that are seen: signs before Arabic, Syriac and Kaithi numbers.
SEEN = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
ANY = st.text(st.characters())  # halves of surrogate pairs among them


def steers(c: str) -> bool:
    return unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in SEEN


def test_every_character_that_steers_is_escaped_and_no_letter_is() -> None:
    for c in map(chr, range(sys.maxunicode + 1)):
        if steers(c):
            assert printable(c) == ascii(c)[1:-1], ascii(c)
        elif c.isprintable() and unicodedata.category(c)[0] in "LNPS":
            assert printable(c) in (c, ascii(c)[1:-1]), ascii(c)
    kept = "Zażółć 中文，日本語 עברית العربية ไทย 🙂 ∂²f/∂x² ½ ﷽ é"
    assert printable(kept) == kept


@given(ANY)
def test_a_printable_text_is_one_line_of_visible_characters(text: str) -> None:
    shown = printable(text)
    assert not any(map(steers, shown))
    assert len(shown.splitlines()) <= 1
    assert printable(shown) == shown
    if text.isprintable() and text.isascii():
        assert shown == text
    assert "\n".join(map(printable, text.split("\n"))) == printable_lines(text)


@given(ANY, st.integers(1, 20))
def test_a_limit_bounds_the_characters_that_are_shown(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert shown == printable(text) if len(text) <= limit else shown == printable(text[: limit - 1]) + "…"


@given(ANY)
def test_an_escaped_text_is_text_in_html_and_in_xml(text: str) -> None:
    written = f'<p title="{escape(text)}">{escape(text)}</p>'
    element = ElementTree.fromstring(written)
    shown = "\n".join(printable(part).replace("\\t", "\t") for part in text.split("\n"))
    assert element.text in (shown or None, text)
    assert not len(element)
    tags: list[str] = []
    reader = HTMLParser()
    reader.handle_starttag = lambda tag, attrs: tags.append(tag)  # type: ignore[method-assign]
    reader.feed(written)
    assert tags == ["p"]


@given(ANY | st.sampled_from(["=1+1", "-5", "+1e3", "-x", "@a", "\tb", "'", "''=1", "-inf", "+nan", "-1_0"]))
def test_no_cell_is_a_formula_and_the_text_comes_back(text: str) -> None:
    cell = spreadsheet_cell(text)
    if cell.startswith(FORMULA):
        float(cell)  # a number, which a spreadsheet may take for one
        assert set(cell) <= set("+-.0123456789eE")
    assert spreadsheet_text(cell) == text


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=3)))
def test_csv_is_read_back_as_it_was(rows: list[list[str]]) -> None:
    text = csv_text(rows)
    assert list(csv.reader(io.StringIO(text, newline=""), strict=True)) == rows
    # no row ends where another reader, which takes a lone carriage return for the end of a line, would end it
    outside = "".join(part for i, part in enumerate(text.split('"')) if i % 2 == 0)
    assert "\r" not in outside


@given(ANY)
def test_an_error_shows_what_it_quotes(text: str) -> None:
    error = DataError("E313", where=text, name=text, expected=text, received=text, fix=text, notes=[text])
    for lang in ("en", "zh"):
        shown = error.render(lang)
        assert not any(map(steers, shown.replace("\n", "")))
        assert len(shown.splitlines()) <= 7
    assert error.received == text, "the record keeps the fact"


def test_an_error_of_a_long_name_is_short() -> None:
    error = DataError("E313", where="x" * 10**6, name="y" * 10**6, expected="z" * 10**6, fix="f")
    assert all(len(error.render(lang)) < 10_000 for lang in ("en", "zh"))


def test_a_page_shows_what_it_quotes() -> None:
    label = "a\x1b]0;t\x07\nb\u202e<script>alert(1)</script>"
    model = cr.Model(cr.Sequential(cr.Dense(2)), "cross_entropy", cr.SGD(0.1))
    model.fit([[0.0, 1.0], [1.0, 0.0]], [label, "b"], epochs=1, verbose=False)
    for page in (model.explain([0.0, 1.0], label), model.attribute([0.0, 1.0])):
        assert not any(map(steers, str(page).replace("\n", "")))
        html = page.to_html().replace("<mo>\u2061</mo>", "").replace("\n", "")
        assert not any(map(steers, html))
        assert "<script" not in html


OUTPUT = {
    "apps/cli/screen.py",
    "apps/cli/main.py",
    "apps/cli/commands/generate.py",
    "apps/cli/commands/predict.py",
}


def unescaped(file: Path) -> list[str]:
    """Where a module escapes or prints by itself."""
    found = []
    for node in ast.walk(tree(file)):
        name = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
        if name in ("html.escape", "sys.stdout.write", "sys.stderr.write", "csv.writer"):
            found.append(f"{name} (line {node.lineno})")
        if isinstance(node, ast.ImportFrom) and node.module in ("html", "xml.sax.saxutils"):
            found.append(f"{node.module} (line {node.lineno})")
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print":
            found.append(f"print (line {node.lineno})")
    return found


def test_only_a_few_files_write_and_one_escapes() -> None:
    files = [
        file for file in PACKAGE
        if (name := str(file.relative_to(SOURCE))) not in OUTPUT | {"escaping.py"}
        and not name.startswith("apps/examples/")  # they print what they computed, and no text of a file
    ]  # fmt: skip
    assert breaches(unescaped, files) == {}


def test_a_module_that_escapes_by_itself_would_be_seen(tmp_path: Path) -> None:
    file = tmp_path / "m.py"
    file.write_text("import html\nfrom html import escape\nprint(html.escape('x'))\n", encoding="utf-8")
    assert len(unescaped(file)) == 3


@pytest.mark.parametrize("text", ["\x1b[31m", "\u2067", "[bold]x[/bold]", "{0}", "%s"])
def test_a_traceback_shows_what_it_quotes(text: str) -> None:
    with pytest.raises(cr.errors.UsageError) as raised:
        cr.Model(cr.Sequential(cr.Dense(1)), text)
    assert not any(map(steers, str(raised.value).replace("\n", "")))
    assert printable(text) in str(raised.value)
