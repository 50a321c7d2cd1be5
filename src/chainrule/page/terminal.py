"""An explanation as text for a terminal: formulas in Unicode, tables aligned by columns of the screen.

In a terminal nothing is wider than it: sentences, formulas and cells of tables are folded between words. In a
file sentences are folded, formulas and tables are not, so that they can be searched and cut. Every text of
the page is made printable: labels, names and cells come from files.
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

WIDTH = 110  # columns of a sentence, and of an equation before it is set on several lines
ENDLESS = 10**6  # columns of a file
HANGING = "    "  # before what is left of a formula that does not fit on a line


def text_page(page: Page, columns: int | None = None) -> str:
    """The whole explanation.

    Args:
        page: what to print.
        columns: of the screen; by default those of the terminal, if it is one that is printed to.
    """
    columns = columns or terminal_columns()
    title = printable(page.title)
    blocks = [f"{title}\n{'═' * min(width(title), columns)}"]
    for section in page.sections:
        name = printable(section.heading)
        heading = [f"{name}\n{'─' * width(name)}"] if name else []
        blocks += [*heading, *(_part(part, page.lang, columns) for part in section.parts)]
    return "\n\n".join(blocks) + "\n"


def terminal_columns() -> int:
    """How many columns what is printed may take."""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return shutil.get_terminal_size().columns if is_terminal else ENDLESS


def cell_text(cell: Cell) -> str:
    """A table's cell, or any formula, as text."""
    return printable(cell if isinstance(cell, str) else to_unicode(abbreviate(cell, READABLE)))


def equation_lines(equation: Equation, room: int, most: int = ENDLESS) -> list[str]:
    """An equation, name = formula = numbers = result: on one line, or on one for each part where it is too
    long.

    Args:
        equation: what to print.
        room: columns; an equation of more is set on several lines,
        most: and a part of more columns is folded.
    """
    parts = [cell_text(equation.left)] if equation.left is not None else []
    parts += [cell_text(step) for step in equation.steps]
    if equation.value is not None:
        parts.append(number(equation.value, fixed=True))
    signs = [f" {equation.sign} "] + [" = "] * len(parts)
    first = "".join(parts[:1])
    lines = [first + "".join(sign + part for sign, part in zip(signs, parts[1:], strict=False))]
    indent = " " * min(width(first), most // 3)
    if width(lines[0]) > room and len(parts) > 2:
        lines = [
            first + signs[0] + parts[1],
            *(indent + sign + part for sign, part in zip(signs[1:], parts[2:], strict=False)),
        ]
    note = printable(equation.note)
    if note and width(lines[-1]) + 2 + width(note) <= most:
        lines[-1] += f"  {note}"
    elif note:
        lines.append(f"{indent}   {note}")
    return [piece for line in lines for piece in _hung(line, most, indent + HANGING)]


def _hung(line: str, room: int, indent: str) -> Iterator[str]:
    """A line on as many as it needs, the further ones set in."""
    if width(line) <= room:
        yield line
        return
    begun, *rest = folded(line, room)
    yield begun
    yield from (indent + piece for piece in folded(" ".join(rest), room - width(indent)))


def _part(part: Part, lang: str, columns: int) -> str:
    room = min(WIDTH, columns)
    if isinstance(part, str):
        return "\n".join(folded(part, room))
    if isinstance(part, Items):
        return "\n".join(line for text in part.texts for line in folded(text, room))
    return _table(part, columns) if isinstance(part, Table) else _lines(part, lang, columns)


def folded(text: str, room: int = WIDTH) -> Iterator[str]:
    """A sentence on lines of at most so many columns; Chinese may be cut between any two signs."""
    line = ""
    for word in _words(printable(text)):
        if line.strip() and width(line) + width(word.rstrip()) > room:
            yield line.rstrip()
            line = ""
        line += word
    yield line.rstrip()


_CLOSING = "，。；：、）”！？"


def _words(text: str) -> Iterator[str]:
    word = ""
    for sign, after in zip(text, f"{text[1:]} ", strict=False):
        word += sign
        wide = any(unicodedata.east_asian_width(one) in WIDE for one in (sign, after))
        if sign == " " or (wide and after not in _CLOSING and sign not in "（“"):
            yield word
            word = ""
    yield word


def _lines(lines: Lines, lang: str, columns: int) -> str:
    label = f"({printable(lines.label)}) " if lines.label else "  "
    indent = " " * width(label)
    room, most, texts = min(WIDTH, columns) - len(indent), columns - len(indent), []
    for equation in lines.equations:
        texts += equation_lines(equation, room, most)
        texts += folded(spoken_equation(equation, lang), room) if equation.aloud else ()
    texts += [printable(lines.more)] if lines.more else []
    return "\n".join((label if i == 0 else indent) + text for i, text in enumerate(texts))


def _table(table: Table, columns: int) -> str:
    cells = [list(map(cell_text, row)) for row in (table.head, *table.rows)]
    rows = _fitting(cells, columns)
    heads = max(len(list(folded(cell, w))) for cell, w in zip(table.head, column_widths(rows), strict=True))
    lines = aligned(rows, table.right)
    return "\n".join([*lines[:heads], "  ".join("─" * w for w in column_widths(rows)), *lines[heads:]])


def _fitting(rows: Sequence[Sequence[str]], columns: int) -> Sequence[Sequence[str]]:
    """The rows, the cells of the widest columns folded as far as it takes to fit."""
    widths, gaps = column_widths(rows), 2 * (len(rows[0]) - 1)
    least = [
        max(width(word.rstrip()) for text in column for word in _words(text))
        for column in zip(*rows, strict=True)
    ]
    while sum(widths) + gaps > columns and widths != least:
        widest = max((i for i, w in enumerate(widths) if w > least[i]), key=widths.__getitem__)
        widths[widest] -= 1
    if widths == column_widths(rows):
        return rows
    found: list[list[str]] = []
    for row in rows:
        cells = [list(folded(cell, w)) for cell, w in zip(row, widths, strict=True)]
        high = max(map(len, cells))
        found += [[cell[i] if i < len(cell) else "" for cell in cells] for i in range(high)]
    return found
