"""The doctor: problems that a program can see, found before a training, in its first steps, while it runs
and at its end.

    rule.py       the card of a rule: what is true of a problem
    finding.py    a rule that spoke, with its numbers and sentences
    registry.py   all rules by name
    look.py       what is known before training: rows, net, loss, optimizer
    first.py      what is known of the first steps, made on a copy
    diagnosis.py  findings together, as a page that prints itself
    checking.py   ``Model.check``: both looks, without a training
    attendance.py the callback that listens to a training
    course.py     what is known of a training that runs or has ended
    following.py  the rules that read its course, while it runs and at its end
    seeds.py      two ways to train, compared over seeds

What comes in: what is known at a time. What goes out: findings. What the doctor never does: change a
training, or make one fail.
"""

from __future__ import annotations

from typing import Any

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "step_profile": "Profile profile_page",
        "registry": "RULES BEFORE FIRST COURSE",
        "rule": "TIMES Evidence Rule in_language",
        "finding": "Finding by_gravity",
        "diagnosis": "NOTES Diagnosis",
        "data_findings": "RULE_OF",
        "callback": "Doctor",
        "history": "Course course_of",
        "monitor": "findings_after",
        "seeds": "compare_seeds",
        "check": "diagnose",
    },
)


def __getattr__(name: str) -> Any:
    return _LAZY.load(name)


def __dir__() -> list[str]:
    return _LAZY.names
