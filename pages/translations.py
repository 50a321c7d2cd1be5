"""The catalogs of translations: ``python -m pages.translations`` updates and compiles them.

A text is the first argument of ``fact`` or ``join_facts``, a constant that is annotated with ``Text`` or
``Texts``, or an argument whose parameter, or field of a record, is so annotated. The command adds the texts
of the source code to ``locale/*/LC_MESSAGES/chainrule.po``, removes those that are not used, compiles the
catalogs, and lists what is not translated. With ``--check`` it writes nothing. The exit code is 1 if a
translation is missing. Other string literals keep the translation that they have: a template may be passed
through a variable. Arguments, shapes and formulas of building blocks are texts of their docstrings.

A text that needs another translation in one place gets an entry of its own with the key of the text as
``msgctxt``.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from io import BytesIO
from itertools import chain
from pathlib import Path
from string import Formatter
from types import FunctionType
from typing import TypeAlias

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from chainrule.catalog import KINDS as KINDS_OF_BLOCKS
from chainrule.catalog import Block, block, to_unicode
from chainrule.catalog.docstring import docstring
from chainrule.models import MODELS
from pages.source_text import nodes_of

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
CALLS = ("fact", "join_facts")
KINDS, MESSAGES = ("Text", "Texts"), "chainrule.messages"
Parameters: TypeAlias = "dict[str, list[tuple[str, list[str]]]]"
CREATED = datetime(2026, 11, 30, tzinfo=UTC)  # constant: a catalog changes only with its texts
WORDS = re.compile(
    r"\b(with|where|of|the|for|and|as|is|by|are|at|per|over|before|after|if|each|from|to|on|than|or|else|"
    r"otherwise|then|in|without|sum over|mean of)\b"
)
"""Words of a formula that has a translation."""
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
        locale=locale,
        project="chainrule",
        header_comment=comment,
        creation_date=CREATED,
        revision_date=CREATED,
        fuzzy=False,
        version="0",
        msgid_bugs_address="none",
        last_translator="none",
        language_team="none",
    )


def source_texts(trees: Mapping[str, ast.AST]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Return the texts to translate, and all string literals, each with the files that contain it.

    Args:
        trees: syntax trees of modules by name of the file.
    """
    texts: dict[str, set[str]] = defaultdict(set)
    literals: dict[str, set[str]] = defaultdict(set)
    parameters = text_parameters(trees)
    for file, tree in trees.items():
        scope = _scope(file, tree)
        for node in nodes_of(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                literals[node.value].add(file)
            for text in _texts_of(node, parameters, scope):
                texts[text].add(file)
    return {text: files for text, files in texts.items() if has_words(text)}, literals


def text_parameters(trees: Mapping[str, ast.AST]) -> Parameters:
    """The parameters of functions and records that have texts.

    Args:
        trees: syntax trees of modules by name of the file.

    Returns:
        by the name of the function, its module and the names of its parameters, "" for those without texts.
    """
    parameters: Parameters = defaultdict(list)
    for file, tree in trees.items():
        if all(source != MESSAGES for name, source in _scope(file, tree).items() if name in KINDS):
            continue
        for node in nodes_of(tree):
            match node:
                case ast.ClassDef(name=name, body=body):
                    fields = [field for field in body if isinstance(field, ast.AnnAssign)]
                    pairs = [
                        (ast.unparse(f.target), f.annotation) for f in fields if not _is_class_variable(f)
                    ]
                case ast.FunctionDef(name=name, args=args):
                    everything = (*args.posonlyargs, *args.args, *args.kwonlyargs)
                    pairs = [(arg.arg, arg.annotation) for arg in everything]
                case _:
                    continue
            names = [field if kind is not None and _is_text(kind) else "" for field, kind in pairs]
            if any(names):
                parameters[name].append((module_of(file), names))
    return parameters


def module_of(file: str) -> str:
    """The module of a file.

    Example:
        >>> module_of("src/chainrule/ops/operation_card.py")
        'chainrule.ops.operation_card'
    """
    return file.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _scope(file: str, tree: ast.AST) -> dict[str, str]:
    """The names that a module imports, or defines as functions and classes, and where they come from."""
    scope = {}
    for node in nodes_of(tree):
        if isinstance(node, ast.ImportFrom):
            scope |= {alias.asname or alias.name: node.module or "" for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            scope[node.name] = module_of(file)
    return scope


def _is_class_variable(field: ast.AnnAssign) -> bool:
    return any(isinstance(part, ast.Name) and part.id == "ClassVar" for part in ast.walk(field.annotation))


def _texts_of(node: ast.AST, parameters: Parameters, scope: Mapping[str, str]) -> Iterator[str]:
    """The texts of a node: of a constant, or of the arguments of a call."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(text)), *_]) if name in CALLS:
            yield text
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords) if name in scope:
            for module, names in parameters.get(name, ()):
                if f"{module}.".startswith(f"{scope[name]}."):
                    values = [*zip(names, args, strict=False), *((k.arg, k.value) for k in keywords)]
                    texts = (value for argument, value in values if argument and argument in names)
                    yield from chain.from_iterable(map(_values, texts))
        case ast.AnnAssign(annotation=kind, value=ast.expr() as value) if _is_text(kind):
            yield from _values(value)


def constants(tree: ast.AST) -> list[str]:
    """The names of the constants of a module that are texts."""
    return [
        node.target.id
        for node in getattr(tree, "body", ())
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and _is_text(node.annotation)
    ]


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


def block_texts() -> dict[tuple[str, str], str]:
    """The texts of docstrings that screens show in other languages, with the file of each.

    Returns:
        by context (kind and name of the block, and name of the argument) and text: the file.
    """
    texts = {}
    for entry in (block(kind.name, name) for kind in KINDS_OF_BLOCKS.values() for name in kind.entries):
        file = _file_of(entry.definition)
        texts |= {(context, text): file for context, text in _documented(entry) if text}
    for card in MODELS.values():
        meanings = docstring(card.net).arguments.items()
        own = {f"model.{card.name}.{name}": m for name, m in meanings if not m.startswith("as in ``")}
        texts |= dict.fromkeys(own.items(), _file_of(card.net))
    return texts


def _documented(entry: Block) -> Iterator[tuple[str, str]]:
    """The formula, sections and the meanings of the arguments of a block, with their contexts."""
    context = f"{entry.kind.name}.{entry.name}"
    formulas = (formula.prose for formula in entry.formulas if formula.tree is None)
    yield from ((context, prose) for prose in formulas if WORDS.search(to_unicode(prose)))
    yield from ((context, entry.sections.get(heading, "")) for heading in ("Shapes", "Numerics", "Cost"))
    yield from ((f"{context}.{a.name.strip('*')}", a.meaning) for a in entry.arguments)


def _file_of(definition: object) -> str:
    """The file of a class or function, or of the class of a record."""
    source = definition if isinstance(definition, type | FunctionType) else type(definition)
    return str(Path(inspect.getfile(source)).relative_to(ROOT))


def has_words(template: str) -> bool:
    """Whether a template has text of its own that a reader must understand."""
    text = "".join(literal for literal, *_ in Formatter().parse(template))
    return bool(re.search("[A-Za-z]{2}", text))


def updated(old: Catalog, trees: Mapping[str, ast.AST], documented: Mapping[tuple[str, str], str]) -> Catalog:
    """Return a catalog of the texts of the source code with the translations that an old one has.

    Args:
        old: a catalog.
        trees: syntax trees of modules by name of the file.
        documented: the texts of docstrings, as ``block_texts`` returns them.
    """
    texts, literals = source_texts(trees)
    files_of: dict[str, set[str]] = defaultdict(set)
    for (_, text), file in documented.items():
        files_of[text].add(file)
    new = empty_catalog(str(old.locale), HEADER)
    for message in old:
        text, context = str(message.id), str(message.context or "")
        if not text or not message.string:
            continue
        if (context, text) in documented:
            _add(new, text, str(message.string), {documented[context, text]}, context)
        elif text in literals:
            _add(new, text, str(message.string), texts.get(text) or literals[text], message.context)
        elif text in files_of and not context:
            _add(new, text, str(message.string), files_of[text])
    for text, files in texts.items():
        if new.get(text) is None:
            _add(new, text, "", files)
    for (context, text), file in documented.items():
        if new.get(text) is None and new.get(text, context) is None:
            _add(new, text, "", {file})
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
    partial = file.with_suffix(f".{os.getpid()}.tmp")
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
    is_check, modules, documented = parser.parse_args().check, trees(), block_texts()
    lacking = 0
    for file in catalog_files():
        catalog = updated(read_catalog(file), modules, documented)
        if not is_check:
            file.write_bytes(as_po(catalog))
            compile_catalog(file)
        for text in missing(catalog):
            print(f"{file.relative_to(ROOT)}: {text!r} is not translated")
            lacking += 1
    sys.exit(lacking > 0)


if __name__ == "__main__":
    main()
