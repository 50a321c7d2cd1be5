"""The type stubs of the packages whose names are imported lazily: ``python -m pages.stub`` writes them.

A type checker cannot follow the ``__getattr__`` of such a package, so every name would be ``Any`` to it. The
stub ``__init__.pyi`` beside the ``__init__.py`` imports each name from the module that defines it. It is
derived from the tables that the package itself uses, and a test compares both.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import chainrule
from chainrule.lazy_imports import LazyNames

ROOT = Path(chainrule.__file__).parent
HEAD = "# Written by python -m pages.stub from __init__.py.\n"


def lazy_packages() -> list[str]:
    """The packages with a stub: ``chainrule`` and those with a table of lazy names."""
    files = (file for file in sorted(ROOT.rglob("__init__.py")) if "_LAZY = LazyNames(" in file.read_text())
    return ["chainrule", *(".".join(("chainrule", *file.parent.relative_to(ROOT).parts)) for file in files)]


def stub_file(package: str) -> Path:
    """The stub of a package."""
    return ROOT.joinpath(*package.split(".")[1:]) / "__init__.pyi"


def defining_module(module: str, name: str) -> str:
    """The module from which a type checker can import a name: a lazy package names another one.

    Example:
        >>> defining_module("chainrule.nn", "Dense")
        'chainrule.nn.layers.linear'
    """
    table = getattr(import_module(module), "_LAZY", None)
    if isinstance(table, LazyNames) and name in table.modules:
        return defining_module(table.modules[name], name)
    return module


def public_imports() -> Iterator[tuple[str, str, str]]:
    """The public names of ``chainrule``: module, name there, public name."""
    for name in chainrule.__all__:
        if name in chainrule._PACKAGES:
            yield "chainrule", name, name
        elif name == "input":
            yield "chainrule.graph.node", "input_node", name
        elif name == "settings":
            yield "chainrule.settings", name, name
        else:
            yield defining_module(f"chainrule.{chainrule._MODULES[name]}", name), name, name


def package_imports(package: str) -> Iterator[tuple[str, str, str]]:
    """The names of a package with lazy names: module, name there, name in the package."""
    module = import_module(package)
    listed = getattr(module, "__all__", ())
    for home, alias in imported(module):
        if alias.asname == alias.name or alias.name in listed:
            yield home, alias.name, alias.name
    for name, home in module._LAZY.modules.items():
        yield defining_module(home, name), name, name


def constants(module: ModuleType) -> Iterator[str]:
    """The lines of the public annotated constants that a package defines itself, with what they import."""
    annotated = (node for node in source(module).body if isinstance(node, ast.AnnAssign))
    for node in (node for node in annotated if not ast.unparse(node.target).startswith("_")):
        used = {name.id for name in ast.walk(node.annotation) if isinstance(name, ast.Name)}
        for home, alias in imported(module):
            if alias.name in used and not alias.asname:
                yield f"from {home} import {alias.name}"
        yield f"{ast.unparse(node.target)}: {ast.unparse(node.annotation)}"


def imported(module: ModuleType) -> Iterator[tuple[str, ast.alias]]:
    """The names that a package imports from modules, each with its module."""
    for node in source(module).body:
        for alias in node.names if isinstance(node, ast.ImportFrom) else ():
            yield str(node.module), alias


def source(module: ModuleType) -> ast.Module:
    """The syntax tree of a package's ``__init__``."""
    return ast.parse(Path(str(module.__file__)).read_text())


def stub(package: str) -> str:
    """The text of a stub."""
    imports = sorted(set(public_imports() if package == "chainrule" else package_imports(package)))
    lines = [f"from {home} import {name} as {public}" for home, name, public in imports]
    extra = ["__version__: str"] if package == "chainrule" else list(constants(import_module(package)))
    lines += [line for line in extra if line.startswith("from ")]
    lines += ["", *(line for line in extra if not line.startswith("from "))] if extra else []
    names = ", ".join(repr(public) for *_, public in sorted(imports, key=lambda one: one[2]))
    lines += ["", f"__all__ = [{names}]"] if package == "chainrule" else []
    return HEAD + "\n" + "\n".join(lines) + "\n"


def main() -> None:
    """Write the stubs."""
    for package in lazy_packages():
        stub_file(package).write_text(stub(package))
    print(f"wrote {len(lazy_packages())} stubs")


if __name__ == "__main__":
    main()
