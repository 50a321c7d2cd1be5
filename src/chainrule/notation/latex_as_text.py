r"""LaTeX formulas as text on one line, for a terminal: ``\hat{y} = g(z_o)`` is ``ŷ = g(zₒ)``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from chainrule.notation.unicode import GREEK, lowered, raised

SYMBOLS = {
    "partial": "∂",
    "sum": "Σ",
    "cdot": "·",
    "cdots": "⋯",
    "times": "×",
    "odot": "⊙",
    "leftarrow": "←",
    "approx": "≈",
    "le": "≤",
    "ge": "≥",
    "ne": "≠",
    "in": "∈",
    "infty": "∞",
    "top": "ᵀ",
    "quad": "  ",
    "qquad": "   ",
    ",": " ",
    "%": "%",
    "left": "",
    "right": "",
}
FUNCTIONS = ("sin", "cos", "tanh", "exp", "ln", "log", "max", "min")
ACCENTS = {"hat": "\u0302", "bar": "\u0304"}
TEXTS = ("mathrm", "mathit", "text", "mathbf")
_SPACE = re.compile(r"(?<=[∂(]) | (?=[),])")  # no space after an opening, before a closing sign
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\s+|.", re.DOTALL)


def latex_to_text(latex: str) -> str:
    r"""Return a formula of the course on one line; a command that is not known is printed as its name.

    Example:
        >>> latex_to_text(r"\delta_j^{(l)} = \frac{\partial J}{\partial z_j^{(l)}}")
        'δⱼ⁽ˡ⁾ = ∂J/∂zⱼ⁽ˡ⁾'
    """
    tokens = _TOKEN.findall(latex)[::-1]
    return _SPACE.sub("", re.sub(r" +", " ", _sequence(tokens))).strip()


def _sequence(tokens: list[str]) -> str:
    """Read up to the end of a group; the next token is the last of the list."""
    parts = []
    while tokens and tokens[-1] != "}":
        parts.append(_atom(tokens))
    if tokens:
        tokens.pop()
    return "".join(parts)


def _atom(tokens: list[str]) -> str:
    token = tokens.pop()
    if token == "{":
        return _sequence(tokens)
    if token == "^":
        return _shifted(_argument(tokens), "^", raised)
    if token == "_":
        return _shifted(_argument(tokens), "_", lowered)
    if token.startswith("\\"):
        return _command(token[1:], tokens)
    return {"-": "−", "'": "′"}.get(token, " " if token.isspace() else token)


def _argument(tokens: list[str]) -> str:
    """Read a group or a single symbol."""
    while tokens and tokens[-1].isspace():
        tokens.pop()
    return _atom(tokens).strip() if tokens else ""


def _shifted(text: str, sign: str, characters: Callable[[str], str | None]) -> str:
    """Return a superscript or subscript, in its characters if Unicode has all of them."""
    if text in ("ᵀ", "′"):
        return text
    return characters(text) or (sign + text if len(text) == 1 else f"{sign}({text.strip('()')})")


def _command(name: str, tokens: list[str]) -> str:
    if name == "frac":
        above, below = _argument(tokens), _argument(tokens)
        return f"{_enclosed(above)}/{_enclosed(below)}"
    if name == "sqrt":
        return f"√({_argument(tokens)})"
    if name in ACCENTS:
        return unicodedata.normalize("NFC", _argument(tokens) + ACCENTS[name])
    if name in TEXTS:
        return _argument(tokens)
    if name in FUNCTIONS:
        return name if tokens and not tokens[-1].isalnum() else f"{name} "
    return SYMBOLS.get(name, GREEK.get(name, name))


def _enclosed(text: str) -> str:
    """Return a numerator or denominator, in parentheses unless it is one symbol or number."""
    text = _SPACE.sub("", text)
    return f"({text})" if re.search("[ +−·×/]", text) else text
