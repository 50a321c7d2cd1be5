"""``chainrule show error``: the page of every code, in both languages, also from an installed wheel."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from chainrule.errors import CATALOG
from chainrule.errors.catalog import FOLDERS, page_lines

ROOT = Path(__file__).parents[2]
HAN = re.compile("[一-鿿]")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_code_has_a_page_for_the_terminal(lang: str) -> None:
    for code in CATALOG:
        text = "\n".join(page_lines(code, lang))
        prose = [line for line in text.splitlines() if line and not line.startswith("    ")]
        assert any(map(HAN.search, prose)) or lang == "en", code
        assert "```" not in text
        if lang == "en":
            assert "How to fix it" in text, code


def test_the_page_of_a_code(chainrule) -> None:
    outcome = chainrule("show", "error", "e203")
    assert outcome.code == 0
    assert outcome.out.startswith("E203: the last axis")
    assert '    cr.input("x", (None, 3)) @ cr.input("W", (4, 3))\n' in outcome.out
    assert "How to fix it\n\nWeights" in outcome.out
    assert "按 (out, in) 存放" in chainrule("show", "error", "E203", "--lang", "zh").out


def test_all_codes_are_listed(chainrule) -> None:
    codes = re.findall(r"(?m)^  (E\d{3})  ", chainrule("show", "errors").out)
    assert codes == sorted(CATALOG)


def test_an_unknown_code_suggests_a_command_that_works(chainrule) -> None:
    outcome = chainrule("show", "error", "E2033")
    assert outcome.code == 2
    fix = re.search(r"fix +chainrule (.*)", outcome.err)
    assert fix is not None
    assert chainrule(*fix[1].split()).code == 0


def test_the_wheel_carries_the_pages() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    carried = wheel["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert carried["docs/errors"] == f"chainrule/{FOLDERS[0].relative_to(ROOT / 'src' / 'chainrule')}"
