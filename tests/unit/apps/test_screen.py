"""Texts from data are printed literally: markup has no effect."""

from __future__ import annotations

import pytest

from chainrule.page import screen


def test_rich_markup_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    screen.line("[bold red]x[/bold red] :smile: [link=file:///etc]y[/link]")
    screen.table(["[b]name[/b]", "n"], [("[red]a", 1.5), ("名称\n", "\x1b[1m")], numbers=(1,))
    out = capsys.readouterr().out
    assert "[bold red]x[/bold red] :smile: [link=file:///etc]y[/link]" in out
    assert out.splitlines()[1:] == ["[b]name[/b]        n", "[red]a        1.5000", "名称\\n       \\x1b[1m"]


def test_wide_tables_are_not_truncated_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    screen.table(["x"], [("w" * 900,)])
    screen.line("v" * 900)
    assert capsys.readouterr().out.splitlines() == ["x", "w" * 900, "v" * 900]
