"""Parse docstrings into summary, text and sections."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from chainrule.escaping import escape
from chainrule.notation.unicode import GREEK, lowered, raised

# Typeset the formulas of docstrings as Unicode or HTML.
#
# Formulas of docstrings mix mathematics and prose: ``w <- w - rate m' / (sqrt(s') + epsilon), with m' = m /
# (1 - b1^t)``. They are not parsed: names of Greek letters are replaced by letters, arrows and comparisons by
# symbols, text after ``^`` is raised and text after ``_`` lowered. Names with several letters on both sides
# of ``_`` (``running_mean``) are arguments and are not changed.

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


HEADINGS = ("Shapes", "Formula", "Args", "Returns", "Numerics", "Cost", "Raises", "Example", "Reference")
_HEADING = re.compile(rf"({'|'.join(HEADINGS)}): *")
_AS_IN = re.compile(r"\bas in ``(\w+)``")
_AS_THERE = re.compile(r"(?:as in|see|those of|those in) ``(\w+)``[;.]? *(.*)")
_ARGUMENT = re.compile(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*): (.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Docstring:
    """A parsed docstring.

    Args:
        summary: the first paragraph.
        text: the paragraphs before the first section.
        sections: the text of each section by heading, without indentation.
    """

    summary: str
    text: str
    sections: dict[str, str]

    @property
    def arguments(self) -> dict[str, str]:
        """The description of each argument by name; names that share a line share the description.

        Example:
            >>> parse_docstring("Adds.\\n\\nArgs:\\n    a, b: the two\\n        numbers.").arguments
            {'a': 'the two numbers.', 'b': 'the two numbers.'}
        """
        meanings = {}
        for names, meaning in _ARGUMENT.findall(self.sections.get("Args", "")):
            meanings.update(dict.fromkeys(names.replace("*", "").split(", "), " ".join(meaning.split())))
        return meanings


def parse_docstring(text: str) -> Docstring:
    """Parse the text of a docstring.

    Example:
        >>> parse_docstring("Doubles.\\n\\nFormula: y = 2 x.").sections
        {'Formula': 'y = 2 x.'}
    """
    paragraphs = re.split(r"\n{2,}", inspect.cleandoc(text))
    text_paragraphs, sections, heading = [], dict[str, str](), ""
    for paragraph in paragraphs[1:]:
        match = _HEADING.match(paragraph)
        if match:
            heading = match[1]
            sections[heading] = _unindented(paragraph[match.end() :], heading)
        elif heading:
            sections[heading] += f"\n\n{_unindented(paragraph, heading)}"
        else:
            text_paragraphs.append(paragraph)
    return Docstring(_one_line(paragraphs[0]), "\n\n".join(text_paragraphs), sections)


def docstring(definition: object) -> Docstring:
    """Return the parsed docstring of a class or function."""
    return parse_docstring(inspect.getdoc(definition) or "")


def argument_meanings(kind: type) -> dict[str, str]:
    """Return the description of each argument of a class, also of inherited and referenced ones.

    "Other arguments as in ``MultiHeadAttention``" refers to a class of the module or of ``chainrule.nn``.
    """
    meanings: dict[str, str] = {}
    for ancestor in reversed(kind.__mro__):
        meanings |= parse_docstring(ancestor.__doc__ or "").arguments
    for name in _AS_IN.findall(docstring(kind).sections.get("Args", "")):
        other = _referenced_class(name, kind)
        if other is not None:
            meanings = {**argument_meanings(other), **meanings}
    return {argument: _resolve_reference(argument, meaning, kind) for argument, meaning in meanings.items()}


def _resolve_reference(argument: str, meaning: str, kind: type) -> str:
    """Replace a reference to another class, such as "as in ``Conv``; zeros", by its description."""
    reference = _AS_THERE.match(meaning)
    other = _referenced_class(reference[1], kind) if reference else None
    if reference is None or other is None or argument not in (theirs := argument_meanings(other)):
        return meaning
    return f"{theirs[argument]} {reference[2][:1].upper()}{reference[2][1:]}".strip()


def _referenced_class(name: str, kind: type) -> type | None:
    """Return the class to which a docstring refers by name."""
    known = vars(sys.modules[kind.__module__])
    other = known.get(name, getattr(import_module("chainrule.nn"), name, None))
    return other if isinstance(other, type) and other is not kind else None


def _unindented(text: str, heading: str) -> str:
    """Remove the indentation of a section, and the line breaks of running text."""
    if heading in ("Args", "Raises", "Example"):
        return inspect.cleandoc(text if text.startswith("\n") else f"\n{text}")
    return _one_line(text)


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("\\|", "|")
