"""What an explanation is made of: sections of sentences, numbered formulas and tables, in one language.

The records say nothing of a terminal or a browser; ``text`` and ``html`` print them. A page is a value: it
can be compared, searched, printed twice.
"""

from __future__ import annotations

from typing import TypeAlias

from chainrule.notation import Tree
from chainrule.records import frozen

READABLE = 60  # numbers and symbols of a formula; of a longer one the outline is shown


@frozen
class Equation:
    """One number: what it is called, its formula, the same with numbers, the result.

    Args:
        left: its name; ``None`` where the formula speaks for itself.
        steps: the formula, and the formula with numbers where that says more.
        value: the result; ``None`` where there is none to show.
        sign: what stands between name and formula: ``"="``, or ``"←"`` for an update.
        note: a word about it.
        aloud: whether it is read out in words everywhere, not only where a reader asks for words.
    """

    left: Tree | None
    steps: tuple[Tree, ...]
    value: float | None = None
    sign: str = "="
    note: str = ""
    aloud: bool = False


@frozen
class Lines:
    """Equations under one number, such as (F4).

    Args:
        label: the number without brackets; ``""`` for none.
        equations: one or several.
        more: what is left out, in words.
    """

    label: str
    equations: tuple[Equation, ...]
    more: str = ""


Cell: TypeAlias = "str | Tree"


@frozen
class Table:
    """Rows of cells, each a text or a formula.

    Args:
        head: the columns' headings.
        rows: the cells.
        right: the columns that hold numbers and are set to the right.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    right: tuple[int, ...] = ()


@frozen
class Items:
    """Short texts, each on a line of its own."""

    texts: tuple[str, ...]


Part: TypeAlias = "str | Items | Lines | Table"


@frozen
class Section:
    """A heading and what stands under it."""

    heading: str
    parts: tuple[Part, ...]


@frozen
class Page:
    """A title and sections, in one language.

    Args:
        title: what is explained.
        lang: ``"en"`` or ``"zh"``.
        sections: the content.
    """

    title: str
    lang: str
    sections: tuple[Section, ...]
