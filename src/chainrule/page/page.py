"""The content of an explanation: sections of sentences, numbered formulas and tables, in one language.

The records are independent of the output format; ``terminal`` and ``html`` render them. A page is a plain
value that can be compared and searched.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeAlias

from chainrule.notation import Tree
from chainrule.records import frozen

READABLE = 60  # maximum number of numbers and symbols of a formula; longer ones are abbreviated


@frozen
class Equation:
    """The equation of one number: symbol, formula, formula with numbers, result.

    Args:
        left: its symbol, or ``None``.
        steps: the formula, and the formula with numbers if it differs.
        value: the result, or ``None``.
        sign: the sign between symbol and formula: ``"="``, or ``"←"`` for an update.
        note: a short remark.
        aloud: whether it is always followed by its wording, not only when the reader selects formulas in
            words.
        arguments: for each value in the formula that is a function of one other value: the target of its
            symbol, and the symbol of the other value, the argument at which a derivative is taken.
    """

    left: Tree | None
    steps: tuple[Tree, ...]
    value: float | None = None
    sign: str = "="
    note: str = ""
    aloud: bool = False
    arguments: tuple[tuple[Hashable, Tree], ...] = ()


@frozen
class Lines:
    """Equations under one label, such as (F4).

    Args:
        label: the label without parentheses; ``""`` for none.
        equations: one or more equations.
        more: a text on omitted equations.
    """

    label: str
    equations: tuple[Equation, ...]
    more: str = ""


Cell: TypeAlias = "str | Tree"


@frozen
class Table:
    """A table of texts and formulas.

    Args:
        head: the column headings.
        rows: the cells.
        right: the indices of right-aligned columns.
        subject: the key of what its rows state, such as ``"derivatives"``, for programs that check them.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    right: tuple[int, ...] = ()
    subject: str = ""


@frozen
class Items:
    """Short texts, one per line."""

    texts: tuple[str, ...]


Part: TypeAlias = "str | Items | Lines | Table"


@frozen
class Section:
    """A heading and its content."""

    heading: str
    parts: tuple[Part, ...]


@frozen
class Page:
    """A title and sections, in one language.

    Args:
        title: the title.
        lang: ``"en"`` or ``"zh"``.
        sections: the content.
    """

    title: str
    lang: str
    sections: tuple[Section, ...]
