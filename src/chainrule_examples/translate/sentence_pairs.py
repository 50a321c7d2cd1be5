"""Sentence pairs for translation: reading, cleaning, and a split without leakage.

Texts of programs are short, repetitive, and contain markup. They are cleaned in these steps:

    "_Open %PRODUCTNAME..."   "打开 %PRODUCTNAME(_O)..."      as in the catalog
    "Open %PRODUCTNAME..."    "打开 %PRODUCTNAME..."          accelerator keys of menus are removed
    "Open ①..."               "打开 ①..."                     placeholders are replaced by symbols

The symbols ①, ②, ... are the placeholders of a pair in the order of the English text; a network only has to
copy them, and ``Marked.restored`` inserts the placeholders again. Pairs that are not suitable are dropped and
counted by reason.

The same sentence occurs in many menus. A random split would put copies of training sentences into the test;
so sentences that differ only in capitals, punctuation and numbers belong to the same part (``split_pairs``).
"""

from __future__ import annotations

import os
import re
import struct
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chainrule import Tokenizer, pad_sequences
from chainrule.data import PAD, split
from chainrule.errors import DataError, UsageError, fact, join_facts
from chainrule.messages import Text

# Catalogs of GNU gettext.
#
# Free programs store their texts in the format of GNU gettext: one ``.mo`` file per part of the program and
# language, with every English text and its translation. Installed programs contain tens of thousands of
# sentence pairs.
#
#     magic | version | N | offset of the table of originals | offset of the table of translations
#     N times: length, offset of an original      N times: length, offset of a translation      the texts
#
# An original may have a context (``menu|save`` and a character of code 4 before the text), and a text may
# have plural forms. Python's own reader evaluates the plural rule of the file as code; this reader runs
# nothing and takes the first form.
#
# Reference: the manual of GNU gettext, The format of GNU MO files.

MAGIC = 0x950412DE
HEADER = 20  # bytes
CONTEXT, FORM = "\x04", "\0"


