"""Initializers: the initial values of parameters.

Units whose weights start equal compute the same output, receive the same gradient and stay equal, so weights
are drawn at random. Their variance decides whether signals and gradients grow or shrink from layer to layer;
Xavier and He initialization choose the variance that keeps it constant.

An initializer is a record that returns *nodes* when it is called with a key.
"""

from __future__ import annotations

from chainrule.nn.initializer.initializer import Fill, Initializer
from chainrule.nn.initializer.random import (
    Normal,
    Scaled,
    SmallNormal,
    TruncatedNormal,
    Uniform,
    fans,
    truncated_std,
)
from chainrule.nn.initializer.registry import HE, INITIALIZERS, PRESETS, XAVIER, ZEROS, known_initializer
from chainrule.nn.initializer.structured import (
    Blocks,
    Dirac,
    Eye,
    Orthogonal,
    SparseNormal,
    newton_schulz_steps,
)

__all__ = [
    "HE",
    "INITIALIZERS",
    "PRESETS",
    "XAVIER",
    "ZEROS",
    "Blocks",
    "Dirac",
    "Eye",
    "Fill",
    "Initializer",
    "Normal",
    "Orthogonal",
    "Scaled",
    "SmallNormal",
    "SparseNormal",
    "TruncatedNormal",
    "Uniform",
    "fans",
    "known_initializer",
    "newton_schulz_steps",
    "truncated_std",
]
