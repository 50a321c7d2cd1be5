"""Every page's examples run, and print exactly what stands beside them: one law for all pages a person reads.

The blocks of a page are read in order, as in a notebook. What a line prints stands after it as a comment, or
on comment lines below it; ``…`` there stands for whatever is not worth showing. Pages of errors are held by
tests/rooms/errors, those that need Debian's data by the tests of their examples.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guides import DOCS, examples

ELSEWHERE = ("errors", "decisions", "fashion-mnist.md", "translation.md")
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if page.relative_to(DOCS).parts[0] not in ELSEWHERE]


def said(code: str) -> list[str]:
    """The lines that a block says it prints."""
    lines: list[str] = []
    is_below = False
    for line in code.splitlines():
        if line.strip().startswith("print("):
            beside = line.partition("  # ")[2]
            lines += [beside] if beside else []
            is_below = not beside
        elif is_below and line.startswith("# "):
            lines.append(line.removeprefix("# "))
        else:
            is_below = False
    return lines


def matches(lines: list[str], printed: str) -> bool:
    """Whether a text is these lines, where ``…`` stands for anything."""
    pattern = "".join(".*" if line == "…" else re.escape(line).replace("…", ".*?") + "\n" for line in lines)
    return re.fullmatch(pattern, printed, re.DOTALL) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS).with_suffix("")))
def test_the_examples_run_and_print_what_stands_beside_them(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for block in examples([page]):
        code = str(block.values[0])
        exec(compile(code, page.name, "exec"), names)
        printed = capsys.readouterr()
        assert matches(said(code), printed.out), f"{said(code)}\n{printed.out}"
        assert printed.err == ""


def test_a_page_that_says_something_else_is_found() -> None:
    code = 'print(1)  # 1\nfor i in range(2):\n    print(i)\n# 0\n# 1\nprint("a")\n# …\n# not printed: x'
    assert said("print(1)  # 1\nprint(2)\n# 2\n# 3\n\n# a remark") == ["1", "2", "3"]
    assert said(code)[:3] == ["1", "0", "1"]
    assert matches(["1", "…"], "1\n2\n3\n")
    assert matches(["a … c"], "a b c\n")
    assert not matches(["1"], "1\n2\n")
    assert not matches(["1", "2"], "1\n")
    assert len(PAGES) > 20