def read_catalog(path: str | os.PathLike[str]) -> list[tuple[str, str]]:
    """Read the texts of a ``.mo`` file with their translations, in file order.

    Args:
        path: the file. Its header (the translation of the empty text) and untranslated texts are left out.

    Raises:
        DataError E301: the file cannot be opened. E316: a damaged file, or not a catalog.

    Example:
        >>> import struct
        >>> texts = [b"menu\\x04Open", "打开".encode()]
        >>> numbers = [MAGIC, 0, 1, 20, 28, len(texts[0]), 36, len(texts[1]), 45]
        >>> _ = Path("sd.mo").write_bytes(struct.pack("<9I", *numbers) + b"".join(texts))
        >>> read_catalog("sd.mo")
        [('Open', '打开')]
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataError("E301", where=str(path), received=error.strerror or str(error)) from error
    order = next((o for o in "<>" if content[:4] == struct.pack(f"{o}I", MAGIC)), "")
    if not order or len(content) < HEADER:
        raise _damaged(
            path, fact("{bytes} at the beginning", bytes=content[:4].hex(" ") or fact("an empty file"))
        )
    count, *tables = struct.unpack(f"{order}3I", content[8:HEADER])
    try:
        originals, translations = (_texts(content, table, count, order) for table in tables)
    except ValueError as cause:  # an offset outside the file, or invalid UTF-8
        raise _damaged(path, str(cause)) from cause
    pairs = zip(originals, translations, strict=True)
    texts = ((_first(text).split(CONTEXT)[-1], _first(translation)) for text, translation in pairs)
    return [(text, translation) for text, translation in texts if text and translation]


def _texts(content: bytes, table: int, count: int, order: str) -> list[str]:
    """The texts whose lengths and offsets are listed from offset ``table`` on."""
    listed = np.frombuffer(content, f"{order}u4", 2 * count, table).reshape(-1, 2).astype(np.int64)
    ends = listed.sum(axis=1)
    if count and (ends.max() > len(content) or listed[:, 0].sum() > len(content)):  # texts do not overlap
        raise ValueError(f"texts that end at {ends.max()} of {len(content)} bytes")
    return [content[start : start + size].decode("utf-8") for size, start in listed.tolist()]


def _first(text: str) -> str:
    """The first plural form of a text."""
    return text.split(FORM)[0]


def _damaged(path: str | os.PathLike[str], received: str) -> DataError:
    expected = fact("a catalog of GNU gettext (.mo)")
    fix = fact("install the package again")
    return DataError("E316", where=str(path), expected=expected, received=received, fix=fix)


LIBREOFFICE = Path("/usr/lib/libreoffice/program/resource")
PACKAGE = "libreoffice-l10n-zh-cn"
SYMBOLS = "①②③④⑤⑥⑦⑧⑨"
PLACEHOLDER = re.compile(
    r"%\(\w+\)[sdif]|%\{\w+\}|%[A-Z][A-Z0-9_]+|%\d+|%[sdifux]\b"  # %(name)s %{name} %NAME %1 %s
    r"|\$\(\w+\)|\$\{\w+\}|\$[A-Za-z_][\w.]*\|?|\$\d\b"  # $(NAME) ${NAME} $name $1
    r"|</?[a-z]+(?: [^<>]*=[^<>]*)?/?>|</?[A-Z]{1,4}/?>"  # <b> </b> <a href="..."> <BR>
)
HINT = re.compile(r"^[^^]*\^(?=\S)")  # "female^Elvish Archer": a hint for translators
KEY = re.compile(r"\s*[(（]\s*[~_&]\w\s*[)）]")  # "(_O)" after a Chinese word
MARK = re.compile(r"[~_&](?=\w)")
HAN, LETTER = re.compile("[一-鿿]"), re.compile("[A-Za-z]")
REASONS: tuple[Text, ...] = (
    "duplicate",
    "other translation",
    "too long",
    "nothing to translate",
    "different placeholders",
)
FRACTIONS = (0.9, 0.05, 0.05)


@dataclass(frozen=True)
class Marked:
    """A text in which symbols replace placeholders.

    Args:
        text: the text with ① for the first distinct placeholder, ② for the second, ...
        placeholders: the placeholders in the order of the symbols.

    Example:
        >>> marked = Marked.of("Save %1 as %2 or %1?")
        >>> marked.text, marked.restored("将 ① 另存为 ②？")
        ('Save ① as ② or ①?', '将 %1 另存为 %2？')
    """

    text: str
    placeholders: tuple[str, ...]

    @classmethod
    def of(cls, text: str, known: tuple[str, ...] | None = None) -> Marked:
        """Replace the placeholders of a text by symbols.

        Args:
            text: the text; placeholders beyond the ninth are not replaced.
            known: the placeholders of the original if this is its translation.
        """
        placeholders = tuple(dict.fromkeys(PLACEHOLDER.findall(text))) if known is None else known
        symbols = dict(zip(placeholders, SYMBOLS, strict=False))
        return cls(PLACEHOLDER.sub(lambda match: symbols.get(match[0], match[0]), text), placeholders)

    def restored(self, text: str) -> str:
        """Replace the symbols of a translation by the placeholders."""
        symbols = dict(zip(SYMBOLS, self.placeholders, strict=False))
        return "".join(symbols.get(letter, letter) for letter in text)


@dataclass(frozen=True)
class Pairs:
    """Sentences and their translations.

    Args:
        sources: distinct English sentences.
        targets: their Chinese translations.
        dropped: number of dropped pairs by reason.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    dropped: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.sources)

    def dropped_text(self, lang: str = "en") -> str:
        """The numbers of dropped pairs with their reasons.

        Example:
            >>> clean_pairs([("OK", "OK"), ("Open", "打开"), ("Open", "打开")]).dropped_text()
            '1 (duplicate), 1 (nothing to translate)'
        """
        counts = [
            fact("{count:,} ({reason})", count=count, reason=fact(reason))
            for reason, count in self.dropped.items()
        ]
        return (join_facts(", ", counts, "list") if counts else fact("none")).render(lang)

    def take(self, rows: Iterable[int]) -> Pairs:
        """The pairs with these indices, in this order."""
        chosen = list(rows)
        sources, targets = ([part[i] for i in chosen] for part in (self.sources, self.targets))
        return Pairs(tuple(sources), tuple(targets), self.dropped)


