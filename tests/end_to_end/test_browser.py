"""Explanation pages in a browser: formulas, links, languages, narrow screens, no request to a network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from article import article
from chainrule.models import lenet5

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The article's example in both languages, a weight of a LeNet, and a network with a million weights."""
    draw = np.random.default_rng(0)
    lenet = cr.Model(lenet5(10), "cross_entropy", cr.SGD(0.01), engine="reference")
    images, labels = draw.normal(size=(4, 28, 28, 1)), np.array([3, 1, 4, 1])
    lenet.fit(images, labels, epochs=1, verbose=False)
    net = cr.Sequential(cr.Dense(1000, "relu"), cr.Dense(10))
    large = cr.Model(net, "cross_entropy", cr.SGD(0.01), engine="reference")
    rows = draw.normal(size=(4, 1000))
    large.fit(rows, labels, epochs=1, verbose=False)
    explanations = {
        "en": article("en"),
        "zh": article("zh", 3),
        "lenet": lenet.explain(images[0], labels[0], weight="output.weight[3,5]", lang="en"),
        "large": large.explain(rows[0], labels[0], lang="en"),
    }
    folder = tmp_path_factory.mktemp("pages")
    for name, explanation in explanations.items():
        (folder / f"{name}.html").write_text(explanation.to_html(), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in explanations}


class Visit:
    """A page opened in the browser, with its console messages and requests."""

    def __init__(self, browser: playwright.Browser, file: Path, wide: int = 1000) -> None:
        self.page = browser.new_page(viewport={"width": wide, "height": 800})
        self.messages: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())

    def ask(self, script: str) -> object:
        return self.page.evaluate(script)


NAMES = ("en", "zh", "lenet", "large")
HEIGHTS = """[...document.querySelectorAll("math")].filter(formula => formula.checkVisibility())
    .map(formula => formula.getBoundingClientRect().height)"""


@pytest.mark.parametrize("name", NAMES)
def test_a_page_shows_formulas_fits_a_narrow_screen_and_sends_no_request(
    browser: playwright.Browser, pages: dict[str, Path], name: str
) -> None:
    visit = Visit(browser, pages[name])
    # Elements outside the screen are only rendered when they are near it.
    visit.page.add_style_tag(content=".chainrule .lines { content-visibility: visible !important }")
    heights = visit.ask(HEIGHTS)
    assert len(heights) > 10
    assert min(heights) > 5
    assert visit.ask("document.querySelectorAll('svg circle').length") > 3
    visit.page.set_viewport_size({"width": 400, "height": 800})
    for lang in ("en", "zh"):
        visit.page.click(f"label[for=lang-{lang}]")
        visit.page.check("#words")
        assert visit.ask("document.documentElement.scrollWidth") == 400
    assert visit.messages == []
    assert visit.requests == [pages[name].as_uri()]


@pytest.fixture(scope="module")
def page(browser: playwright.Browser, pages: dict[str, Path]) -> playwright.Page:
    """The page of the article's example in English, shared by tests that reset what they set."""
    return Visit(browser, pages["en"]).page


def test_the_language_is_switched_in_the_page(page: playwright.Page) -> None:
    english, chinese = page.locator("article.in-en"), page.locator("article.in-zh")
    assert (english.is_visible(), chinese.is_visible()) == (True, False)
    page.click("label[for=lang-zh]")
    chinese.wait_for(state="visible")  # rendering is slow on a loaded machine
    assert not english.is_visible()
    assert "前向传播" in page.inner_text("body")
    assert "Forward" not in page.inner_text("body")
    page.click("label[for=lang-en]")
    english.wait_for(state="visible")


def test_formulas_in_words_are_shown_on_request(page: playwright.Page) -> None:
    words = page.get_by_text("times the derivative of the sigmoid at z₁⁽¹⁾.").first
    assert not words.is_visible()
    page.check("#words")
    words.wait_for(state="visible")  # rendering is slow on a loaded machine
    page.uncheck("#words")


DRAWN = """() => document.fonts.ready.then(
    () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))
)"""


def follow(page: playwright.Page, link: playwright.Locator) -> None:
    """Click a link within the page after fonts are loaded and the layout is stable."""
    link.scroll_into_view_if_needed()
    page.evaluate(DRAWN)
    link.click()


def test_a_term_links_to_its_equation_which_is_highlighted(
    browser: playwright.Browser, pages: dict[str, Path]
) -> None:
    page = Visit(browser, pages["en"]).page  # not changed by other tests
    term = page.locator("article.in-en table a", has_text="δ").first
    text = term.inner_text()
    follow(page, term)
    target = page.locator(":target")
    assert target.inner_text().startswith(text)
    assert "=" in target.inner_text()
    assert target.evaluate(
        "e => e.getBoundingClientRect().top >= 0 && e.getBoundingClientRect().bottom <= 800"
    )
    assert target.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(255, 224, 102)"


@pytest.mark.long
def test_a_weight_links_to_its_edge_and_the_edge_to_its_gradient(page: playwright.Page) -> None:
    follow(page, page.locator("article.in-en .equation a", has_text="w").first)
    assert page.locator(":target").evaluate("e => e.querySelector('line').tagName") == "line"
    page.locator("article.in-en svg a:has(line)").first.click()
    assert page.locator(":target").text_content().startswith("∂J∂w11")


@pytest.mark.long
def test_hovering_a_term_highlights_all_its_occurrences(page: playwright.Page) -> None:
    term = page.locator("article.in-en .equation a", has_text="z").first
    mark = term.evaluate("e => e.parentElement.className")
    term.hover()
    colors = page.locator(f"article.in-en mtext.{mark}").evaluate_all(
        "all => all.map(e => getComputedStyle(e).backgroundColor)"
    )
    assert len(colors) == 3  # its definition, its activation, and the letter in ∂a/∂z
    assert set(colors) == {"rgb(255, 243, 191)"}
