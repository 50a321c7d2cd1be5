"""The catalogs of the pages of docs/: ``python -m pages.page_catalogs [PAGE ...]`` updates them.

The translation of a page is in the catalog with its path, such as ``locale/zh_CN/LC_MESSAGES/attacks.po`` for
``attacks.md``. A page has a catalog, or it is of a kind in ``WITHOUT_CATALOG``. A message is a heading, a
paragraph, an item of a list or a cell of a table, as Sphinx extracts them. Code and numbers are taken from
the page: a code block or a cell without words is in the catalog only if a translator adds it, as is a cell
below the head of a table in ``ROWS_IN_ENGLISH``. Formulas are the same in all languages.

The command adds the messages of the pages, removes those that a page no longer has, and lists what is
missing. A message in which only numbers, code or links changed keeps its translation with the new ones. One
whose words changed keeps the old translation, which is marked ``fuzzy`` and not shown until someone removes
the mark. Named pages get a catalog. With ``--check`` nothing is written. The exit code is 1 if a translation
is missing.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Container, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from babel.messages.catalog import Catalog, Message

from pages.guide import DOCS
from pages.page import Page
from pages.site import frame, write_source
from pages.translations import as_po, empty_catalog, read_catalog

CATALOGS = DOCS / "locale" / "zh_CN" / "LC_MESSAGES"
HEADER = "# Chinese of a page. Written by python -m pages.page_catalogs."
WITHOUT_CATALOG = {  # kinds of pages, and what a Chinese reader has there
    "decisions/*": "reasons for those who change the code, in English only",
    "errors/*": "both languages on one page, which the package prints",
    "doctor/*": "both languages on one page, written from the texts of the package",
    "blocks/*": "both languages on one page, written from the texts of the package",
    "terms.md": "both languages on one page, written from the texts of the package",
    "faq.md": "both languages on one page, written from the texts of the package",
    "glossary.md": "terms in both languages",
    "start.md": "README.zh-CN.md, which code hosts show",
    "start.zh.md": "Chinese",
    "zh.md": "Chinese",
}
ROWS_IN_ENGLISH = {  # pages whose tables are names and measurements that programs write
    "applications.md",
    "layer-benchmarks.md",
    "names.md",
    "onnx-operators.md",
    "pytorch-comparison.md",
    "results.md",
    "tables.md",
}
_VALUE = re.compile(r"`[^`]*`|\]\([^)]*\)|\d+(?:[.,]\d+)*")  # the same in all languages
_NO_WORDS = re.compile(  # code, formulas, targets, units and checksums
    r"`[^`]*`|\$[^$]+\$|\]\([^)]*\)|https?://\S+|\b(?:ms|[kMG]i?B)\b|\b(?=[a-f]*\d)[\da-f]{12}\b"
)


def catalog_files() -> dict[str, Path]:
    """The catalogs by the paths of their pages."""
    files = sorted(CATALOGS.rglob("*.po"))
    return {file.relative_to(CATALOGS).with_suffix(".md").as_posix(): file for file in files}


def templates(pages: Iterable[Page]) -> dict[str, Catalog]:
    """The messages of pages by path, as Sphinx extracts them."""
    pages = list(pages)
    with TemporaryDirectory() as folder:
        source, out = Path(folder, "source"), Path(folder, "out")
        write_source(pages, source)
        options = [
            f"root_doc={pages[0].path.removesuffix('.md')}",
            "gettext_additional_targets=literal-block",
        ]
        command = [sys.executable, "-m", "sphinx", "-Q", "-b", "gettext", str(source), str(out)]
        subprocess.run([*command, *(f"-D{option}" for option in options)], check=True)
        return {page.path: read_catalog((out / page.path).with_suffix(".pot")) for page in pages}


def has_words(message: str) -> bool:
    """Whether a message is text that a reader must understand: neither code nor a number.

    Example:
        >>> texts = "3 epochs", "0.4 ± 0.1", "12 ms", "6524d649bc25", "`layer Dense`", "x = 1\\n"
        >>> [has_words(text) for text in texts]
        [True, False, False, False, False, False]
    """
    return not is_code(message) and bool(re.search("[A-Za-z]{2}", _NO_WORDS.sub("", message)))


def is_code(message: str) -> bool:
    """Whether a message is a code block: these alone end with a newline."""
    return message.endswith("\n")


def rows(text: str) -> set[str]:
    """The cells below the heads of the tables of a Markdown text.

    Example:
        >>> sorted(rows("| name | count |\\n|---|---|\\n| dense | 3 |\\n"))
        ['3', 'dense']
    """
    cells = {""}
    for table in re.findall(r"^\|[-:| ]+\|\n((?:\|.*\n)+)", text, re.MULTILINE):
        cells.update(cell.strip() for cell in re.split(r"(?<!\\)\||\n", table))
    return cells - {""}


def formulas(text: str) -> set[str]:
    """The formulas between the paragraphs of a Markdown text, which are the same in all languages.

    Example:
        >>> formulas("one\\n\\n$$\\na = b\\n$$\\n")
        {'a = b'}
    """
    return set(re.findall(r"^\$\$\n?(.*?)\n?\$\$$", text, re.MULTILINE | re.DOTALL))


def updated(old: Catalog, template: Catalog, optional: Container[str] = ()) -> Catalog:
    """Return a catalog of the messages of a page with the translations that an old one has.

    Args:
        old: the catalog before.
        template: the messages of the page.
        optional: messages that need no translation.
    """
    current, merged, new = (empty_catalog(str(old.locale), HEADER) for _ in range(3))
    add(merged, old)
    by_words = {_VALUE.sub("0", str(m.id)): m for m in old if m.string and not m.fuzzy}
    for text in (str(message.id) for message in template if message.id):
        similar = by_words.get(_VALUE.sub("0", text))
        if text not in old and similar and (translation := with_values_of(text, similar)):
            merged.add(text, translation)
        if text in merged or has_words(text) or is_code(text):
            current.add(text)
    merged.update(current)
    add(new, (m for m in merged if (m.string and not m.fuzzy) or is_missing(m, optional)))
    return new


def is_missing(message: Message, optional: Container[str]) -> bool:
    """Whether a message without a translation, or with an uncertain one, must be translated."""
    text = str(message.id)
    return text not in optional and (bool(message.string) or has_words(text))


def add(catalog: Catalog, messages: Iterable[Message]) -> None:
    """Add messages to a catalog, except a header."""
    for m in messages:
        if m.id:
            catalog.add(m.id, m.string or "", flags=m.flags, previous_id=m.previous_id)


def with_values_of(text: str, similar: Message) -> str | None:
    """The translation of a message with the numbers, code and links of a text that has the same words.

    Returns:
        ``None`` if it does not contain each value that changed, or contains one that changed in two ways.
    """
    old, new = _VALUE.findall(str(similar.id)), _VALUE.findall(text)
    values = dict(zip(old, new, strict=True))
    changed = {value for value in old if values[value] != value}
    translation = str(similar.string)
    if [values[value] for value in old] != new or changed - set(_VALUE.findall(translation)):
        return None
    return _VALUE.sub(lambda value: values.get(value[0], value[0]), translation)


def missing(catalog: Catalog) -> list[str]:
    """The messages without a translation, or with one that is marked ``fuzzy``."""
    return [str(message.id) for message in catalog if message.id and (message.fuzzy or not message.string)]


def updates(paths: Iterable[str] = ()) -> dict[Path, Catalog]:
    """The updated catalogs by file, with new ones for these pages."""
    files = {**{path: (CATALOGS / path).with_suffix(".po") for path in paths}, **catalog_files()}
    pages = {page.path: page for page in frame() if page.path in files}
    extracted = templates(pages.values())
    if unknown := files.keys() - extracted.keys():
        raise ValueError(f"no page has the path {', '.join(sorted(unknown))}")
    return {
        file: updated(
            read_catalog(file) if file.exists() else empty_catalog("zh_CN", HEADER),
            extracted[path],
            formulas(pages[path].text) | (rows(pages[path].text) if path in ROWS_IN_ENGLISH else set()),
        )
        for path, file in files.items()
    }


def main() -> None:
    """Update the catalogs and list what is missing."""
    parser = argparse.ArgumentParser(description="Update the catalogs of the pages of docs/.")
    parser.add_argument("pages", nargs="*", help="pages to translate, such as examples/segment.md")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    lacking = 0
    for file, catalog in updates(options.pages).items():
        if not options.check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(as_po(catalog, sort_by_file=False))
        for text in missing(catalog):
            print(f"{file.relative_to(DOCS)}: {text!r} is not translated")
            lacking += 1
    sys.exit(lacking > 0)


if __name__ == "__main__":
    main()
