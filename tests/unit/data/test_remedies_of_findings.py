"""Findings about data name what changes the reading in the language of the caller."""

from __future__ import annotations

import re
import string

import pytest

import chainrule as cr
from case_loops import loop_over
from chainrule.apps.cli.main import main
from chainrule.data.tables.findings import REMEDIES, SENTENCES, Finding, command_line_remedies
from chainrule.messages import translated

FACTS = {"column": "a", "mark": ",", "other": "day", "other_is_day": True, "label": "x", "rows": 5}


def both(code: str) -> tuple[str, str]:
    return SENTENCES[code], translated(SENTENCES[code], "zh")


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@loop_over("code", SENTENCES)
def test_no_sentence_has_an_option_outside_its_remedy(code: str) -> None:
    english, chinese = both(code)
    assert not re.search(r"(?<!\w)--\w|in Python|在 Python", english + chinese)
    assert ("remedy" in fields(english)) == ("remedy" in fields(chinese)) == (code in REMEDIES)


@pytest.mark.parametrize("code", REMEDIES)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_caller_chooses_the_form(code: str, lang: str) -> None:
    values = {name: FACTS.get(name, 2) for text in both(code) for name in fields(text) | set(FACTS)}
    finding = Finding(code, "info", values)
    assert "--" not in finding.render(lang)
    with command_line_remedies():
        assert finding.remedy.startswith("--")
        assert finding.remedy in finding.render(lang)
    assert "--" not in finding.render(lang)


def test_both_callers_read_their_own(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "dates.csv"
    table.write_text("day,y\n" + "".join(f"0{1 + i % 9}/0{1 + i % 8}/2020,{i}.5\n" for i in range(20)))
    with pytest.warns(UserWarning, match="day_first=True"):
        cr.Model(cr.Dense(1), "mse").fit(str(table), "y", epochs=1, verbose=False)
    assert main(["check", str(table), "--target", "y"]) == 0
    out = capsys.readouterr().out
    assert "--day-first" in out
    assert "day_first=" not in out
