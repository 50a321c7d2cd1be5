"""A docstring taken apart: one sentence, the text, and the sections that the house style names."""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import dataclass
from importlib import import_module

HEADINGS = (
    "Shapes", "Formula", "Args", "Returns", "Numerics", "Cost", "Raises", "Example", "Reference",
)  # fmt: skip
_HEADING = re.compile(rf"({'|'.join(HEADINGS)}): *")
_AS_IN = re.compile(r"\bas in ``(\w+)``")
_AS_THERE = re.compile(r"(?:as in|those of|those in) ``(\w+)``[;.]? *(.*)")
_ARGUMENT = re.compile(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*): (.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Docstring:
    """A docstring in its parts.

    Args:
        summary: the first sentence or two.
        text: what follows before the first section, in paragraphs.
        sections: what stands under each heading, its indentation taken off.
    """

    summary: str
    text: str
    sections: dict[str, str]

    @property
    def arguments(self) -> dict[str, str]:
        """What each argument means, by name; names that share a line share the meaning.

        Example:
            >>> taken_apart("Adds.\\n\\nArgs:\\n    a, b: the two\\n        numbers.").arguments
            {'a': 'the two numbers.', 'b': 'the two numbers.'}
        """
        found = {}
        for names, meaning in _ARGUMENT.findall(self.sections.get("Args", "")):
            found.update(dict.fromkeys(names.replace("*", "").split(", "), " ".join(meaning.split())))
        return found


def taken_apart(text: str) -> Docstring:
    """The parts of a docstring.

    Example:
        >>> taken_apart("Doubles.\\n\\nFormula: y = 2 x.").sections
        {'Formula': 'y = 2 x.'}
    """
    paragraphs = re.split(r"\n{2,}", inspect.cleandoc(text))
    told, sections, heading = [], dict[str, str](), ""
    for paragraph in paragraphs[1:]:
        found = _HEADING.match(paragraph)
        if found:
            heading = found[1]
            sections[heading] = _unindented(paragraph[found.end() :], heading)
        elif heading:
            sections[heading] += f"\n\n{_unindented(paragraph, heading)}"
        else:
            told.append(paragraph)
    return Docstring(_one_line(paragraphs[0]), "\n\n".join(told), sections)


def docstring(thing: object) -> Docstring:
    """The docstring of a class or function, taken apart."""
    return taken_apart(inspect.getdoc(thing) or "")


def argument_meanings(kind: type) -> dict[str, str]:
    """What each argument of a class means, as the class says, one it inherits from, or one it names.

    A docstring that says "all else as in ``MultiHeadAttention``" sends the reader to a class of its module.
    """
    found: dict[str, str] = {}
    for ancestor in reversed(kind.__mro__):
        found |= taken_apart(ancestor.__doc__ or "").arguments
    for name in _AS_IN.findall(docstring(kind).sections.get("Args", "")):
        other = _named(name, kind)
        if other is not None:
            found = {**argument_meanings(other), **found}
    return {argument: _in_full(argument, meaning, kind) for argument, meaning in found.items()}


def _in_full(argument: str, meaning: str, kind: type) -> str:
    """A meaning that sends the reader to another class, such as "as in ``Conv``; zeros", in its words."""
    sent = _AS_THERE.match(meaning)
    other = _named(sent[1], kind) if sent else None
    if sent is None or other is None or argument not in (there := argument_meanings(other)):
        return meaning
    return f"{there[argument]} {sent[2][:1].upper()}{sent[2][1:]}".strip()


def _named(name: str, kind: type) -> type | None:
    """The class that a docstring of another means."""
    known = vars(sys.modules[kind.__module__])
    other = known.get(name, getattr(import_module("chainrule.nn"), name, None))
    return other if isinstance(other, type) and other is not kind else None


def _unindented(text: str, heading: str) -> str:
    """A section without its indentation; running text, unlike lists and programs, without its line ends."""
    if heading in ("Args", "Raises", "Example"):
        return inspect.cleandoc(text if text.startswith("\n") else f"\n{text}")
    return _one_line(text)


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("\\|", "|")
