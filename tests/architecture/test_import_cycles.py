"""No modules import each other in a circle, imports for types alone included."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from source_files import PACKAGE, SOURCE, nodes


def modules() -> dict[str, Path]:
    """The modules of the package by name."""
    names = {}
    for file in PACKAGE:
        parts = file.relative_to(SOURCE.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return names


def imports(known: Mapping[str, Path], file: Path) -> Iterator[str]:
    """The modules of the package that a file imports anywhere, for types alone or not."""
    for node in nodes(file):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in known else node.module for name in inner if node.module in known)


def circles(graph: Mapping[str, set[str]]) -> list[set[str]]:
    """The strongly connected components with more than one module."""
    graph, components = {name: set(others) for name, others in graph.items()}, []
    while True:
        try:
            tuple(TopologicalSorter(graph).static_order())
        except CycleError as error:
            (start, *_) = error.args[1]
            circle = reach(graph, start) & reach(reversed_graph(graph), start)
            components.append(circle)
            for name in circle:
                graph[name] -= circle
        else:
            return components


def reach(graph: Mapping[str, set[str]], start: str) -> set[str]:
    """All that can be reached from a module, itself included."""
    seen, left = {start}, [start]
    while left:
        new = graph[left.pop()] - seen
        seen |= new
        left += new
    return seen


def reversed_graph(graph: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The same edges in the other direction."""
    edges: dict[str, set[str]] = {name: set() for name in graph}
    for name, others in graph.items():
        for other in others:
            edges[other].add(name)
    return edges


def test_no_modules_import_each_other_in_a_circle() -> None:
    known = modules()
    graph = {name: set(imports(known, file)) - {name} for name, file in known.items()}
    assert [sorted(circle) for circle in circles(graph)] == []


def test_a_circle_is_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"f"}, "f": {"e", "a"}}
    assert sorted(map(sorted, circles(graph))) == [["a", "b", "c"], ["e", "f"]]
    assert circles({"a": {"b"}, "b": set()}) == []
