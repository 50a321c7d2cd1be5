"""Names say the idea, every public thing says what it is, and the repository speaks of the project alone."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from source_files import PACKAGE, ROOT, SOURCE, tree, violations

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


def silent(module: ast.Module) -> list[str]:
    """The public things of a module that do not say what they are."""
    return ([] if ast.get_docstring(module) else ["the module"]) + [
        node.name
        for node in module.body
        if isinstance(node, Documented) and not node.name.startswith("_") and not ast.get_docstring(node)
        if "overload" not in [getattr(decorator, "id", "") for decorator in node.decorator_list]
    ]


def test_every_public_thing_says_what_it_is() -> None:
    assert violations(lambda file: silent(tree(file)), PACKAGE) == {}


def test_a_silent_thing_would_be_seen() -> None:
    assert silent(ast.parse("class A: ...\ndef _b(): ...\ndef c():\n    'c'")) == ["the module", "A"]


def test_no_file_is_a_drawer() -> None:
    names = {part.removesuffix(".py") for file in PACKAGE for part in file.relative_to(SOURCE).parts}
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
