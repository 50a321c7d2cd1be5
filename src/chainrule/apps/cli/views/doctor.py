"""Screens of the doctor: the findings of a training, one rule, or a list of all rules."""

from __future__ import annotations

import os
from pathlib import Path

from chainrule.apps.cli.texts import text_of
from chainrule.diagnosis import DIAGNOSIS_FILE, LETTERS, RULES, TIMES, Diagnosis, Rule
from chainrule.errors import FileError, UsageError, fact, nearest
from chainrule.messages import join_facts, translated
from chainrule.notation.text_columns import aligned
from chainrule.page import screen
from chainrule.settings import settings
from chainrule.store import atomic_write
from chainrule.store.open_folder import refuse_link
from chainrule.tabular.remedies import command_of_rule
from chainrule.train.nonfinite import read_nonfinite_report
from chainrule.train.private.ledger import has_ledger
from chainrule.train.private.refusals import private_only

# The report on a non-finite value of a run folder, on the screen.


def show_nonfinite_report(run: str) -> bool:
    """Print the report of a run folder, if there is one; returns whether there is (E555: unreadable)."""
    report = read_nonfinite_report(run) if os.path.isdir(run) else None
    if report is None:
        return False
    screen.line(text_of("nonfinite"), "bold")
    screen.block("\n".join(report.lines(settings.lang)))
    return True


MAX_BYTES = 2**24  # maximum size of a file of findings
WORDS = ("rule", "rules")


def saved_diagnosis(run: str) -> Diagnosis:
    """Return the saved diagnosis of a training, also of a failed one without a model.

    Args:
        run: the run folder, or the model file in it.

    Raises:
        FileError E401: no such folder. FileError E434: the file is a link. FileError E550: the file is
        damaged.
            FileError E552: no diagnosis was saved. TrainingError E591: the training is private.
    """
    path = Path(run)
    if not os.path.exists(path):
        raise FileError(
            "E401", where=run, expected=fact("the folder of a training"), received=fact("nothing")
        )
    file = refuse_link((path if os.path.isdir(path) else path.parent) / DIAGNOSIS_FILE)
    if not os.path.isfile(file):
        if has_ledger(run):
            raise private_only("chainrule doctor", "chainrule show error E591")
        fix = fact("train again: the diagnosis is saved by default")
        raise FileError("E552", where=run, expected=DIAGNOSIS_FILE, received=fact("none"), fix=fix)
    return read_diagnosis(file)


def read_diagnosis(file: Path) -> Diagnosis:
    """Read a diagnosis from a file (E550: damaged); other errors as ``atomic_write.read``."""
    try:
        text = atomic_write.read(file, MAX_BYTES, within=file.parent).decode()
    except UnicodeDecodeError:
        text = ""
    return Diagnosis.of_json(text, settings.lang, str(file))


def show_rules() -> None:
    """Print all rules, one line each: number, identifier, time of the check, name."""
    screen.line(text_of("rules"), "bold")
    rules = sorted(RULES.values(), key=lambda rule: rule.number)
    rows = [(f"{r.number}", r.id, r.when, translated(r.title, settings.lang)) for r in rules]
    for row in aligned(rows, (0,)):
        screen.line(f"  {row}")
    screen.heading(text_of("rule_times"))
    for name, letter in LETTERS.items():
        screen.line(f"  {letter}  {translated(TIMES[name], settings.lang, name)}")


def show_rule(name: str) -> None:
    """Print the description of a rule; E101 suggests the closest name."""
    rule, lang = resolve_rule(name), settings.lang
    screen.line(f"{rule.id}  {translated(rule.title, lang)}", "bold")
    screen.line(translated(rule.symptom, lang))
    screen.line()
    times = rule.times(lang)
    facts = {
        "rule_when": join_facts(", ", times, "list").render(lang),
        "severity": text_of(f"severity_{rule.severity}"),
        "rule_threshold": rule.threshold.render(lang),
        "rule_source": translated(rule.source, lang),
        "rule_why": translated(rule.why, lang),
        "rule_try": rule.remedy_in(lang),
        "rule_command": command_of_rule(rule.id, lang),
    }
    for key, text in facts.items():
        if not text:
            continue
        screen.line(f"{text_of(key)}: {text}" if lang == "en" else f"{text_of(key)}：{text}")


def resolve_rule(name: str) -> Rule:
    """Return the rule with this identifier or number (E101)."""
    numbered = {str(rule.number): rule for rule in RULES.values()} if name.isdecimal() else RULES
    if name not in numbered:
        close = nearest(name, RULES)
        fix = f"chainrule show rule {close}" if close else "chainrule show rules"
        raise UsageError(
            "E101", where="chainrule show rule", name=name, expected=", ".join(RULES), received=name, fix=fix
        )
    return numbered[name]
