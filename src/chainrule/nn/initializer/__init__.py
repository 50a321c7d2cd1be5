"""First values of parameters: drawn small and uneven, so that units can become different.

If all weights of a layer began equal, all its units would compute the same, receive the same gradient and
stay equal for ever: the symmetry must be broken by chance. And the spread matters: a layer that enlarges its
signal a little does so at every layer, forward and backward. Xavier and He choose the spread that keeps it
level.

An initialiser is a record; called with a key it gives *nodes*, like everything in this room.
"""

from __future__ import annotations

from chainrule.nn.initializer.initializer import Fill, Initialiser
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

XAVIER = Scaled(gain=1.0, fan="mean", law="uniform")
HE = Scaled(gain=2.0, fan="in", law="uniform")
ZEROS = Fill(0.0)

INITIALISERS: dict[str, Initialiser] = {
    "dirac": Dirac(),
    "eye": Eye(),
    "he": HE,
    "he_normal": Scaled(gain=2.0, fan="in", law="normal"),
    "lecun": Scaled(gain=1.0, fan="in", law="uniform"),
    "lecun_normal": Scaled(gain=1.0, fan="in", law="truncated"),
    "normal": Normal(),
    "ones": Fill(1.0),
    "orthogonal": Orthogonal(),
    "small": SmallNormal(),
    "sparse": SparseNormal(),
    "truncated_normal": TruncatedNormal(),
    "uniform": Uniform(),
    "xavier": XAVIER,
    "xavier_normal": Scaled(gain=1.0, fan="mean", law="normal"),
    "zeros": ZEROS,
}
KINDS: tuple[type[Initialiser], ...] = (
    Fill, SmallNormal, Uniform, Normal, TruncatedNormal, Scaled, Eye, Dirac, SparseNormal, Orthogonal,
    Blocks,
)  # fmt: skip


def known_initialiser(initialiser: str | Initialiser) -> Initialiser:
    """The initialiser of this name, or the initialiser itself.

    Fails:
        UsageError E101: no such initialiser.
    """
    if isinstance(initialiser, Initialiser):
        return initialiser
    if not isinstance(initialiser, str) or initialiser not in INITIALISERS:
        raise unknown("initialiser", initialiser, list(INITIALISERS), '"{}"')
    return INITIALISERS[initialiser]


__all__ = [
    "HE",
    "INITIALISERS",
    "KINDS",
    "XAVIER",
    "ZEROS",
    "Blocks",
    "Dirac",
    "Eye",
    "Fill",
    "Initialiser",
    "Normal",
    "Orthogonal",
    "Scaled",
    "SmallNormal",
    "SparseNormal",
    "TruncatedNormal",
    "Uniform",
    "fans",
    "known_initialiser",
    "newton_schulz_steps",
    "truncated_std",
]
