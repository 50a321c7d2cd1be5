"""Terminal output: headings, tables and notices, with colors on a terminal and as plain text elsewhere.

Texts from outside (column names, labels, paths) are printed as plain text, not as markup of rich, and their
control characters are escaped.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as Grid
from rich.text import Text

from chainrule.escaping import printable
from chainrule.settings import settings

if TYPE_CHECKING:
    from chainrule.data import Finding

WIDEST = 100_000  # maximum length of a line if the output is not a terminal
_COLORS = {"error": "bold red", "warning": "yellow", "info": "cyan"}


def console(to_errors: bool = False) -> Console:
    """Return the console of standard output or errors; a new one, so that redirection is respected."""
    stream = sys.stderr if to_errors else sys.stdout
    terminal = Console(file=stream, highlight=False, markup=False, emoji=False)
    return (
        terminal
        if terminal.is_terminal
        else Console(file=stream, highlight=False, markup=False, emoji=False, color_system=None, width=WIDEST)
    )


def line(text: object = "", style: str = "", to_errors: bool = False) -> None:
    """Print one line."""
    terminal = console(to_errors)
    terminal.print(Text(printable(text), style if terminal.is_terminal else ""), soft_wrap=True)


def note(text: object) -> None:
    """Print a line about what is being done, apart from the output of the command."""
    line(text, to_errors=True)


def heading(text: str) -> None:
    """Print a heading after an empty line."""
    line()
    line(text, "bold")


def block(text: str, style: str = "", to_errors: bool = False) -> None:
    """Print a text of several lines with control characters escaped."""
    for part in text.split("\n"):
        line(part, style, to_errors)


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    numbers: Sequence[int] = (),
    to_errors: bool = False,
) -> None:
    """Print a table of aligned columns.

    Args:
        header: names of the columns.
        rows: cells; floats are printed by ``readable_numbers.aligned``.
        numbers: indices of the columns that are right-aligned.
        to_errors: print to standard error.
    """
    cell = import_module("chainrule.notation.number_format").cell  # NumPy, which lines do not need
    grid = Grid(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for i, name in enumerate(header):
        grid.add_column(Text(printable(name)), justify="right" if i in numbers else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(Text(cell(value)) for value in row))
    terminal = console(to_errors)
    if terminal.is_terminal:
        terminal.print(grid)
        return
    width = Measurement.get(terminal, terminal.options, grid).maximum
    with terminal.capture() as captured:
        terminal.print(grid, width=width, crop=False, no_wrap=True)
    for text in captured.get().splitlines():
        print(text.rstrip(), file=terminal.file)


def notices(findings: Iterable[Finding], to_errors: bool = False) -> None:
    """Print findings about the data, one line each."""
    for finding in findings:
        line(f"- {finding.render(settings.lang)}", _COLORS[finding.severity], to_errors)
