"""Public objects have docstrings, file names have a meaning, and no file names one machine."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from source_files import PACKAGE, ROOT, SOURCE, text, tree, violations

EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc", "core", "tools"}
# Traces of the machine on which a file was written.
FOREIGN = {
    "a path of one machine": re.compile(r"(?<![\w.])/(?:work|home|root|Users|mnt|tmp/env)/[\w.-]+"),
    "a package index": re.compile(
        r"(?:index-url|extra-index-url|trusted-host)|https?://[\w.-]*(?:mirror|artifactory|nexus|pypi)\b"
    ),
}
TEXTS = {".py", ".md", ".toml", ".txt", ".cfg", ".yml", ".yaml", ".csv", ".json", ".html", ".css", ".js", ""}

Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


ROOT_FILES = {
    *("README.md", "README.zh-CN.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE"),
    *("CITATION.cff", "pyproject.toml", "hatch_build.py", ".gitignore", "examples"),
}


def tracked_names() -> list[str]:
    """The files of the repository, relative to its root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.split("\0") if name]


def tracked() -> list[Path]:
    """The text files of the repository."""
    files = (ROOT / name for name in tracked_names())
    return [file for file in files if file.is_file() and file.suffix in TEXTS]


def test_no_stray_file_is_in_the_root() -> None:
    assert {name for name in tracked_names() if "/" not in name} == ROOT_FILES


def undocumented(module: ast.Module) -> list[str]:
    """The public objects of a module without a docstring."""
    return ([] if ast.get_docstring(module) else ["the module"]) + [
        node.name
        for node in module.body
        if isinstance(node, Documented) and not node.name.startswith("_") and not ast.get_docstring(node)
        if "overload" not in [getattr(decorator, "id", "") for decorator in node.decorator_list]
    ]


def test_every_public_object_has_a_docstring() -> None:
    assert violations(lambda file: undocumented(tree(file)), PACKAGE) == {}


def test_objects_without_docstring_are_reported() -> None:
    assert undocumented(ast.parse("class A: ...\ndef _b(): ...\ndef c():\n    'c'")) == ["the module", "A"]


def test_no_file_has_a_name_without_meaning() -> None:
    names = {part.removesuffix(".py") for file in PACKAGE for part in file.relative_to(SOURCE.parent).parts}
    assert names & EMPTY_NAMES == set()


def missing_files(package: Path) -> list[str]:
    """The files that the docstring of a package names and that do not exist.

    A plain name is a file of the package or its folders; a path may lead to another package.
    """
    outline = ast.get_docstring(tree(package / "__init__.py")) or ""
    named = set(re.findall(r"(?<![\w/])(?:\w+/)*\w+\.py\b", outline))
    return sorted(name for name in named if not any((SOURCE.parent if "/" in name else package).rglob(name)))


def test_package_docstrings_name_existing_files() -> None:
    packages = [file.parent for file in PACKAGE if file.name == "__init__.py"]
    assert len(packages) > 40
    missing = {str(package.relative_to(SOURCE.parent)): missing_files(package) for package in packages}
    assert {package: names for package, names in missing.items() if names} == {}


def test_texts_of_code_name_existing_modules() -> None:
    modules = {path.name for path in tracked() if path.suffix == ".py"}
    files = [file for file in PACKAGE if file.is_relative_to(SOURCE)]
    named = {file: set(re.findall(r"``(?:\w+/)*(\w+\.py)``", text(file))) for file in files}
    assert len(set().union(*named.values())) > 40
    assert {str(file): names - modules for file, names in named.items() if names - modules} == {}


def test_a_missing_file_of_a_package_docstring_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").touch()
    (tmp_path / "__init__.py").write_text('"""Files: a.py and b.py."""', encoding="utf-8")
    assert missing_files(tmp_path) == ["b.py"]


def test_pages_name_existing_files() -> None:
    files = {str(file.relative_to(ROOT)) for file in tracked()}
    missing = []
    for page in (ROOT / name for name in files if name.endswith(".md")):
        for path in re.findall(
            r"`((?:docs|tests|src|campaigns|benchmarks|pages)/[\w/.-]+\.(?:py|md))`", text(page)
        ):
            missing += [f"{page.name}: {path}"] if path not in files else []
    assert missing == []


@pytest.mark.parametrize("what", FOREIGN)
def test_no_file_names_a_machine_or_a_package_index(what: str) -> None:
    lines = []
    for file in tracked():
        if file == Path(__file__):
            continue
        if not FOREIGN[what].search(text(file)):
            continue
        for i, line in enumerate(text(file).splitlines(), 1):
            place = f"{file.relative_to(ROOT)}:{i}: {line.strip()[:80]}"
            lines += [place] if FOREIGN[what].search(line) else []
    assert lines == []


def test_the_map_of_contributing_names_existing_folders() -> None:
    lines = text(ROOT / "CONTRIBUTING.md").split("```")[5].strip().splitlines()
    names = {part for file in PACKAGE for part in file.parts}
    folders = {folder for line in lines for folder in re.findall(r"\b(\w+)/", line)}
    assert {"readers", "kernels", "commands"} <= folders
    assert sorted(folders - names) == []