def read_pairs(
    folder: str | os.PathLike[str] | None = None, language: str = "zh_CN", longest: tuple[int, int] = (30, 60)
) -> Pairs:
    """Read English sentences and their Chinese translations from catalogs (``.mo``) of installed programs.

    Args:
        folder: contains catalogs at any depth, in folders ``zh_CN/LC_MESSAGES``; by default the catalogs of
            LibreOffice as installed by Debian's package libreoffice-l10n-zh-cn.
        language: name of the folder of the language.
        longest: maximum number of English words and of Chinese characters.

    Raises:
        DataError E301: no such folder. E315: the catalogs of LibreOffice are not installed. E316: a damaged
        catalog. E367: no catalog of the language, or no suitable pair.
        UsageError E102: a length below 1.
    """
    root = LIBREOFFICE if folder is None else Path(folder)
    if folder is None and not os.path.isdir(root):
        raise DataError(
            "E315",
            where="read_pairs",
            name="LibreOffice, zh_CN",
            expected=fact("the files in {folder}", folder=LIBREOFFICE),
            received=fact("no such folder"),
            fix=f"apt install {PACKAGE}",
        )
    if not os.path.isdir(root):
        raise DataError("E301", where=str(root), expected=fact("a folder"), received=fact("no such folder"))
    files = sorted(file for file in root.resolve().rglob("*.mo") if language in file.parts)
    if not files:
        expected = f"{language}/LC_MESSAGES/*.mo"
        fix = f"apt install {PACKAGE}"
        raise DataError("E367", where=str(root), expected=expected, received=fact("no such file"), fix=fix)
    pairs = clean_pairs((pair for file in files for pair in read_catalog(file)), longest)
    if not len(pairs):
        notes = [f"{count}: {reason}" for reason, count in pairs.dropped.items()]
        raise DataError(
            "E367", where=str(root), expected=fact("sentences"), received=fact("none"), notes=notes
        )
    return pairs


def clean_pairs(pairs: Iterable[tuple[str, str]], longest: tuple[int, int] = (30, 60)) -> Pairs:
    """Clean pairs and drop unsuitable ones; each English sentence occurs once in the result.

    Of several translations of a sentence, the most frequent one is kept, or the first one of equal frequency.

    Args:
        pairs: English and Chinese texts of catalogs.
        longest: as in ``read_pairs``.

    Raises:
        UsageError E102: a length below 1.

    Example:
        >>> pairs = clean_pairs([("_Open", "打开(_O)"), ("Open", "打开"), ("OK", "OK")])
        >>> pairs.sources, pairs.targets, dict(pairs.dropped)
        (('Open',), ('打开',), {'duplicate': 1, 'nothing to translate': 1})
    """
    if len(longest) != 2 or not all(type(length) is int and length >= 1 for length in longest):
        expected = fact("two integers, at least 1")
        received, fix = repr(longest)[:80], "longest=(30, 60)"
        raise UsageError(
            "E102", where="clean_pairs", name="longest", expected=expected, received=received, fix=fix
        )
    dropped: Counter[str] = Counter()
    translations: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for pair in pairs:
        source, target = _clean(*pair)
        reason = _fault(source, target, longest)
        if reason:
            dropped[reason] += 1
        else:
            translations[source][target] += 1
    for counts in translations.values():
        dropped["duplicate"] += sum(counts.values()) - len(counts)
        dropped["other translation"] += len(counts) - 1
    chosen = {source: counts.most_common(1)[0][0] for source, counts in translations.items()}
    reasons = {reason: count for reason, count in sorted(dropped.items()) if count}
    return Pairs(tuple(chosen), tuple(chosen.values()), reasons)


