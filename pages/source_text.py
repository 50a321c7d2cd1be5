"""Extract the words of a file: identifiers that it defines, docstrings, comments, string literals and prose.

The glossary check (``pages/glossary.py``) reads files through this module. Only names that a file *defines*
are read (functions, classes, arguments, assigned variables and attributes, import aliases): a name that a
library chose is not ours to change. Code in backticks, doctests, URLs and code blocks of a page are not
prose: they are blanked, so that offsets and line numbers stay right.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from babel.messages.pofile import read_po

SUFFIXES = {".py", ".md", ".po", ".toml", ".html"}
_FENCE = re.compile(r"^([ \t]*)(`{3,}|~{3,})(\w*)[^\n]*\n(.*?)^[ \t]*\2[ \t]*$", re.M | re.S)
_NOT_PROSE = re.compile(
    r"``.+?``|`[^`\n]*`|https?://\S+|\]\([^)\s]*\)|^[ \t]*(?:>>>|\.\.\.) .*$", re.M | re.S
)
_TAG = re.compile(r"<style.*?</style>|<[^>]*>|\{[{%#].*?[}%#]\}", re.S)
_FIELD = re.compile(r"\{[^{}]*\}")
_QUOTED = r"""'{3}(?:[^\\]|\\.)*?'{3}|"{3}(?:[^\\]|\\.)*?"{3}|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*\""""
_TOKEN = re.compile(
    rf"(?P<comment>\#[^\n]*)|(?P<bracket>[()\[\]{{}}])|(?P<string>(?:\b[rbuftRBUFT]{{1,2}})?(?:{_QUOTED}))",
    re.S,
)
_DEFINING = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.arg,
    ast.Name,
    ast.Attribute,
    ast.alias,
    ast.ExceptHandler,
    ast.MatchAs,
    ast.MatchStar,
    ast.MatchMapping,
)
_DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Passage:
    """A piece of text in a file.

    Args:
        kind: ``"file name"``, ``"identifier"``, ``"docstring"``, ``"comment"``, ``"message"`` or ``"page"``.
        text: the text, with everything that is not prose blanked.
        line: the line of its first character, from 1.
    """

    kind: str
    text: str
    line: int


def passages(file: Path, name: str, nodes: Callable[[Path], list[ast.AST]] | None = None) -> list[Passage]:
    """All passages of a file.

    Args:
        file: the file to read.
        name: its path relative to the repository.
        nodes: returns the nodes of a Python file, for a program that has parsed it already.
    """
    text, title = file.read_text(encoding="utf-8"), Passage("file name", Path(name).stem, 1)
    if file.suffix == ".py":
        return [title, *_python(text, nodes_of(ast.parse(text)) if nodes is None else nodes(file))]
    read = {".md": _markdown, ".po": _catalog, ".toml": _toml, ".html": _html}[file.suffix]
    return [title, *read(text)]


def _python(text: str, nodes: list[ast.AST]) -> Iterator[Passage]:
    yield from identifiers(nodes)
    documented = set(docstring_lines(nodes))
    for kind, line, body in _runs(text):
        if kind == "comment":
            yield Passage(kind, _prose(body), line)
        else:
            yield Passage("docstring" if line in documented else "message", _prose(body), line)


def _markdown(text: str) -> Iterator[Passage]:
    for fence in _FENCE.finditer(text):
        if fence[3] == "python":
            yield from _fenced(fence[4], text.count("\n", 0, fence.start(4)))
    yield Passage("page", _prose(_FENCE.sub(_blank, text)), 1)


def _catalog(text: str) -> Iterator[Passage]:
    """The translations of a catalog: their keys are texts of other files."""
    for message in read_po(StringIO(text)):
        if message.id:
            yield Passage("message", _prose(str(message.string)), message.lineno or 1)


def _toml(text: str) -> Iterator[Passage]:
    yield Passage("message", _prose(text), 1)


def _html(text: str) -> Iterator[Passage]:
    yield Passage("page", _prose(_TAG.sub(_blank, text)), 1)


def _fenced(code: str, above: int) -> Iterator[Passage]:
    """The identifiers that a code block of a page defines; none if it is not a program."""
    try:
        nodes = nodes_of(ast.parse(textwrap.dedent(code)))
    except SyntaxError:
        return
    yield from (Passage(p.kind, p.text, p.line + above) for p in identifiers(nodes))


def nodes_of(tree: ast.AST) -> list[ast.AST]:
    """All nodes of a tree, without those that contain nothing, such as ``ast.Load``."""
    nodes = [tree]
    for node in nodes:
        fields = vars(node)
        for name in node._fields:
            value = fields.get(name)
            if isinstance(value, list):
                nodes += [part for part in value if isinstance(part, ast.AST)]
            elif isinstance(value, ast.AST) and value._fields:
                nodes.append(value)
    return nodes


def identifiers(nodes: Iterable[ast.AST]) -> Iterator[Passage]:
    """The names that the nodes of a module define, each with the line of its definition."""
    for node in nodes:
        if not isinstance(node, _DEFINING):
            continue
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield Passage("identifier", name, node.lineno)
            case ast.arg(arg=name):
                yield Passage("identifier", name, node.lineno)
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield Passage("identifier", name, node.end_lineno or node.lineno)
            case ast.alias(asname=str(name)) | ast.ExceptHandler(name=str(name)):
                yield Passage("identifier", name, node.lineno)
            case (
                ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name))
            ):
                yield Passage("identifier", name, node.lineno)


def docstring_lines(nodes: Iterable[ast.AST]) -> Iterator[int]:
    """The lines at which docstrings begin."""
    for node in nodes:
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            yield node.body[0].lineno


def _runs(text: str) -> Iterator[tuple[str, int, str]]:
    """Comments and string literals as (kind, line, text).

    Neighbors of one kind are joined, so that a phrase that is broken between two lines is still one.
    """
    kind, first, line, body = "", 0, 1, ""
    end = depth = 0  # of the last comment or literal; brackets that are open
    for match in _TOKEN.finditer(text):
        token_kind, gap = match.lastgroup or "", text[end : match.start()]
        if token_kind == "bracket":
            depth += 1 if match[0] in "([{" else -1
            continue
        lines = gap.count("\n")
        is_near = lines == 1 if token_kind == "comment" else depth > 0 or not lines or "\\" in gap
        line += lines
        if token_kind == kind and is_near and not gap.strip(" \t\n\\"):
            body += "\n" * lines or " "
        else:
            if kind:
                yield kind, first, body
            kind, first, body = token_kind, line, ""
        body += _content(match[0]) if token_kind == "string" else match[0].lstrip("#")
        end = match.end()
        line += match[0].count("\n")
    if kind:
        yield kind, first, body


def _content(literal: str) -> str:
    """A string literal without prefix and quotes, with as many line ends as in the source."""
    quoted = re.match(r"(?i)([rbuft]{0,2})('''|\"\"\"|'|\")", literal)
    if quoted is None or not literal.endswith(quoted[2]):
        return literal  # the middle of an f-string
    inside = literal[quoted.end() : -len(quoted[2])]
    if "f" in quoted[1].lower():
        for _ in range(3):  # fields may hold dicts or f-strings with fields
            inside = _FIELD.sub(_blank, inside)
    return inside


def _prose(text: str) -> str:
    return _NOT_PROSE.sub(_blank, text)


def _blank(match: re.Match[str]) -> str:
    """Something as long with as many line ends that holds no word."""
    return re.sub(r"[^\n]", "\x00", match[0])
