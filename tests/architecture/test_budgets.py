"""No file, function body or line, number of arguments or nesting is over its limit."""

from __future__ import annotations

import ast
import tomllib
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from source_files import EVERYWHERE, ROOT, nodes, text, violations

LIMITS = {"file": 1000, "body": 40, "line": 110, "arguments": 7, "nesting": 3}

# Sizes that are over a limit; this list may only shrink. "file.py: function" -> "limit: reason".
EXCEPTIONS: dict[str, str] = tomllib.loads(
    (Path(__file__).parent / "exceptions.toml").read_text(encoding="utf-8")
)["exceptions"]
MAX_EXCEPTIONS = 0

Function = ast.FunctionDef | ast.AsyncFunctionDef
DEEPER = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match, ast.AsyncFor, ast.AsyncWith)


def columns(line: str) -> int:
    """The width of a line on a screen: a Chinese character takes two columns."""
    if line.isascii():
        return len(line)
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line)


def body_lines(function: Function) -> int:
    """The lines of a function from its first statement on, without the docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def arguments(function: Function) -> int:
    """The number of arguments of a function, without ``self`` and ``cls``.

    Keyword-only arguments with a default are options, which a call names one by one: they do not count.
    """
    options = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    needed = [option for option, default in options if default is None]
    named = [*function.args.posonlyargs, *function.args.args, *needed]
    return sum(a.arg not in ("self", "cls") for a in named)


def nesting(statements: list[ast.stmt]) -> int:
    """The depth of nested blocks; ``elif`` is no deeper than its ``if``."""
    deepest = 0
    for statement in statements:
        if isinstance(statement, Function | ast.ClassDef):
            continue
        inner = [getattr(statement, name, []) for name in ("body", "finalbody")]
        inner += [handler.body for handler in getattr(statement, "handlers", [])]
        inner += [case.body for case in getattr(statement, "cases", [])]
        orelse = getattr(statement, "orelse", [])
        chained = isinstance(statement, ast.If) and len(orelse) == 1 and isinstance(orelse[0], ast.If)
        depth = max(map(nesting, [*inner, [] if chained else orelse]), default=0)
        depth += isinstance(statement, DEEPER)
        deepest = max(deepest, depth, nesting(orelse) if chained else 0)
    return deepest


def over_limits(name: str, text: str, nodes: Iterable[ast.AST]) -> dict[str, str]:
    """The sizes in a source file that are over a limit: place -> limit and size.

    Args:
        name: of the file.
        text: its content.
        nodes: those of its syntax tree.
    """
    lines = text.splitlines()
    sizes = {name: f"file: {len(lines)} lines"} if len(lines) > LIMITS["file"] else {}
    wide = {
        f"{name}: line {i}": f"line: {columns(line)} columns"
        for i, line in enumerate(lines, 1)
        if columns(line) > LIMITS["line"]
    }
    for node in nodes:
        if isinstance(node, Function):
            counts = {"body": body_lines(node), "arguments": arguments(node), "nesting": nesting(node.body)}
            over = [f"{what}: {n}" for what, n in counts.items() if n > LIMITS[what]]
            sizes |= {f"{name}: {node.name}": ", ".join(over)} if over else {}
    return sizes | wide


@cache
def over(file: Path) -> dict[str, str]:
    """``over_limits`` of a file."""
    return over_limits(str(file.relative_to(ROOT)), text(file), nodes(file))


def test_no_size_is_over_its_limit() -> None:
    assert violations(lambda file: over(file).keys() - EXCEPTIONS.keys(), EVERYWHERE) == {}


def test_exceptions_are_over_a_limit_and_have_reasons() -> None:
    assert len(EXCEPTIONS) <= MAX_EXCEPTIONS
    places = {place for file in EVERYWHERE for place in over(file)}
    assert set(EXCEPTIONS) - places == set(), "no longer over a limit: take it off the list"
    assert all(len(reason) > 20 for reason in EXCEPTIONS.values())


def test_sizes_over_a_limit_are_reported() -> None:
    def sizes(code: str) -> dict[str, str]:
        return over_limits("m", code, ast.walk(ast.parse(code)))

    blocks = ("for a in x:", "if a:", "while a:", "with a:", "pass")
    deep = "def f(x):\n" + "".join(f"{'    ' * (i + 1)}{line}\n" for i, line in enumerate(blocks))
    assert sizes(deep) == {"m: f": "nesting: 4"}
    chain = "def f(x):\n" + "".join(f"    {'el' if i else ''}if x == {i}:\n        pass\n" for i in range(9))
    assert sizes(chain) == {}
    assert sizes("def f(self, a, b, c, d, e, f, g, *, h): pass") == {"m: f": "arguments: 8"}
    assert sizes("def f(self, a, b, c, d, e, f, g, *, h=0, i=0): pass") == {}
    long = 'def f():\n    """A.\n\n    B."""\n' + "    x = 1\n" * 41
    assert sizes(long) == {"m: f": "body: 41"}
    assert sizes("x = 1\n" * 1001) == {"m": "file: 1001 lines"}
    assert sizes("# " + "梯" * 55) == {"m: line 1": "line: 112 columns"}


def test_the_formatter_lays_out_all_statements() -> None:
    folders = ("src", "tests", "campaigns", "benchmarks", "pages")
    paths = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    files = [path for path in paths if "# fmt" + ": " in path.read_text(encoding="utf-8")]
    assert files == []
