"""Robust training: objectives that are computed on changed inputs, as nodes of the training step.

Input: the nodes of a network in training. Output: the nodes of J. The search of an adversarial sample, its
random start and the interval bounds are operations of the step like all others, so a training with them is
compiled, resumed and replayed like any other: the random start of a sample is a function of seed and step.
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "adversarial": "AdversarialTraining TRADES",
        "interval_training": "IntervalTraining",
        "robust_training": "NoiseTraining RobustTraining",
    },
)
__getattr__, __dir__ = _LAZY.hooks
