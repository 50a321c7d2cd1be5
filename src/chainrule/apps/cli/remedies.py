"""Translate fixes from Python to options of the command line.

Errors and diagnoses suggest Python code. On the command line, ``optimizer=cr.SGD(0.1)`` becomes ``--optimizer
sgd`` with a learning rate, and of the alternatives ``size=(4, 4), or --size 4`` the option is chosen.
"""

from __future__ import annotations

import ast
import math
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from chainrule.apps.cli.config_file import read_config
from chainrule.apps.cli.options import KIND_OPTIONS, Options, quoted
from chainrule.diagnosis import Diagnosis, Finding
from chainrule.diagnosis.history import median
from chainrule.errors import FileError, alternatives_of, fact
from chainrule.nn import OPTIMIZERS
from chainrule.store import RunFolder
from chainrule.train.checkpoint.resume import probes_in
from chainrule.train.monitor.probe import Probe

RATE = "learning_rate"
OF = ("features", "layer")  # arguments of plots that are --of on the command line
CALLS = ("predict", "evaluate", "attribute", "calibrate")  # methods of a model that are commands
# Rules of the doctor with an option of `chainrule train` as fix; {rate} is a lower learning rate, {higher} a
# higher one, {column} the column of the finding, {penalty} a weaker penalty.
RULES: Mapping[str, str] = {
    "class-imbalance": "--class-weight balanced",
    "data-leakage": "--drop {column}",
    "penalty-too-strong": "{penalty}",
    "not-finite": "{rate}",
    "exploding-gradients": "{rate}",
    "rate-too-high": "{rate}",
    "rate-too-low": "{higher}",
    "oscillating-loss": "{rate}",
    "flat-loss": "{higher}",
    "vanishing-gradients": '--net "64 relu, 64 relu"',
    "saturated": '--net "64 relu, 64 relu"',
    "dying-relu": '--net "64 leaky_relu, 64 leaky_relu"',
    "overfitting": '--net "64 relu, dropout 0.5"',
    "underfitting": '--net "128 relu, 128 relu"',
    "trained-too-long": "--patience 10",
    "batch-size": "--batch-size 32",
    "seed-effect": "--seed 1",
    "parameters-not-learning": '--net "64 leaky_relu, 64 leaky_relu"',
    "overfitting-undone": '--net "64 relu, dropout 0.3"',
    "mode-gap": "--batch-size 128",
}

# Rules without such an option, or whose finding has none, and what to do about them.
ADVICE: Mapping[str, str] = dict.fromkeys(
    ("duplicate-rows", "data-leakage"),
    fact("Delete the repeated rows from the file, unless each of them is an observation of its own."),
) | {
    "labels-unrelated": fact("Check in the file that each row has its own target, not that of another row."),
}


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


GOOD_STEP = 0.01  # first update relative to the weights, in a training with a suitable learning rate


def lower_rate(learning_rate: float, probes: Sequence[Probe]) -> float:
    """A learning rate whose first update is not too large, at most a tenth of the present one.

    Args:
        learning_rate: the present one.
        probes: of the training; the one before the first update has its size relative to the weights.
    """
    step = _first_update(probes)
    return float(f"{learning_rate * min(0.1, GOOD_STEP / step if step else 0.1):.0e}")


def higher_rate(learning_rate: float, probes: Sequence[Probe]) -> float:
    """A learning rate whose first update is not too small, at least ten times the present one."""
    step = _first_update(probes)
    return float(f"{learning_rate * max(10.0, 0.3 * GOOD_STEP / step if step else 10.0):.0e}")


def _first_update(probes: Sequence[Probe]) -> float:
    """The median first update of the parameters relative to their norms; 0 if unknown."""
    parts = [part for probe in probes if probe.step == 0 for part in probe.parts.values()]
    updates = [part["update"] for part in parts if math.isfinite(part.get("update", math.nan))]
    return median(updates) if updates else 0.0


def with_commands(diagnosis: Diagnosis, run: str) -> Diagnosis:
    """The diagnosis with commands as remedies; unchanged for a training that was started in Python.

    Args:
        diagnosis: the findings.
        run: the run folder.
    """
    try:
        folder = RunFolder.open(run)
        options, _ = read_config(folder)
    except FileError:
        return diagnosis
    probes = probes_in(folder)
    remedies = {f.key: command_for(f, options, probes) or ADVICE.get(f.rule.id, "") for f in diagnosis}
    return Diagnosis.of(diagnosis.findings, diagnosis.lang, remedies)


def command_for(finding: Finding, options: Options, probes: Sequence[Probe] = ()) -> str:
    """The command that trains with the fix of a finding; ``""`` if no option of ``train`` fixes it.

    Args:
        finding: a finding of the doctor.
        options: the options of the training.
        probes: of the training.
    """
    text = RULES.get(finding.rule.id, "")
    column = str(finding.facts.get("column", ""))
    if not text or ("{column}" in text and not column):
        return ""
    value, name = options.learning_rate, f"--{RATE.replace('_', '-')}"
    rates = {
        "rate": f"{name} {lower_rate(value, probes):g}",
        "higher": f"{name} {higher_rate(value, probes):g}",
    }
    weaker = f"--penalty {min(options.penalty / 10, 0.001):g}"
    words = text.format(**rates, column=quoted(column), penalty=weaker)
    return _changed(options, words).command(has_seed=False)


def _changed(options: Options, words: str) -> Options:
    """The options with one or two others, as in ``--drop "paid after"``."""
    parts = shlex.split(words)
    changes: dict[str, Any] = {}
    for option, value in zip(parts[::2], parts[1::2], strict=True):
        name = option.removeprefix("--").replace("-", "_")
        before = getattr(options, name)
        changes[name] = (*before, value) if isinstance(before, tuple) else type(before)(value)
    if "net" in changes:
        changes["quick"] = False
    if "drop" in changes:  # the column has no kind any more
        changes |= {k: tuple(c for c in getattr(options, k) if c != parts[1]) for k in KIND_OPTIONS}
    return options.with_passed(changes)
