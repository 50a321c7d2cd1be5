"""Texts of ``chainrule audit``, by key."""

from __future__ import annotations

from chainrule.messages import Texts

AUDIT: Texts = {
    "audit": (
        "measure whether rows of the training can be recognized (membership inference, bound of epsilon)"
    ),
    "audit_data": "rows of the training; by default the file that RUN records",
    "audit_others": "rows like those of the training that it did not use; by default its test rows",
    "audit_shadows": (
        "even number of models that are trained on random halves of the rows, 8 by default; 0: none"
    ),
    "audit_canaries": (
        "train once with this number of wrongly labeled rows, each used or not by a coin, and bound epsilon"
    ),
    "audit_claim": "epsilon that is claimed for the training; the audit states whether it is refuted",
    "audit_delta": "delta of the claim, 0 by default",
    "audit_seed": "seed of halves, canaries and trainings; coins have none",
    "audit_html": "file for the page; by default audit.html in RUN",
    "audit_out": "also write the score of each row",
    "audit_other_kind": (
        "The test rows are of a later time or of other groups: an attack may recognize that instead of "
        "the training."
    ),
}
