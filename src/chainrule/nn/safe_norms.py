"""Lengths and spreads of very large numbers: right, or NaN, and never 0 without a word.

In float32 the square of 1.9e19 is infinite, although lengths up to 3e38 are ordinary numbers. Divided by an
infinite length, a row would be all zeros, and nothing would show that it is wrong.

``norm`` is for lengths that no gradient passes through (clipping, constraints): squares are added at two
scales in one walk through memory, and where the plain sum is too large the other one is taken (Blue 1978;
LAPACK's ``nrm2``). Of ordinary numbers the length is that of the plain sum, to the bit.

``defined`` is for normalizations, whose derivatives would divide by a scaled sum that vanished, and for the
lengths in optimizers, which are taken of every parameter. Where a sum of squares overflowed it makes the
result NaN, which a training and a prediction report with the operation that overflowed (``train.blackbox``).

Rows too small for squares need nothing: what is added to lengths, ``epsilon``, is far larger than these.

Rejected for normalizations: to scale each row by a power of two from its largest number. That needs one more
walk through memory before the first sum, which took a third longer forward and a tenth longer with the way
back (``python -m benchmarks.layers --only norm``), for numbers that only a training gone wrong contains.
"""

from __future__ import annotations

from chainrule.errors import UsageError
from chainrule.graph import Node
from chainrule.ops import PUBLIC

SCALE = {"float32": 2.0**80, "float64": 2.0**600}  # what large numbers are divided by
LARGE = {"float32": 2.0**120, "float64": 2.0**960}  # sums of squares up to here keep all digits
SMALLEST = {"float32": 2.0**-126, "float64": 2.0**-1022}  # the smallest number with all its digits


def defined(result: Node, size: Node) -> Node:
    """``result``, or NaN where ``size``, a sum of squares it is made of, is not finite."""
    still = PUBLIC["stop_gradient"](size)
    return PUBLIC["where"](PUBLIC["is_finite"](still), result, still - still)


def norm(parts: list[Node], axes: tuple[int, ...] | None = None, keepdims: bool = False) -> Node:
    """The Euclidean length of numbers taken together, for use where nothing is differentiated.

    Args:
        parts: arrays of one dtype.
        axes: of one array, the axes to add along; ``None``: all.
        keepdims: whether these axes stay with length 1.
    """
    dtype = parts[0].dtype
    plain, scaled = (_squares(parts, factor, axes, keepdims) for factor in (1.0, 1.0 / SCALE[dtype]))
    large = PUBLIC["sqrt"](scaled) * SCALE[dtype]
    return PUBLIC["where"](plain > LARGE[dtype], large, PUBLIC["sqrt"](plain))


def to_unit_length(x: Node, epsilon: float = 1e-12) -> Node:
    """Vectors along the last axis divided by their length, at least by the root of ``epsilon``."""
    squared = PUBLIC["sum"](PUBLIC["square"](x), -1, keepdims=True)
    return x / defined(PUBLIC["sqrt"](PUBLIC["maximum"](squared, epsilon)), squared)


def _squares(parts: list[Node], factor: float, axes: tuple[int, ...] | None, keepdims: bool) -> Node:
    """The sum of the squares of numbers times a factor."""
    total, *rest = [
        PUBLIC["sum"](PUBLIC["square"](x if factor == 1 else x * factor), axes, keepdims) for x in parts
    ]
    for squares in rest:
        total = total + squares
    return total


def require_epsilon(owner: object, dtype: str, power: int = 1) -> None:
    """Refuse an ``epsilon`` that is too small to be a number of this dtype.

    Args:
        owner: the layer.
        dtype: of the numbers it is added to.
        power: 2 where its square is added.

    Fails:
        UsageError E102: such an epsilon, beside which the squares of small numbers would lose their digits.
    """
    epsilon = getattr(owner, "epsilon")  # noqa: B009
    least = SMALLEST[dtype] ** (1 / power)
    if epsilon < least:
        raise UsageError(
            "E102", where=type(owner).__name__, name="epsilon", expected=f">= {least:.2g} in {dtype}",
            received=epsilon, fix='epsilon=1e-12, or dtype="float64"',
        )  # fmt: skip
