"""Greek letters by name, superscript and subscript characters, and names that contain an index.

Unicode has no superscript q and no subscript b, c or d; a text that contains one of these is printed after
``^`` or ``_`` instead, so that an index is never only partly raised or lowered.
"""

from __future__ import annotations

import re
from functools import lru_cache

from chainrule.notation.parse import parse
from chainrule.notation.tree import Symbol, Tree

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
