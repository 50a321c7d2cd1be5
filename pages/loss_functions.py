"""The losses as functions: ``python -m pages.loss_functions`` writes their module.

Each function of ``nn/loss/functional.py`` is derived from the class of its loss: name, settings, and of its
docstring the first line, the shapes and the arguments. A test compares the module with the classes.
"""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import textwrap
from itertools import groupby
from pathlib import Path

from chainrule import block_index
from chainrule.nn.loss.loss import Loss
from chainrule.nn.loss.registry import LOSSES

FILE = Path(__file__).parents[1] / "src" / "chainrule" / "nn" / "loss" / "functional.py"
_HEAD = '''"""The losses as functions of nodes, for use without a model: ``cr.mse(prediction, target)``.

Written by ``python -m pages.loss_functions`` from the classes of the losses, which have their formulas,
examples (``huber``: ``cr.Huber``). Each function returns the mean of its loss over the batch, ().

Raises: UsageError E131 (arguments that do not fit), E102 (a setting out of its range), and what ``Loss.mean``
raises.
"""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.errors import explain_function_calls
from chainrule.graph import Node
'''
_MORE = """from chainrule.nn.loss.loss import mean_loss
from chainrule.ops.elementwise.broadcasting_functions import Operand
"""
_WIDTH, _INDENT = 110, " " * 4
_ALIASES = {"Weights": "Sequence[float] | None"}


_TARGET = "target: the targets, a node or an array."
_NO_TARGET = "target: ``None``; the loss takes no targets."
_WEIGHT = (
    "weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then "
    "the sum of weight times loss, divided by the sum of the weights."
)
_COMMON = {  # settings that several classes inherit
    "class_weight": "class_weight: a weight for each of the K classes.",
    "ignore_index": "ignore_index: a target that does not count, such as padding.",
}


def arguments_of(loss: type[Loss]) -> list[str]:
    """The entries of the docstring of a loss for its settings, one paragraph each.

    Raises:
        ValueError: a setting without an entry.
    """
    _, _, after = inspect.cleandoc(loss.__doc__ or "").partition("\nArgs:\n")
    section = after.partition("\n\n")[0]
    entries = [" ".join(part.split()) for part in re.split(r"\n(?= {4}\S)", section) if part.strip()]
    named = {name.strip(): entry for entry in entries for name in entry.partition(":")[0].split(",")}
    settings = list(inspect.signature(loss).parameters)
    missing = [name for name in settings if name not in named and name not in _COMMON]
    if missing:
        raise ValueError(f"{loss.__name__} has settings without description: {', '.join(missing)}")
    return list(dict.fromkeys(named.get(name) or _COMMON[name] for name in settings))


def docstring(loss: type[Loss], summary: str) -> str:
    """The docstring of the function of a loss."""
    lines = inspect.cleandoc(loss.__doc__ or "").split("\n\n")
    shapes = next((part for part in lines if part.startswith("Shapes:")), "")
    shapes = " ".join(shapes.replace("output (", "prediction (").replace("-> (B,)", "-> ()").split())
    target = _TARGET if loss.needs_target else _NO_TARGET
    entries = ["prediction: the output of the network.", target, *arguments_of(loss), _WEIGHT]
    filled = [
        textwrap.fill(entry, _WIDTH, initial_indent=_INDENT * 2, subsequent_indent=_INDENT * 3)
        for entry in entries
    ]
    parts = [textwrap.fill(shapes, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT * 2)] * bool(
        shapes
    )
    parts.append("\n".join([f"{_INDENT}Args:", *filled]))
    return f'    """{summary}\n\n' + "\n\n".join(parts) + f'\n{_INDENT}"""\n'


def function(loss: type[Loss]) -> str:
    """The source code of the function of a loss."""
    settings = inspect.signature(loss).parameters.values()
    target = "target: Operand" if loss.needs_target else "target: Operand | None = None"
    arguments = [
        "prediction: Node",
        target,
        "*",
        *(f"{s.name}: {_ALIASES.get(s.annotation, s.annotation)} = {s.default!r}" for s in settings),
        "weight: Operand | None = None",
    ]
    record = f"{loss.__name__}({', '.join(f'{s.name}={s.name}' for s in settings)})"
    summary = inspect.cleandoc(loss.__doc__ or "").splitlines()[0]
    if len(summary) > _WIDTH - 10:
        mark = ": " if ": " in summary else ", "
        summary = summary.replace(mark, f"{mark.strip()}\n    ", 1)
    body = f"    return mean_loss({record}, prediction, target, weight)\n"
    if len(body) > _WIDTH:
        body = f"    loss = {record}\n    return mean_loss(loss, prediction, target, weight)\n"
    head = f"def {loss.name}({', '.join(arguments)}) -> Node:"
    return f"@explain_function_calls\n{head}\n{docstring(loss, summary)}{body}"


def text() -> str:
    """The text of the module."""
    losses = sorted((LOSSES[name] for name in block_index.LOSS_NAMES), key=lambda loss: loss.name)
    places = sorted((loss.__module__, loss.__name__) for loss in losses)
    imports = "".join(
        f"from {module} import {', '.join(name for _, name in group)}\n"
        for module, group in groupby(places, lambda place: place[0])
    )
    source = _HEAD + imports + _MORE + "\n\n" + "\n\n".join(map(function, losses))
    for command in (["check", "--select", "I", "--fix", "-q"], ["format"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(FILE), "-"],
            input=source,
            text=True,
            capture_output=True,
            check=True,
        )
        source = done.stdout
    return source


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    print(f"wrote {FILE.name}")
