r"""Formulas in LaTeX, for articles and notebooks: ``\frac{1}{1 + e^{-z}}``."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import ClassVar

from chainrule.notation.functions import FUNCTIONS
from chainrule.notation.number_format import decimal
from chainrule.notation.printer import Level, Notation, Printer
from chainrule.notation.tree import Big, Symbol, Tree
from chainrule.notation.unicode import GREEK, index_tree, name_and_indices, separator
from chainrule.records import frozen

_FENCES = {
    "(": (r"\left(", r"\right)"),
    "|": (r"\left|", r"\right|"),
    "⌊": (r"\left\lfloor ", r"\right\rfloor"),
}
_CURVED = {"epsilon": r"\varepsilon", "phi": r"\varphi"}  # the shapes of Unicode's ε and φ
_ESCAPES = {"\\": r"\backslash ", "~": r"\sim ", "^": r"\wedge "} | {
    char: f"\\{char}" for char in "_#%&$\x7b\x7d"
}


def to_latex(tree: Tree, digits: int | None = 6) -> str:
    r"""Return a formula in LaTeX, without surrounding dollar signs.

    Args:
        tree: the formula.
        digits: decimal places of computed numbers; ``None`` for all.

    Example:
        >>> from chainrule.notation.parse import parse
        >>> print(to_latex(parse("1 / (1 + exp(-z[j]^{(l)}))")))
        \frac{1}{1 + e^{-z_{j}^{(l)}}}
    """
    return _Latex(digits).print(tree)


@frozen
class _Latex(Printer):
    notation = Notation.STACKED
    signs: ClassVar[Mapping[str, str]] = {
        "+": " + ",
        "-": " - ",
        "negative": "-",
        "*": r" \cdot ",
        "times": r" \times ",
        "elements": r" \odot ",
        "matrix": r" \cdot ",
        "chain": r" \cdot ",
        ",": ", ",
        "and": r" \land ",
        "or": r" \lor ",
        "<": " < ",
        "<=": r" \le ",
        "==": " = ",
        "!=": r" \ne ",
        ">=": r" \ge ",
        ">": " > ",
    }

    def number(self, value: float | int) -> str:
        text, exponent = decimal(value, self.digits)
        if exponent is not None:
            return rf"{text} \times 10^{{{exponent}}}"
        return {"inf": r"\infty", "nan": r"\mathrm{nan}"}.get(text, text)

    def symbol(self, symbol: Symbol) -> str:
        name, indices = name_and_indices(symbol)
        text = _name(name)
        if symbol.accent:
            wide = {"hat": "widehat", "bar": "overline"} if len(GREEK.get(name, name)) > 1 else {}
            text = rf"\{wide.get(symbol.accent, symbol.accent)}{{{text}}}"
        if indices:
            below = separator(indices).join(self.show(index_tree(index)) for index in indices)
            text += f"_{{{below}}}"
        return text + (f"^{{({self.show(index_tree(symbol.sup))})}}" if symbol.sup else "")

    def bracket(self, text: str) -> str:
        return rf"\left({text}\right)"

    def link(self, target: Hashable, text: str) -> str:
        return text

    def quotient(self, above: Tree, below: Tree) -> str:
        return rf"\frac{{{self.show(above)}}}{{{self.show(below)}}}"

    def power(self, base: str, exponent: Tree) -> str:
        return f"{base}^{{{self.show(exponent)}}}"

    def derivative(self, of: Tree, by: Tree) -> str:
        above, below = (self.show(part, Level.POWER) for part in (of, by))
        return rf"\frac{{\partial {above}}}{{\partial {below}}}"

    def big(self, tree: Big) -> str:
        return (
            rf"\{tree.sign}_{{{self.show(index_tree(tree.index))}}} {self.show(tree.inner, Level.QUOTIENT)}"
        )

    def exponential(self, exponent: Tree) -> str:
        return self.power("e", exponent)

    def root(self, inner: Tree) -> str:
        return rf"\sqrt{{{self.show(inner)}}}"

    def choice(self, condition: Tree, yes: Tree, no: Tree) -> str:
        first = rf"{self.show(yes)} & \text{{if }} {self.show(condition)}"
        return rf"\begin{{cases}}{first} \\ {self.show(no)} & \text{{else}}\end{{cases}}"

    def call(self, function: str, arguments: str) -> str:
        row = FUNCTIONS[function]
        left, right = _FENCES[row.fence[0]]
        return row.latex + left + arguments + right


def _name(name: str) -> str:
    if name in GREEK:
        return _CURVED.get(name, f"\\{name}")
    text = "".join(_ESCAPES.get(char, char) for char in name)
    if len(name) == 1:
        return text
    return rf"\mathit{{{text}}}" if name.isascii() else rf"\text{{{text}}}"
