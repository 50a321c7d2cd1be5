"""The sources of the project, each read and parsed once, for the laws of the house."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "chainrule"
PACKAGE = sorted(SOURCE.rglob("*.py"))
EVERYWHERE = sorted(
    f for folder in ("src", "tests", "examples", "benchmarks", "pages") for f in (ROOT / folder).rglob("*.py")
)


@cache
def text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(text(file))


def breaches(law: Callable[[Path], object], files: list[Path]) -> dict[str, object]:
    """What a law finds wrong, by file; empty where all is well."""
    found = {str(file.relative_to(ROOT)): law(file) for file in files}
    return {name: wrong for name, wrong in found.items() if wrong}
