"""Letters: Greek by name, raised and lowered ones where Unicode has them, and names that hold an index.

Unicode has no raised q and no lowered b, c or d; a text that holds one of these is written after ``^`` or
``_`` instead, so that half an index is never raised and the other half not.
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
    """The text in raised characters, or ``None`` if Unicode lacks one of them."""
    return _shifted(text, _RAISED)


def lowered(text: str) -> str | None:
    """The text in lowered characters, or ``None`` if Unicode lacks one of them."""
    return _shifted(text, _LOWERED)


def _shifted(text: str, table: dict[str, str]) -> str | None:
    return "".join(table[char] for char in text) if all(char in table for char in text) else None


def name_and_indices(symbol: Symbol) -> tuple[str, tuple[str, ...]]:
    """The letter of a symbol and all that is written below it.

    An index that is part of the name counts: ``beta1`` and ``x_max`` are a letter with an index, ``dense1``
    is a word.

    Example:
        >>> name_and_indices(Symbol("beta1")), name_and_indices(Symbol("w", ("1", "2")))
        (('beta', ('1',)), ('w', ('1', '2')))
    """
    found = _INDEXED.fullmatch(symbol.name)
    if found is None:
        return symbol.name, symbol.sub
    return found[1], (found[2] or found[3], *symbol.sub)


def separator(indices: tuple[str, ...]) -> str:
    """What stands between indices: nothing as in w₁₂ while each is one character, else a comma."""
    return "" if all(len(index) == 1 for index in indices) else ","


@lru_cache(maxsize=4096)
def index_tree(text: str) -> Tree:
    """The formula that an index text is (``i+1``, ``y[i]``), or a word if it is none."""
    try:
        return parse(text)
    except ValueError:
        return Symbol(text)
