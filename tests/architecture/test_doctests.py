"""The examples in docstrings run and print the documented output."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
FILES = [
    file for file in sorted(SOURCE.glob("chainrule*/**/*.py")) if ">>>" in file.read_text(encoding="utf-8")
]


def module_name(file: Path) -> str:
    """The dotted name of the module of a source file."""
    parts = file.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(SOURCE)))
def test_docstring_examples_print_the_documented_output(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(
        importlib.import_module(module_name(file)), optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert result.attempted
    assert result.failed == 0
