"""Pages on a phone: nothing is wider than the screen, and no word breaks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from english_words import english_sentences

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")
WIDTH = 390
COMMANDS = {
    "attribution": ("attribute", "loans", "DATA", "--row", 3),
    "importance": ("attribute", "loans", "DATA", "--importance", "--repeats", 1),
    "counterfactual": ("attribute", "loans", "DATA", "--row", 3, "--counterfactual", "*"),
    "explanation": ("explain", "loans", "DATA", "--row", 3, "--weight", "dense1.weight[0,1]"),
    "diagnosis": ("doctor", "loans"),
}
# Elements beyond the right edge that are not in a box that scrolls.
OUTSIDE = """width => [...document.querySelectorAll("body *")].filter(element => element.checkVisibility()
    && !element.closest(".scroll, .table, .equation, .diagram, summary + *")
    && element.getBoundingClientRect().right > width + 1).map(element => element.outerHTML.slice(0, 80))"""
# Single words of up to 20 letters that take more than one line.
BROKEN = """() => {
    const broken = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const text = walker.currentNode.textContent.trim();
        if (!/^[A-Za-z_]{2,20}$/.test(text)) continue;
        const range = document.createRange();
        range.selectNodeContents(walker.currentNode);
        const lines = new Set([...range.getClientRects()].map(box => Math.round(box.top)));
        if (lines.size > 1) broken.push(text);
    }
    return broken;
}"""


@pytest.mark.long
def test_no_page_is_wider_than_a_phone(trained, chainrule, credit: Path) -> None:
    files, cells = {"report": Path("loans/report.html")}, credit.read_text(encoding="utf-8")
    for name, words in COMMANDS.items():
        done = chainrule(*(credit if word == "DATA" else word for word in words), "--html", f"{name}.html")
        assert done.code == 0, done.err
        files[name] = Path(f"{name}.html")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 1200})
        for name, file in files.items():
            page.goto(file.absolute().as_uri())
            for lang in ("en", "zh"):
                page.click(f"label[for={'' if name == 'report' else 'lang-'}{lang}]")
                assert page.evaluate("document.documentElement.scrollWidth") == WIDTH, (name, lang)
                assert page.evaluate(OUTSIDE, WIDTH) == [], (name, lang)
                assert page.evaluate(BROKEN) == [], (name, lang)
            english = english_sentences(page.inner_text("body"))
            assert [words for words in english if words not in cells] == [], name
        browser.close()


@pytest.mark.long
def test_a_printed_report_has_no_controls_and_no_box_that_scrolls(trained) -> None:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 680, "height": 1000})
        page.emulate_media(media="print")
        page.goto(Path("loans/report.html").absolute().as_uri())
        assert not page.locator("nav").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 680
        boxes = page.evaluate("""() => [...document.querySelectorAll(".scroll")]
            .filter(box => box.checkVisibility()).map(box => getComputedStyle(box).overflowX)""")
        assert boxes
        assert set(boxes) == {"visible"}
        browser.close()
