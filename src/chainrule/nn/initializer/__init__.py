"""Initial values of parameters: drawn small and uneven, so that units can become different.

If all weights of a layer began equal, all its units would compute the same, receive the same gradient and
stay equal forever: the symmetry must be broken by chance. And the spread matters: a layer that enlarges its
signal a little does so at every layer, forward and backward. Xavier and He choose the spread that keeps it
level.

An initializer is a record; called with a key it gives *nodes*, like everything in this package.
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
from chainrule.nn.initializer.structured import (
    Blocks,
    Dirac,
    Eye,
    Orthogonal,
    SparseNormal,
    newton_schulz_steps,
)
from chainrule.nn.validation import unknown

XAVIER = Scaled(gain=1.0, fan="mean", distribution="uniform")
HE = Scaled(gain=2.0, fan="in", distribution="uniform")
ZEROS = Fill(0.0)

INITIALIZERS: dict[str, Initializer] = {
    "dirac": Dirac(),
    "eye": Eye(),
    "he": HE,
    "he_normal": Scaled(gain=2.0, fan="in", distribution="normal"),
    "lecun": Scaled(gain=1.0, fan="in", distribution="uniform"),
    "lecun_normal": Scaled(gain=1.0, fan="in", distribution="truncated"),
    "normal": Normal(),
    "ones": Fill(1.0),
    "orthogonal": Orthogonal(),
    "small": SmallNormal(),
    "sparse": SparseNormal(),
    "truncated_normal": TruncatedNormal(),
    "uniform": Uniform(),
    "xavier": XAVIER,
    "xavier_normal": Scaled(gain=1.0, fan="mean", distribution="normal"),
    "zeros": ZEROS,
}
KINDS: tuple[type[Initializer], ...] = (
    Fill, SmallNormal, Uniform, Normal, TruncatedNormal, Scaled, Eye, Dirac, SparseNormal, Orthogonal,
    Blocks,
)  # fmt: skip


def known_initializer(initializer: str | Initializer) -> Initializer:
    """The initializer of this name, or the initializer itself.

    Raises:
        UsageError E101: no such initializer.
    """
    if isinstance(initializer, Initializer):
        return initializer
    if not isinstance(initializer, str) or initializer not in INITIALIZERS:
        raise unknown("initializer", initializer, list(INITIALIZERS), '"{}"')
    return INITIALIZERS[initializer]


__all__ = [
    "HE",
    "INITIALIZERS",
    "KINDS",
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
