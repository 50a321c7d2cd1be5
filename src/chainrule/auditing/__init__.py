"""Auditing: what a trained model reveals about the rows of its training.

Input: outputs of a model for rows of its training and for others, and a function that repeats the training
on other rows. Output: a ``MembershipResult`` (how well an attack distinguishes both) and a ``OneRunResult``
(a lower bound of the epsilon of differential privacy, from one training with canaries). An attack that fails
proves nothing; a bound that exceeds a claim refutes it. This package reads no files and prints nothing.
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "request": "audit_membership",
        "membership": "Candidates attack_membership MembershipResult",
        "one_training_audit": (
            "audit_in_one_run random_coins wrong_labels epsilon_lower_bound guess one_run_p_value "
            "OneRunResult"
        ),
    },
)
__getattr__, __dir__ = _LAZY.hooks
