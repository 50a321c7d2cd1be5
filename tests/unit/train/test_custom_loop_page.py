"""The page on custom training loops: its examples print the documented output."""

from __future__ import annotations

import pytest

from page_examples import DOCS, check_examples


def test_the_examples_print_the_documented_output(capsys: pytest.CaptureFixture[str]) -> None:
    check_examples(DOCS / "custom-loops.md", capsys)
