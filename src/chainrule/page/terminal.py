"""Explanations as text: formulas in Unicode, tables aligned by terminal columns.

In a terminal, sentences, formulas and table cells are wrapped at its width. In a file, sentences are wrapped
but formulas and tables are not, so that they can be searched. All texts are escaped with ``printable``,
because labels, names and cells come from files.
"""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Iterator, Sequence

from chainrule.escaping import printable
from chainrule.notation import number, to_unicode
from chainrule.notation.abbreviate import abbreviate
from chainrule.notation.text_columns import WIDE, aligned, column_widths, width
from chainrule.page.page import READABLE, Cell, Equation, Items, Lines, Page, Part, Table
from chainrule.page.spoken_formula import spoken_equation

WIDTH = 110  # maximum width of a sentence, and of an equation on one line
ENDLESS = 10**6  # width of a file
NOTATION = 2  # the position of the section after which a diagram is drawn
HANGING = "    "  # indentation of wrapped formulas


def text_page(page: Page, columns: int | None = None, drawing: Sequence[str] = ()) -> str:
    """Return a page as text.

    Args:
        page: the page.
        columns: of the terminal; ``None``: the width of the output, if it is a terminal.
        drawing: lines of a diagram, which follow the section of the notation, the second one; a terminal that
            is not wide enough shows none.
    """
    columns = columns or terminal_columns()
    title = printable(page.title)
    blocks = [f"{title}\n{'═' * min(width(title), columns)}"]
    for position, section in enumerate(page.sections, 1):
        name = printable(section.heading)
        heading = [f"{name}\n{'─' * width(name)}"] if name else []
        blocks += [*heading, *(_part(part, page.lang, columns) for part in section.parts)]
        if position == NOTATION and drawing and max(map(width, drawing)) <= columns:
            blocks.append("\n".join(drawing))
    return "\n\n".join(blocks) + "\n"


def terminal_columns() -> int:
    """Return the width of the terminal, or ``ENDLESS`` if the output is not a terminal."""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return shutil.get_terminal_size().columns if is_terminal else ENDLESS


def cell_text(cell: Cell) -> str:
    """Return a table cell or a formula as text."""
    return printable(cell if isinstance(cell, str) else to_unicode(abbreviate(cell, READABLE)))


def equation_lines(equation: Equation, width_limit: int, max_width: int = ENDLESS) -> list[str]:
    """Return an equation, symbol = formula = numbers = result, on one line or on one line per part.

    Args:
        width_limit: the width above which an equation is split into one line per part.
        max_width: the width at which a part is wrapped.
    """
    parts = [cell_text(equation.left)] if equation.left is not None else []
    parts += [cell_text(step) for step in equation.steps]
    if equation.value is not None:
        parts.append(number(equation.value, fixed=True))
    signs = [f" {equation.sign} "] + [" = "] * len(parts)
    first = "".join(parts[:1])
    lines = [first + "".join(sign + part for sign, part in zip(signs, parts[1:], strict=False))]
    indent = " " * min(width(first), max_width // 3)
    if width(lines[0]) > width_limit and len(parts) > 2:
        lines = [
            first + signs[0] + parts[1],
            *(indent + sign + part for sign, part in zip(signs[1:], parts[2:], strict=False)),
        ]
    note = printable(equation.note)
    if note and width(lines[-1]) + 2 + width(note) <= max_width:
        lines[-1] += f"  {note}"
    elif note:
        lines.append(f"{indent}   {note}")
    return [piece for line in lines for piece in _hanging(line, max_width, indent + HANGING)]


def _hanging(line: str, max_width: int, indent: str) -> Iterator[str]:
    """Wrap a line, with further lines indented."""
    if width(line) <= max_width:
        yield line
        return
    first, *rest = wrapped(line, max_width)
    yield first
    yield from (indent + piece for piece in wrapped(" ".join(rest), max_width - width(indent)))


def _part(part: Part, lang: str, columns: int) -> str:
    max_width = min(WIDTH, columns)
    if isinstance(part, str):
        return "\n".join(wrapped(part, max_width))
    if isinstance(part, Items):
        return "\n".join(line for text in part.texts for line in wrapped(text, max_width))
    return _table(part, columns) if isinstance(part, Table) else _lines(part, lang, columns)


def wrapped(text: str, max_width: int = WIDTH) -> Iterator[str]:
    """Wrap a sentence; Chinese may be wrapped between any two characters."""
    line = ""
    for word in _words(printable(text)):
        if line.strip() and width(line) + width(word.rstrip()) > max_width:
            yield line.rstrip()
            line = ""
        line += word
    yield line.rstrip()


_CLOSING = "，。；：、）”！？"


def _words(text: str) -> Iterator[str]:
    word = ""
    for character, following in zip(text, f"{text[1:]} ", strict=False):
        word += character
        wide = any(unicodedata.east_asian_width(c) in WIDE for c in (character, following))
        if character == " " or (wide and following not in _CLOSING and character not in "（“"):
            yield word
            word = ""
    yield word


def _lines(lines: Lines, lang: str, columns: int) -> str:
    label = f"({printable(lines.label)}) " if lines.label else "  "
    indent = " " * width(label)
    width_limit, max_width, texts = min(WIDTH, columns) - len(indent), columns - len(indent), []
    for equation in lines.equations:
        texts += equation_lines(equation, width_limit, max_width)
        texts += wrapped(spoken_equation(equation, lang), width_limit) if equation.aloud else ()
    texts += [printable(lines.more)] if lines.more else []
    return "\n".join((label if i == 0 else indent) + text for i, text in enumerate(texts))


def _table(table: Table, columns: int) -> str:
    cells = [list(map(cell_text, row)) for row in (table.head, *table.rows)]
    rows = _fitting(cells, columns)
    heads = max(len(list(wrapped(cell, w))) for cell, w in zip(table.head, column_widths(rows), strict=True))
    lines = aligned(rows, table.right)
    return "\n".join([*lines[:heads], "  ".join("─" * w for w in column_widths(rows)), *lines[heads:]])


def _fitting(rows: Sequence[Sequence[str]], columns: int) -> Sequence[Sequence[str]]:
    """Return the rows with the cells of the widest columns wrapped until they fit."""
    widths, gaps = column_widths(rows), 2 * (len(rows[0]) - 1)
    min_widths = [
        max(width(word.rstrip()) for text in column for word in _words(text))
        for column in zip(*rows, strict=True)
    ]
    while sum(widths) + gaps > columns and widths != min_widths:
        widest = max((i for i, w in enumerate(widths) if w > min_widths[i]), key=widths.__getitem__)
        widths[widest] -= 1
    if widths == column_widths(rows):
        return rows
    lines: list[list[str]] = []
    for row in rows:
        cells = [list(wrapped(cell, w)) for cell, w in zip(row, widths, strict=True)]
        high = max(map(len, cells))
        lines += [[cell[i] if i < len(cell) else "" for cell in cells] for i in range(high)]
    return lines
