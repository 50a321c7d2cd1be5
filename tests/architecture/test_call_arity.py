"""No call in the repository passes more positional arguments than its block accepts."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

import chainrule as cr
from source_files import ROOT, nodes

FOLDERS = ("src", "tests", "pages", "campaigns", "benchmarks")
HOMES = ("chainrule", "chainrule.nn", "chainrule.data.augmentation", "chainrule.train.callback")
REFUSED = "test_call_forms.py"  # its calls are refused on purpose


def limits() -> dict[str, int]:
    """The number of positional arguments that each public block accepts."""
    blocks = [getattr(cr, name) for name in dir(cr)]
    records = [b for b in blocks if isinstance(b, type) and is_dataclass(b) and hasattr(b, "refuse_call")]
    free = {"Sequential", "Parallel", "Stacked", "Activation"}  # with a custom __init__
    return {
        b.__name__: sum(f.init and not f.kw_only for f in fields(b))
        for b in records
        if b.__name__ not in free
    }


LIMITS = limits()


def ours(nodes: Iterable[ast.AST]) -> dict[str, str]:
    """The names that a file imports from chainrule, each with its name there."""
    names: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {a.asname: a.name for a in node.names if a.asname and a.name.startswith("chainrule")}
        if isinstance(node, ast.ImportFrom) and node.module and is_home(node.module):
            names |= {a.asname or a.name: a.name for a in node.names}
    return names


def is_home(module: str) -> bool:
    """Whether blocks are imported from a module."""
    return module == "chainrule" or module.startswith(HOMES[1:])


def calls_over_the_limit(file: Path) -> Iterator[str]:
    names = ours(nodes(file))
    for node in nodes(file):
        match node:
            case ast.Call(func=ast.Name(id=name), args=args) if name in names:
                called = names[name]
            case ast.Call(func=ast.Attribute(value=ast.Name(id=place), attr=called), args=args) if (
                place in ("cr", "nn") and place in names
            ):
                pass
            case _:
                continue
        stars = any(isinstance(a, ast.Starred) for a in args)
        if not stars and called in LIMITS and len(args) > LIMITS[called]:
            yield f"{file.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)[:90]}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_call_passes_too_many_positional_arguments(folder: str) -> None:
    files = [file for file in sorted((ROOT / folder).rglob("*.py")) if file.name != REFUSED]
    assert files
    assert len(LIMITS) > 100
    skipped = ("ops", "plan", "store", "data", "engines")  # other records of the same names
    checked = [f for f in files if not {*skipped} & set(f.relative_to(ROOT).parts[:3]) or folder == "tests"]
    assert [line for file in checked for line in calls_over_the_limit(file)] == []
