"""Texts are records whose templates have a translation with the same fields."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter

import pytest
from pages.translations import as_po, block_texts, catalog_files, missing, read_catalog, updated

from chainrule.errors import DataError, UsageError, fact, join_facts
from source_files import PACKAGE, ROOT, tree
from source_files import nodes as nodes_of

CHINESE = re.compile("[一-鿿]")
BLOCKS = (  # the Chinese name and sentence of a block are on its class
    "nn/",
    "ops/",
    "models/",
    "data/augmentation/",
    "generation/sampling_strategies.py",
    "catalog/kind.py",
    "train/callback/",
    "metrics/",
    "train/callback/early_stopping.py",
)
DATA = (  # words that data and texts of users may contain, and ranges of characters
    "data/cells/number_notation.py",
    "data/cells/missing.py",
    "data/cells/missing_words.py",
    "data/readers/csv_layout.py",
    "data/readers/csv_lines.py",
    "data/tables/",
    "data/sequences/question_input.py",
    "messages/spacing.py",
    "notation/spoken.py",
    "plotting/font.py",
    "errors/catalog.py",
    "page/html.py",
    "apps/cli/texts.py",
    "chainrule_examples/listen/transcripts.py",
    "chainrule_examples/poems/poem_corpus.py",
    "chainrule_examples/questions/question_sets.py",
    "chainrule_examples/translate/sentence_pairs.py",
)
FACTS = ("expected", "received", "fix", "notes")
CODE = re.compile(
    r"^(return|chainrule|python -m|apt install|npm pack|iconv|mv|ulimit) |\w\(|\w=|--\w|\"[^\"]*\""
)
PROSE = re.compile(r"(?<![\w.\"'`(=/{])[A-Za-z]?[a-z]+,? [a-z]{2,}(?![\w.(=/}])")


@cache
def calls() -> list[ast.Call]:
    """The calls of all modules of the package."""
    return [node for file in PACKAGE for node in nodes_of(file) if isinstance(node, ast.Call)]


def fields(template: str) -> set[str]:
    """The fields of a template, with conversion and format."""
    return {
        f"{name}!{conversion}:{spec}"
        for _, name, spec, conversion in Formatter().parse(template)
        if name is not None
    }


def plain_facts(node: ast.expr) -> Iterator[str]:
    """The texts of an expression that are not records, with ``7`` for each value."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=values):
            yield "".join(str(v.value) if isinstance(v, ast.Constant) else "7" for v in values)
        case ast.IfExp(body=body, orelse=orelse):
            yield from plain_facts(body)
            yield from plain_facts(orelse)
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.BoolOp(values=parts):
            for part in parts:
                yield from plain_facts(part)
        case ast.ListComp(elt=part) | ast.GeneratorExp(elt=part):
            yield from plain_facts(part)


def is_prose(text: str) -> bool:
    """Whether a text contains English: two consecutive plain words outside code and quotes."""
    return not CODE.match(text) and bool(PROSE.search(re.sub(r'"[^"]*"|\([^)]*\)', "", text)))


@pytest.mark.parametrize("file", catalog_files(), ids=lambda file: file.parts[-3])
def test_every_text_is_translated_with_the_same_fields(file: Path) -> None:
    """``python -m pages.translations`` adds new texts and removes unused ones."""
    catalog = read_catalog(file)
    modules = {str(path.relative_to(ROOT)): tree(path) for path in PACKAGE}
    assert len(catalog) > 2_000
    assert missing(catalog) == []
    documented = block_texts()
    assert as_po(updated(catalog, modules, documented)) == as_po(catalog)
    prose = {text for _, text in documented}  # without fields
    texts = [(str(m.id), str(m.string)) for m in catalog if m.id and m.id not in prose]
    assert [text for text, translation in texts if fields(text) != fields(translation)] == []
    latin = [text for text, words in texts if is_prose(text) and not re.search("[一-鿿]", words)]
    assert latin == []


def test_chinese_is_in_the_catalog() -> None:
    """Only the names of blocks, and words that data contain, are Chinese in the code."""
    documents = {
        id(node.value)
        for file in PACKAGE
        for node in nodes_of(file)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    files = {
        file.relative_to(ROOT / "src").as_posix().removeprefix("chainrule/")
        for file in PACKAGE
        for node in nodes_of(file)
        if isinstance(node, ast.Constant) and id(node) not in documents and CHINESE.search(str(node.value))
    }
    assert sorted(file for file in files if not file.startswith((*BLOCKS, *DATA))) == []


def test_facts_that_are_prose_are_records() -> None:
    keywords = (k for call in calls() for k in call.keywords if k.arg in FACTS)
    texts = {text for keyword in keywords for text in plain_facts(keyword.value)}
    assert sorted(text for text in texts if is_prose(text)) == []


def test_every_line_of_an_error_is_rendered_in_chinese() -> None:
    error = DataError(
        "E326",
        where=fact("{file} line {line}", file="a.csv", line=3),
        expected="x, y",
        received=fact('no "{names}"', names="z"),
        fix=fact('rename "{old}" to "{new}"', old="zz", new="z"),
        notes=[fact("{count} such numbers in all", count=0)],
    )
    assert error.render("zh").splitlines() == [
        "DataError E326 位于 a.csv 第 3 行：表格缺少模型训练时使用的列",
        "  期望  x, y",
        "  收到  缺少“z”",
        "  　　  这样的数共 0 个",
        "  修正  把“zz”改名为“z”",
        "  帮助  chainrule show error E326",
    ]


def test_texts_of_the_user_are_never_translated() -> None:
    """A value that equals an English template, or has fields of its own, is shown as it is."""
    for text in ("none", "at least one row", "5 rows", "{rows} rows", "{}", "{0.__class__}"):
        error = UsageError("E101", name=text, expected=text, received=fact("{name} is missing", name=text))
        assert error.render("zh").splitlines()[1:3] == [f"  期望  {text}", f"  收到  缺少 {text}"]


def test_nested_facts_are_rendered_in_the_same_language() -> None:
    nested = fact("{file}: {code}, {sentence}", file="a", code="E304", sentence=DataError("E304").sentence)
    assert str(nested) == f"a: E304, {DataError('E304').clause()}"
    assert nested.render("zh") == f"a：E304，{DataError('E304').clause('zh')}"
    rows = join_facts("; ", [fact("{rows} rows", rows=2), "x"])
    assert (str(rows), rows.render("zh")) == ("2 rows; x", "2 行；x")
