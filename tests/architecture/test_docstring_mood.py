"""Docstrings have one mood: functions do something, classes and properties are nouns."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from source_files import PACKAGE, SOURCE, nodes, violations

GENERATED = ("nn/activation/functional.py", "nn/loss/functional.py")  # the sentences of the blocks
NOT_VERBS = frozenset(
    "The A An Whether What How Why Which Where When Who All Each Every Some Both One Two Several Most Any"
    " These This Those Everything Anything Nothing Of For As At In Inside Mean Number Like".split()
)
VERBS_OF_FUNCTIONS = re.compile(r"(?:Return|Yield|Get|Compute|Calculate)s?\b")
VERB = re.compile(r"[A-Z][a-z]+(?:-[a-z]+)*\b")


def is_imperative(summary: str) -> bool:
    """Whether a summary begins with a verb, as far as its form shows: no article, plural or third person."""
    word = VERB.match(summary)
    return bool(word) and word.group() not in NOT_VERBS and not re.search(r"[^s]s$", word.group())


def is_property(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("property" in ast.unparse(decorator) for decorator in function.decorator_list)


def faults(definitions: list[ast.AST]) -> Iterator[tuple[int, str]]:
    """The lines and summaries of docstrings in another mood."""
    for node in definitions:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        summary = (ast.get_docstring(node) or "").partition("\n")[0]
        is_noun = isinstance(node, ast.ClassDef) or is_property(node)
        is_right = not VERBS_OF_FUNCTIONS.match(summary) if is_noun else is_imperative(summary)
        if summary and not is_right:
            yield node.lineno, summary


def follows_the_rule(file: Path) -> bool:
    if not file.is_relative_to(SOURCE):
        return False
    return file.relative_to(SOURCE).as_posix() not in GENERATED


def test_docstrings_have_one_mood() -> None:
    assert not violations(
        lambda file: list(faults(nodes(file))), [file for file in PACKAGE if follows_the_rule(file)]
    )


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ('def f():\n    """Return the rows."""', 0),
        ('def f():\n    """Memory-map the rows."""', 0),
        ('def f():\n    """Process the rows."""', 0),
        ('def f():\n    """The rows."""', 1),
        ('def f():\n    """Returns the rows."""', 1),
        ('def f():\n    """``x`` as rows."""', 1),
        ('class Rows:\n    """Return rows."""', 1),
        ('class Rows:\n    """Rows of a table."""', 0),
        ('class Rows:\n    @property\n    def a(self):\n        """Return the first row."""', 1),
        ('class Rows:\n    @property\n    def a(self):\n        """The first row."""', 0),
    ],
)
def test_another_mood_is_reported(code: str, count: int) -> None:
    assert len(list(faults(list(ast.walk(ast.parse(code)))))) == count
