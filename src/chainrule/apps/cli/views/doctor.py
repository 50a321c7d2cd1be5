"""The doctor on the screen: findings with all that is known of them, one rule, or all with a line each."""

from __future__ import annotations

import os
from pathlib import Path

from chainrule.apps.cli import screen
from chainrule.apps.cli.texts import say
from chainrule.diagnosis import DIAGNOSIS_FILE, RULES, TIMES, Diagnosis, Rule, in_language
from chainrule.errors import FileError, UsageError, nearest
from chainrule.notation.text_columns import aligned
from chainrule.settings import settings
from chainrule.store import atomic_write
from chainrule.store.open_folder import refuse_link

LARGEST = 2**24  # bytes of notes that are read at most
WORDS = ("rule", "rules")


def notes_of(run: str) -> Diagnosis:
    """What the doctor found in a training, from its folder; also in one that failed and has no model.

    Args:
        run: the folder, or the model file in it.

    Raises:
        FileError E401: nothing is there. FileError E434: the notes are a link. FileError E550: the notes are
            damaged. FileError E552: no notes were
            kept.
    """
    path = Path(run)
    if not os.path.exists(path):
        raise FileError("E401", where=run, expected="the folder of a training", received="nothing")
    file = refuse_link((path if os.path.isdir(path) else path.parent) / DIAGNOSIS_FILE)
    if not os.path.isfile(file):
        raise FileError(
            "E552",
            where=run,
            expected=DIAGNOSIS_FILE,
            received="none",
            fix="train again: notes are kept by default",
        )
    return read_notes(file)


def read_notes(file: Path) -> Diagnosis:
    """The diagnosis in a file.

    Raises:
        FileError E550: it is damaged. Else as ``durable.read``.
    """
    try:
        text = atomic_write.read(file, LARGEST, within=file.parent).decode()
    except UnicodeDecodeError:
        text = ""
    return Diagnosis.of_json(text, settings.lang, str(file))


def show_rules() -> None:
    """All rules, one line each: number, name, when it looks, what it is called."""
    screen.line(say("rules"), "bold")
    rules = sorted(RULES.values(), key=lambda rule: rule.number)
    rows = [(f"{r.number}", r.id, r.when, in_language(r.names, settings.lang)) for r in rules]
    for row in aligned(rows, (0,)):
        screen.line(f"  {row}")


def show_rule(name: str) -> None:
    """All that is known of a rule.

    Raises:
        UsageError E101: no such rule; the nearest is offered, all are listed.
    """
    rule, lang = known_rule(name), settings.lang
    screen.line(f"{rule.id}  {in_language(rule.names, lang)}", "bold")
    screen.line(in_language(rule.symptom, lang))
    screen.line()
    times = [place[1 + (lang == "zh")] for place in TIMES.values() if place[0] in rule.when]
    facts = {
        "rule_when": "、".join(times) if lang == "zh" else ", ".join(times),
        "gravity": say(f"severity_{rule.severity}"), "rule_threshold": in_language(rule.threshold, lang),
        "rule_source": rule.source, "rule_why": in_language(rule.why, lang), "rule_try": rule.remedy_in(lang),
    }  # fmt: skip
    for key, text in facts.items():
        screen.line(f"{say(key)}: {text}" if lang == "en" else f"{say(key)}：{text}")


def known_rule(name: str) -> Rule:
    """A rule by its name or its number.

    Raises:
        UsageError E101: there is none.
    """
    numbered = {str(rule.number): rule for rule in RULES.values()} if name.isdecimal() else RULES
    if name not in numbered:
        close = nearest(name, RULES)
        raise UsageError(
            "E101", where="chainrule show rule", name=name, expected=", ".join(RULES), received=name,
            fix=f"chainrule show rule {close}" if close else "chainrule show rules",
        )  # fmt: skip
    return numbered[name]
