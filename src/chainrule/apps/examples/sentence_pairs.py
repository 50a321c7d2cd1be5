"""Pairs of sentences to learn translation from, cleaned, and split so that the test is honest.

What programs say is short, repeated, and written for machines too. Before a network can learn from it:

    "_Open %PRODUCTNAME..."   "打开 %PRODUCTNAME(_O)..."      as the catalog has it
    "Open %PRODUCTNAME..."    "打开 %PRODUCTNAME..."          the key that opens a menu goes
    "Open ①..."               "打开 ①..."                     what is filled in later becomes one sign

The signs ①, ②, ... stand for the placeholders of a pair in the order of the English; a network has to learn
only that they are carried over, and ``Marked.restored`` puts the placeholders back. Pairs that teach nothing
are left out, and it is said how many and why.

The same sentence stands in many menus. Were such pairs shared out at random, a network would be judged by
sentences it has learned by heart; so all that read alike, but for capitals, punctuation and numbers, go to
the same part (``split_pairs``).
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from chainrule.apps.examples.gettext_catalogs import read_catalog
from chainrule.data.sequences.padding import pad_sequences
from chainrule.data.sequences.tokenizer import PAD, Tokenizer
from chainrule.data.tables.split import split
from chainrule.errors import DataError, UsageError
from chainrule.records import frozen

LIBREOFFICE = Path("/usr/lib/libreoffice/program/resource")
PACKAGE = "libreoffice-l10n-zh-cn"
SIGNS = "①②③④⑤⑥⑦⑧⑨"
PLACEHOLDER = re.compile(
    r"%\(\w+\)[sdif]|%\{\w+\}|%[A-Z][A-Z0-9_]+|%\d+|%[sdifux]\b"  # %(name)s %{name} %NAME %1 %s
    r"|\$\(\w+\)|\$\{\w+\}|\$[A-Za-z_][\w.]*\|?|\$\d\b"  # $(NAME) ${NAME} $name $1
    r"|</?[a-z]+(?: [^<>]*=[^<>]*)?/?>|</?[A-Z]{1,4}/?>"  # <b> </b> <a href="..."> <BR>
)
HINT = re.compile(r"^[^^]*\^(?=\S)")  # "female^Elvish Archer": which one is meant, not what it is called
KEY = re.compile(r"\s*[(（]\s*[~_&]\w\s*[)）]")  # "(_O)" behind a Chinese word
MARK = re.compile(r"[~_&](?=\w)")
HAN, LETTER = re.compile("[一-鿿]"), re.compile("[A-Za-z]")
SHARES = (0.9, 0.05, 0.05)


@frozen
class Marked:
    """A text in which signs stand for its placeholders.

    Args:
        text: with ① for the first placeholder, ② for the second that is another one, ...
        placeholders: what the signs stand for.

    Example:
        >>> marked = Marked.of("Save %1 as %2 or %1?")
        >>> marked.text, marked.restored("将 ① 另存为 ②？")
        ('Save ① as ② or ①?', '将 %1 另存为 %2？')
    """

    text: str
    placeholders: tuple[str, ...]

    @classmethod
    def of(cls, text: str, known: tuple[str, ...] | None = None) -> Marked:
        """A text with signs for its placeholders.

        Args:
            text: any; of placeholders beyond the ninth, each stays as it is.
            known: the placeholders and their order, of a text whose translation this is.
        """
        found = tuple(dict.fromkeys(PLACEHOLDER.findall(text))) if known is None else known
        signs = dict(zip(found, SIGNS, strict=False))
        return cls(PLACEHOLDER.sub(lambda match: signs.get(match[0], match[0]), text), found)

    def restored(self, text: str) -> str:
        """A translation with the placeholders instead of the signs."""
        signs = dict(zip(SIGNS, self.placeholders, strict=False))
        return "".join(signs.get(letter, letter) for letter in text)


@frozen
class Pairs:
    """Sentences beside their translations.

    Args:
        sources: the English sentences, each once.
        targets: the Chinese of each.
        dropped: how many pairs of the files are not here, by reason.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    dropped: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.sources)

    def take(self, rows: Iterable[int]) -> Pairs:
        """The pairs of these numbers, in this order."""
        chosen = list(rows)
        sources, targets = ([part[i] for i in chosen] for part in (self.sources, self.targets))
        return Pairs(tuple(sources), tuple(targets), self.dropped)


