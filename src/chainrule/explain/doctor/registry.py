"""All rules of the doctor, by the time at which they look: names first, a rule's file when it is needed.

A training that nobody diagnoses loads none of these files; one that begins loads those of ``BEFORE``.
"""

from __future__ import annotations

from collections.abc import Mapping

from chainrule.door import Table
from chainrule.explain.doctor.rule import Rule

# A look at data, net, loss and optimizer before training; some of them also judge the first steps.
BEFORE: dict[str, str] = {
    "input-scale": "scale_rules.INPUT_SCALE",
    "target-scale": "scale_rules.TARGET_SCALE",
    "loss-activation": "output_rules.LOSS_ACTIVATION",
    "label-numbers": "label_rules.LABEL_NUMBERS",
    "class-imbalance": "label_rules.CLASS_IMBALANCE",
    "data-leakage": "row_rules.DATA_LEAKAGE",
    "mode-gap": "fit_rules.MODE_GAP",
    "broadcast-loss": "output_rules.BROADCAST_LOSS",
    "unshuffled": "label_rules.UNSHUFFLED",
    "whole-number-inputs": "scale_rules.WHOLE_INPUTS",
    "duplicate-rows": "row_rules.DUPLICATE_ROWS",
    "channels-first": "layout_rules.CHANNELS_FIRST",
}
# Judged by a few steps that are made on a copy.
FIRST: dict[str, str] = {
    "weight-scale": "start_rules.WEIGHT_SCALE",
    "symmetry": "start_rules.SYMMETRY",
    "first-loss": "start_rules.FIRST_LOSS",
    "parameters-not-learning": "start_rules.UNMOVED",
    "labels-unrelated": "gradient_rules.UNRELATED",
    "gradients-not-reset": "gradient_rules.STALE_GRADIENTS",
    "wrong-gradient": "gradient_rules.WRONG_PULLBACK",
    "penalty-too-strong": "start_rules.OVERREGULAR",
}
# Judged while a training runs, and when it has ended, by its recorded course.
COURSE: dict[str, str] = {
    "parameters-not-learning": "start_rules.UNMOVED",
    "penalty-too-strong": "start_rules.OVERREGULAR",
    "not-finite": "signal_rules.NOT_FINITE",
    "exploding-gradients": "signal_rules.EXPLODING_GRADIENTS",
    "vanishing-gradients": "signal_rules.VANISHING_GRADIENTS",
    "dying-relu": "signal_rules.DYING_RELU",
    "saturated": "signal_rules.SATURATED",
    "rate-too-high": "loss_rules.RATE_TOO_HIGH",
    "rate-too-low": "loss_rules.RATE_TOO_LOW",
    "oscillating-loss": "loss_rules.OSCILLATING",
    "flat-loss": "loss_rules.FLAT_LOSS",
    "overfitting": "fit_rules.OVERFITTING",
    "underfitting": "fit_rules.UNDERFITTING",
    "trained-too-long": "fit_rules.TOO_LONG",
    "mode-gap": "fit_rules.MODE_GAP",
    "validation-easier": "fit_rules.VALIDATION_EASIER",
    "gradient-underflow": "signal_rules.UNDERFLOW",
    "batch-size": "chance_rules.BATCH_SIZE",
    "seed-effect": "chance_rules.SEED_EFFECT",
}

RULES: Mapping[str, Rule] = Table("chainrule.explain.doctor", {**BEFORE, **FIRST, **COURSE})
