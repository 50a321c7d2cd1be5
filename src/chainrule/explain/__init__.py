"""The room of explanations: what happened and why, in words and formulas, in English and Chinese.

What comes in: a trace. What goes out: an ``Explanation`` at one of three depths, as text or as a page. What
the room never does: compute by hand what the graph knows.
"""

from __future__ import annotations

from typing import Any

from chainrule.door import Door

_DOOR = Door(
    __name__,
    {
        "attribution": "attribute find_counterfactuals influence measure_importance require_trained_rows",
        "derivation.article": "article_trace",
        "derivation.change": "WhatIf what_if",
        "derivation.feature": "feature_lines",
        "derivation.replaying": "Replay replay",
        "derivation.telling": "explain require_telling",
        "derivation.weight": "weight_of",
        "doctor": "Diagnosis Doctor diagnose",
        "page.explanation": "Explanation",
        "picture.plot": "Plot",
        "profile": "Profile profile_page",
        "rows": "rows_of",
        "words": "say",
    },
)


def __getattr__(name: str) -> Any:
    return _DOOR.fetch(name)


def __dir__() -> list[str]:
    return _DOOR.names
