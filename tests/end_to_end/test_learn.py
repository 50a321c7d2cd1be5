"""``chainrule learn`` lists the parts of the course, shows them in both languages and writes notebooks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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
