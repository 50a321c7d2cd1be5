"""Formulas in Unicode on one line, for a terminal: ``1/(1 + e^(−z))``, ``w₁₂⁽¹⁾``, ``∂J/∂ŷ``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Mapping
from functools import lru_cache
from typing import ClassVar

from chainrule.notation.functions import FUNCTIONS
from chainrule.notation.number_format import MINUS, number
from chainrule.notation.parse import parse
from chainrule.notation.printer import Level, Notation, Printer
from chainrule.notation.tree import Big, Link, Negative, Number, Symbol, Tree
from chainrule.records import frozen

# Greek letters by name, superscript and subscript characters, and names that contain an index.
#
# Unicode has no superscript q and no subscript b, c or d; a text that contains one of these is printed after
# ``^`` or ``_`` instead, so that an index is never only partly raised or lowered.

_GREEK_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon "
    "phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
)
GREEK: dict[str, str] = dict(zip(_GREEK_NAMES.split(), "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ", strict=True))

_RAISED: dict[str, str] = dict(
    zip(
        "0123456789+−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWβγδθφχ",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵝᵞᵟᶿᵠᵡ",
        strict=True,
    )
)
_LOWERED: dict[str, str] = dict(
    zip("0123456789+−=()aehijklmnoprstuvxβγρφχ", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ", strict=True)
)

_INDEXED = re.compile(rf"({'|'.join(GREEK)}|[A-Za-z])(?:_(\w+)|(\d+))")


def raised(text: str) -> str | None:
    """Return the text in superscript characters, or ``None`` if Unicode lacks one of them."""
    return _shifted(text, _RAISED)


def lowered(text: str) -> str | None:
    """Return the text in subscript characters, or ``None`` if Unicode lacks one of them."""
    return _shifted(text, _LOWERED)


def _shifted(text: str, table: dict[str, str]) -> str | None:
    return "".join(table[char] for char in text) if all(char in table for char in text) else None


def name_and_indices(symbol: Symbol) -> tuple[str, tuple[str, ...]]:
    """Split a symbol into its letter and all indices below it.

    An index that is part of the name counts: ``beta1`` and ``x_max`` are a letter with an index, ``dense1``
    is a word.

    Example:
        >>> name_and_indices(Symbol("beta1")), name_and_indices(Symbol("w", ("1", "2")))
        (('beta', ('1',)), ('w', ('1', '2')))
    """
    match = _INDEXED.fullmatch(symbol.name)
    if match is None:
        return symbol.name, symbol.sub
    return match[1], (match[2] or match[3], *symbol.sub)


def separator(indices: tuple[str, ...]) -> str:
    """Return the separator between indices: none, as in w₁₂, if all have one character, else a comma."""
    return "" if all(len(index) == 1 for index in indices) else ","


@lru_cache(maxsize=4096)
def index_tree(text: str) -> Tree:
    """Parse an index (``i+1``, ``y[i]``) as a formula; a word if it is none."""
    try:
        return parse(text)
    except ValueError:
        return Symbol(text)


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
