"""Translate fixes from Python to options of the command line.

Errors and diagnoses suggest Python code. On the command line, ``optimizer=cr.SGD(0.1)`` becomes ``--optimizer
sgd`` with a learning rate, and of the alternatives ``size=(4, 4), or --size 4`` the option is chosen.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Sequence

from chainrule.errors import alternatives_of, fact
from chainrule.escaping import quoted
from chainrule.nn import OPTIMIZERS
from chainrule.tabular.remedies import RATE

OF = ("features", "layer")  # arguments of plots that are --of on the command line
CALLS = ("predict", "evaluate", "attribute", "calibrate")  # methods of a model that are commands


def on_command_line(fix: str, options: Collection[str], words: Sequence[str] = ()) -> str:
    """Translate a fix to options of a command; returns the fix if there is no such option.

    Args:
        fix: the fix of an error.
        options: options of the command, such as ``"--depth"``.
        words: the words after the command, of which RUN and DATA are named in a command that replaces a call.

    Example:
        >>> from chainrule.errors import alternatives
        >>> on_command_line("depth=2", ["--depth"]), on_command_line("target=None: any", ["--target"])
        ('--depth 2', 'no --target')
        >>> on_command_line('model.plot.weights()', [], ["runs/a", "filters"])
        'chainrule plot runs/a weights'
        >>> on_command_line(alternatives("size=(4, 4)", "--size 4"), ["--size"])
        '--size 4'
        >>> on_command_line("optimizer=cr.SGD(0.1)", ["--optimizer", f"--{RATE}"])
        '--optimizer sgd --learning-rate 0.1'
    """
    parts = alternatives_of(fix)
    if typed := next((part for part in parts if part.startswith("--") and part.split()[0] in options), ""):
        return typed
    for part in parts:
        name, _, value = part.partition("=")
        option = f"--{name.replace('_', '-')}"
        if name in OF and "--of" in options:
            return f"--of {_word(_names(value))}"
        if re.fullmatch(r"\w+", name) and value and option in options:
            replaced = _value(option, value)
            if replaced:
                return replaced
        if absent := re.match(r"(\w+)=None\b", part):
            option = f"--{absent[1].replace('_', '-')}"
            if option in options:
                return fact("no {option}", option=option)
    return next(filter(None, (_command_of(part, words) for part in parts)), fix)


def _command_of(call: str, words: Sequence[str]) -> str:
    """The command for a call of a method of a model, such as ``model.plot.weights()``; ``""``: none."""
    try:
        node = ast.parse(call, mode="eval").body
    except (SyntaxError, ValueError):  # ValueError: a path with a NUL or bytes that are no Unicode
        return ""
    if not isinstance(node, ast.Call) or not ast.unparse(node.func).startswith("model."):
        return ""
    names = [word for word in words if not word.startswith("-")]
    run = names[0] if names else "RUN"
    _, *method = ast.unparse(node.func).split(".")
    if method[0] == "plot" and len(method) == 2:
        data = [names[2] if len(names) > 2 else "DATA"] if node.args else []
        of = [_names(ast.unparse(keyword.value)) for keyword in node.keywords if keyword.arg in OF]
        more = ["--of", _word(of[0])] if of else []
        return " ".join(["chainrule", "plot", quoted(run), method[1].replace("_", "-"), *data, *more])
    data = names[1] if len(names) > 1 else "DATA"
    return f"chainrule {method[0]} {quoted(run)} {quoted(data)}" if method[0] in CALLS else ""


def _names(value: str) -> str:
    """The names in an argument, separated by commas: of ``("a", "b")``, a,b."""
    try:
        names = ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return value
    return ",".join(map(str, names)) if isinstance(names, tuple | list) else str(names)


def _word(text: str) -> str:
    """Quote a word for a shell, in double quotes if possible."""
    word = quoted(text)
    return f'"{text}"' if word != text and not set(text) & set('"$`\\!') else word


def _value(option: str, value: str) -> str:
    """An option with the value of an argument; ``""`` if the command line has no equivalent."""
    try:
        node = ast.parse(value, mode="eval").body
    except (SyntaxError, ValueError):
        return ""
    if isinstance(node, ast.Constant):
        return f"{option} {_word(node.value) if isinstance(node.value, str) else value}"
    names = {kind.__name__: name for name, kind in OPTIMIZERS.items()}
    if isinstance(node, ast.Call) and (name := names.get(ast.unparse(node.func).removeprefix("cr."))):
        more = f" --{RATE.replace('_', '-')} {ast.unparse(node.args[0])}" if node.args else ""
        return f"{option} {name}{more}"
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "cr.L2" and option == "--penalty":
        return f"{option} {ast.unparse(node.args[0])}"
    return "" if isinstance(node, ast.Call | ast.Attribute) else f"{option} {value}"
