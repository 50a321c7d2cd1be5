"""Tang poems: the three hundred that everybody learns, or all that are left.

The small form is the file ``tang300`` of Debian's package ``fortunes-zh`` (314 poems, simplified characters),
found where Debian puts it. The large form is the folder of the npm package ``chinese-poetry`` (57,607 Tang
poems, traditional characters). Both hold more than poems: colors of a terminal, notes in brackets, marks of
quotation, gaps where a character is lost. A poem is handed out as its verses alone, Chinese characters and
punctuation; one in which something else is left is left out.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.data.tables.split import split
from chainrule.errors import DataError
from chainrule.records import frozen

FORTUNES = Path("/usr/share/games/fortunes/tang300")
POETRY = "**/quantangshi/poet.tang.*.json"
PUNCTUATION = "，。？！；：、"
_COLOR = re.compile(r"\x1b\[\d*m")
_NOTE = re.compile(r"（[^）]*）|〖[^〗]*〗|\{[^}]*\}|\([^)]*\)")
_MARK = re.compile(r"[\s《》〈〉「」『』“”‘’\[\]・·]")  # around words that belong to the verse
_VERSES = re.compile(rf"[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003134f{PUNCTUATION}]+")
_LARGEST = 10_000  # characters of a poem; the longest known has under 2,000


@frozen
class Poem:
    """A poem.

    Args:
        title, author: as the collection has them.
        text: its verses with their punctuation, and nothing else.
    """

    title: str
    author: str
    text: str

    @property
    def lines(self) -> list[str]:
        """Its sentences, each on a line of its own.

        Example:
            >>> Poem("静夜思", "李白", "床前明月光，疑是地上霜。举头望明月，低头思故乡。").lines
            ['床前明月光，疑是地上霜。', '举头望明月，低头思故乡。']
        """
        return re.findall(r"[^。？！]+[。？！]?", self.text)


def read_poems(folder: str | os.PathLike[str] | None = None) -> list[Poem]:
    """Tang poems, each once, in the order of the collection.

    Args:
        folder: where the npm package ``chinese-poetry`` was unpacked; by default the poems of Debian's
            ``fortunes-zh``.

    Raises:
        DataError E315: the package is not there; says how to get it. E316: a file of it is damaged.
        DataError E301: no such folder.
    """
    found = _fortunes(FORTUNES) if folder is None else _poetry(Path(folder))
    return _each_once(found)


def split_poems(poems: Sequence[Poem], held: float, seed: int = 0) -> tuple[list[Poem], ...]:
    """Poems to learn from, to choose by, and to be judged by; none of the others shares a sentence with one
    that is learned from.

    Args:
        poems: each once.
        held: the part of them that is held out to choose by, and the part to be judged by.
        seed: decides which.

    Raises:
        UsageError E330: impossible parts. DataError E331: too few poems.
    """
    parts = split(np.zeros(len(poems)), seed, (1 - 2 * held, held, held))
    training, *others = ([poems[i] for i in rows] for rows in (parts.train, parts.validation, parts.test))
    known = {line for poem in training for line in poem.lines}
    return training, *([poem for poem in part if known.isdisjoint(poem.lines)] for part in others)


def _each_once(poems: Iterable[Poem]) -> list[Poem]:
    """The poems that are whole, and of several with the same verses the first."""
    seen: dict[str, Poem] = {}
    for poem in poems:
        text = _MARK.sub("", _NOTE.sub("", poem.text))
        if len(text) <= _LARGEST and _VERSES.fullmatch(text):
            seen.setdefault(text, Poem(poem.title, poem.author, text))
    return list(seen.values())


def _fortunes(path: Path) -> Iterator[Poem]:
    """The poems of a file of fortunes: title, author and verses, parted by lines of ``%``."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DataError(
            "E315", where="poems", name="poems", expected=f"the file {path}", received="no such file",
            fix="apt install fortunes-zh, or the folder of the npm package chinese-poetry",
        ) from error  # fmt: skip
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            "E316", where=str(path), received=str(error)[:120], fix="install the package again"
        ) from error
    for part in _COLOR.sub("", text).split("\n%\n"):
        title, _, rest = part.strip("\n%").partition("\n")
        author, _, verses = rest.partition("\n")
        yield Poem(title.strip("《》"), author.removeprefix("作者："), verses)


def _poetry(folder: Path) -> Iterator[Poem]:
    """The Tang poems of the npm package, in the order of its files' numbers."""
    if not os.path.isdir(folder):
        raise DataError(
            "E301", where=str(folder), expected="a folder", received="none",
            fix="npm pack chinese-poetry, and tar xzf what it brings",
        )  # fmt: skip
    files = sorted(folder.glob(POETRY), key=lambda file: int(file.name.split(".")[2]))
    if not files:
        raise DataError(
            "E315", where=str(folder), name="chinese-poetry",
            expected="quantangshi/poet.tang.0.json and its like", received="none",
            fix="npm pack chinese-poetry, and tar xzf what it brings",
        )  # fmt: skip
    for file in files:
        yield from _poems_of(file)


def _poems_of(file: Path) -> Iterator[Poem]:
    """The poems of one file of the npm package."""
    try:
        records: Any = json.loads(file.read_text(encoding="utf-8"))
        for record in records:
            yield Poem(str(record["title"]), str(record["author"]), "".join(record["paragraphs"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            "E316", where=str(file), expected="poems with title, author and paragraphs",
            received=f"{type(error).__name__}: {error}"[:120], fix="unpack the package again",
        ) from error  # fmt: skip
