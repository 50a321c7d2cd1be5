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
        "article": "article_trace",
        "change": "WhatIf what_if",
        "attribution": "attribute find_counterfactuals influence measure_importance require_trained_rows",
        "doctor": "Diagnosis Doctor diagnose",
        "explanation": "Explanation",
        "feature": "feature_lines",
        "picture.plot": "Plot",
        "profile": "Profile profile_page",
        "replaying": "Replay replay",
        "rows": "rows_of",
        "telling": "explain require_telling",
        "weight": "weight_of",
        "words": "say",
    },
)


def __getattr__(name: str) -> Any:
    return _DOOR.fetch(name)


def __dir__() -> list[str]:
    return _DOOR.names
