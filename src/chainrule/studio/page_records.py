"""Sections of pages and layers as JSON: a browser builds elements from it, so that no text is read as markup.

A formula is a tree of MathML elements, ``[NAME, ATTRIBUTES, CHILD, ...]``; a child is a text or an element.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any
from xml.etree import ElementTree

from chainrule.nn import Row
from chainrule.notation import Tree, number, to_mathml
from chainrule.notation.abbreviate import abbreviate
from chainrule.notation.mathml import Place
from chainrule.page.page import READABLE, Cell, Equation, Items, Lines, Part, Section, Table
from chainrule.records import frozen
from chainrule.texts import render

KeyOf = Callable[[Hashable], str]
WORDS = ("if", "else")  # the only English words in formulas


def layer_record(row: Row) -> dict[str, Any]:
    """Return the record of a layer of the table of layers."""
    return {"path": row.path, "text": row.layer, "output": row.output, "parameters": row.parameters}


@frozen(eq=False)
class PageRecords:
    """Writer of the JSON of sections.

    Args:
        lang: the language of the words in formulas.
        key_of: returns for the target of a symbol the key by which the page requests it; ``""``: none.
    """

    lang: str = "en"
    key_of: KeyOf = lambda target: ""

    def sections(self, sections: Iterable[Section]) -> list[dict[str, Any]]:
        """Return the records of sections."""
        return [{"heading": s.heading, "parts": [self._part(part) for part in s.parts]} for s in sections]

    def formula(self, tree: Tree) -> list[Any]:
        """Return the elements of a formula.

        Example:
            >>> from chainrule.notation.parse import parse
            >>> PageRecords().formula(parse("a / 2"))[2]
            ['mfrac', {}, ['mrow', {}, ['mi', {}, 'a']], ['mrow', {}, ['mn', {}, '2']]]
        """
        text = to_mathml(abbreviate(tree, READABLE), place=self._place)
        return self._element(ElementTree.fromstring(text))  # written by this program: no entities

    def _place(self, target: Hashable) -> Place | None:
        key = self.key_of(target)
        return (key, "") if key else None

    def _element(self, element: ElementTree.Element) -> list[Any]:
        name = element.tag.rpartition("}")[2]
        children: list[Any] = [self._word(name, element.text)] if element.text else []
        for child in element:
            children.append(self._element(child))
            children += [child.tail] if child.tail else []
        return [name, dict(element.attrib), *children]

    def _word(self, name: str, text: str) -> str:
        word = text.strip()
        return text.replace(word, render(word, self.lang)) if name == "mtext" and word in WORDS else text

    def _part(self, part: Part) -> dict[str, Any]:
        if isinstance(part, str):
            return {"text": str(part)}
        if isinstance(part, Items):
            return {"items": [str(text) for text in part.texts]}
        return self._table(part) if isinstance(part, Table) else self._lines(part)

    def _lines(self, lines: Lines) -> dict[str, Any]:
        equations = [self._equation(equation) for equation in lines.equations]
        return {"label": str(lines.label), "equations": equations, "more": str(lines.more)}

    def _equation(self, equation: Equation) -> dict[str, Any]:
        return {
            "left": None if equation.left is None else self.formula(equation.left),
            "sign": equation.sign,
            "steps": [self.formula(step) for step in equation.steps],
            "value": None if equation.value is None else number(equation.value, fixed=True),
            "note": str(equation.note),
        }

    def _table(self, table: Table) -> dict[str, Any]:
        rows = [[self._cell(cell) for cell in row] for row in table.rows]
        return {"head": [str(cell) for cell in table.head], "rows": rows, "right": list(table.right)}

    def _cell(self, cell: Cell) -> Any:
        return str(cell) if isinstance(cell, str) else {"math": self.formula(cell)}
