"""Print formulas in ASCII, exactly as the parser reads them: ``1 / (1 + exp(-x))``.

A matrix product is ``a @ b``, as in NumPy; the parser reads formulas of numbers and does not accept it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import ClassVar

from chainrule.notation.number_format import number
from chainrule.notation.printer import Level, Notation, Printer
from chainrule.notation.tree import Big, Symbol, Tree
from chainrule.records import frozen


def to_ascii(tree: Tree, digits: int | None = 6) -> str:
    """Return a formula in plain ASCII, for limited terminals and to be read back by ``parse``.

    Args:
        tree: the formula.
        digits: decimal places; ``None`` prints numbers with full precision, to be read back exactly.

    Example:
        >>> from chainrule.notation.parse import parse
        >>> to_ascii(parse("delta[j]^{(1)} * x[k] - (a - 1)"))
        'delta[j]^{(1)} * x[k] - (a - 1)'
    """
    return _Ascii(digits).print(tree)


@frozen
class _Ascii(Printer):
    notation = Notation.PLAIN
    signs: ClassVar[Mapping[str, str]] = {
        "+": " + ",
        "-": " - ",
        "negative": "-",
        "*": " * ",
        "times": " * ",
        "elements": " * ",
        "matrix": " @ ",
        "chain": " * ",
        ",": ", ",
        "and": " & ",
        "or": " | ",
        **{sign: f" {sign} " for sign in ("<", "<=", "==", "!=", ">=", ">")},
    }

    def number(self, value: float | int) -> str:
        return number(value, self.digits, ascii=True)

    def symbol(self, symbol: Symbol) -> str:
        accent = f"_{symbol.accent}" if symbol.accent else ""
        sub = f"[{','.join(symbol.sub)}]" if symbol.sub else ""
        sup = f"^{{({symbol.sup})}}" if symbol.sup else ""
        return symbol.name + accent + sub + sup

    def bracket(self, text: str) -> str:
        return f"({text})"

    def link(self, target: Hashable, text: str) -> str:
        return text

    def quotient(self, above: Tree, below: Tree) -> str:
        return f"{self.show(above, Level.PRODUCT)} / {self.show(below, Level.POWER)}"

    def power(self, base: str, exponent: Tree) -> str:
        return f"{base}^{self.show(exponent, Level.POWER)}"

    def derivative(self, of: Tree, by: Tree) -> str:
        return f"d({self.show(of)})/d({self.show(by)})"

    def big(self, tree: Big) -> str:
        return f"{tree.sign}_{tree.index}({self.show(tree.inner)})"

    def exponential(self, exponent: Tree) -> str:
        return self.call("exp", self.show(exponent))

    def root(self, inner: Tree) -> str:
        return self.call("sqrt", self.show(inner))

    def choice(self, condition: Tree, yes: Tree, no: Tree) -> str:
        return self.call("where", ", ".join(self.show(part) for part in (condition, yes, no)))

    def call(self, function: str, arguments: str) -> str:
        return f"{function}({arguments})"
