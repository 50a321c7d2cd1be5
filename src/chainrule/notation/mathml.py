"""Print formulas in MathML Core, which browsers render without a script.

A part that belongs to a target has the attribute ``data-node``; if the page has a place for the target, the
part is a link to it. MathML Core has no links, so an HTML link is put into the one element that may contain
it: ``<mtext><a href="#n3"><math>...</math></a></mtext>``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import ClassVar

from chainrule.escaping import escape
from chainrule.notation.functions import FUNCTIONS
from chainrule.notation.number_format import MINUS, decimal
from chainrule.notation.printer import Level, Notation, Printer
from chainrule.notation.tree import Big, Symbol, Tree
from chainrule.notation.unicode import GREEK, index_tree, name_and_indices, separator
from chainrule.records import frozen

_OPENED, _CLOSED = '<math xmlns="http://www.w3.org/1998/Math/MathML">', "</math>"
_APPLY = "<mo>\u2061</mo>"  # the invisible operator between a function and its argument
_ACCENTS = {"hat": "^", "bar": "¯"}
_BIG = {"sum": "<mo>∑</mo>", "prod": "<mo>∏</mo>", "max": "<mi>max</mi>", "min": "<mi>min</mi>"}


Place = tuple[str, str]  # the class of all parts of a target, and the address of its place or ""


def to_mathml(
    tree: Tree, digits: int | None = 6, place: Callable[[Hashable], Place | None] | None = None
) -> str:
    """Return a formula as one ``<math>`` element.

    Args:
        tree: the formula.
        digits: decimal places of computed numbers; ``None`` for all.
        place: returns for a target its class and the address that the part links to, ``""`` for no link;
            ``None`` if the page does not contain the target.

    Example:
        >>> from chainrule.notation.parse import parse
        >>> to_mathml(parse("a / 2")).removeprefix('<math xmlns="http://www.w3.org/1998/Math/MathML">')
        '<mfrac><mrow><mi>a</mi></mrow><mrow><mn>2</mn></mrow></mfrac></math>'
    """
    return _OPENED + _MathML(digits, place or _nowhere).print(tree) + _CLOSED


def _nowhere(target: Hashable) -> None:
    return None


def _row(*parts: str) -> str:
    return f"<mrow>{''.join(parts)}</mrow>"


def _operator(sign: str) -> str:
    return f"<mo>{escape(sign)}</mo>"


@frozen
class _MathML(Printer):
    place: Callable[[Hashable], Place | None] = _nowhere

    notation = Notation.STACKED
    signs: ClassVar[Mapping[str, str]] = {
        "+": "<mo>+</mo>",
        "-": _operator(MINUS),
        "negative": _operator(MINUS),
        "*": "<mo>·</mo>",
        "times": "<mo>×</mo>",
        "elements": "<mo>⊙</mo>",
        "matrix": "<mo>·</mo>",
        "chain": "<mo>·</mo>",
        ",": "<mo>,</mo>",
        "and": "<mo>∧</mo>",
        "or": "<mo>∨</mo>",
        "<": "<mo>&lt;</mo>",
        "<=": "<mo>≤</mo>",
        "==": "<mo>=</mo>",
        "!=": "<mo>≠</mo>",
        ">=": "<mo>≥</mo>",
        ">": "<mo>&gt;</mo>",
    }

    def number(self, value: float | int) -> str:
        text, exponent = decimal(value, self.digits)
        if exponent is None:
            return {"inf": "<mi>∞</mi>", "nan": "<mi>nan</mi>"}.get(text, f"<mn>{text}</mn>")
        minus = _operator(MINUS) if exponent < 0 else ""
        power = f"<msup><mn>10</mn>{_row(minus, f'<mn>{abs(exponent)}</mn>')}</msup>"
        return _row(f"<mn>{text}</mn>", self.signs["times"], power)

    def symbol(self, symbol: Symbol) -> str:
        name, indices = name_and_indices(symbol)
        text = f"<mi>{escape(GREEK.get(name, name))}</mi>"
        if symbol.accent:
            text = f'<mover accent="true">{text}{_operator(_ACCENTS[symbol.accent])}</mover>'
        comma = self.signs[","] if separator(indices) else ""
        below = _row(comma.join(self.show(index_tree(index)) for index in indices))
        above = _row("<mo>(</mo>", self.show(index_tree(symbol.sup)), "<mo>)</mo>") if symbol.sup else ""
        match bool(indices), bool(symbol.sup):
            case True, True:
                return f"<msubsup>{text}{below}{above}</msubsup>"
            case True, False:
                return f"<msub>{text}{below}</msub>"
            case False, True:
                return f"<msup>{text}{above}</msup>"
            case _:
                return text

    def bracket(self, text: str) -> str:
        return _row("<mo>(</mo>", text, "<mo>)</mo>")

    def link(self, target: Hashable, text: str) -> str:
        kind, address = self.place(target) or ("", "")
        marks = f'data-node="{escape(str(target))}"' + (f' class="{escape(kind)}"' if kind else "")
        if not address:
            return f"<mrow {marks}>{text}</mrow>"
        return f'<mtext {marks}><a href="{escape(address)}"><math>{text}</math></a></mtext>'

    def quotient(self, above: Tree, below: Tree) -> str:
        return f"<mfrac>{_row(self.show(above))}{_row(self.show(below))}</mfrac>"

    def power(self, base: str, exponent: Tree) -> str:
        return f"<msup>{_row(base)}{_row(self.show(exponent))}</msup>"

    def derivative(self, of: Tree, by: Tree) -> str:
        above, below = (_row("<mi>∂</mi>", self.show(part, Level.POWER)) for part in (of, by))
        return f"<mfrac>{above}{below}</mfrac>"

    def big(self, tree: Big) -> str:
        index = _row(self.show(index_tree(tree.index)))
        return f"<munder>{_BIG[tree.sign]}{index}</munder>{self.show(tree.inner, Level.QUOTIENT)}"

    def exponential(self, exponent: Tree) -> str:
        return self.power("<mi>e</mi>", exponent)

    def root(self, inner: Tree) -> str:
        return f"<msqrt>{self.show(inner)}</msqrt>"

    def choice(self, condition: Tree, yes: Tree, no: Tree) -> str:
        rows = (
            f"<mtr><mtd>{self.show(value)}</mtd><mtd>{when}</mtd></mtr>"
            for value, when in (
                (yes, f"<mtext>if\u00a0</mtext>{self.show(condition)}"),
                (no, "<mtext>else</mtext>"),
            )
        )
        return _row("<mo>{</mo>", f"<mtable>{''.join(rows)}</mtable>")

    def call(self, function: str, arguments: str) -> str:
        row = FUNCTIONS[function]
        fenced = _row(_operator(row.fence[0]), arguments, _operator(row.fence[1]))
        return _row(f"<mi>{row.label}</mi>{_APPLY}", fenced) if row.label else fenced
