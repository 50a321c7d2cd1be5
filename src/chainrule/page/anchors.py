"""Where on a page everything is worked out, so that each term of a formula can lead there.

A target (one number of one node) has one home: the equation that computes it; else its circle or line in the
diagram, for what was given; else a row of a table, else the update that moves it. Everything else that shows
the target is a link to its home, and shares its class, so that all of it can be lit up at once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from chainrule.notation import Link, Tree
from chainrule.notation.mathml import Place
from chainrule.page.diagram import Diagram
from chainrule.page.page import Equation, Lines, Page, Table

EQUATION, DRAWN, ROW, MOVE = "equation", "drawn", "row", "move"


class Places:
    """The homes of one page.

    Args:
        page: with the formulas.
        diagram: drawn above it, if there is one.
        prefix: of every id, so that two pages may stand in one document.
    """

    def __init__(self, page: Page, diagram: Diagram | None, prefix: str) -> None:
        self._prefix = prefix
        self._kinds: dict[Hashable, str] = {}
        for kind, target in sorted(_homes(page, diagram), key=lambda home: _ORDER.index(home[0])):
            if target is not None:
                self._kinds.setdefault(target, kind)
        self._numbers = {target: i for i, target in enumerate(self._kinds, 1)}
        self._waiting = set(self._kinds)

    def place(self, target: Hashable) -> Place | None:
        """The class and the address of a target; ``None`` if it has no home here."""
        number = self._numbers.get(target)
        return None if number is None else (f"n{number}", f"#{self._prefix}n{number}")

    def home(self, target: Hashable, kind: str) -> str:
        """The id for a target's home; ``""`` if its home is of another kind, or has been opened before."""
        if self._kinds.get(target) != kind or target not in self._waiting:
            return ""
        self._waiting.discard(target)
        return f"{self._prefix}n{self._numbers[target]}"

    def first(self, node: Hashable) -> str:
        """The address of the first number of a node that is worked out here; ``""`` if none is."""
        return next((f"#{self._prefix}n{i}" for at, i in self._numbers.items() if _of(at) is node), "")

    @property
    def classes(self) -> list[str]:
        """One class for each target with a home, those of equations first."""
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
    """What kind of home an equation is: one that computes a number, or one that moves it."""
    return EQUATION if equation.sign == "=" else MOVE


def target_of(tree: Tree | None) -> Hashable | None:
    """What a symbol belongs to."""
    return tree.target if isinstance(tree, Link) else None


def row_target(row: tuple[str | Tree, ...]) -> Hashable | None:
    """What a table's row tells of: the first symbol that belongs to something."""
    found = (target_of(cell) for cell in row if not isinstance(cell, str))
    return next((target for target in found if target is not None), None)


def _of(target: Hashable) -> Hashable:
    return getattr(target, "node", None)
