"""Pages: aligned text columns; complete, escaped and linked HTML without external resources."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

import pytest

from article import article
from chainrule.notation import Number, Symbol, parse
from chainrule.page.explanation import Explanation
from chainrule.page.page import Equation, Items, Lines, Section, Table
from chainrule.page.terminal import WIDTH, width

VOID = {"meta", "mspace", "br", "input"}


class Checker(HTMLParser):
    """Checks that elements are balanced, and collects elements and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    @property
    def links(self) -> set[str]:
        return {value for name, value in self.attributes if name in ("href", "xlink:href")}


def page(text: str, lang: str = "en") -> Explanation:
    table = Table(("名字", "n"), (("一", "1"), (text, "12345")), (1,))
    lines = Lines("F1", (Equation(Symbol("z"), (parse("a + 1"), Number(2.5)), 2.5, note=text),), more=text)
    return Explanation(text, lang, (Section(text, (text, Items((text,)), lines, table)),))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_html_is_a_complete_page_without_external_resources(lang: str) -> None:
    text = article(lang, 3).to_html()
    ids = Checker(text)
    assert ids.open == []
    assert {"math", "table", "section", "style"} <= ids.seen
    assert ids.seen & {"script", "link", "img", "iframe", "object"} == set()
    assert not any(name.startswith("on") or name == "src" for name, _ in ids.attributes)
    assert all(link.startswith("#") for link in ids.links)
    assert "@import" not in text
    assert "url(" not in text
    assert "−0.015659" in text


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_page_has_both_languages_with_the_requested_one_first(lang: str) -> None:
    page = article(lang)
    text = page.to_html()
    assert ("lang", "en") in Checker(text).attributes
    assert text.startswith(f'<!doctype html>\n<html lang="{ {"en": "en", "zh": "zh-CN"}[lang] }">')
    assert re.findall(r'<article class="in-(\w+)"', text) == [lang, {"en": "zh", "zh": "en"}[lang]]
    assert re.findall(r'id="lang-(\w+)" checked', text) == [lang]
    for other in ("en", "zh"):
        assert article(other).sections[0].parts[0] in unescape(text)


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("samples", [1, 2])
def test_every_link_has_exactly_one_target(depth: int, samples: int) -> None:
    page = article("en", depth, samples)
    for html in (page.to_html(), page._repr_html_()):
        ids = Checker(html)
        assert len(ids.ids) == len(set(ids.ids))
        assert ids.links <= {f"#{name}" for name in ids.ids}


def test_signals_link_to_their_equation_and_weights_to_their_line() -> None:
    text = article("en").to_html()
    term = r'<mtext data-node="\w+\[0, 0\]" class="n\d+"><a href="#\1"><math[^>]*><msubsup><mi>δ</mi>'
    signal = re.search(rf'id="(en-n\d+)"><math[^>]*>{term}', text)
    assert signal is not None
    assert text.count(f'href="#{signal[1]}"') > 5
    lines = re.findall(r'<a id="(en-n\d+)" class="n\d+" xlink:href="#(en-n\d+)"><line', text)
    assert len(lines) == 9  # 2 x 3 weights and 3 x 1
    for weight, gradient in lines:
        assert text.count(f'href="#{weight}"') > 1
        assert f'<div class="equation" id="{gradient}"><math' in text


def test_links_of_drawings_have_no_href_which_jupyterlab_would_replace() -> None:
    for html in (article("en")._repr_html_(), article("en", 2).to_html()):
        drawings = re.findall("<svg.*?</svg>", html, re.DOTALL)
        assert drawings
        for drawing in drawings:
            assert len(re.findall(r"<a\b", drawing)) == len(re.findall(r" xlink:href=", drawing)) > 9
            assert not re.search(r"\shref=", drawing)


def test_a_page_in_one_language_has_no_language_switch() -> None:
    text = Explanation("t", "en", (Section("s", ("one",)),)).to_html()
    assert 'class="switches"' not in text
    assert 'id="words"' in page("t").to_html()
    assert 'type="radio"' not in page("t").to_html()


