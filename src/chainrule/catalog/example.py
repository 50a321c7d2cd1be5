"""An example as a person sees it at the prompt: the lines typed, and what Python answered.

Only programs of chainrule itself are run, those of its docstrings and of ``program.py``, in the engine that
needs no compiler and in a folder of their own; text from a file or a person never comes here.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import inspect
import io
import re
import sys
import tempfile
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.catalog.docstring import docstring
from chainrule.catalog.op_program import op_program
from chainrule.catalog.program import SCHEDULES, program
from chainrule.errors import ChainruleError
from chainrule.nn.schedule import Schedule
from chainrule.ops import Card
from chainrule.settings import settings

_IMPORTS = ">>> import chainrule as cr\n>>> from chainrule.spec import Spec\n"
_INPUTS = (  # what a layer may take: a row of numbers, a sequence, words, an image
    ((2, 16), "float32"), ((2, 6, 16), "float32"), ((2, 6), "int64"), ((2, 8, 8, 16), "float32"),
)  # fmt: skip


def made(kind: str, name: str) -> Schedule:
    """The schedule that stands for its class in examples and pictures."""
    assert kind == "schedule"
    return SCHEDULES[name]


def transcript(kind: str, name: str, thing: object) -> str:
    """The example of a block, run; ``""`` where there is none.

    Example:
        >>> print(transcript("clip", "ClipNorm", None).splitlines()[-1])
        [ 0.6 -0.8] [0.5]
    """
    if isinstance(thing, type):
        sections = docstring(thing).sections
        if "Example" in sections:
            told = _complete(sections["Example"], thing.__module__)
            is_spatial = "space" in sections.get("Shapes", "")
            return (_built(told, is_spatial) if kind == "layer" else "") or run(told)
    if kind == "op":
        made = thing if isinstance(thing, type) and issubclass(thing, Card) else None
        return run(_typed(op_program(name, made)))
    return run(_typed(program(kind, name, thing)))


def _built(text: str, is_spatial: bool) -> str:
    """An example that only prints a layer, with what it makes of an input; ``""`` if it takes several.

    The inputs are tried in turn; the layer itself says by an error which it does not take.

    Args:
        text: the example.
        is_spatial: whether images are tried first.
    """
    printed = re.fullmatch(r"((?:>>> from .*\n)*)>>> print\((.*)\)\n.*", text)
    if printed is None or not isinstance(ast.parse(printed[2], mode="eval").body, ast.Call):
        return ""
    for shape, dtype in _INPUTS[::-1] if is_spatial else _INPUTS:
        source = f"""
        layer = {printed[2]}
        built = cr.build(layer, {{"x": Spec({shape}, "{dtype}")}}, "float32")
        built.output.shape
        {{path: p.spec.shape for path, p in built.parameters.items()}}
        """
        with contextlib.suppress(ChainruleError):
            return run(_IMPORTS + printed[1] + _typed(inspect.cleandoc(source)))
    return ""


def run(text: str) -> str:
    """The lines of a program with their answers below them; files it writes are gone afterwards.

    Args:
        text: lines after ``>>>`` and ``...``; answers among them are dropped for those that come.

    Example:
        >>> run(">>> 1 + 1").split("\\n")
        ['>>> 1 + 1', '2']
    """
    names: dict[str, Any] = {}
    lines: list[str] = []
    with (
        settings.using(engine="reference"),
        np.printoptions(precision=6, suppress=True),
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
    ):
        for example in doctest.DocTestParser().get_examples(text):
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                exec(compile(example.source, "<example>", "single", dont_inherit=True), names)
            first, *rest = example.source.rstrip("\n").split("\n")
            lines += [f">>> {first}", *(f"... {line}".rstrip() for line in rest)]
            lines += said.getvalue().rstrip("\n").split("\n") if said.getvalue() else []
    return "\n".join(lines)


def _typed(source: str) -> str:
    """A program as typed at the prompt; indented lines go on."""
    lines = source.strip("\n").split("\n") if source.strip() else []
    return "\n".join(f"{'...' if line.startswith(' ') else '>>>'} {line}" for line in lines)


def _complete(text: str, module: str) -> str:
    """A docstring's example with the imports it takes from its module, so that it can be pasted."""
    source = "".join(example.source for example in doctest.DocTestParser().get_examples(text))
    loaded, bound = set[str](), set[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            (loaded if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.arg | ast.FunctionDef | ast.ClassDef):
            bound.add(node.arg if isinstance(node, ast.arg) else node.name)
    known = vars(sys.modules[module])
    lines = [_import_line(name, known[name], module) for name in sorted(loaded - bound) if name in known]
    return "\n".join([*(f">>> {line}" for line in sorted(lines)), text])


def _import_line(name: str, value: object, module: str) -> str:
    """The line that brings a name of a module."""
    if isinstance(value, ModuleType):
        return f"import {name}" if value.__name__ == name else f"import {value.__name__} as {name}"
    home = getattr(value, "__module__", module)
    home = home if isinstance(home, str) else module
    parts = home.split(".")
    for i in range(1, len(parts)):  # the package nearest to the door that names it
        package = sys.modules[".".join(parts[:i])]
        if name in dir(package) and getattr(package, name) is value:
            return f"from {package.__name__} import {name}"
    return f"from {home} import {name}"
