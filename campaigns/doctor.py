"""Measure the doctor: trainings and data with a known fault must make their rule speak, sound ones must not.

Run it as ``python -m campaigns.doctor`` in the repository's root. It prints each case that is not as it
should be, and writes the table of ``docs/doctor.md``. It fails when a rule finds less than 95 % of its
faults, has fewer than three, or speaks where nothing is wrong. ``--only NAME`` runs the cases of some rules
(``sound``: those without a fault).
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
EXPLAINS = ("validation-easier",)  # rules that explain what is sound: where they speak, nothing is wrong
NOTE = "`validation-easier` explains normal behavior; its findings are not counted as false alarms."
HEAD = "| number | rule | faults | found | recall | false alarms |\n|---|---|---|---|---|---|"


def as_wanted(case: Case, spoke: tuple[str, ...]) -> bool:
    """Whether a case went as it should: its rule spoke, or, in a sound one, none did."""
    return case.rule in spoke if case.rule else not alarms(spoke)


def alarms(spoke: tuple[str, ...]) -> tuple[str, ...]:
    """The rules that say that something is wrong."""
    return tuple(name for name in spoke if name not in EXPLAINS)


def row(rule: Rule, outcomes: dict[Case, tuple[str, ...]]) -> str:
    """A line of the table."""
    own = [rule.id in spoke for case, spoke in outcomes.items() if case.rule == rule.id]
    false = sum(rule.id in alarms(spoke) for case, spoke in outcomes.items() if not case.rule)
    recall = f"{sum(own) / len(own):.0%}" if own else ""
    return (
        f"| {rule.number} | [{rule.id}](doctor/{rule.id}.md) | {len(own)} | {sum(own)} | {recall} | {false} |"
    )


def table(outcomes: dict[Case, tuple[str, ...]]) -> str:
    """The whole table."""
    rules = sorted(RULES.values(), key=lambda rule: rule.number)
    faults = {case: spoke for case, spoke in outcomes.items() if case.rule}
    sound = {case: spoke for case, spoke in outcomes.items() if not case.rule}
    found = sum(case.rule in spoke for case, spoke in faults.items())
    false = sum(bool(alarms(spoke)) for spoke in sound.values())
    total = f"`python -m campaigns.doctor`: {found} of {len(faults)} faults found, "
    total += f"{false} false alarms in {len(sound)} sound trainings and data sets."
    return "\n".join([total, "", NOTE, "", HEAD, *(row(rule, outcomes) for rule in rules)])


def write(text: str) -> None:
    """Put the table between the marks of the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def lacking(outcomes: dict[Case, tuple[str, ...]]) -> list[str]:
    """The rules that find too little, or have too few cases."""
    short = []
    for rule in RULES.values():
        own = [rule.id in spoke for case, spoke in outcomes.items() if case.rule == rule.id]
        if len(own) < CASES_EACH or sum(own) < RECALL * len(own):
            short.append(rule.id)
    return short


def main(words: Sequence[str] | None = None) -> int:
    """Run the cases, show what is wrong, write the table; 1 when it is not good enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=[*RULES, "sound"], action="append")
    asked = parser.parse_args(words)
    cr.settings.threads = 1
    chosen = [case for case in CASES if not asked.only or (case.rule or "sound") in asked.only]
    outcomes: dict[Case, tuple[str, ...]] = {}
    start = time.process_time()
    for case in chosen:
        outcomes[case] = tuple(case.run())
        if not as_wanted(case, outcomes[case]):
            print(
                f"{case.rule or 'sound'}: {case.name}: {', '.join(outcomes[case]) or 'nothing'}", flush=True
            )
    print(f"{len(outcomes)} cases in {time.process_time() - start:.0f} s")
    print(table(outcomes))
    if asked.only:
        return 0 if all(as_wanted(case, spoke) for case, spoke in outcomes.items()) else 1
    write(table(outcomes))
    false = any(alarms(spoke) for case, spoke in outcomes.items() if not case.rule)
    print(f"too little: {', '.join(lacking(outcomes)) or 'none'}")
    return 1 if lacking(outcomes) or false else 0


if __name__ == "__main__":
    sys.exit(main())
