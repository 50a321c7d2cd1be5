"""Examples import public names: of ``chainrule``, its public packages, and modules that a page imports."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from source_files import EXAMPLES, ROOT, nodes, text

PUBLIC = "data errors events generation inputs messages metrics models nn page tabular".split()
PACKAGES = {f"chainrule.{name}" for name in PUBLIC}


def documented() -> set[str]:
    """The modules that an example of a page imports."""
    pages = [page for page in (ROOT / "docs").rglob("*.md") if "decisions" not in page.parts]
    return {name for page in pages for name in re.findall(r"from (chainrule[\w.]*) import", text(page))}


def modules(file: Path) -> Iterator[str]:
    """The modules of chainrule that a file imports."""
    for node in nodes(file):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "chainrule":
            yield node.module
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "chainrule")


def test_examples_import_public_names() -> None:
    files = sorted(EXAMPLES.rglob("*.py"))
    assert len(files) > 40
    imported = {module for file in files for module in modules(file)}
    assert imported - {"chainrule"} - PACKAGES - documented() == set()


def test_no_module_of_chainrule_but_the_command_imports_examples() -> None:
    source = ROOT / "src" / "chainrule"
    importers = [file.name for file in source.rglob("*.py") if "chainrule_examples" in text(file)]
    assert importers == ["example.py"]
