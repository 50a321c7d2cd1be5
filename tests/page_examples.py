"""Run the Python examples of the pages: they print the documented output or raise the documented error.

The blocks of a page are run in order, as in a notebook. The output of a line is documented in a comment after
it, or on comment lines below its statement; ``…`` there stands for any text.
"""

from __future__ import annotations

import re
import resource
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from chainrule.course import code_and_output
from chainrule.errors import ChainruleError

DOCS = Path(__file__).parents[1] / "docs"


def examples(pages: Iterable[Path]) -> list:
    """The Python blocks of some pages as parameters of a test, with page and number as identifier."""
    return [
        pytest.param(code, id=f"{page.stem}-{number}")
        for page in pages
        for number, code in enumerate(
            re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        )
    ]


def expected_output(code: str) -> list[str]:
    """The output of a block that its comments document, by lines."""
    return code_and_output(code)[1]


def matches(lines: list[str], printed: str) -> bool:
    """Whether a text consists of these lines, where ``…`` stands for any text."""
    pattern = "".join(".*" if line == "…" else re.escape(line).replace("…", ".*?") + "\n" for line in lines)
    return re.fullmatch(pattern, printed, re.DOTALL) is not None


def check_examples(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Run the examples of a page in the current folder: they print the documented output and no warning."""
    names = {"__name__": "__main__"}
    blocks = examples([page])
    assert blocks, f"{page.name} has no example"
    for block in blocks:
        code = str(block.values[0])
        exec(compile(code, page.name, "exec"), names)
        printed = capsys.readouterr()
        assert matches(expected_output(code), printed.out), f"{expected_output(code)}\n{printed.out}"
        assert printed.err == ""


def example_of(code: str) -> str:
    """The Python example on the page of an error; ``""`` for a page that shows a command instead."""
    page = DOCS / "errors" / f"{code}.md"
    blocks = examples([page]) if page.exists() else []
    return str(blocks[0].values[0]) if blocks else ""


def provoke(code: str) -> ChainruleError:
    """The error that the example on its page raises; it has this code and texts in both languages."""
    # One page limits the size of files, as on a full disk: no bytecode is written meanwhile.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
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
