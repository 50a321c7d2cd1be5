"""Every page's examples run, and print exactly what stands beside them: one law for all pages a person reads.

Pages of errors are held by tests/unit/errors, the one that needs Debian's data by the test of its example.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from guides import DOCS, hold, matches, said

ELSEWHERE = ("errors", "decisions", "fashion-mnist.md")
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if page.relative_to(DOCS).parts[0] not in ELSEWHERE]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS).with_suffix("")))
def test_the_examples_run_and_print_what_stands_beside_them(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    hold(page, capsys)


def test_a_page_that_says_something_else_is_found() -> None:
    code = 'print(1)  # 1\nfor i in range(2):\n    print(i)\n# 0\n# 1\nprint("a")\n# …\n# not printed: x'
    assert said("print(1)  # 1\nprint(2)\n# 2\n# 3\n\n# a remark") == ["1", "2", "3"]
    assert said(code)[:3] == ["1", "0", "1"]
    assert matches(["1", "…"], "1\n2\n3\n")
    assert matches(["a … c"], "a b c\n")
    assert not matches(["1"], "1\n2\n")
    assert not matches(["1", "2"], "1\n")
    assert len(PAGES) > 20
