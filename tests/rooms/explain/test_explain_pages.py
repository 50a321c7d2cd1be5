"""How a page looks: aligned columns, HTML that is complete, escaped and fetches nothing."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from chainrule.explain.article import article
from chainrule.explain.explanation import Explanation
from chainrule.explain.page import Equation, Items, Lines, Section, Table
from chainrule.explain.text import WIDTH, width
from chainrule.notation import Number, Symbol, parse

VOID = {"meta", "mspace", "br"}


class Checker(HTMLParser):
    """Opened and closed elements in balance, and every element and attribute that occurs."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page(text: str, lang: str = "en") -> Explanation:
    table = Table(("名字", "n"), (("一", "1"), (text, "12345")), (1,))
    lines = Lines("F1", (Equation(Symbol("z"), (parse("a + 1"), Number(2.5)), 2.5, note=text),), more=text)
    return Explanation(text, lang, (Section(text, (text, Items((text,)), lines, table)),))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_html_is_one_whole_page_that_fetches_nothing(lang: str) -> None:
    text = article(lang, 3).to_html()
    found = Checker(text)
    assert found.open == []
    assert {"math", "table", "section", "style"} <= found.seen
    assert found.seen & {"script", "link", "img", "iframe", "object"} == set()
    assert not any(name.startswith("on") or name in ("src", "href") for name, _ in found.attributes)
    assert ("lang", {"en": "en", "zh": "zh-CN"}[lang]) in found.attributes
    assert "@import" not in text
    assert "url(" not in text
    assert "−0.015659" in text


def test_html_escapes_what_people_wrote() -> None:
    text = page('<script>alert("x")</script> & <b>').to_html()
    assert Checker(text).seen & {"script", "b"} == set()
    assert "&lt;script&gt;" in text


def test_a_notebook_gets_a_piece_of_a_page() -> None:
    piece = page("x")._repr_html_()
    assert piece.startswith("<article")
    assert Checker(piece).open == []


def test_each_symbol_in_html_says_what_it_stands_for() -> None:
    targets = {value for name, value in Checker(article().to_html()).attributes if name == "data-node"}
    assert "sigmoid[0, 0]" in targets
    assert len(targets) > 30


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("权重", 4), ("ŷ", 1), ("y\u0302", 1), ("（）", 4)]
)
def test_width_counts_columns_of_the_screen(text: str, columns: int) -> None:
    assert width(text) == columns


def test_a_table_aligns_with_wide_signs() -> None:
    rows = [line for line in str(page("梯度")).splitlines() if line.endswith(("n", " 1", "12345"))]
    assert len({width(line) for line in rows}) == 1
    assert len(rows) == 3


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_sentences_are_folded_to_the_screen(lang: str) -> None:
    sentences = [line for line in str(article(lang)).splitlines() if "=" not in line and "  " not in line]
    assert max(map(width, sentences)) <= WIDTH
    assert not any(line.startswith(("，", "。", "；", "）")) for line in sentences)


def test_a_long_equation_is_broken_at_its_signs() -> None:
    long = parse(" + ".join(f"a[{i}]" for i in range(40)))
    text = str(
        Explanation("t", "en", (Section("s", (Lines("F1", (Equation(Symbol("z"), (long, long), 1.0),)),)),))
    )
    assert [line.split("=")[0] for line in text.splitlines()[-3:]] == ["(F1) z ", "       ", "       "]
    assert text.splitlines()[-1].endswith("= 1.000000")
