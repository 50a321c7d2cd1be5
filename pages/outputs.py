"""The outputs of the Python blocks of a page: ``python -m pages.outputs PAGE ...`` writes them into the page.

A block documents its output in comments: beside a ``print`` whose output is one short line, else on the lines
below it. ``tests/properties/test_page_examples.py`` runs the blocks of every page and compares.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
from contextlib import redirect_stdout

from pages.guide import DOCS

WIDTH = 100
_BLOCK = re.compile(r"(?<=^```python\n)(.*?)(?=^```$)", re.MULTILINE | re.DOTALL)


def with_outputs(text: str, name: str = "page") -> str:
    """Run the blocks of a page in order and return the page with their outputs.

    Raises:
        Exception: what a block raises.

    Example:
        >>> print(with_outputs("```python\\nprint(1 + 1)\\nfor i in (3, 4):\\n    print(i)\\n# 3\\n```\\n"))
        ```python
        print(1 + 1)  # 2
        for i in (3, 4):
            print(i)
        # 3
        # 4
        ```
        <BLANKLINE>
    """
    names: dict[str, object] = {"__name__": "__main__"}
    return _BLOCK.sub(lambda block: _run(block[1], names, name), text)


def _run(code: str, names: dict[str, object], name: str) -> str:
    """Run a block statement by statement, and return it with outputs."""
    lines = code.splitlines()
    documented: list[str] = []
    end = 0
    for statement in ast.parse(code).body:
        output = io.StringIO()
        with redirect_stdout(output):
            exec(compile(ast.Module([statement], []), name, "exec"), names)
        last = statement.end_lineno or 0
        between, own = lines[end : statement.lineno - 1], lines[statement.lineno - 1 : last]
        documented += between + own
        end = last
        if printed := output.getvalue().splitlines():
            own[-1] = documented[-1] = own[-1].partition("  # ")[0]
            while end < len(lines) and (lines[end] == "#" or lines[end].startswith("# ")):
                end += 1  # the output before
            beside = f"{own[-1]}  # {printed[0]}"
            is_print = own[0].startswith("print(")
            if is_print and len(printed) == len(own) == 1 and len(beside) <= WIDTH:
                documented[-1] = beside
            else:
                documented += [f"# {line}".rstrip() for line in printed]
    return "\n".join([*documented, *lines[end:]]) + "\n"


def main() -> None:
    """Write the outputs into the pages."""
    parser = argparse.ArgumentParser(prog="python -m pages.outputs", description=main.__doc__)
    parser.add_argument("pages", nargs="+", help="pages of docs/, such as course/3-algorithm.md")
    for page in parser.parse_args().pages:
        file = DOCS / page
        text = file.read_text(encoding="utf-8")
        file.write_text(with_outputs(text, page), encoding="utf-8")
        print(file)


if __name__ == "__main__":
    main()
