"""Texts of data are shown on the screen, never obeyed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.apps import screen
from chainrule.apps.cli import visible
from chainrule.apps.commands.predict import FORMULA, safe


@given(st.text())
def test_nothing_that_steers_a_terminal_gets_through(text: str) -> None:
    shown = visible(text)
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in shown)
    assert not set(shown) & set("\u200b\u200e\u202a\u202e\u2066\ufeff")
    if text.isprintable():
        assert shown == text


def test_rich_markup_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    screen.line("[bold red]x[/bold red] :smile: [link=file:///etc]y[/link]")
    screen.table(["[b]name[/b]", "n"], [("[red]a", 1.5), ("名称\n", "\x1b[1m")], numbers=(1,))
    out = capsys.readouterr().out
    assert "[bold red]x[/bold red] :smile: [link=file:///etc]y[/link]" in out
    assert out.splitlines()[1:] == ["[b]name[/b]        n", "[red]a        1.5000", "名称\\n       \\x1b[1m"]


def test_wide_tables_are_not_cut_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    screen.table(["x"], [("w" * 900,)])
    screen.line("v" * 900)
    assert capsys.readouterr().out.splitlines() == ["x", "w" * 900, "v" * 900]


@given(st.text(max_size=8) | st.sampled_from(["=1+1", "-5", "+1e3", "-x", "@a", "\tb"]))
def test_no_cell_is_a_formula(text: str) -> None:
    cell = safe(text)
    if cell.startswith(FORMULA):
        float(cell)  # a number, which a spreadsheet may take for one
    assert cell.removeprefix("'") == text or cell == text