def test_long_sections_are_collapsed() -> None:
    lines = Lines("F1", (Equation(Symbol("z"), (Number(2.5),), 2.5),) * 200)
    text = Explanation("t", "en", (Section("many", (lines,)), Section("few", ("one",)))).to_html()
    assert re.findall(r"<details><summary><h2>(\w+)</h2>", text) == ["many"]


def test_formulas_are_followed_by_their_wording() -> None:
    words = re.findall(r'<div class="words">(.*?)</div>', article("en").to_html())
    assert (
        "The error signal δ₁⁽²⁾ equals the error (ŷ − y) times the derivative of the sigmoid at z₁⁽²⁾."
        in words
    )
    assert "误差信号 δ₁⁽²⁾ 等于误差（ŷ − y）乘以 Sigmoid 函数在 z₁⁽²⁾ 处的导数。" in words
    slope = "times the weight w₁₁⁽²⁾ times the derivative of the sigmoid at z₁⁽¹⁾."
    assert f"The error signal δ₁⁽¹⁾ equals the error signal δ₁⁽²⁾ {slope}" in words
    moved = next(text for text in words if "becomes" in text)
    assert moved.endswith("the learning rate η times the derivative of the loss J by the weight w₁₁⁽¹⁾.")
    assert not any(re.search(r"[一-鿿]", text) for text in words if text.startswith("The "))
    assert 'class="words"' not in article("en")._repr_html_()


@pytest.mark.parametrize(("lang", "wording"), [("en", "Q equals p times r."), ("zh", "Q 等于 p 乘以 r。")])
def test_an_equation_can_be_worded_in_terminal_and_notebook(lang: str, wording: str) -> None:
    equation = Equation(Symbol("q"), (parse("p * r"),), 2.5, aloud=True)
    page = Explanation("t", lang, (Section("s", (Lines("F1", (equation,)),)),))
    assert f"     {wording}" in str(page)
    assert f'<div class="words aloud">{wording}</div>' in page._repr_html_()


def test_html_escapes_user_texts() -> None:
    text = page('<script>alert("x")</script> & <b>').to_html()
    assert Checker(text).seen & {"script", "b"} == set()
    assert "&lt;script&gt;" in text


def test_notebook_fragments_have_distinct_ids() -> None:
    piece = page("x")._repr_html_()
    assert piece.startswith("<article")
    assert Checker(piece).open == []
    assert page("x")._repr_html_() == piece
    one, other = (set(Checker(article("en", samples=n)._repr_html_()).ids) for n in (1, 2))
    assert one & other == set()


def test_symbols_in_html_carry_their_node() -> None:
    targets = {value for name, value in Checker(article().to_html()).attributes if name == "data-node"}
    assert "sigmoid[0, 0]" in targets
    assert len(targets) > 30


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("权重", 4), ("ŷ", 1), ("y\u0302", 1), ("（）", 4)]
)
def test_width_counts_terminal_columns(text: str, columns: int) -> None:
    assert width(text) == columns


def test_a_table_with_wide_characters_is_aligned() -> None:
    rows = [line for line in str(page("梯度")).splitlines() if line.endswith(("n", " 1", "12345"))]
    assert len({width(line) for line in rows}) == 1
    assert len(rows) == 3


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_sentences_are_wrapped(lang: str) -> None:
    sentences = [line for line in str(article(lang)).splitlines() if "=" not in line and "  " not in line]
    assert max(map(width, sentences)) <= WIDTH
    assert not any(line.startswith(("，", "。", "；", "）")) for line in sentences)


def test_a_long_equation_is_split_at_its_equals_signs() -> None:
    long = parse(" + ".join(f"a[{i}]" for i in range(40)))
    text = str(
        Explanation("t", "en", (Section("s", (Lines("F1", (Equation(Symbol("z"), (long, long), 1.0),)),)),))
    )
    assert [line.split("=")[0] for line in text.splitlines()[-3:]] == ["(F1) z ", "       ", "       "]
    assert text.splitlines()[-1].endswith("= 1.000000")
