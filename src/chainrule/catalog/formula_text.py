"""Typeset the formulas of docstrings as Unicode or HTML.

Formulas of docstrings mix mathematics and prose: ``w <- w - rate m' / (sqrt(s') + epsilon), with m' = m / (1
- b1^t)``. They are not parsed: names of Greek letters are replaced by letters, arrows and comparisons by
symbols, text after ``^`` is raised and text after ``_`` lowered. Names with several letters on both sides of
``_`` (``running_mean``) are arguments and are not changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from chainrule.escaping import escape
from chainrule.notation.unicode import GREEK, lowered, raised

_SIGNS = {"<-": "←", "->": "→", "<=": "≤", ">=": "≥", "!=": "≠", " * ": " · ", " - ": " − ", "...": "…"}
_SIGN = re.compile("|".join(map(re.escape, _SIGNS)))
_MINUS = re.compile(r"(?<![\w)\]'])-(?=[\w(|.∞∑√])")  # a minus sign, not a hyphen
_LETTER = re.compile(rf"(?<![A-Za-z])({'|'.join(GREEK)})(?![A-Za-z])")
_SUM = re.compile(r"\bsum(?=_|\(| \||\s[A-Za-z](?:\^|_))")
_RAISED = re.compile(r"\^(\((?:[^()]|\([^()]*\))*\)|[-−]?\d+(?:\.\d+)?|[-−]?[A-Za-zα-ω]\w*(?:\([^()]*\))?)")
_WORD = re.compile(r"[A-Za-z]{3}|[A-Za-z] [A-Za-z]")  # words are neither raised nor lowered
_LOWERED = re.compile(r"(?<=[A-Za-zα-ω∑ŷ)])(?<![A-Za-z]{2})_(\((?:[^()]|\([^()]*\))*\)|\w{1,2}(?!\w))")
_POWER_OF_TEN = re.compile(r"\b1e(-?\d+)\b")


def to_unicode(text: str) -> str:
    """Return the formula as one line of Unicode, for a terminal.

    Example:
        >>> print(to_unicode("y = (x - m) / sqrt(v + epsilon), sum_o w^2 <= 1e-6, with ``a_b``"))
        y = (x − m) / √(v + ε), ∑ₒ w² ≤ 10⁻⁶, with a_b
    """
    parts = text.split("``")
    return "".join(part if i % 2 else _set(part, _raise, _lower) for i, part in enumerate(parts))


def to_html(text: str) -> str:
    """Return the formula as HTML with superscripts, subscripts and single letters in italics.

    Example:
        >>> print(to_html("w <- w - rate v_t^2"))
        <i>w</i> ← <i>w</i> − rate <i>v</i><sub><i>t</i></sub><sup>2</sup>
    """
    marked = _set(
        text, lambda inside: f"\ue001{inside}\ue002", lambda inside: f"\ue003{inside}\ue004"
    )  # tags are inserted last so that they are not typeset
    slanted = re.sub(r"(?<![\w'`])([A-Za-zα-ωŷ])(?![\w`])", "\ue005\\1\ue006", marked)
    html = escape(slanted, quote=False)
    html = re.sub("``(.*?)``", r"<code>\1</code>", html)
    tags = ("<sup>", "</sup>", "<sub>", "</sub>", "<i>", "</i>")
    return html.translate(dict(enumerate(tags, 0xE001)))


def _set(text: str, up: Callable[[str], str], down: Callable[[str], str]) -> str:
    text = _POWER_OF_TEN.sub(r"10^\1", text)
    text = _SUM.sub("∑", text.replace("yhat", "ŷ").replace("sqrt(", "√("))
    text = _LETTER.sub(lambda match: GREEK[match[1]], text)
    text = _SIGN.sub(lambda match: _SIGNS[match[0]], text)
    text = _LOWERED.sub(lambda match: down(_bare(match[1])), text)
    text = _RAISED.sub(lambda match: up(_bare(match[1]).replace("-", "−")), text)
    return _MINUS.sub("−", text)


def _bare(text: str) -> str:
    """Remove the outer parentheses, except those of a superscript index."""
    single = len(text) == 3  # J^(i): the parentheses mark an index, not a power
    return text[1:-1] if text.startswith("(") and not single else text


def _raise(inside: str) -> str:
    return _shifted("^", inside, raised)


def _lower(inside: str) -> str:
    return _shifted("_", inside, lowered)


def _shifted(mark: str, inside: str, shift: Callable[[str], str | None]) -> str:
    """Return the raised or lowered text, or mark and text if it is a word or Unicode lacks a character."""
    shifted = None if _WORD.search(inside) else shift(inside.replace(" ", ""))
    if shifted is not None:
        return shifted
    return mark + (inside if re.fullmatch(r"\w+", inside) else f"({inside})")
