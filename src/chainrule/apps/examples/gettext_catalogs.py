"""Catalogs of translations: what a program says, in the programmer's words and in a reader's language.

Free programs keep their texts in the format of GNU gettext: one ``.mo`` file for each part of the program and
each language, with every English text beside its translation, made by people. That is tens of thousands of
pairs of sentences in files that are installed anyway.

    magic | version | N | where the originals are listed | where the translations are listed
    N times: length, place of an original      N times: length, place of a translation      the texts

An original may say where it stands in the program (``menu|save`` and a sign of code 4 before the text), and a
text that counts things has a form for each number. Python's own reader runs the rule for those forms as code;
here nothing of a file is run, and the first form is taken.

Reference: the manual of GNU gettext, The format of GNU MO files.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np

from chainrule.errors import DataError

MAGIC = 0x950412DE
HEADER = 20  # bytes
CONTEXT, FORM = "\x04", "\0"


def read_catalog(path: str | os.PathLike[str]) -> list[tuple[str, str]]:
    """The texts of a ``.mo`` file with their translations, in the order of the file.

    Args:
        path: the file. Its header (the translation of no text) is left out, as is what has no translation.

    Raises:
        DataError E301: the file cannot be opened. E316: it is damaged, or no catalog.

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
        raise _damaged(path, f"{content[:4].hex(' ') or 'an empty file'} at the beginning")
    count, *tables = struct.unpack(f"{order}3I", content[8:HEADER])
    try:
        originals, translations = (_texts(content, table, count, order) for table in tables)
    except ValueError as cause:  # a place outside the file, or bytes that are no UTF-8
        raise _damaged(path, str(cause)) from cause
    pairs = zip(originals, translations, strict=True)
    found = ((_first(text).split(CONTEXT)[-1], _first(said)) for text, said in pairs)
    return [(text, said) for text, said in found if text and said]


def _texts(content: bytes, table: int, count: int, order: str) -> list[str]:
    """The texts whose lengths and places are listed from ``table`` on."""
    listed = np.frombuffer(content, f"{order}u4", 2 * count, table).reshape(-1, 2).astype(np.int64)
    ends = listed.sum(axis=1)
    if count and (ends.max() > len(content) or listed[:, 0].sum() > len(content)):  # texts share no byte
        raise ValueError(f"texts that end at {ends.max()} of {len(content)} bytes")
    return [content[start : start + size].decode("utf-8") for size, start in listed.tolist()]


def _first(text: str) -> str:
    """The form for one thing, of a text that counts."""
    return text.split(FORM)[0]


def _damaged(path: str | os.PathLike[str], received: str) -> DataError:
    return DataError(
        "E316", where=str(path), expected="a catalog of GNU gettext (.mo)", received=received,
        fix="install the package again",
    )  # fmt: skip
