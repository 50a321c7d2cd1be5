"""Texts of the commands attack, labels and drift, by key."""

from __future__ import annotations

from chainrule.messages import Texts

ROBUSTNESS: Texts = {
    "attack": "measure the accuracy under attack, or under noise and other corruptions (--sweep)",
    "robust_setup": "Robust training: {name}, changes by at most {radius} {units}.",
    "robust_pixels": "(pixels: 0 to 1)",
    "robust_prepared": "in prepared columns (numbers: standard deviations)",
    "labels": "list the rows whose label probably is wrong",
    "drift": "compare a new file with the training rows, per column and as a whole",
    "attack_selected": "{count} of {rows} rows, evenly spaced; --rows sets their number.",
}
