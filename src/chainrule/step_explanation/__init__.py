"""Derivations: one training step of a network, explained in formulas with its numbers.

Input: a trace (``chainrule.trace``). Output: an ``Explanation`` at one of three depths, in English or
Chinese. How a page looks is decided in ``chainrule.page``.
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "narrative": "feature_lines check_options explain weight_of",
        "replayed_step": "Replay replay",
        "weight_change": "WhatIf what_if",
    },
)
__getattr__, __dir__ = _LAZY.hooks
