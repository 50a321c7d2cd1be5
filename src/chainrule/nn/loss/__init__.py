"""Losses: how far a prediction is from its target, as one number per sample, which training minimizes.

Input: the network's output and the target. Result: nodes of shape (B,). ``LOSSES`` is the table of all losses
by name; ``functional`` has each as a function of nodes that returns the mean. ``loss.py`` defines what
a loss is; each other file holds one kind of loss.
"""

from __future__ import annotations

from chainrule import block_index
from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {"loss": "Loss per_sample", "registry": "LOSSES known_loss known_losses refuse_mismatch"},
    block_index.LOSSES,
)
__getattr__, __dir__ = _LAZY.hooks
