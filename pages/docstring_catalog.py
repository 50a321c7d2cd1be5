"""The Chinese of the docstrings: ``python -m pages.docstring_catalog`` updates it, and counts what is left.

The reference of the site is written from docstrings (``pages.reference``). Their translations are in one
catalog, which is that of every page of the reference, because the same sentence is on several of them. A
docstring without a translation stays in English on the Chinese site, so this command fails for none; it
prints how many messages of each page are translated, and with ``--missing PAGE`` the others as JSON. Changed
messages are treated as those of ``pages.page_catalogs``; the first sentences of the names used most are
those of ``pages.common_names``.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
import sys
from collections.abc import Iterable

from babel.messages.catalog import Catalog

from pages.common_names import CHINESE, summary
from pages.page_catalogs import CATALOGS, add, has_words, templates, updated
from pages.reference import AREAS, public_entries, reference_pages, reference_path
from pages.translations import as_po, empty_catalog, read_catalog

FILE = CATALOGS.parent / "docstrings.po"
HEADER = "# Chinese of the docstrings. Written by python -m pages.docstring_catalog."
_NO_MESSAGE = re.compile(
    r"(?:Returns|Return type|Variables|Alias for field number \d+)$"  # words that are not of a docstring
    r"|[A-Z][^().]{3,90} \(\d{4}\)[,;]"  # authors and year of a publication
)


def messages() -> dict[str, list[str]]:
    """The messages of each area of the reference, as Sphinx extracts them, but names, code and sources."""
    extracted, names = templates(reference_pages()), public_entries()
    texts = {area: [str(m.id) for m in extracted[reference_path(area)]] for area in AREAS}
    return {
        area: [
            text
            for text in texts[area]
            if has_words(text.replace("``", "`")) and text not in names and not _NO_MESSAGE.match(text)
        ]
        for area in texts
    }


def current(old: Catalog, texts: Iterable[str]) -> Catalog:
    """Return the catalog of these messages, without those that have no translation."""
    template, catalog = empty_catalog("zh_CN", HEADER), empty_catalog("zh_CN", HEADER)
    texts = list(texts)
    for text in texts:
        template.add(text)
    add(catalog, (message for message in updated(old, template, set(texts)) if message.string))
    first = {summary(name): text for names in CHINESE.values() for name, text in names.items()}
    first |= {english: chinese for english, chinese, _ in AREAS.values()}
    for text in texts:
        if translation := first.get(plain_text(text)):
            catalog.add(text, translation)
    return catalog


def plain_text(message: str) -> str:
    """A message without the marks that escape characters of reStructuredText, with single spaces.

    Example:
        >>> plain_text("features x\\\\_   and 2")
        'features x_ and 2'
    """
    return " ".join(message.replace("\\", "").split())


def docstrings() -> str:
    """The docstrings of all public names and their members, with single spaces between the words."""
    texts = []
    for entry in public_entries().values():
        members = [entry, *vars(entry).values()] if inspect.isclass(entry) else [entry]
        texts += [inspect.getdoc(member) or "" for member in members]
    return re.sub(r"\s+", " ", " ".join(texts))


def main() -> int:
    """Update the catalog and print the number of translated messages; return 0."""
    parser = argparse.ArgumentParser(description="Update the Chinese of the docstrings.")
    parser.add_argument("--missing", metavar="PAGE", help="print the messages of a page without translation")
    options = parser.parse_args()
    pages = messages()
    every = list(dict.fromkeys(text for texts in pages.values() for text in texts))
    old = read_catalog(FILE) if FILE.exists() else empty_catalog("zh_CN", HEADER)
    catalog = current(old, every)
    FILE.write_bytes(as_po(catalog, sort_by_file=False))
    done = {str(message.id) for message in catalog if message.id and not message.fuzzy}
    if options.missing:
        left = [text for text in pages[options.missing] if text not in done]
        json.dump(left, sys.stdout, ensure_ascii=False, indent=0)
        return 0
    for page, texts in pages.items():
        print(f"{page:<14}{len(set(texts) & done):>6} of {len(set(texts)):>5}")
    print(f"{'all':<14}{len(done):>6} of {len(every):>5} messages are translated")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
