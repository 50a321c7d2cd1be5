"""Read translation catalogs of GNU gettext.

Free programs store their texts in the format of GNU gettext: one ``.mo`` file per part of the program and
language, with every English text and its translation. Installed programs contain tens of thousands of
sentence pairs.

    magic | version | N | offset of the table of originals | offset of the table of translations
    N times: length, offset of an original      N times: length, offset of a translation      the texts

An original may have a context (``menu|save`` and a character of code 4 before the text), and a text may have
plural forms. Python's own reader evaluates the plural rule of the file as code; this reader runs nothing and
takes the first form.

Reference: the manual of GNU gettext, The format of GNU MO files.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np

from chainrule.errors import DataError, fact

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
