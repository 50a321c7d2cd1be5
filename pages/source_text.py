"""Extract the words of a file: identifiers that it defines, docstrings, comments, string literals and prose.

The glossary check (``pages/glossary.py``) reads files through this module. Only names that a file *defines*
are read (functions, classes, arguments, assigned variables and attributes, import aliases): a name that a
library chose is not ours to change. Code in backticks, doctests, URLs and code blocks of a page are not
prose: they are blanked, so that offsets and line numbers stay right.
"""

from __future__ import annotations

import ast
import io
import re
import textwrap
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = {".py", ".md", ".toml", ".html"}
_FENCE = re.compile(r"^([ \t]*)(`{3,}|~{3,})(\w*)[^\n]*\n(.*?)^[ \t]*\2[ \t]*$", re.M | re.S)
_NOT_PROSE = re.compile(
    r"``.+?``|`[^`\n]*`|https?://\S+|\]\([^)\s]*\)|^[ \t]*(?:>>>|\.\.\.) .*$", re.M | re.S
)
_TAG = re.compile(r"<style.*?</style>|<[^>]*>|\{[{%#].*?[}%#]\}", re.S)
_FIELD = re.compile(r"\{[^{}]*\}")
_STRINGS = {tokenize.STRING, *(getattr(tokenize, name, -1) for name in ("FSTRING_MIDDLE", "TSTRING_MIDDLE"))}
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


def passages(file: Path, name: str) -> list[Passage]:
    """All passages of a file.

    Args:
        file: the file to read.
        name: its path relative to the repository.
    """
    text = file.read_text(encoding="utf-8")
    read = {".py": _python, ".md": _markdown, ".toml": _toml, ".html": _html}[file.suffix]
    return [Passage("file name", Path(name).stem, 1), *read(text)]


def _python(text: str) -> Iterator[Passage]:
    nodes = list(ast.walk(ast.parse(text)))
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


def _toml(text: str) -> Iterator[Passage]:
    yield Passage("message", _prose(text), 1)


def _html(text: str) -> Iterator[Passage]:
    yield Passage("page", _prose(_TAG.sub(_blank, text)), 1)


def _fenced(code: str, above: int) -> Iterator[Passage]:
    """The identifiers that a code block of a page defines; none if it is not a program."""
    try:
        nodes = list(ast.walk(ast.parse(textwrap.dedent(code))))
    except SyntaxError:
        return
    yield from (Passage(p.kind, p.text, p.line + above) for p in identifiers(nodes))


def identifiers(nodes: Iterable[ast.AST]) -> Iterator[Passage]:
    """The names that the nodes of a module define, each with the line of its definition."""
    for node in nodes:
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
    kind, first, last, body = "", 0, 0, ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        token_kind = (
            "comment" if token.type == tokenize.COMMENT else "string" if token.type in _STRINGS else ""
        )
        if token.type == tokenize.NL or (token.type == tokenize.NEWLINE and kind == "comment"):
            continue
        if token_kind and token_kind == kind and (token_kind == "string" or token.start[0] == last + 1):
            body += "\n" * (token.start[0] - last) or " "
        else:
            if kind:
                yield kind, first, body
            kind, first, body = token_kind, token.start[0], ""
        body += _content(token.string) if token_kind == "string" else token.string.lstrip("#")
        last = token.end[0]
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
