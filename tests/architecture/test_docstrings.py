"""The docstring of every public function and method describes its arguments, and no others."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import chainrule as cr
from case_loops import loop_over

ENTRY = re.compile(r" {4}(\*{0,2}\w+(?:, \*{0,2}\w+)*): ")


GROUPS = ("attribution", "auditing", "diagnosis", "generation", "robustness", "uncertainty")


def public() -> Iterator[tuple[str, Any]]:
    """The public names, those of public packages, and the groups of methods of a model."""
    for name in cr.__all__:
        yield name, getattr(cr, name)
    for package in (cr.data, cr.models, cr.nn, cr.events):
        for name in dir(package):
            if not name.startswith("_"):
                yield f"{package.__name__}.{name}", getattr(package, name)
    for group in GROUPS:
        values = vars(import_module(f"chainrule.{group}.accessor")).items()
        yield from ((name, value) for name, value in values if inspect.isclass(value))


def functions() -> Iterator[tuple[str, Any]]:
    """The public functions, and the public methods of public classes in the class that defines them first."""
    methods: dict[str, Any] = {}
    for name, value in public():
        if not getattr(value, "__module__", "").startswith("chainrule"):
            continue
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value):
            kinds = [kind for kind in value.__mro__ if kind.__module__.startswith("chainrule")]
            methods.update(entry for kind in kinds for entry in own_methods(kind))
    yield from methods.items()


def own_methods(kind: type) -> Iterator[tuple[str, Any]]:
    """The public methods of a class that no base class has."""
    for name, value in vars(kind).items():
        function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        is_new = not any(hasattr(parent, name) for parent in kind.__mro__[1:])
        is_named = getattr(function, "__name__", "") == name  # no setting that has a function as its value
        if inspect.isfunction(function) and not name.startswith("_") and is_new and is_named:
            yield f"{kind.__name__}.{name}", function


def described(text: str) -> set[str]:
    """The names in the section ``Args``."""
    section = text.partition("\nArgs:\n")[2].partition("\n\n")[0]
    entries = filter(None, map(ENTRY.match, section.split("\n")))
    return {name.strip("* ") for entry in entries for name in entry.group(1).split(",")}


ALL = dict(functions())


def test_there_are_functions_and_methods() -> None:
    assert {"sort", "rfft", "cross_entropy", "gelu", "Model.fit", "Trainer.step", "Node.sum"} <= ALL.keys()
    assert {"chainrule.data.read_voc", "chainrule.models.resnet18", "Table.take"} <= ALL.keys()
    assert len(ALL) > 450


@loop_over("name", sorted(ALL))
def test_the_docstring_describes_the_arguments(name: str) -> None:
    text = inspect.getdoc(ALL[name]) or ""
    parameters = [
        p for p in inspect.signature(ALL[name]).parameters.values() if p.name not in ("self", "cls")
    ]
    named = {p.name for p in parameters if not p.name.startswith("_")}
    assert text
    if named:
        assert "Args:" in text
        fixed = {p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
        assert fixed & named <= described(text)
    assert described(text) <= named | {"cls"} | options_of(ALL[name])


def options_of(function: Any) -> set[str]:
    """Any names, if the function takes options by ``**``."""
    parameters = inspect.signature(function).parameters.values()
    takes = any(p.kind is p.VAR_KEYWORD for p in parameters)
    return described(inspect.getdoc(function) or "") if takes else set()
