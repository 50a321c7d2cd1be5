"""The examples of the pages: every block of Python of a page, as parameters of a test."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


def examples(pages: Iterable[Path]) -> list:
    """The blocks of Python of some pages, each called by its page and its number there."""
    return [
        pytest.param(code, id=f"{page.stem}-{number}")
        for page in pages
        for number, code in enumerate(
            re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        )
    ]