def _clean(source: str, target: str) -> tuple[str, str]:
    """Remove markup from a pair."""
    marked = Marked.of(HINT.sub("", source))
    source, target = marked.text, Marked.of(target, marked.placeholders).text
    marks = MARK.findall(source)
    if len(marks) == 1 and marks[0] in target:  # a key, not an underscore in a name
        source, target = MARK.sub("", source), KEY.sub("", target).replace(marks[0], "")
    return plain(source), plain(target)


def plain(text: str) -> str:
    """A text in one line with single spaces, in Unicode normalization form NFC."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _fault(source: str, target: str, longest: tuple[int, int]) -> str:
    """The reason why a pair is unsuitable, or ``""``."""
    if not LETTER.search(source) or not HAN.search(target):
        return "nothing to translate"
    remaining = PLACEHOLDER.search(source) or PLACEHOLDER.search(target)
    if remaining or {*source} & {*SYMBOLS} != {*target} & {*SYMBOLS}:
        return "different placeholders"
    if len(source.split()) > longest[0] or len(target) > longest[1]:
        return "too long"
    return ""


def split_pairs(
    pairs: Pairs, seed: int = 0, fractions: tuple[float, float, float] = FRACTIONS
) -> tuple[Pairs, Pairs, Pairs]:
    """Split pairs into training, validation and test; similar sentences belong to the same part.

    Sentences are similar if they differ only in capitals, punctuation and numbers: "Sheet 1", "sheet 2:".

    Args:
        pairs: the pairs.
        seed: any integer.
        fractions: fractions of the distinct sentences for training, validation and test.

    Raises:
        UsageError E330: invalid fractions. DataError E331: too few sentences.

    Example:
        >>> texts = ("Open", "open...", "Save", "Save 1", "SAVE", "Close", "Print")
        >>> [part.sources for part in split_pairs(Pairs(texts, texts, {}), fractions=(0.5, 0.25, 0.25))]
        [('Save', 'Save 1', 'SAVE', 'Print'), ('Close',), ('Open', 'open...')]
    """
    _, kinds = np.unique([normalized(source) for source in pairs.sources], return_inverse=True)
    parts = split(np.zeros(kinds.max(initial=-1) + 1), seed, fractions, stratify=False)
    train, validation, test = (
        pairs.take(np.flatnonzero(np.isin(kinds, part)))
        for part in (parts.train, parts.validation, parts.test)
    )
    return train, validation, test


def pair_rows(pairs: Pairs, tokenizer: Tokenizer, length: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Rows for an encoder-decoder network such as ``cr.models.transformer``.

    Args:
        pairs: sentences and translations.
        tokenizer: tokenizer of both languages.
        length: tokens per row; longer texts are cut.

    Returns:
        the inputs ``source`` and ``target`` (N, length), the text and its translation up to each position;
        and y (N, length), the next token of the translation at each position, padded with 0.
        ``cr.CrossEntropy(ignore_index=0)`` averages over the tokens that are not padding.

    Example:
        >>> tokenizer = Tokenizer.learn(["ab", "cd"], "character")
        >>> x, y = pair_rows(Pairs(("ab",), ("c",), {}), tokenizer, 5)
        >>> x["source"].tolist(), x["target"].tolist(), y.tolist()
        ([[2, 4, 5, 3, 0]], [[2, 6, 0, 0, 0]], [[6, 3, 0, 0, 0]])
    """
    sources = pad_sequences(tokenizer.encode_all(pairs.sources, ends=True), length, PAD, truncate=True)
    encoded = tokenizer.encode_all(pairs.targets, ends=True)
    targets = pad_sequences([text[:-1] for text in encoded], length, PAD, truncate=True)
    y = pad_sequences([text[1:] for text in encoded], length, PAD, truncate=True)
    x = {"source": sources.values, "target": targets.values}
    return x, y.values


def normalized(text: str) -> str:
    """A text in lower case without punctuation, placeholders and numbers.

    Example:
        >>> normalized("Sheet 1: Save as..."), normalized("sheet, save AS")
        ('sheet save as', 'sheet save as')
    """
    return " ".join(re.findall(r"[^\W\d_]+", text.casefold())) or text
