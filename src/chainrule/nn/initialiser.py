"""First values of parameters: drawn small and uneven, so that units can become different.

If all weights of a layer began equal, all its units would compute the same, receive the same gradient and stay equal
for ever: the symmetry must be broken by chance. And the spread matters: a layer that enlarges its signal a little
does so at every layer, forward and backward. Xavier and He choose the spread that keeps it level.

An initialiser is a record; called with a key it gives *nodes*, like everything in this room.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from chainrule.graph import Node, constant
from chainrule.ops import PUBLIC
from chainrule.spec import Shape


@dataclass(frozen=True)
class Initialiser:
    """Base of every initialiser: a record that gives the nodes of a parameter's first values."""

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        """The first values of a parameter.

        Args:
            key: two uint32, from the seed.
            shape: (out, in) for a weight matrix, (out, *kernel, in) for a convolution, any for the rest.
            dtype: number kind.
            stream: a number of the parameter's own, so that two parameters do not begin alike.
        """
        raise TypeError(f"{type(self).__name__} draws nothing")


@dataclass(frozen=True)
class Fill(Initialiser):
    """One number everywhere.

    Args:
        value: the number.
    """

    value: float = 0.0

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        return PUBLIC["broadcast_to"](constant(self.value, dtype), shape)


@dataclass(frozen=True)
class Scaled(Initialiser):
    """Random numbers whose variance is ``gain / fan``: the family of Xavier and He.

    Args:
        gain: variance times fan; 1 keeps a linear signal level, 2 makes up for what relu cuts away.
        fan: ``"in"``, ``"out"`` or ``"mean"``: how many signals meet at a unit, on the way forward, backward, or
            their mean.
        law: ``"uniform"`` or ``"normal"``.

    Formula: normal: std = sqrt(gain / fan); uniform: between -a and a with a = sqrt(3 gain / fan).

    Reference: Glorot and Bengio (2010), Understanding the difficulty of training deep feedforward neural networks
    (AISTATS); He, Zhang, Ren and Sun (2015), Delving deep into rectifiers (ICCV).
    """

    gain: float = 1.0
    fan: str = "mean"
    law: str = "uniform"

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        spread = math.sqrt(self.gain / max(1.0, self.fan_of(shape)))
        if self.law == "normal":
            return PUBLIC["normal"](key, shape, dtype, stream) * spread
        limit = math.sqrt(3.0) * spread
        return PUBLIC["uniform"](key, shape, dtype, stream) * (2.0 * limit) - limit

    def fan_of(self, shape: Shape) -> float:
        """How many signals meet at a unit."""
        fan_in, fan_out = fans(shape)
        return {"in": fan_in, "out": fan_out, "mean": (fan_in + fan_out) / 2}[self.fan]


def fans(shape: Shape) -> tuple[float, float]:
    """(signals into a unit, signals out of a unit) of a weight (out, *kernel, in)."""
    lengths = [int(n) for n in shape if isinstance(n, int)]
    if len(lengths) < 2:
        return float(lengths[0] if lengths else 1), float(lengths[0] if lengths else 1)
    kernel = math.prod(lengths[1:-1])
    return float(lengths[-1] * kernel), float(lengths[0] * kernel)


XAVIER = Scaled(1.0, "mean", "uniform")
HE = Scaled(2.0, "in", "uniform")
ZEROS = Fill(0.0)
