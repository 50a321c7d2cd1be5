"""Differentially private training: what a model reveals about a single row is bounded.

Input: rows, a network, and ``Privacy(epsilon, delta)``. Output: an ordinary trained model, and the epsilon
that was spent. A step draws its rows at random (``entropy``), adds up their clipped gradients as part of the
compiled step (``clipped_noisy_gradient``), and adds normal noise. The noise multiplier follows from epsilon,
delta, the sampling rate and the number of steps (``accounting``). What else reads the rows is refused or
withheld (``refusals``). Random numbers of the mechanism come from the operating system and are never stored.
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__, {"accounting": "calibrated epsilon_of", "privacy": "Privacy", "privacy_spent": "PrivacySpent"}
)
__getattr__, __dir__ = _LAZY.hooks
