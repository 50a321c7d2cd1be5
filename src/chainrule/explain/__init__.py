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
        "explanation": "Explanation",
        "feature": "feature_lines",
        "profile": "Profile profile_page",
        "telling": "explain require_telling",
        "weight": "weight_of",
    },
)


def __getattr__(name: str) -> Any:
    return _DOOR.fetch(name)


def __dir__() -> list[str]:
    return _DOOR.names
