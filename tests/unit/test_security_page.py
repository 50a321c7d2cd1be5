"""SECURITY.md: every input has a row, and every row a program that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from campaigns.hostile import SECTIONS

from chainrule.apps.cli.main import COMMANDS
from chainrule.data.readers import audio
from chainrule.data.readers.images import FORMATS as IMAGE_FORMATS
from chainrule.data.readers.isolated.operations import OPERATIONS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
TRUSTED = PAGE.partition("## What is trusted")[2].partition("\n## ")[0]
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ")][1:]
SOURCES = sorted((ROOT / "src" / "chainrule").rglob("*.py"))
# Variables that chainrule sets for libraries or hides from them, or that name threads of polars: no input.
HIDDEN = {"POLARS_THREAD_NAME", "PROMETHEUS_MULTIPROC_DIR", "RUST_BACKTRACE"}


@pytest.mark.parametrize("row", ROWS, ids=[row[0][:40] for row in ROWS])
def test_the_programs_of_a_row_exist(row: list[str]) -> None:
    assert len(row) == 3
    programs = re.findall(r"`([^`]+)`", row[2])
    assert re.sub(r"`[^`]+`|[, ]", "", row[2]) == ""
    assert programs
    for program in programs:
        path, _, section = program.partition("--only ")
        assert not path or (ROOT / path.strip()).is_file()
        assert not section or section in SECTIONS
        assert path or "campaigns/hostile.py --only" in row[2]


def test_every_section_of_the_campaign_is_in_a_row() -> None:
    assert {section for section in SECTIONS if f"--only {section}`" in PAGE} == set(SECTIONS)


def test_every_format_is_in_a_row() -> None:
    (images,) = [row[0] for row in ROWS if row[0].startswith("image folders")]
    (sounds,) = [row[0] for row in ROWS if row[0].startswith("sound files")]
    assert set(re.findall(r"[A-Z0-9]+", images.upper())) >= set(IMAGE_FORMATS)
    assert set(re.findall(r"[A-Z0-9]+", sounds)) >= set(audio.FORMATS)
    inputs = " ".join(row[0] for row in ROWS).lower()
    assert [name for name in OPERATIONS if name.partition("_")[0] not in inputs] == []
    words = ("csv", "json", ".xlsx", ".npz", ".npy", ".pt", "safetensors", "onnx", "vnn-lib", "zip", "tar")
    assert [word for word in words if word not in inputs] == []


def variables() -> set[str]:
    """The names of the environment variables that the package reads."""
    names: set[str] = set()
    for source in SOURCES:
        text = source.read_text(encoding="utf-8")
        if "environ" in text or "variables.get" in text:
            strings = (node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
            names |= {
                s for s in strings if isinstance(s, str) and re.fullmatch(r"[A-Z]+(_[A-Z]+)+|LANG(UAGE)?", s)
            }
    return names - HIDDEN


def test_every_variable_of_the_environment_is_in_a_row() -> None:
    inputs = " ".join([*(row[0] for row in ROWS), TRUSTED])
    assert len(variables()) >= 8
    assert {name for name in variables() if f"`{name}`" not in inputs} == set()


def test_every_file_of_a_command_is_in_a_row() -> None:
    """The words by which the help of a command names files, and the rows of these files."""
    files = {
        "RUN": "RUN folders",
        "DATA": "text tables",
        "NET.onnx": "ONNX networks",
        "PROP.vnnlib": "VNN-LIB properties",
        "TEXT": "TEXT of `generate`",
        "FILE": "FILE with the token",
        "URL": "the storage of a search",
    }
    others = {
        "ADDRESS",
        "CHOICE",
        "COLUMN",
        "FORMAT",
        "KIND",
        "LEVEL",
        "N",
        "NAME",
        "NAMES",
        "OPTIONS",
        "RADIUS",
        "RUN|DATA|EXAMPLE",
        "SECONDS",
        "list|get|where",
    }
    folder = ROOT / "src" / "chainrule" / "apps" / "cli"
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py"))]
    words = {word.strip("[]") for text in texts for word in re.findall(r'metavar="([^"]+)"', text)}
    assert words <= files.keys() | others
    inputs = " ".join(row[0] for row in ROWS)
    assert len(COMMANDS) > 10
    assert [title for title in files.values() if title not in inputs] == []
