"""Commands of ``chainrule train`` with the fix of a finding of the doctor."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from chainrule.diagnosis import Diagnosis, Finding
from chainrule.diagnosis.history import median
from chainrule.errors import FileError, fact
from chainrule.escaping import quoted
from chainrule.messages import rendered
from chainrule.store import RunFolder
from chainrule.tabular.option_names import RATE
from chainrule.tabular.options import KIND_OPTIONS, Options
from chainrule.tabular.run_folder import read_config
from chainrule.train.checkpoint.resume import probes_in
from chainrule.train.monitor.probe import Probe

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
    "first-loss": '--net "64 relu, 64 relu"',
    "weight-scale": '--net "64 relu, 64 relu"',
}

# Rules without such an option, or whose finding has none, and what to do about them.
ADVICE: Mapping[str, str] = dict.fromkeys(
    ("duplicate-rows", "data-leakage"),
    fact("Delete the repeated rows from the file, unless each of them is an observation of its own."),
) | {
    "labels-unrelated": fact("Check in the file that each row has its own target, not that of another row."),
    "validation-easier": fact("Change nothing: this explains the two losses, and is no fault."),
}


GOOD_STEP = 0.01  # first update relative to the weights, in a training with a suitable learning rate


def lower_rate(learning_rate: float, probes: Sequence[Probe]) -> float:
    """Return a rate whose first update is not too large, at most a tenth; ``probes`` measure the update."""
    step = _first_update(probes)
    return float(f"{learning_rate * min(0.1, GOOD_STEP / step if step else 0.1):.0e}")


def higher_rate(learning_rate: float, probes: Sequence[Probe]) -> float:
    """Return a learning rate whose first update is not too small, at least ten times the present one."""
    step = _first_update(probes)
    return float(f"{learning_rate * max(10.0, 0.3 * GOOD_STEP / step if step else 10.0):.0e}")


def _first_update(probes: Sequence[Probe]) -> float:
    """Return the median first update of the parameters relative to their norms; 0 if unknown."""
    parts = [part for probe in probes if probe.step == 0 for part in probe.parts.values()]
    updates = [part["update"] for part in parts if math.isfinite(part.get("update", math.nan))]
    return median(updates) if updates else 0.0


def with_commands(diagnosis: Diagnosis, run: str) -> Diagnosis:
    """Return the diagnosis with commands as remedies; unchanged for a training that was started in Python."""
    try:
        folder = RunFolder.open(run)
        options, _ = read_config(folder)
    except FileError:
        return diagnosis
    probes = probes_in(folder)
    remedies = {f.key: command_for(f, options, probes) or ADVICE.get(f.rule.id, "") for f in diagnosis}
    return Diagnosis.of(diagnosis.findings, diagnosis.lang, remedies)


def command_for(finding: Finding, options: Options, probes: Sequence[Probe] = ()) -> str:
    """Return the command that trains with the fix of a finding; ``""`` if no option of ``train`` fixes it."""
    changed = changed_options(finding.rule.id, str(finding.facts.get("column", "")), options, probes)
    return "" if changed is None else changed.command(has_seed=False)


def changed_options(rule: str, column: str, options: Options, probes: Sequence[Probe] = ()) -> Options | None:
    """Return the options with the fix of a rule; ``None`` if no option of ``train`` fixes it.

    Args:
        rule: of the doctor.
        column: that the finding is about; ``""``: none.
        options: of the training with the finding.
        probes: of that training.
    """
    text = RULES.get(rule, "")
    if not text or ("{column}" in text and not column):
        return None
    value, name = options.learning_rate, f"--{RATE.replace('_', '-')}"
    rates = {
        "rate": f"{name} {lower_rate(value, probes):g}",
        "higher": f"{name} {higher_rate(value, probes):g}",
    }
    weaker = f"--penalty {min(options.penalty / 10, 0.001):g}"
    words = text.format(**rates, column=quoted(column), penalty=weaker)
    return _changed(options, words)


def command_of_rule(rule: str, lang: str) -> str:
    """Return the command that applies the fix of a rule to any training, or the advice; ``""``: none."""
    name = f"--{RATE.replace('_', '-')}"
    values = {"rate": f"{name} LOWER", "higher": f"{name} HIGHER", "penalty": "--penalty LOWER"}
    words = RULES.get(rule, "").format(**values, column="COLUMN")
    return f"chainrule train DATA {words}" if words else str(rendered(ADVICE.get(rule, ""), lang))


def _changed(options: Options, words: str) -> Options:
    """Return the options with one or two others, as in ``--drop "paid after"``."""
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
