"""The activations as functions: ``python -m pages.activation_functions`` writes their module.

Each function of ``nn/activation/functional.py`` is derived from the record of its activation: name, settings
and summary. Activations that are operations (``relu``) are functions of ``chainrule.ops.functional``. A test
compares the module with the records.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from chainrule.nn.activation.definition import Curve
from chainrule.nn.activation.registry import ACTIVATIONS
from chainrule.ops import functional

FILE = Path(__file__).parent.parent / "src" / "chainrule" / "nn" / "activation" / "functional.py"
_HEAD = '''"""The activations as functions of nodes: ``cr.gelu(x)``, ``cr.leaky_relu(x, 0.2)``.

Written by ``python -m pages.activation_functions`` from the table ``ACTIVATIONS``, which has their formulas.
An activation that is an operation, such as ``relu`` or ``softmax``, is a function of
``chainrule.ops.functional``.

Raises: UsageError E131 (no such setting), E102 (a setting out of its range).
"""

from __future__ import annotations

from chainrule.errors import explain_function_calls
from chainrule.graph import Node
from chainrule.nn.activation.registry import ACTIVATIONS
from chainrule.nn.scope import Scope

'''


_SCOPE = (
    "        scope: the scope of the layer, the source of parameters and random numbers; without it the\n"
    "            slope is its initial value or its mean.\n"
)


def docstring(curve: Curve) -> str:
    """The docstring of the function of an activation."""
    formula = textwrap.fill(
        f"Formula: y = {curve.formula}", 110, initial_indent="    ", subsequent_indent="        "
    )
    settings = [
        f"        {name}: {setting}; {setting.usual:g} by default.\n"
        for name, setting in curve.settings.items()
    ]
    return (
        f'    """{curve.says[0]}\n\n'
        + (f"{formula}\n\n" if curve.formula else "")
        + "    Args:\n        x: floating-point numbers of any shape.\n"
        + "".join(settings)
        + (_SCOPE if curve.scoped else "")
        + '    """\n'
    )


def function(curve: Curve) -> str:
    """The source code of the function of an activation."""
    settings = [
        f"{name}: {'int' if setting.integer else 'float'} = {setting.usual!r}"
        for name, setting in curve.settings.items()
    ]
    scope = ["scope: Scope | None = None"] if curve.scoped else []
    passed = ["x", *(["scope"] if curve.scoped else []), *(f"{name}={name}" for name in curve.settings)]
    return (
        f"@explain_function_calls\ndef {curve.name}({', '.join(['x: Node', *settings, *scope])}) -> Node:\n"
        f"{docstring(curve)}"
        f'    return ACTIVATIONS["{curve.name}"]({", ".join(passed)})\n'
    )


def text() -> str:
    """The text of the module."""
    curves = (curve for name, curve in ACTIVATIONS.items() if not hasattr(functional, name))
    source = _HEAD + "\n\n".join(function(curve) for curve in curves if curve.name != "linear")
    formatted = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(FILE), "-"],
        input=source,
        text=True,
        capture_output=True,
        check=True,
    )
    return formatted.stdout


if __name__ == "__main__":
    FILE.write_text(text())
    print(f"wrote {FILE.name}")
