"""Measure the doctor: each known fault must be reported by its rule, and sound cases must have no findings.

Run it as ``python -m campaigns.doctor`` in the repository's root. It prints every case with an unexpected
result, and writes the table of ``docs/doctor.md``. It fails when a rule reports less than 95 % of its faults,
has fewer than three, or reports a sound case. ``--only NAME`` runs the cases of some rules (``sound``: those
without a fault).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from campaigns.doctor_cases import CASES
from campaigns.doctor_cases.case import Case

import chainrule as cr
from chainrule.diagnosis import RULES, Rule

PAGE = Path(__file__).parents[1] / "docs" / "doctor.md"
BEGIN, END = "<!-- suite -->", "<!-- end of suite -->"
RECALL, CASES_EACH = 0.95, 3
EXPLAINS = ("validation-easier", "overfitting-undone")  # rules that explain a sound training
NOTE = (
    "`validation-easier` and `overfitting-undone` explain normal behavior; their findings are not counted as "
    "false alarms."
)
HEAD = "| number | rule | faults | found | recall | false alarms |\n|---|---|---|---|---|---|"


def is_expected(case: Case, reported: tuple[str, ...]) -> bool:
    """Whether the rule of a case, or no rule in a sound case, reported a finding."""
    return case.rule in reported if case.rule else not alarms(reported)


def alarms(reported: tuple[str, ...]) -> tuple[str, ...]:
    """The rules that reported a fault."""
    return tuple(name for name in reported if name not in EXPLAINS)


def row(rule: Rule, outcomes: dict[Case, tuple[str, ...]]) -> str:
    """A row of the table."""
    own = [rule.id in reported for case, reported in outcomes.items() if case.rule == rule.id]
    false = sum(rule.id in alarms(reported) for case, reported in outcomes.items() if not case.rule)
    recall = f"{sum(own) / len(own):.0%}" if own else ""
    return (
        f"| {rule.number} | [{rule.id}](doctor/{rule.id}.md) | {len(own)} | {sum(own)} | {recall} | {false} |"
    )


def table(outcomes: dict[Case, tuple[str, ...]]) -> str:
    """The complete table."""
    rules = sorted(RULES.values(), key=lambda rule: rule.number)
    faults = {case: reported for case, reported in outcomes.items() if case.rule}
    sound = {case: reported for case, reported in outcomes.items() if not case.rule}
    located = sum(case.rule in reported for case, reported in faults.items())
    false = sum(bool(alarms(reported)) for reported in sound.values())
    total = f"`python -m campaigns.doctor`: {located} of {len(faults)} faults found, "
    total += f"{false} false alarms in {len(sound)} sound trainings and data sets."
    return "\n".join([total, "", NOTE, "", HEAD, *(row(rule, outcomes) for rule in rules)])


def write(text: str) -> None:
    """Replace the table between the marks of the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def lacking(outcomes: dict[Case, tuple[str, ...]]) -> list[str]:
    """The rules that miss too many faults, or have too few cases."""
    short = []
    for rule in RULES.values():
        own = [rule.id in reported for case, reported in outcomes.items() if case.rule == rule.id]
        if len(own) < CASES_EACH or sum(own) < RECALL * len(own):
            short.append(rule.id)
    return short


def main(words: Sequence[str] | None = None) -> int:
    """Run the cases, print unexpected results, write the table; return 1 if a rule fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=[*RULES, "sound"], action="append")
    options = parser.parse_args(words)
    cr.settings.threads = 1
    chosen = [case for case in CASES if not options.only or (case.rule or "sound") in options.only]
    outcomes: dict[Case, tuple[str, ...]] = {}
    start = time.process_time()
    for case in chosen:
        outcomes[case] = tuple(case.run())
        if not is_expected(case, outcomes[case]):
            print(
                f"{case.rule or 'sound'}: {case.name}: {', '.join(outcomes[case]) or 'nothing'}", flush=True
            )
    print(f"{len(outcomes)} cases in {time.process_time() - start:.0f} s")
    print(table(outcomes))
    if options.only:
        return 0 if all(is_expected(case, reported) for case, reported in outcomes.items()) else 1
    write(table(outcomes))
    false = any(alarms(reported) for case, reported in outcomes.items() if not case.rule)
    print(f"too little: {', '.join(lacking(outcomes)) or 'none'}")
    return 1 if lacking(outcomes) or false else 0


if __name__ == "__main__":
    sys.exit(main())
