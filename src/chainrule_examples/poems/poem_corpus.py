"""Read Tang poems from one of two collections.

The small collection is the file ``tang300`` of Debian's package ``fortunes-zh`` (314 poems, simplified
characters). The large one is the folder of the npm package ``chinese-poetry`` (57,607 Tang poems, traditional
characters). Both contain terminal colors, notes in brackets, quotation marks, and gaps for lost characters.
Only the verses are returned, as Chinese characters and punctuation; poems that contain other characters after
cleaning are left out.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.data import split
from chainrule.errors import DataError, fact
from chainrule.messages import Texts
from chainrule_examples import COMMON

FORTUNES = Path("/usr/share/games/fortunes/tang300")
POETRY = "**/quantangshi/poet.tang.*.json"
PUNCTUATION = "，。？！；：、"
LENGTH = 65  # characters of a text: eight lines of seven
_COLOR = re.compile(r"\x1b\[\d*m")
_NOTE = re.compile(r"（[^）]*）|〖[^〗]*〗|\{[^}]*\}|\([^)]*\)")
_NUMBER = re.compile(r"poet\.tang\.[0-9]{1,9}\.json")
_MARK = re.compile(r"[\s《》〈〉「」『』“”‘’\[\]・·]")  # removed, while the text inside is kept
_VERSES = re.compile(rf"[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003134f{PUNCTUATION}]+")
_MAX_LENGTH = 10_000  # characters of a poem; the longest known poem has fewer than 2,000
OPTIONS: Texts = {
    "data": "folder of the npm package chinese-poetry",
    "first": "beginning of the poems",
    "acrostic": "first characters of the lines of an acrostic",
    "epochs": "maximum number of epochs; 0: chosen for the data",
    "seed": "seed of the split, the training and the poems",
    "out": COMMON["out"],
}
TEXTS: Texts = {
    "data": "{0} training, {1} validation, {2} test poems; {size} tokens, {rare:.1%} rare characters",
    "gpt": "GPT, {size:,} parameters, {epochs} epochs",
    "head": "Nats per character (perplexity): validation, test",
    "unigram": "single characters",
    "ngram": "{order}-gram model, Kneser-Ney",
}


@dataclass(frozen=True)
class Poem:
    """A poem.

    Args:
        title, author: as in the collection.
        text: its verses with punctuation.
    """

    title: str
    author: str
    text: str

    @property
    def lines(self) -> list[str]:
        """The sentences of the poem.

        Example:
            >>> Poem("静夜思", "李白", "床前明月光，疑是地上霜。举头望明月，低头思故乡。").lines
            ['床前明月光，疑是地上霜。', '举头望明月，低头思故乡。']
        """
        return re.findall(r"[^。？！]+[。？！]?", self.text)


def read_poems(folder: str | os.PathLike[str] | None = None) -> list[Poem]:
    """Read Tang poems without duplicates, in the order of the collection.

    Args:
        folder: folder of the unpacked npm package ``chinese-poetry``; by default the poems of Debian's
            ``fortunes-zh`` are read.

    Raises:
        DataError E315: the package is not installed. E316: a damaged file.
        DataError E301: no such folder.
    """
    poems = _fortunes(FORTUNES) if folder is None else _poetry(Path(folder))
    return _clean(poems)


def split_poems(poems: Sequence[Poem], fraction: float, seed: int = 0) -> tuple[list[Poem], ...]:
    """Split poems into training, validation and test poems.

    Validation and test poems that share a sentence with a training poem are left out.

    Args:
        poems: the poems without duplicates.
        fraction: fraction of the validation poems, and of the test poems.
        seed: seed of the split.

    Raises:
        UsageError E330: an invalid fraction. DataError E331: too few poems.
    """
    parts = split(np.zeros(len(poems)), seed, (1 - 2 * fraction, fraction, fraction))
    training, *others = ([poems[i] for i in rows] for rows in (parts.train, parts.validation, parts.test))
    known = {line for poem in training for line in poem.lines}
    return training, *([poem for poem in part if known.isdisjoint(poem.lines)] for part in others)


def _clean(poems: Iterable[Poem]) -> list[Poem]:
    """Clean the verses; incomplete poems and duplicates are left out."""
    unique: dict[str, Poem] = {}
    for poem in poems:
        text = _MARK.sub("", _NOTE.sub("", poem.text))
        if len(text) <= _MAX_LENGTH and _VERSES.fullmatch(text):
            unique.setdefault(text, Poem(poem.title, poem.author, text))
    return list(unique.values())


def _fortunes(path: Path) -> Iterator[Poem]:
    """The poems of a fortune file: title, author and verses, separated by lines of ``%``."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        expected = fact("the file {path}", path=path)
        fix = fact("apt install fortunes-zh, or the folder of the npm package chinese-poetry")
        raise DataError(
            "E315", where="poems", name="poems", expected=expected, received=fact("no such file"), fix=fix
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            "E316", where=str(path), received=str(error)[:120], fix=fact("install the package again")
        ) from error
    for part in _COLOR.sub("", text).split("\n%\n"):
        title, _, rest = part.strip("\n%").partition("\n")
        author, _, verses = rest.partition("\n")
        yield Poem(title.strip("《》"), author.removeprefix("作者："), verses)


def _poetry(folder: Path) -> Iterator[Poem]:
    """The Tang poems of the npm package, ordered by file number."""
    if not os.path.isdir(folder):
        fix = fact("npm pack chinese-poetry, then tar xzf the archive")
        raise DataError("E301", where=str(folder), expected=fact("a folder"), received=fact("none"), fix=fix)
    numbered = {file: _NUMBER.fullmatch(file.name) for file in folder.glob(POETRY)}
    files = sorted(
        (file for file in numbered if numbered[file]), key=lambda file: int(file.name.split(".")[2])
    )
    if not files:
        raise DataError(
            "E315",
            where=str(folder),
            name="chinese-poetry",
            expected=fact("files such as quantangshi/poet.tang.0.json"),
            received=fact("none"),
            fix=fact("npm pack chinese-poetry, then tar xzf the archive"),
        )
    for file in files:
        yield from _poems_of(file)


def _poems_of(file: Path) -> Iterator[Poem]:
    """The poems of one file of the npm package."""
    try:
        records: Any = json.loads(file.read_text(encoding="utf-8"))
        for record in records:
            yield Poem(str(record["title"]), str(record["author"]), "".join(record["paragraphs"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        expected = fact("poems with title, author and paragraphs")
        received = f"{type(error).__name__}: {error}"[:120]
        fix = fact("unpack the package again")
        raise DataError("E316", where=str(file), expected=expected, received=received, fix=fix) from error
