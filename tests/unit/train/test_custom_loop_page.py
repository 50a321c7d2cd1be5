"""The page on custom training loops: its networks learn as it says."""

from __future__ import annotations

import pytest

from page_examples import DOCS, check_examples


def test_the_examples_print_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    check_examples(DOCS / "custom-loops.md", capsys)
