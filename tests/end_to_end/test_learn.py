"""``chainrule learn`` lists the parts of the course, shows them in both languages and writes notebooks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from axe import violations
from browser_visit import chromium, needs_chromium
from chainrule import course


def test_the_command_lists_and_shows_the_parts(chainrule: Callable) -> None:
    listed = chainrule("learn", "--lang", "zh").out
    assert [line.split()[:2] for line in listed.splitlines() if line.strip()] == [
        ["learn", str(n)] for n in course.parts()
    ]
    assert "δ⁽ˡ⁾ = ((W⁽ˡ⁺¹⁾)ᵀ δ⁽ˡ⁺¹⁾) ⊙ g′(z⁽ˡ⁾)" in chainrule("learn", "4").out
    assert chainrule("learn", "12").code == 2
    assert chainrule("learn", "2", "--notebook", "two.ipynb", "--lang", "zh").code == 0
    assert "八个概念" in Path("two.ipynb").read_text(encoding="utf-8")


def test_solutions_are_shown_on_request_and_slides_are_written(chainrule: Callable) -> None:
    hidden, complete = chainrule("learn", "3").out, chainrule("learn", "3", "--solutions").out
    assert "## Solutions" not in hidden
    assert "chainrule learn 3 --solutions" in hidden
    assert "## Solutions" in complete
    assert chainrule("learn", "9").out == chainrule("learn", "9", "--solutions").out
    for lang, words in (("en", "3.5 Backward"), ("zh", "反向传播")):
        assert chainrule("learn", "3", "--slides", "three.html", "--lang", lang).code == 0
        assert words in Path("three.html").read_text(encoding="utf-8")


HEIGHTS = "[...document.querySelectorAll('section')].map(section => section.scrollHeight)"


@pytest.mark.long
@needs_chromium
def test_each_slide_of_each_part_fits_on_the_screen() -> None:
    parts = course.parts()
    assert len(parts) > 5
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        for lang in ("en", "zh"):
            for number in parts:
                page.set_content(course.slides(course.part_text(number, lang), lang))
                heights = page.evaluate(HEIGHTS)
                assert len(heights) > 10
                assert max(heights) <= 721, (
                    f"part {number} in {lang}: slide {heights.index(max(heights)) + 1}"
                )


@pytest.mark.long
@needs_chromium
def test_slides_pass_the_rules_of_accessibility(tmp_path: Path) -> None:
    file = tmp_path / "four.html"
    file.write_text(course.slides(course.part_text(4, "zh"), "zh"), encoding="utf-8")
    with chromium() as browser:
        for scheme in ("light", "dark"):
            context = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme=scheme)
            page = context.new_page()
            page.goto(file.as_uri())
            assert violations(page) == []
        page.keyboard.press("ArrowRight")
        page.keyboard.press("n")
        page.wait_for_function("location.hash === '#s2' && document.body.matches('.with-notes')")
