"""Run the examples of blocks and return their transcripts: the input lines and the output of Python.

Only programs of chainrule itself are run, those of its docstrings and of ``program.py``, with the reference
engine in a temporary folder; text from files or users is never run.
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
_INPUTS = (  # inputs that are tried: rows of numbers, a sequence, tokens, an image
    ((2, 16), "float32"),
    ((2, 6, 16), "float32"),
    ((2, 6), "int64"),
    ((2, 8, 8, 16), "float32"),
)


def example_schedule(name: str) -> Schedule:
    """The example of a class of schedules."""
    return SCHEDULES[name]


def transcript(kind: str, name: str, definition: object) -> str:
    """Run the example of a block; returns ``""`` if there is none.

    Example:
        >>> print(transcript("clip", "ClipNorm", None).splitlines()[-1])
        [ 0.6 -0.8] [0.5]
    """
    if isinstance(definition, type):
        sections = docstring(definition).sections
        if "Example" in sections:
            example = _complete(sections["Example"], definition.__module__)
            is_spatial = "space" in sections.get("Shapes", "")
            return (_built(example, is_spatial) if kind == "layer" else "") or run(example)
    if kind == "op":
        card = definition if isinstance(definition, type) and issubclass(definition, Card) else None
        return run(_prompted(op_program(name, card)))
    return run(_prompted(program(kind, name, definition)))


def _built(text: str, is_spatial: bool) -> str:
    """Extend an example that only prints a layer by the shapes of output and parameters.

    The inputs are tried in turn; returns ``""`` if the layer accepts none of them.

    Args:
        text: the example.
        is_spatial: try images first.
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
            return run(_IMPORTS + printed[1] + _prompted(inspect.cleandoc(source)))
    return ""


def run(text: str) -> str:
    """Run a program in a temporary folder and return its transcript.

    Args:
        text: lines with ``>>>`` and ``...``; expected output is replaced by the actual output.

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
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile(example.source, "<example>", "single", dont_inherit=True), names)
            first, *rest = example.source.rstrip("\n").split("\n")
            lines += [f">>> {first}", *(f"... {line}".rstrip() for line in rest)]
            lines += output.getvalue().rstrip("\n").split("\n") if output.getvalue() else []
    return "\n".join(lines)


def _prompted(source: str) -> str:
    """Add prompts to a program; indented lines are continuation lines."""
    lines = source.strip("\n").split("\n") if source.strip() else []
    return "\n".join(f"{'...' if line.startswith(' ') else '>>>'} {line}" for line in lines)


def _complete(text: str, module: str) -> str:
    """Add imports of the names that an example of a docstring uses from its module."""
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
    """The import statement for a name of a module."""
    if isinstance(value, ModuleType):
        return f"import {name}" if value.__name__ == name else f"import {value.__name__} as {name}"
    home = getattr(value, "__module__", module)
    home = home if isinstance(home, str) else module
    parts = home.split(".")
    for i in range(1, len(parts)):  # the outermost package that exports it
        package = sys.modules[".".join(parts[:i])]
        if name in dir(package) and getattr(package, name) is value:
            return f"from {package.__name__} import {name}"
    return f"from {home} import {name}"
