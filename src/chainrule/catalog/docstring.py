"""Parse docstrings into summary, text and sections."""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import dataclass
from importlib import import_module

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
