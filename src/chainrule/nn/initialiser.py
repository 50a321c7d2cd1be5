"""First values of parameters: drawn small and uneven, so that units can become different.

If all weights of a layer began equal, all its units would compute the same, receive the same gradient and
stay equal for ever: the symmetry must be broken by chance. And the spread matters: a layer that enlarges its
signal a little does so at every layer, forward and backward. Xavier and He choose the spread that keeps it
level.

An initialiser is a record; called with a key it gives *nodes*, like everything in this room.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from chainrule.errors import ShapeError
from chainrule.graph import Node, constant
from chainrule.nn.setting import require_number, unknown
from chainrule.ops import PUBLIC
from chainrule.spec import Shape, shape_text


@dataclass(frozen=True)
class Initialiser:
    """Base of every initialiser: a record that gives the nodes of a parameter's first values."""

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Refuse settings outside their range."""

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

    def check(self) -> None:
        require_number(self, "value")

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        return PUBLIC["broadcast_to"](constant(self.value, dtype), shape)


@dataclass(frozen=True)
class SmallNormal(Initialiser):
    """Small random numbers around 0, of one spread whatever the layer's size: the article's first values.

    Good for a shallow net. In a deep one every layer shrinks the signal: use ``Scaled`` there.

    Args:
        std: the standard deviation, at least 0.

    Fails:
        UsageError E102: a negative spread.
    """

    std: float = 0.01

    def check(self) -> None:
        require_number(self, "std", least=0)

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        return PUBLIC["normal"](key, shape, dtype, stream) * self.std


@dataclass(frozen=True)
class Scaled(Initialiser):
    """Random numbers whose variance is ``gain / fan``: the family of Xavier and He.

    Args:
        gain: variance times fan; 1 keeps a linear signal level, 2 makes up for what relu cuts away.
        fan: ``"in"``, ``"out"`` or ``"mean"``: how many signals meet at a unit, on the way forward, backward,
            or their mean.
        law: ``"uniform"`` or ``"normal"``.

    Formula: normal: std = sqrt(gain / fan); uniform: between -a and a with a = sqrt(3 gain / fan).

    Fails:
        UsageError E101, E102: no such fan or law; a gain that is not above 0.

    Reference: Glorot and Bengio (2010), Understanding the difficulty of training deep feedforward neural
    networks (AISTATS); He, Zhang, Ren and Sun (2015), Delving deep into rectifiers (ICCV).
    """

    gain: float = 1.0
    fan: str = "mean"
    law: str = "uniform"

    def check(self) -> None:
        require_number(self, "gain", above=0)
        for name, known in (("fan", ["in", "out", "mean"]), ("law", ["uniform", "normal"])):
            if getattr(self, name) not in known:
                raise unknown(f"Scaled, {name}", getattr(self, name), known, f'{name}="{{}}"')

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


@dataclass(frozen=True)
class Orthogonal(Initialiser):
    """Rows (or columns, if fewer) at right angles and of one length: a signal is turned, not stretched.

    The matrix of a weight (out, *kernel, in) is (out, the rest). A random normal matrix A = U S V^T is drawn
    and its singular values S are all made 1, which leaves U V^T, evenly distributed over all orthogonal
    matrices. Newton and Schulz do this with products alone: X <- 1.5 X - 0.5 X X^T X takes every singular
    value s in (0, 1] to 1.5 s - 0.5 s^3, closer to 1; A is first divided by its Frobenius norm so that none
    is above 1.

    Why not the usual QR decomposition: it would need a kernel of its own on every engine and signs set right
    afterwards. Products every engine has.

    Args:
        gain: the length of the rows, above 0.

    Numerics: computed in float64 and rounded once, so that W W^T is gain^2 on the diagonal and 0 beside it to
    1e-6 in float32 too. How many steps are taken follows from the shape, see ``newton_schulz_steps``.

    Cost: 4 rows^2 columns flops a step; some 60 steps for a square matrix, some 15 for a long one.

    Fails:
        ShapeError E208: a parameter of fewer than two axes has no directions.

    Reference: Saxe, McClelland and Ganguli (2014), Exact solutions to the nonlinear dynamics of learning in
    deep linear neural networks (ICLR); Higham (2008), Functions of matrices, section 8.3.
    """

    gain: float = 1.0

    def check(self) -> None:
        require_number(self, "gain", above=0)

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        lengths = [int(n) for n in shape if isinstance(n, int)]
        if len(lengths) < 2:
            raise ShapeError(
                "E208", op="Orthogonal", constraint="a weight of two axes or more", expected="(O, I)",
                received=shape_text(shape), fix="cr.Fill(0.0)",
            )  # fmt: skip
        rows, columns = lengths[0], math.prod(lengths[1:])
        short, long = min(rows, columns), max(rows, columns)
        x = PUBLIC["normal"](key, (short, long), "float64", stream)
        x = x / PUBLIC["sqrt"](PUBLIC["sum"](PUBLIC["square"](x)))
        for _ in range(newton_schulz_steps(short, long)):
            x = x * 1.5 - (x @ x.T) @ x * 0.5  # (short, long) stays
        matrix = x if rows == short else x.T  # -> (rows, columns)
        return PUBLIC["reshape"](matrix * self.gain, shape).astype(dtype)


def newton_schulz_steps(short: int, long: int) -> int:
    """How many steps bring all singular values of a random normal matrix to 1 within float64.

    Divided by its Frobenius norm, about sqrt(short long), its smallest singular value is about
    sqrt(long) - sqrt(short); of a square matrix it is below 1e-6/sqrt(long) once in a million draws. A small
    value grows by 1.5 a step, and from about 1 on each step doubles the digits: seven more are enough.
    """
    if not short:
        return 0
    smallest = max((math.sqrt(long) - math.sqrt(short)) / 2.0, 1e-6 / math.sqrt(long))
    return math.ceil(math.log(math.sqrt(short * long) / smallest) / math.log(1.5)) + 7


XAVIER = Scaled(1.0, "mean", "uniform")
HE = Scaled(2.0, "in", "uniform")
ZEROS = Fill(0.0)

INITIALISERS: dict[str, Initialiser] = {
    "he": HE,
    "he_normal": Scaled(2.0, "in", "normal"),
    "ones": Fill(1.0),
    "orthogonal": Orthogonal(),
    "small": SmallNormal(),
    "xavier": XAVIER,
    "xavier_normal": Scaled(1.0, "mean", "normal"),
    "zeros": ZEROS,
}


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
