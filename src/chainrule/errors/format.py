"""The one builder of error texts.

Every error of chainrule has the same five parts, so a reader's eye finds the same thing at the same place::

    ShapeError E203 in Dense "dense2" (moons.py:38): the last axis does not match the weight
      expected  (B, 64)
      received  (B, 32)
      try       cr.Dense(10) after cr.Flatten()
      more      docs/errors/E203.md

The plain clause comes from the catalogue, in both languages; the facts come in English from the place that
found the fault, and ``phrase`` has their Chinese. Whatever they quote is made printable here.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable
from functools import cache
from itertools import islice
from pathlib import Path
from types import CodeType
from typing import Any, ClassVar

from chainrule.errors.catalog import CATALOGUE
from chainrule.errors.translation import in_chinese, in_place
from chainrule.escaping import printable
from chainrule.records import frozen

_LABELS = {
    "en": ("expected", "received", "try", "more", "in", ": "),
    "zh": ("期望", "收到", "试试", "详见", "位于", "："),
}
LONGEST_FACT = 2_000  # characters of one fact; names and cells from a file may have millions
_PACKAGE = str(Path(__file__).parent.parent)


@cache
def _is_own(file: str) -> bool:
    """Whether a source file is one of chainrule's, or no file at all."""
    return file.startswith((_PACKAGE, "<"))


@frozen
class Place:
    """Where a person wrote the thing an error is about: a source file and a line."""

    file: str
    line: int

    @staticmethod
    def of_caller(below: CodeType | None = None) -> Place | None:
        """The innermost line of the call stack that is not chainrule's own.

        Args:
            below: a function beyond whose call nobody looks; ``None``: the whole stack is searched.
        """
        frame = sys._getframe(1)
        while frame is not None and frame.f_code is not below:
            file = frame.f_code.co_filename
            if not _is_own(file):
                return Place(file, frame.f_lineno)
            frame = frame.f_back
        return None

    def __str__(self) -> str:
        return f"{Path(self.file).name}:{self.line}"


class ChainruleError(Exception):
    """Base of every error chainrule raises about a user's input, file or run.

    Args:
        code: an entry of the catalogue, such as ``"E203"``.
        where: what the error is about, most specific first (``'Dense "dense2" (moons.py:38)'``).
        expected, received: one fact each, in the same unit, so the eye can compare them.
        fix: a line that can be pasted, or a short instruction when no line can help.
        notes: further lines, such as every other mismatch found at the same time.
        details: what the catalogue's clause names in braces.

    Example:
        >>> str(UsageError("E101", where="--net", name="rleu", expected="relu", fix='--net "64 relu"'))[:45]
        'UsageError E101 in --net: "rleu" is not known'
    """

    # In which language a traceback says it; the settings, on a floor above, put their own in its place.
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
        self.expected = str(expected)
        self.received = str(received)
        self.fix = fix
        self.notes = tuple(notes)
        self.details = details
        super().__init__(code)

    def clause(self, lang: str = "en") -> str:
        """The plain sentence of this error, without its facts."""
        details = {name: _shown(value) for name, value in self.details.items()}
        return getattr(CATALOGUE[self.code], lang).format(**details)

    def render(self, lang: str = "en") -> str:
        """The whole text, in English (``"en"``) or Chinese (``"zh"``)."""
        expected, received, fix, more, within, colon = _LABELS[lang]
        said = in_chinese if lang == "zh" else str
        where = in_place(_shown(self.where)) if lang == "zh" else _shown(self.where)
        place = f" {within} {where}" if where else ""
        rows = [(expected, self.expected), (received, self.received)]
        rows += [("", note) for note in self.notes]
        rows += [(fix, self.fix), (more, f"docs/errors/{self.code}.md")]
        width = max(len(expected), len(received), len(fix), len(more))
        blank = (
            "\u3000" if lang == "zh" else " "
        )  # as wide as a Chinese sign, so that the columns stay straight
        body = [f"  {label:{blank}<{width}}  {said(_shown(text))}" for label, text in rows if text]
        kind = "UsageError" if isinstance(self, CallError) else type(self).__name__
        return "\n".join([f"{kind} {self.code}{place}{colon}{self.clause(lang)}", *body])

    def __str__(self) -> str:
        return self.render(type(self).language())


class UsageError(ChainruleError, ValueError):
    """E1xx: a name, option or argument that chainrule does not know or cannot use."""


class CallError(UsageError, TypeError):
    """E131: a call whose arguments do not fit; a ``TypeError`` too, as Python raises for such a call."""


class ShapeError(ChainruleError, ValueError):
    """E2xx: two shapes that cannot meet."""


class DtypeError(ChainruleError, TypeError):
    """E25x: numbers of a kind the operation does not take."""


class GradientError(ChainruleError, ValueError):
    """E27x: a derivative that does not exist, or that does not agree with a small step."""


class DataError(ChainruleError, ValueError):
    """E3xx: a table, array or file of data that cannot be learned from as it is."""


class FileError(ChainruleError, OSError):
    """E4xx: a model file, checkpoint or run folder that cannot be read or written."""


class TrainingError(ChainruleError, ArithmeticError):
    """E5xx: a training that cannot go on.

    ``report`` is the black box (``chainrule.BlackBox``) where a number was not finite, else ``None``.
    """

    report: Any = None


def _shown(fact: object) -> str:
    """A fact as a line shows it: names and cells from outside have any length and any character."""
    return printable(fact, LONGEST_FACT)


LONGEST, MOST = 200, 20_000  # letters of a name, and names that are compared: the time grows with both


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name closest to ``name`` in spelling, or ``""`` when none is close.

    Example:
        >>> nearest("rleu", ["relu", "tanh", "sigmoid"])
        'relu'
    """
    if len(name) > LONGEST:
        return ""
    folded = {word.casefold(): word for word in islice(known, MOST) if len(word) <= LONGEST}
    found = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    return folded[found[0]] if found else ""
