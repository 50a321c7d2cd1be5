"""An explanation as text for a terminal: formulas in Unicode, tables aligned by columns of the screen."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from chainrule.explain.page.page import READABLE, Cell, Equation, Items, Lines, Page, Part, Table
from chainrule.explain.page.spoken import spoken_equation
from chainrule.notation import number, to_unicode
from chainrule.notation.brief import brief
from chainrule.notation.column import WIDE, aligned, column_widths, width

WIDTH = 110


def text_page(page: Page) -> str:
    """The whole explanation."""
    blocks = [f"{page.title}\n{'═' * width(page.title)}"]
    for section in page.sections:
        heading = [f"{section.heading}\n{'─' * width(section.heading)}"] if section.heading else []
        blocks += [*heading, *(_part(part, page.lang) for part in section.parts)]
    return "\n\n".join(blocks) + "\n"


def cell_text(cell: Cell) -> str:
    """A table's cell, or any formula, as text."""
    return cell if isinstance(cell, str) else to_unicode(brief(cell, READABLE))


def equation_lines(equation: Equation, room: int) -> list[str]:
    """An equation, name = formula = numbers = result: on one line, or on one for each part where it is too
    long."""
    parts = [cell_text(equation.left)] if equation.left is not None else []
    parts += [cell_text(step) for step in equation.steps]
    if equation.value is not None:
        parts.append(number(equation.value, fixed=True))
    signs = [f" {equation.sign} "] + [" = "] * len(parts)
    first = "".join(parts[:1])
    lines = [first + "".join(sign + part for sign, part in zip(signs, parts[1:], strict=False))]
    if width(lines[0]) > room and len(parts) > 2:
        indent = " " * width(first)
        lines = [
            first + signs[0] + parts[1],
            *(indent + sign + part for sign, part in zip(signs[1:], parts[2:], strict=False)),
        ]
    if equation.note:
        lines[-1] += f"  {equation.note}"
    return lines


def _part(part: Part, lang: str) -> str:
    if isinstance(part, str):
        return "\n".join(folded(part))
    if isinstance(part, Items):
        return "\n".join(line for text in part.texts for line in folded(text))
    return _table(part) if isinstance(part, Table) else _lines(part, lang)


def folded(text: str, room: int = WIDTH) -> Iterator[str]:
    """A sentence on lines of at most so many columns; Chinese may be cut between any two signs."""
    line = ""
    for word in _words(text):
        if width(line) + width(word.rstrip()) > room:
            yield line.rstrip()
            line = ""
        line += word
    yield line.rstrip()


_CLOSING = "，。；：、）”！？"


def _words(text: str) -> Iterator[str]:
    word = ""
    for sign, after in zip(text, [*text[1:], ""], strict=True):
        word += sign
        wide = unicodedata.east_asian_width(sign) in WIDE or (
            after and unicodedata.east_asian_width(after) in WIDE
        )
        if sign == " " or (wide and after not in _CLOSING and sign not in "（“"):
            yield word
            word = ""
    yield word


def _lines(lines: Lines, lang: str) -> str:
    label = f"({lines.label}) " if lines.label else "  "
    indent = " " * width(label)
    room, texts = WIDTH - len(indent), []
    for equation in lines.equations:
        texts += equation_lines(equation, room)
        texts += folded(spoken_equation(equation, lang), room) if equation.aloud else ()
    texts += [lines.more] if lines.more else []
    return "\n".join((label if i == 0 else indent) + text for i, text in enumerate(texts))


def _table(table: Table) -> str:
    rows = [table.head, *([cell_text(cell) for cell in row] for row in table.rows)]
    head, *lines = aligned(rows, table.right)
    return "\n".join([head, "  ".join("─" * w for w in column_widths(rows)), *lines])
