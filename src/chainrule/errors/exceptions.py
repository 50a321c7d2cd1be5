"""Rendering of error messages.

Every error of chainrule has the same parts in the same order::

    ShapeError E203 in Dense "dense2" (moons.py:38): the last axis does not match the weight
      expected  (B, 64)
      received  (B, 32)
      fix       cr.Dense(10) after cr.Flatten()
      help      chainrule show error E203

The first line's sentence comes from the catalog, in English and Chinese. The facts are records of the code
that raises the error (``message``), rendered in either language. Control characters in quoted input are
escaped here.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable
from functools import cache
from itertools import islice
from pathlib import Path
from types import CodeType
from typing import Any, ClassVar

from chainrule.errors.catalog import CATALOG, DETAILS
from chainrule.escaping import printable
from chainrule.messages import Message, Texts, in_language, rendered, translated
from chainrule.records import frozen

_LABELS: Texts = {"expected": "expected", "received": "received", "fix": "fix", "help": "help", "in": "in"}
LONGEST_FACT = 2_000  # characters shown of one fact; names and cells of a file may have millions
_PACKAGE = str(Path(__file__).parent.parent)
_COMMAND_LINE = re.compile(r"[\\/](?:site|dist)-packages[\\/](?:typer|click)[\\/]")  # call the commands


@cache
def _is_own(file: str) -> bool:
    """Return whether a source file belongs to chainrule, or is no file at all."""
    return file.startswith((_PACKAGE, "<"))


@frozen
class Place:
    """Source file and line of the user's code that an error is about."""

    file: str
    line: int

    @staticmethod
    def of_caller(below: CodeType | None = None) -> Place | None:
        """Return the innermost line of the call stack outside chainrule; ``None`` in one of its commands.

        Args:
            below: the search stops at the call of this function; ``None`` searches the whole stack.
        """
        frame = sys._getframe(1)
        while frame is not None and frame.f_code is not below:
            file = frame.f_code.co_filename
            if not _is_own(file):
                return None if _COMMAND_LINE.search(file) else Place(file, frame.f_lineno)
            frame = frame.f_back
        return None

    def __str__(self) -> str:
        return f"{Path(self.file).name}:{self.line}"


class ChainruleError(Exception):
    """Base class of the errors about a user's input, file or run.

    Args:
        code: a code of the catalog, such as ``"E203"``.
        where: what the error is about, most specific first (``'Dense "dense2" (moons.py:38)'``).
        expected, received: one fact each, in the same unit, so that they can be compared.
        fix: code that can be pasted, or a short instruction if no code can help.
        notes: further lines, such as other mismatches found at the same time.
        details: values of the placeholders in the catalog's sentence.

    Example:
        >>> str(UsageError("E101", where="--net", name="rleu", expected="relu", fix='--net "64 relu"'))[:45]
        'UsageError E101 in --net: "rleu" is not known'
    """

    # Language of a traceback. The settings, a package above this one, replace it by their own.
    language: ClassVar[staticmethod[[], str]] = staticmethod(lambda: "en")

    def __init__(
        self,
        code: str,
        *,
        where: str = "",
        expected: object = "",
        received: object = "",
        fix: str = "",
        notes: Iterable[str] = (),
        **details: object,
    ) -> None:
        self.code = code
        self.where = where
        self.expected = _as_text(expected)
        self.received = _as_text(received)
        self.fix = fix
        self.notes = tuple(notes)
        self.details = details
        super().__init__(code)

    @property
    def sentence(self) -> Message:
        """The sentence of this error as a record, without its facts."""
        return Message(CATALOG[self.code], self._values)

    @property
    def _values(self) -> dict[str, object]:
        """The details, with texts for those that an error need not state."""
        usual = {name: Message(text, {}) for name, text in DETAILS.get(self.code, {}).items()}
        return {**usual, **self.details}

    def clause(self, lang: str = "en") -> str:
        """Return the sentence of this error, without its facts.

        Args:
            lang: ``"en"`` or ``"zh"``.
        """
        details = {name: _one_line(rendered(value, lang)) for name, value in self._values.items()}
        template = str(CATALOG[self.code]) if lang == "en" else translated(CATALOG[self.code], lang)
        return template.format(**details)

    def render(self, lang: str = "en") -> str:
        """Return the complete message, in English (``"en"``) or Chinese (``"zh"``).

        Args:
            lang: ``"en"`` or ``"zh"``.
        """
        expected, received, fix, more, within = in_language(_LABELS, lang).values()
        where = _in_language(self.where, lang)
        place = f" {within} {where}" if where else ""
        rows = [(expected, self.expected), (received, self.received)]
        rows += [("", note) for note in self.notes]
        rows += [(fix, self.fix), (more, f"chainrule show error {self.code}")]
        width = max(len(expected), len(received), len(fix), len(more))
        colon = "：" if lang == "zh" else ": "
        blank = "\u3000" if lang == "zh" else " "  # as wide as a Chinese character: columns stay aligned
        body = [f"  {label:{blank}<{width}}  {_in_language(text, lang)}" for label, text in rows if text]
        kind = "UsageError" if isinstance(self, CallError) else type(self).__name__
        return "\n".join([f"{kind} {self.code}{place}{colon}{self.clause(lang)}", *body])

    def __str__(self) -> str:
        return self.render(type(self).language())


class UsageError(ChainruleError, ValueError):
    """E1xx: an unknown or invalid name, option or argument."""


class CallError(UsageError, TypeError):
    """E131, E134: a call with arguments that do not fit; also a ``TypeError``, as Python raises it."""


class ShapeError(ChainruleError, ValueError):
    """E2xx: shapes that do not fit."""


class DtypeError(ChainruleError, TypeError):
    """E25x: a dtype that the operation does not accept."""


class GradientError(ChainruleError, ValueError):
    """E27x: a derivative that does not exist, or that disagrees with finite differences."""


class DataError(ChainruleError, ValueError):
    """E3xx: a table, array or data file that cannot be used for training as it is."""


class FileError(ChainruleError, OSError):
    """E4xx: a model file, checkpoint or run folder that cannot be read or written."""


class TrainingError(ChainruleError, ArithmeticError):
    """E5xx: a training that cannot start or continue.

    ``report`` is a ``chainrule.NonfiniteReport`` if a value was not finite, otherwise ``None``.
    """

    report: Any = None


def _as_text(fact: object) -> str:
    """Return a fact as it is stored: a record, or text."""
    return fact if isinstance(fact, Message) else str(fact)


def _in_language(text: str, lang: str) -> str:
    """Return a fact as one line in a language; a text that is not a record is the same in both."""
    return _one_line(rendered(text, lang))


def _one_line(fact: object) -> str:
    """Return a fact as one printable line of bounded length: input may have any length and any character."""
    return printable(fact, LONGEST_FACT)


LONGEST, MOST = 200, 20_000  # limits of `nearest`: characters of a name, and number of known names
STRICT_LIKENESS = 0.75  # minimum likeness to one of hundreds of names: many of 400 are alike by 0.5


def nearest(name: str, known: Iterable[str], likeness: float = 0.5) -> str:
    """Return the known name closest to ``name`` in spelling, or ``""`` if none is close.

    Args:
        likeness: between 0 and 1: least likeness of the two spellings, as ``difflib`` measures it.

    Example:
        >>> nearest("rleu", ["relu", "tanh", "sigmoid"])
        'relu'
    """
    if len(name) > LONGEST:
        return ""
    folded = {word.casefold(): word for word in islice(known, MOST) if len(word) <= LONGEST}
    matches = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=likeness)
    return folded[matches[0]] if matches else ""
