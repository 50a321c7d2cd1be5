"""Texts of ``chainrule train --epsilon``, by key."""

from __future__ import annotations

from chainrule.messages import Texts

PRIVATE: Texts = {
    "private_setup": (
        "{rows} rows from {data}; target: {target} ({kind}). Training with differential privacy."
    ),
    "private_classification": "classification",
    "private_regression": "regression",
    "private_columns": "Public columns",
    "private_column": "column",
    "private_values": "stated in {file}",
    "private_range": "{low:g} to {high:g}",
    "private_guarantee": (
        "Guarantee: epsilon {epsilon:g}, delta {delta:g}; {epochs} epochs, {batch_size} rows per step."
    ),
    "private_withheld": (
        "Not computed, since they would read rows without protection: losses, scores, baselines, "
        "validation, statistics of columns, diagnosis, report."
    ),
    "private_test": (
        "Test rows of {file}: {rows}. Their scores are exact: the guarantee does not cover these rows."
    ),
    "private_no_test": "No scores: with --test FILE, rows that need no protection are scored.",
    "private_spent": "Privacy spent: {spent}.",
    "private_budget": "The training ended early: steps that were lost in an interruption are spent.",
    "private_finished": "The private training in {run} is complete; {spent}.",
    "private_resuming": "Resuming after step {step}.",
    "private_next": "Next: chainrule predict {run} FILE, chainrule evaluate {run} FILE",
}
