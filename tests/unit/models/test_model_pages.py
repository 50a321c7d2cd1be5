"""The pages of image networks: examples print as shown, quoted lines are in the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from page_examples import DOCS

PAGES = [
    DOCS / "models" / f"{name}.md" for name in ("lenet", "alexnet", "vgg", "resnet", "unet", "mobilenet")
]
SOURCE = DOCS.parent / "src" / "chainrule"
ROW = re.compile(r"^\|.*\| *([^|]*) *\|$", re.MULTILINE)


def flat(text: str) -> str:
    """A text without its line ends and indentation."""
    return " ".join(text.split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_lines_quoted_by_a_page_are_in_the_code(page: Path) -> None:
    """The last column of a table that begins with the paper's place quotes the code."""
    files = [*(SOURCE / "models").glob("*.py"), *(SOURCE / "nn").rglob("*.py")]
    code = flat("\n".join(file.read_text(encoding="utf-8") for file in files))
    quoted = []
    for table in re.findall(r"^\| paper (?:.*\n)*?(?=\n)", page.read_text(encoding="utf-8"), re.MULTILINE):
        quoted += [line for cell in ROW.findall(table)[2:] for line in re.findall("`([^`]+)`", cell)]
    assert quoted
    assert [line for line in quoted if flat(line) not in code] == []
