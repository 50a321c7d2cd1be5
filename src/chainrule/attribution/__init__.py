"""Attributions: the contribution of each input to a prediction, with the error of the sum.

Input: a model and rows (``AttributionContext``). Output: an ``Attribution`` with a value per input, the error
of their sum, text and plots. Each method is a ``Method`` in ``METHODS``. Values whose sum exceeds the
tolerance are never returned without an error or a warning.
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "request": "attribute",
        "attribution": "Attribution",
        "counterfactual": "Counterfactuals find_counterfactuals",
        "permutation_importance_and_partial_dependence": "Importance measure_importance",
        "tracin_influence": "Influence influence require_trained_rows",
        "method": "METHODS Method",
        "sanity_check": "Sanity sanity",
        "explanation": "Request explain_prediction",
    },
)
__getattr__, __dir__ = _LAZY.hooks
