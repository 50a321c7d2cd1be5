"""The data sets that are installed with chainrule or its dependencies, with the column that is predicted."""

from __future__ import annotations

TARGETS = {
    "iris": "species",
    "wine": "cultivar",
    "breast-cancer": "diagnosis",
    "digits": "digit",
    "diabetes": "progression",
    "fashion-mnist": "article",
}
