"""The source files of the project, each read and parsed once, for the architecture tests."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache
from pathlib import Path

from pages.source_text import nodes_of

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "chainrule"
EXAMPLES = ROOT / "src" / "chainrule_examples"
PACKAGE = [*sorted(SOURCE.rglob("*.py")), *sorted(EXAMPLES.rglob("*.py"))]
EVERYWHERE = sorted(
    f for folder in ("src", "tests", "examples", "benchmarks", "pages") for f in (ROOT / folder).rglob("*.py")
)


@cache
def text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(text(file))


@cache
def nodes(file: Path) -> list[ast.AST]:
    """All nodes of a file, without those that contain nothing: several tests read the same files."""
    return nodes_of(tree(file))


def release() -> None:
    """Free the syntax trees, which take hundreds of megabytes."""
    tree.cache_clear()
    nodes.cache_clear()


def violations(rule: Callable[[Path], object], files: list[Path]) -> dict[str, object]:
    """The results of a rule by file, without those that are empty: the rule returns what violates it."""
    results = {str(file.relative_to(ROOT)): rule(file) for file in files}
    return {name: result for name, result in results.items() if result}