def read_pairs(
    folder: str | os.PathLike[str] | None = None, language: str = "zh_CN", longest: tuple[int, int] = (30, 60)
) -> Pairs:
    """English sentences and their Chinese translations from the catalogs (``.mo``) of installed programs.

    Args:
        folder: where catalogs lie, at any depth, in folders ``zh_CN/LC_MESSAGES``; by default those of
            LibreOffice, where Debian's package libreoffice-l10n-zh-cn puts them.
        language: the folder of the language.
        longest: of a sentence, how many English words and how many Chinese characters.

    Raises:
        DataError E301: no such folder. E315: LibreOffice's catalogs are not installed. E316: a damaged
        catalog. E367: no catalog of that language, or no pair in them that can be learned from.
        UsageError E102: a length below 1.
    """
    root = LIBREOFFICE if folder is None else Path(folder)
    if folder is None and not os.path.isdir(root):
        raise DataError(
            "E315", where="read_pairs", name="LibreOffice, zh_CN", expected=f"the files in {LIBREOFFICE}",
            received="no such folder", fix=f"apt install {PACKAGE}",
        )  # fmt: skip
    if not os.path.isdir(root):
        raise DataError("E301", where=str(root), expected="a folder", received="no such folder")
    files = sorted(file for file in root.resolve().rglob("*.mo") if language in file.parts)
    if not files:
        raise DataError(
            "E367", where=str(root), expected=f"{language}/LC_MESSAGES/*.mo", received="no such file",
            fix=f"apt install {PACKAGE}",
        )  # fmt: skip
    pairs = clean_pairs((pair for file in files for pair in read_catalog(file)), longest)
    if not len(pairs):
        notes = [f"{count}: {reason}" for reason, count in pairs.dropped.items()]
        raise DataError("E367", where=str(root), expected="sentences", received="none", notes=notes)
    return pairs


def clean_pairs(pairs: Iterable[tuple[str, str]], longest: tuple[int, int] = (30, 60)) -> Pairs:
    """Pairs that can be learned from, each English sentence once.

    Where a sentence has several translations, the most frequent one is kept, of those the first.

    Args:
        pairs: English and Chinese, as a catalog has them.
        longest: as in ``read_pairs``.

    Raises:
        UsageError E102: a length below 1.

    Example:
        >>> pairs = clean_pairs([("_Open", "打开(_O)"), ("Open", "打开"), ("OK", "OK")])
        >>> pairs.sources, pairs.targets, dict(pairs.dropped)
        (('Open',), ('打开',), {'nothing to translate': 1, 'the same again': 1})
    """
    if len(longest) != 2 or not all(type(most) is int and most >= 1 for most in longest):
        raise UsageError(
            "E102", where="clean_pairs", name="longest", expected="two integers, at least 1",
            received=repr(longest)[:80], fix="longest=(30, 60)",
        )  # fmt: skip
    dropped: Counter[str] = Counter()
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for pair in pairs:
        source, target = _cleaned(*pair)
        reason = _fault(source, target, longest)
        if reason:
            dropped[reason] += 1
        else:
            found[source][target] += 1
    dropped["the same again"] = sum(sum(said.values()) - len(said) for said in found.values())
    dropped["another translation of the same"] = sum(len(said) - 1 for said in found.values())
    chosen = {source: said.most_common(1)[0][0] for source, said in found.items()}
    reasons = {reason: count for reason, count in sorted(dropped.items()) if count}
    return Pairs(tuple(chosen), tuple(chosen.values()), reasons)


