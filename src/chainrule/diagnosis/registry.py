"""All rules of the doctor by the time at which they run; the file of a rule is imported on first use.

A training without the doctor imports none of these files; a training that starts imports those of ``BEFORE``.
"""

from __future__ import annotations

from collections.abc import Mapping

from chainrule.diagnosis.rule import Rule
from chainrule.lazy_imports import LazyRegistry

# Checks of data, network, loss and optimizer before training; some also run on the first steps.
BEFORE: dict[str, str] = {
    "input-scale": "rules.scale.INPUT_SCALE",
    "target-scale": "rules.scale.TARGET_SCALE",
    "loss-activation": "rules.output_activation.LOSS_ACTIVATION",
    "label-numbers": "rules.labels.LABEL_NUMBERS",
    "class-imbalance": "rules.labels.CLASS_IMBALANCE",
    "data-leakage": "rules.leakage.DATA_LEAKAGE",
    "mode-gap": "rules.generalization.MODE_GAP",
    "broadcast-loss": "rules.output_activation.BROADCAST_LOSS",
    "unshuffled": "rules.labels.UNSHUFFLED",
    "integer-inputs": "rules.scale.WHOLE_INPUTS",
    "duplicate-rows": "rules.leakage.DUPLICATE_ROWS",
    "channels-first": "rules.axis_order.CHANNELS_FIRST",
}
# Checks of a few steps on a copy of the model.
FIRST: dict[str, str] = {
    "weight-scale": "rules.initialization.WEIGHT_SCALE",
    "symmetry": "rules.initialization.SYMMETRY",
    "first-loss": "rules.initialization.FIRST_LOSS",
    "parameters-not-learning": "rules.initialization.UNMOVED",
    "labels-unrelated": "rules.gradients.UNRELATED",
    "gradients-not-reset": "rules.gradients.STALE_GRADIENTS",
    "wrong-gradient": "rules.gradients.WRONG_PULLBACK",
    "penalty-too-strong": "rules.initialization.OVERREGULAR",
}
# Checks of the recorded history, during and after a training.
COURSE: dict[str, str] = {
    "parameters-not-learning": "rules.initialization.UNMOVED",
    "penalty-too-strong": "rules.initialization.OVERREGULAR",
    "not-finite": "rules.signals.NOT_FINITE",
    "exploding-gradients": "rules.signals.EXPLODING_GRADIENTS",
    "vanishing-gradients": "rules.signals.VANISHING_GRADIENTS",
    "dying-relu": "rules.signals.DYING_RELU",
    "saturated": "rules.signals.SATURATED",
    "rate-too-high": "rules.loss_curve.RATE_TOO_HIGH",
    "rate-too-low": "rules.loss_curve.RATE_TOO_LOW",
    "oscillating-loss": "rules.loss_curve.OSCILLATING",
    "flat-loss": "rules.loss_curve.FLAT_LOSS",
    "overfitting": "rules.generalization.OVERFITTING",
    "underfitting": "rules.generalization.UNDERFITTING",
    "trained-too-long": "rules.generalization.TOO_LONG",
    "mode-gap": "rules.generalization.MODE_GAP",
    "validation-easier": "rules.generalization.VALIDATION_EASIER",
    "gradient-underflow": "rules.signals.UNDERFLOW",
    "batch-size": "rules.randomness.BATCH_SIZE",
    "seed-effect": "rules.randomness.SEED_EFFECT",
}

RULES: Mapping[str, Rule] = LazyRegistry("chainrule.diagnosis", {**BEFORE, **FIRST, **COURSE})
