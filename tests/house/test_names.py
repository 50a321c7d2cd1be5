"""Names say the idea, every public thing says what it is, and the repository speaks of the project alone."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "chainrule"
FILES = sorted(SOURCE.rglob("*.py"))
HOMELESS = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc", "core", "tools"}
# What belongs to the machine somebody worked on, not to the project.
FOREIGN = {
    "a path of one machine": re.compile(r"(?<![\w.])/(?:work|home|root|Users|mnt|tmp/env)/[\w.-]+"),
    "a package index": re.compile(
        r"(?:index-url|extra-index-url|trusted-host)|https?://[\w.-]*(?:mirror|artifactory|nexus|pypi)\b"
    ),
}
TEXTS = {".py", ".md", ".toml", ".txt", ".cfg", ".yml", ".yaml", ".csv", ".json", ".html", ".css", ".js", ""}

Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def tracked() -> list[Path]:
    """The text files of the repository."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    files = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [file for file in files if file.is_file() and file.suffix in TEXTS]


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(SOURCE)))
def test_every_public_thing_says_what_it_is(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    silent = [] if ast.get_docstring(tree) else ["the module"]
    silent += [
        node.name
        for node in tree.body
        if isinstance(node, Documented) and not node.name.startswith("_") and not ast.get_docstring(node)
        if "overload" not in [getattr(decorator, "id", "") for decorator in node.decorator_list]
    ]
    assert silent == []


def test_no_file_is_a_drawer() -> None:
    names = {part.removesuffix(".py") for file in FILES for part in file.relative_to(SOURCE).parts}
    assert names & HOMELESS == set()


@pytest.mark.parametrize("what", FOREIGN)
def test_the_repository_speaks_of_the_project_alone(what: str) -> None:
    found = []
    for file in tracked():
        if file == Path(__file__):
            continue
        for i, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            found += (
                [f"{file.relative_to(ROOT)}:{i}: {line.strip()[:80]}"] if FOREIGN[what].search(line) else []
            )
    assert found == []