def _cleaned(source: str, target: str) -> tuple[str, str]:
    """A pair without what only the program needs."""
    marked = Marked.of(HINT.sub("", source))
    source, target = marked.text, Marked.of(target, marked.placeholders).text
    signs = MARK.findall(source)
    if len(signs) == 1 and signs[0] in target:  # and not an underscore within a name
        source, target = MARK.sub("", source), KEY.sub("", target).replace(signs[0], "")
    return plain(source), plain(target)


def plain(text: str) -> str:
    """A text in one line, single spaces between its words, its letters composed in one way (NFC)."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _fault(source: str, target: str, longest: tuple[int, int]) -> str:
    """Why a pair cannot be learned from; ``""`` where it can."""
    if not LETTER.search(source) or not HAN.search(target):
        return "nothing to translate"
    left = PLACEHOLDER.search(source) or PLACEHOLDER.search(target)
    if left or {*source} & {*SIGNS} != {*target} & {*SIGNS}:
        return "other placeholders than the original"
    if len(source.split()) > longest[0] or len(target) > longest[1]:
        return "too long"
    return ""


def split_pairs(
    pairs: Pairs, seed: int = 0, shares: tuple[float, float, float] = SHARES
) -> tuple[Pairs, Pairs, Pairs]:
    """Share pairs out to training, validation and test, such that sentences that read alike stay together.

    Alike are sentences that differ only in capitals, punctuation and numbers: "Sheet 1", "sheet 2:".

    Args:
        pairs: the pairs.
        seed: any whole number.
        shares: of the different sentences, for training, validation and test.

    Raises:
        UsageError E330: impossible shares. DataError E331: too few sentences.

    Example:
        >>> texts = ("Open", "open...", "Save", "Save 1", "SAVE", "Close", "Print")
        >>> [part.sources for part in split_pairs(Pairs(texts, texts, {}), shares=(0.5, 0.25, 0.25))]
        [('Save', 'Save 1', 'SAVE', 'Print'), ('Close',), ('Open', 'open...')]
    """
    _, kinds = np.unique([alike(source) for source in pairs.sources], return_inverse=True)
    parts = split(np.zeros(kinds.max(initial=-1) + 1), seed, shares, stratify=False)
    train, validation, test = (
        pairs.take(np.flatnonzero(np.isin(kinds, part)))
        for part in (parts.train, parts.validation, parts.test)
    )
    return train, validation, test


def pair_rows(pairs: Pairs, tokenizer: Tokenizer, length: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Pairs for a net that reads one text and writes another, such as ``cr.models.transformer``.

    Args:
        pairs: the sentences and their translations.
        tokenizer: of both languages.
        length: tokens of a row; what is longer is cut.

    Returns:
        by name ``source`` and ``target`` (N, length): what is read, and what is written so far; y (N,
        length): the token to be written next at each place, 0 where there is none.
        ``cr.CrossEntropy(ignore_index=0)`` is the mean over the tokens that are there.

    Example:
        >>> tokenizer = Tokenizer.learn(["ab", "cd"], "character")
        >>> x, y = pair_rows(Pairs(("ab",), ("c",), {}), tokenizer, 5)
        >>> x["source"].tolist(), x["target"].tolist(), y.tolist()
        ([[2, 4, 5, 3, 0]], [[2, 6, 0, 0, 0]], [[6, 3, 0, 0, 0]])
    """
    read = pad_sequences(tokenizer.encode_all(pairs.sources, ends=True), length, PAD, truncate=True)
    said = tokenizer.encode_all(pairs.targets, ends=True)
    written = pad_sequences([text[:-1] for text in said], length, PAD, truncate=True)
    wanted = pad_sequences([text[1:] for text in said], length, PAD, truncate=True)
    x = {"source": read.values, "target": written.values}
    return x, wanted.values


def alike(text: str) -> str:
    """What is left of a text without capitals, punctuation, placeholders and numbers.

    Example:
        >>> alike("Sheet 1: Save as..."), alike("sheet, save AS")
        ('sheet save as', 'sheet save as')
    """
    return " ".join(re.findall(r"[^\W\d_]+", text.casefold())) or text
