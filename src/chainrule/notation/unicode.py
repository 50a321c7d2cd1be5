"""Formulas in Unicode on one line, for a terminal: ``1/(1 + e^(−z))``, ``w₁₂⁽¹⁾``, ``∂J/∂ŷ``."""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable, Mapping
from typing import ClassVar

from chainrule.notation.functions import FUNCTIONS
from chainrule.notation.letters import GREEK, index_tree, lowered, name_and_indices, raised, separator
from chainrule.notation.number_format import MINUS, number
from chainrule.notation.printer import Level, Notation, Printer
from chainrule.notation.tree import Big, Link, Negative, Number, Symbol, Tree
from chainrule.records import frozen

_ACCENTS = {"hat": "\u0302", "bar": "\u0304", "": ""}
_BIG = {"sum": "Σ", "prod": "Π", "max": "max", "min": "min"}


def to_unicode(tree: Tree, digits: int | None = 6) -> str:
    """Return a formula on one line, with Greek letters, superscript exponents and subscript indices.

    Args:
        tree: the formula.
        digits: decimal places of computed numbers; ``None`` for all.

    Example:
        >>> from chainrule.notation.parse import parse
        >>> to_unicode(parse("delta[j]^{(1)} * x[k] - 1 / (1 + exp(-z))"))
        'δⱼ⁽¹⁾·xₖ − 1/(1 + e^(−z))'
    """
    return _Unicode(digits).print(tree)


@frozen
class _Unicode(Printer):
    notation = Notation.INLINE
    signs: ClassVar[Mapping[str, str]] = {
        "+": " + ",
        "-": f" {MINUS} ",
        "negative": MINUS,
        "*": "·",
        "times": "×",
        "elements": " ⊙ ",
        "matrix": "·",
        "chain": " · ",
        ",": ", ",
        "and": " ∧ ",
        "or": " ∨ ",
        "<": " < ",
        "<=": " ≤ ",
        "==": " = ",
        "!=": " ≠ ",
        ">=": " ≥ ",
        ">": " > ",
    }

    def number(self, value: float | int) -> str:
        return number(value, self.digits)

    def symbol(self, symbol: Symbol) -> str:
        name, indices = name_and_indices(symbol)
        text = unicodedata.normalize("NFC", GREEK.get(name, name) + _ACCENTS[symbol.accent])
        sup = f"({self._index(symbol.sup)})" if symbol.sup else ""
        return text + self._below(indices) + (raised(sup) or f"^{sup}" if sup else "")

    def bracket(self, text: str) -> str:
        return f"({text})"

    def link(self, target: Hashable, text: str) -> str:
        return text

    def quotient(self, above: Tree, below: Tree) -> str:
        return f"{self.show(above, Level.PRODUCT)}/{self.show(below, Level.POWER)}"

    def power(self, base: str, exponent: Tree) -> str:
        text = self.show(exponent)
        short = raised(text) if _is_short(exponent) else None
        return base + (short or f"^({text})")

    def derivative(self, of: Tree, by: Tree) -> str:
        return f"∂{self.show(of, Level.POWER)}/∂{self.show(by, Level.POWER)}"

    def big(self, tree: Big) -> str:
        sign = _BIG[tree.sign] + self._below((tree.index,))
        return f"{sign} {self.show(tree.inner, Level.QUOTIENT)}"

    def exponential(self, exponent: Tree) -> str:
        return f"e^({self.show(exponent)})"

    def root(self, inner: Tree) -> str:
        return f"√{self.show(inner, Level.ATOM)}"

    def choice(self, condition: Tree, yes: Tree, no: Tree) -> str:
        return f"where({self.show(condition)}, {self.show(yes)}, {self.show(no)})"

    def call(self, function: str, arguments: str) -> str:
        row = FUNCTIONS[function]
        return row.label + row.fence[0] + arguments + row.fence[1]

    def _index(self, text: str) -> str:
        return self.show(index_tree(text)).replace(" ", "")

    def _below(self, indices: tuple[str, ...]) -> str:
        text = separator(indices).join(self._index(index) for index in indices)
        if not text:
            return ""
        return lowered(text) or (f"_{text}" if len(text) == 1 else f"_{{{text}}}")


def _is_short(exponent: Tree) -> bool:
    # Only a letter or an integer is raised: xʸ⁺¹ is hard to read, and a superscript point does not exist.
    match exponent:
        case Link(_, inner) | Negative(inner):
            return _is_short(inner)
        case Number():
            return True
        case _:
            return isinstance(exponent, Symbol) and exponent == Symbol(exponent.name)
