"""Every definition of the package is used in it: code that only tests use is removed with its tests."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from source_files import EXAMPLES, PACKAGE, ROOT, SOURCE, nodes, text, tree

USERS = [f for folder in ("pages", "campaigns", "benchmarks") for f in sorted((ROOT / folder).rglob("*.py"))]
PLAIN = {
    *(
        "frozen",
        "dataclass",
        "cache",
        "lru_cache",
        "staticmethod",
        "classmethod",
        "property",
        "cached_property",
    ),
    *("contextmanager", "override", "final", "abstractmethod", "runtime_checkable"),
}
"""Decorators that register nothing."""
CALLED_BY_OTHERS = {
    "_esm": "anywidget",
    "_fields_": "ctypes",
    "_load_pyfunc": "MLflow",
    "_proc_member": "tarfile",
    "capture_signals": "uvicorn",
    "connection_lost": "asyncio",
    "connection_made": "asyncio",
    "data_received": "asyncio",
    "handle_websocket_upgrade": "uvicorn",
    "on_response_complete": "uvicorn",
    "redirect_request": "urllib",
}
MEMBERS = {"false_accept_rate": "Verification", "unpad": "Padded"}
"""Members for users that no page mentions."""
CALLED_BY_PREFIX = re.compile(
    r"__\w+__|_repr_\w+_|_on_\w+|visit_\w+|show_\w+|depart_\w+"
)  # Python, Jupyter, dispatch
WORD = re.compile(r"[A-Za-z_]\w*")


def definitions(file: Path) -> Iterator[tuple[str, int, int]]:
    """The name, the first and the last line of what a file defines in a module or a class."""
    bodies = [tree(file).body, *(n.body for n in nodes(file) if isinstance(n, ast.ClassDef))]
    for node in (node for body in bodies for node in body):
        match node:
            case ast.FunctionDef() | ast.ClassDef() if is_plain(node):
                names = [node.name]
            case ast.Assign(targets=targets, value=value) if not is_model_card(value):
                names = [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name)):
                names = [name]
            case _:
                continue
        yield from ((name, node.lineno, node.end_lineno or node.lineno) for name in names)


def is_plain(node: ast.FunctionDef | ast.ClassDef) -> bool:
    """Whether no decorator can register the definition."""
    decorators = {d.func if isinstance(d, ast.Call) else d for d in node.decorator_list}
    return {ast.unparse(d).rpartition(".")[2] for d in decorators} <= PLAIN


def is_model_card(value: ast.expr) -> bool:
    """Whether a constant is a network of a paper, which a registry finds by its name in small letters."""
    return isinstance(value, ast.Call) and ast.unparse(value.func) in ("ModelCard", "_card")


def mentions(file: Path) -> Iterator[tuple[str, int]]:
    """The names that a file reads, with their lines; texts count, docstrings do not."""
    docstrings = {id(n.value) for n in nodes(file) if isinstance(n, ast.Expr)}
    for node in nodes(file):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(attr=name, ctx=ast.Load()):
                yield name, node.lineno
            case ast.ImportFrom(names=names):
                yield from ((alias.name, node.lineno) for alias in names)
            case ast.MatchClass(kwd_attrs=names):
                yield from ((name, node.lineno) for name in names)
            case ast.Constant(value=str(value)) if id(node) not in docstrings:
                yield from ((name, node.lineno) for name in WORD.findall(value))


def unused(files: list[Path], users: list[Path], public: set[str]) -> list[str]:
    """The definitions of files that are mentioned nowhere outside themselves."""
    places: dict[str, list[tuple[Path, int]]] = defaultdict(list)
    for file in (*files, *users):
        for name, line in mentions(file):
            places[name].append((file, line))
    return [
        f"{file.relative_to(ROOT) if file.is_relative_to(ROOT) else file.name}:{first} {name}"
        for file in files
        for name, first, last in definitions(file)
        if name not in public | CALLED_BY_OTHERS.keys() | MEMBERS.keys()
        and not CALLED_BY_PREFIX.fullmatch(name)
        and all(place == file and first <= line <= last for place, line in places[name])
    ]


def documented() -> set[str]:
    """The words of the pages for users and of templates, in which names of public members occur."""
    pages = [f for f in (ROOT / "docs").rglob("*.md") if f.parent.name != "decisions"]
    templates = [f for folder in (SOURCE, EXAMPLES) for f in folder.rglob("*.html")]
    return {word for file in (*pages, *templates) for word in WORD.findall(text(file)) if word[0] != "_"}


def test_every_definition_is_used() -> None:
    assert unused(PACKAGE, USERS, documented()) == []


def test_definitions_that_nothing_uses_are_reported(tmp_path: Path) -> None:
    file = tmp_path / "sample.py"
    lines = [
        "A, B = 1, 2",
        "def repeated(n):",
        "    return repeated(n - 1) + B",
        "class C:",
        "    field: int = 0",
        "    def method(self):",
        "        'method'",
        "@register",
        "def rule():",
        "    return C",
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    assert unused([file], [], set()) == [
        f"sample.py:{n}" for n in ("1 A", "2 repeated", "5 field", "6 method")
    ]
    assert unused([file], [], {"field", "A"}) == ["sample.py:2 repeated", "sample.py:6 method"]
