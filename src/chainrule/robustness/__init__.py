"""Robustness: adversarial attacks on a trained classifier, and what its accuracy is under them.

Input: a model, labeled samples, and a ball of allowed changes (``Ball``). Output: an ``AttackResult`` with
the changed samples, the accuracy under the attack with its standard error, and checks of whether the attack
can be believed. Each attack is a class in ``ATTACKS``. An attack that fails proves nothing; ``certificates``
proves.
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "certificates": "Certificate certify",
        "attack_request": "attack",
        "attack_result": "AttackResult",
        "attacks": "ATTACKS Attack APGD APGDWithRatio TargetedAPGD FGSM PGD Square",
        "ball": "Ball",
        "novelty_gate": "MIN_VALIDATION_ROWS NoveltyGate has_unreadable_gate is_unlike "
        "refusing_gate report_unreadable_gate stored_gate unlike_notice with_novelty_gate unlike_rows "
        "with_table_gate without_gate",
        "novelty_scores": "novelty Novelty",
        "drift_tests": "drift DriftResult",
        "confident_learning": "LabelIssues label_issues",
        "corruptions": "sweep",
        "sweep_result": "SweepResult",
    },
)
__getattr__, __dir__ = _LAZY.hooks
