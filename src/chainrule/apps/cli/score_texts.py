"""Texts about scores."""

from __future__ import annotations

from chainrule.messages import Texts

SCORES: Texts = {
    "scores_comma": ", ",
    "score_interval": "{name} {low} to {high}",
    "score_intervals": "95 % intervals of the network: {intervals}.",
    "class_recall": "{label} {recall} ({rows} rows)",
    "recalls": "Recall by class: {classes}.",
    "lowest_recalls": "Lowest recall by class: {classes}.",
}
