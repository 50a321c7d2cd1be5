"""The size of the source code by package: ``python -m pages.size [FOLDER]``.

Every line of a Python file counts once: as blank, as a part of a docstring or a comment, as an import, or as
code. The rows are the packages and files of the folder, ``src/chainrule`` by default, the largest first.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1] / "src" / "chainrule"
KINDS = ("files", "lines", "code", "docs", "imports", "blank")


def sizes(text: str) -> Counter[str]:
    """Return the number of lines of each kind in a source text.

    Example:
        >>> dict(sizes("import os\\n\\n# a comment\\nx = 1\\n"))
        {'files': 1, 'lines': 4, 'imports': 1, 'blank': 1, 'docs': 1, 'code': 1}
    """
    kinds: dict[int, str] = {}
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import() | ast.ImportFrom():
                kind = "imports"
            case ast.Expr(value=ast.Constant(value=str())):
                kind = "docs"
            case _:
                continue
        kinds |= dict.fromkeys(range(node.lineno, (node.end_lineno or node.lineno) + 1), kind)
    lines = text.splitlines()
    counts = Counter(files=1, lines=len(lines))
    for number, line in enumerate(lines, start=1):
        bare = line.strip()
        other = "blank" if not bare else "docs" if bare.startswith("#") else "code"
        counts[kinds.get(number, other) if bare else "blank"] += 1
    return counts


def table(folder: Path) -> list[tuple[str, Counter[str]]]:
    """Return the sizes of the packages and files of a folder, the largest first, and their sum."""
    packages: dict[str, Counter[str]] = {}
    for file in folder.rglob("*.py"):
        part = file.relative_to(folder).parts[0]
        packages.setdefault(part, Counter()).update(sizes(file.read_text(encoding="utf-8")))
    rows = sorted(packages.items(), key=lambda row: -row[1]["lines"])
    total: Counter[str] = Counter()
    for _, counts in rows:
        total.update(counts)
    return [*rows, ("together", total)]


def main(folder: Path = ROOT) -> None:
    """Print the table in Markdown."""
    print("| part | " + " | ".join(KINDS) + " |")
    print("|---" * (len(KINDS) + 1) + "|")
    for name, counts in table(folder):
        print(f"| {name} | " + " | ".join(f"{counts[kind]:,}" for kind in KINDS) + " |")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
