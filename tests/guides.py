"""The examples of the pages: that they run and print what they say, that those of errors provoke them.

The blocks of a page are read in order, as in a notebook. What a line prints stands after it as a comment, or
on comment lines below it; ``…`` there stands for whatever is not worth showing.
"""

from __future__ import annotations

import re
import resource
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from chainrule.errors import ChainruleError

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


def hold(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Run the examples of a page where we stand: they print what stands beside them, and warn of nothing."""
    names = {"__name__": "__main__"}
    for block in examples([page]):
        code = str(block.values[0])
        exec(compile(code, page.name, "exec"), names)
        printed = capsys.readouterr()
        assert matches(said(code), printed.out), f"{said(code)}\n{printed.out}"
        assert printed.err == ""


def example_of(code: str) -> str:
    """The Python example of an error's page; ``""`` where there is none: it shows a command."""
    page = DOCS / "errors" / f"{code}.md"
    blocks = examples([page]) if page.exists() else []
    return str(blocks[0].values[0]) if blocks else ""


def provoked(code: str) -> ChainruleError:
    """The error that the example on the page of a code raises, of this code and told in both languages."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)  # one page lets the disk be full
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # nor are halves of modules kept then
    try:
        with pytest.raises(ChainruleError) as caught:
            exec(compile(example_of(code), f"{code}.md", "exec"), {"__name__": "page"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        sys.dont_write_bytecode = writes
    error = caught.value
    assert error.code == code
    for lang in ("en", "zh"):
        assert "{" not in error.clause(lang)
        assert len(error.render(lang).splitlines()) >= 2
    return error
