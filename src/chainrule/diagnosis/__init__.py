"""The doctor: rules that find problems before a training, in its first steps, during it and at its end.

    rule.py             the definition of a rule
    rules/              one file per family of problems
    finding.py          a finding with its values and sentences
    context.py          the facts before a training: rows, network, loss, optimizer
    first_steps.py      the first steps, computed on a copy
    history.py          the recorded history of a training
    callback.py         the callback of a training, and the rules on its history
    check.py            ``Model.check``
    diagnosis.py        all findings as a page
    seeds.py            comparison of two training setups over seeds
    step_profile.py     the profile of a training step as a page

Input: the facts at one point of a training. Output: findings. The doctor never changes a training or makes it
fail.
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "step_profile": "Profile profile_page",
        "rule": "RULES BEFORE FIRST HISTORY LETTERS TIMES Evidence Rule RULE_OF",
        "finding": "Finding by_severity",
        "diagnosis": "DIAGNOSIS_FILE Diagnosis",
        "callback": "Doctor FirstBatch findings_after",
        "history": "TrainingRecord record_of",
        "seeds": "compare_seeds",
        "check": "diagnose",
    },
)
__getattr__, __dir__ = _LAZY.hooks
