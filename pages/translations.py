"""The catalogs of translations: ``python -m pages.translations`` updates and compiles them.

A text is the first argument of ``fact`` or ``join_facts``, or a constant that is annotated with ``Text`` or
``Texts``. The command adds the texts of the source code to ``locale/*/LC_MESSAGES/chainrule.po``, removes
those that are not used, compiles the catalogs, and lists what is not translated. With ``--check`` it writes
nothing. The exit code is 1 if a translation is missing. Other string literals keep the translation that they
have: a template may be passed through a variable.

A text that needs another translation in one place gets an entry of its own with the key of the text as
``msgctxt``.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from pages.source_text import nodes_of

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
CALLS = ("fact", "join_facts")
KINDS = ("Text", "Texts")
CREATED = datetime(2026, 11, 30, tzinfo=UTC)  # constant: a catalog changes only with its texts
HEADER = "# Translations of the texts of chainrule. Written by python -m pages.translations."


def catalog_files() -> list[Path]:
    """The catalogs, one for each language."""
    return sorted((SOURCE / "chainrule" / "locale").rglob("*.po"))


def read_catalog(file: Path) -> Catalog:
    """Read a catalog."""
    with file.open("rb") as stream:
        return read_po(stream)


def empty_catalog(locale: str, comment: str) -> Catalog:
    """Return a catalog without messages."""
    return Catalog(
        locale=locale, project="chainrule", header_comment=comment, creation_date=CREATED,
        revision_date=CREATED, fuzzy=False, version="0", msgid_bugs_address="none", last_translator="none",
        language_team="none",
    )  # fmt: skip


def source_texts(trees: Mapping[str, ast.AST]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Return the texts to translate, and all string literals, each with the files that contain it.

    Args:
        trees: syntax trees of modules by name of the file.
    """
    texts: dict[str, set[str]] = defaultdict(set)
    literals: dict[str, set[str]] = defaultdict(set)
    for file, tree in trees.items():
        for node in nodes_of(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                literals[node.value].add(file)
            for text in _texts_of(node):
                texts[text].add(file)
    return {text: files for text, files in texts.items() if has_words(text)}, literals


def _texts_of(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(text)), *_]) if name in CALLS:
            yield text
        case ast.AnnAssign(annotation=kind, value=ast.expr() as value) if _is_text(kind):
            yield from _values(value)


def _is_text(annotation: ast.expr) -> bool:
    return any(isinstance(part, ast.Name) and part.id in KINDS for part in ast.walk(annotation))


def _values(node: ast.expr) -> Iterator[str]:
    """The texts of a constant: keys of tables are none."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.Dict(values=values) | ast.Tuple(elts=values):
            for value in values:
                yield from _values(value)


def has_words(template: str) -> bool:
    """Whether a template has text of its own that a reader must understand."""
    text = "".join(literal for literal, *_ in Formatter().parse(template))
    return bool(re.search("[A-Za-z]{2}", text))


def updated(old: Catalog, trees: Mapping[str, ast.AST]) -> Catalog:
    """Return a catalog of the texts of the source code with the translations that an old one has."""
    texts, literals = source_texts(trees)
    new = empty_catalog(str(old.locale), HEADER)
    for message in old:
        if message.id and message.id in literals:
            files = texts.get(str(message.id)) or literals[str(message.id)]
            _add(new, str(message.id), str(message.string), files, message.context)
    for text, files in texts.items():
        if text not in new:
            _add(new, text, "", files)
    return new


def _add(catalog: Catalog, text: str, translation: str, files: set[str], context: str | None = None) -> None:
    locations = [(file, 0) for file in sorted(files)]
    catalog.add(text, translation, locations=locations, context=context, flags=())


def as_po(catalog: Catalog, sort_by_file: bool = True) -> bytes:
    """Return a catalog as the text of its file, sorted by source file and text or in its own order."""
    stream = BytesIO()
    for message in catalog:
        message.flags.discard("python-format")
    write_po(
        stream, catalog, width=106, sort_by_file=sort_by_file, include_lineno=False, include_previous=True
    )
    return stream.getvalue()


def missing(catalog: Catalog) -> list[str]:
    """The texts without translation."""
    return sorted(str(message.id) for message in catalog if message.id and not message.string)


def compile_catalog(file: Path) -> None:
    """Write the ``.mo`` file of a catalog."""
    partial = file.with_suffix(".tmp")
    with partial.open("wb") as stream:
        write_mo(stream, read_catalog(file))
    partial.replace(file.with_suffix(".mo"))


def trees() -> dict[str, ast.AST]:
    """The syntax trees of all modules by name of the file."""
    files = sorted(SOURCE.rglob("*.py"))
    return {str(f.relative_to(ROOT)): ast.parse(f.read_text(encoding="utf-8")) for f in files}


def main() -> None:
    """Update the catalogs and list what is missing."""
    parser = argparse.ArgumentParser(description="Update the catalogs of translations.")
    parser.add_argument("--check", action="store_true", help="write nothing")
    is_check, modules = parser.parse_args().check, trees()
    lacking = 0
    for file in catalog_files():
        catalog = updated(read_catalog(file), modules)
        if not is_check:
            file.write_bytes(as_po(catalog))
            compile_catalog(file)
        for text in missing(catalog):
            print(f"{file.relative_to(ROOT)}: {text!r} is not translated")
            lacking += 1
    sys.exit(lacking > 0)


if __name__ == "__main__":
    main()
