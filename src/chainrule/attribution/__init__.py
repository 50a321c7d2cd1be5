"""The room of attributions: how much each input had to do with an answer, with a proof beside it.

What comes in: a model and rows (``Question``). What goes out: an ``Attribution``: a number for each input,
how well the numbers add up, text and pictures. Each way of asking is a ``Method`` card in ``METHODS``. What
the room never does: give numbers that do not add up without saying so.
"""

from __future__ import annotations

from typing import Any

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "request": "attribute",
        "attribution": "Attribution",
        "counterfactual.counterfactual": "Counterfactuals find_counterfactuals",
        "importance.importance": "Importance measure_importance",
        "tracin": "Influence influence require_trained_rows",
        "method": "METHODS Method",
        "sanity_check": "Sanity sanity",
    },
)


def __getattr__(name: str) -> Any:
    return _LAZY.load(name)


def __dir__() -> list[str]:
    return _LAZY.names
