"""Texts of ``chainrule tune``, in both languages."""

from __future__ import annotations

from chainrule.messages import Texts

TUNING: Texts = {
    "tune": "search the settings of a training, then train with the best ones",
    "tune_trial": "trial {number} of {trials}: validation {metric} {score:.4g} (best {best:.4g})  {settings}",
    "tune_best": "The {count} best of {trials} trials",
    "tune_number": "trial",
    "tune_validation": "validation {metric}",
    "tune_test": "test {metric}",
    "tune_settings": "settings",
    "tune_overfit_heading": "What the search gained",
    "tune_default": "default settings",
    "tune_chosen": "best trial",
    "tune_overfit": (
        "From the default settings to the best trial, {metric} changes by {validation} on the validation "
        "rows, which chose it, and by {test} on the test rows, which the search did not read. Search "
        "overfit: {overfit}."
    ),
}
