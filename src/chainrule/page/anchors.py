"""Anchors of a page: where each value is computed, so that terms of formulas link to that place.

A target (one element of one node) has one home: the equation that computes it; otherwise its circle or line
in the diagram; otherwise a table row; otherwise the update that changes it. Every other occurrence of the
target links to its home and has the same CSS class, so that all occurrences are highlighted together.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from chainrule.notation import Link, Tree
from chainrule.notation.mathml import Place
from chainrule.page.diagram import Diagram
from chainrule.page.page import Equation, Lines, Page, Table

EQUATION, DRAWN, ROW, MOVE = "equation", "drawn", "row", "move"


class Anchors:
    """The anchors of one page.

    Args:
        page: the page with the formulas.
        diagram: the diagram above it, if any.
        prefix: the prefix of every id, so that one document can hold several pages.
    """

    def __init__(self, page: Page, diagram: Diagram | None, prefix: str) -> None:
        self._prefix = prefix
        self._kinds: dict[Hashable, str] = {}
        for kind, target in sorted(_homes(page, diagram), key=lambda home: _ORDER.index(home[0])):
            if target is not None:
                self._kinds.setdefault(target, kind)
        self._numbers = {target: i for i, target in enumerate(self._kinds, 1)}
        self._unused = set(self._kinds)

    def place(self, target: Hashable) -> Place | None:
        """Return the class and the address of a target, or ``None`` if it has no home on this page."""
        number = self._numbers.get(target)
        return None if number is None else (f"n{number}", f"#{self._prefix}n{number}")

    def home(self, target: Hashable, kind: str) -> str:
        """Return the id of a target's home, or ``""`` if its home has another kind or its id is in use."""
        if self._kinds.get(target) != kind or target not in self._unused:
            return ""
        self._unused.discard(target)
        return f"{self._prefix}n{self._numbers[target]}"

    def first(self, node: Hashable) -> str:
        """Return the address of the first element of a node that has a home, or ``""``."""
        return next((f"#{self._prefix}n{i}" for at, i in self._numbers.items() if _of(at) is node), "")

    @property
    def classes(self) -> list[str]:
        """The class of each target with a home, those of equations first."""
        return [f"n{i}" for i in self._numbers.values()]


_ORDER = (EQUATION, DRAWN, ROW, MOVE)


def _homes(page: Page, diagram: Diagram | None) -> Iterator[tuple[str, Hashable]]:
    for part in (part for section in page.sections for part in section.parts):
        if isinstance(part, Lines):
            yield from ((kind_of(equation), target_of(equation.left)) for equation in part.equations)
        elif isinstance(part, Table):
            yield from ((ROW, row_target(row)) for row in part.rows)
    for column in diagram.columns if diagram else ():
        yield from ((DRAWN, unit.target) for unit in column.units)
    yield from ((DRAWN, wire.target) for wire in (diagram.wires if diagram else ()))


def kind_of(equation: Equation) -> str:
    """Return the kind of home of an equation: ``EQUATION``, or ``MOVE`` for an update."""
    return EQUATION if equation.sign == "=" else MOVE


def target_of(tree: Tree | None) -> Hashable | None:
    """Return the target of a symbol, or ``None``."""
    return tree.target if isinstance(tree, Link) else None


def row_target(row: tuple[str | Tree, ...]) -> Hashable | None:
    """Return the target of a table row: that of its first symbol that has one."""
    targets = (target_of(cell) for cell in row if not isinstance(cell, str))
    return next((target for target in targets if target is not None), None)


def _of(target: Hashable) -> Hashable:
    return getattr(target, "node", None)
