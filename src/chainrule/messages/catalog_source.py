"""Catalog of translations that was not compiled: a ``.po`` file.

A checkout of the repository has no ``.mo`` files before ``python -m pip install -e .``, but its programs
and tests run with ``PYTHONPATH=src``, too.

Reference: the manual of GNU gettext, section PO Files.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_SEPARATOR = "\x04"  # between context and text, as in .mo files


class SourceCatalog:
    """The translations of a ``.po`` file, with the methods of ``gettext.GNUTranslations`` that are used here.

    Args:
        file: in UTF-8, as ``python -m pages.translations`` writes it: without plural forms.
    """

    def __init__(self, file: Path) -> None:
        with file.open(encoding="utf-8") as lines:
            self.texts = dict(_translations(lines))

    def gettext(self, message: str) -> str:
        """Return the translation of a text; the text itself if there is none."""
        return self.texts.get(message, message)

    def pgettext(self, context: str, message: str) -> str:
        """Return the translation of a text in a context; the text itself if there is none."""
        return self.texts.get(f"{context}{_SEPARATOR}{message}", message)


def _translations(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each text, after its context if it has one, with its translation."""
    for entry in _entries(lines):
        context = f"{entry['msgctxt']}{_SEPARATOR}" if "msgctxt" in entry else ""
        if entry.get("msgstr"):
            yield context + entry["msgid"], entry["msgstr"]


def _entries(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """Yield the strings of each entry by their keyword; empty lines separate entries."""
    entry: dict[str, str] = {}
    keyword = ""
    for line in lines:
        if line.startswith("#"):
            continue
        before, quote, rest = line.strip().partition('"')
        keyword = before.strip() or keyword
        if quote:
            entry[keyword] = entry.get(keyword, "") + json.loads(quote + rest)
        elif entry:
            yield entry
            entry = {}
    if entry:
        yield entry
