"""Norms of very large numbers: correct or NaN, never silently 0.

In float32 the square of 1.9e19 is infinite, although lengths up to 3e38 are representable. Divided by an
infinite length, a row would be all zeros, without any sign of an error.

``norm`` is for lengths that are not differentiated (clipping, constraints): squares are summed at two scales
in one pass over memory, and if the plain sum is too large, the scaled one is used (Blue 1978; LAPACK's
``nrm2``). For ordinary numbers the result is that of the plain sum, to the bit.

``defined`` is for normalizations, whose derivatives would divide by a scaled sum that vanished, and for the
lengths in optimizers, which are computed for every parameter. If a sum of squares overflows, it sets the
result to NaN, which training and prediction report with the operation that overflowed (``train.nonfinite``).

Rows too small for squares need no treatment: the ``epsilon`` that is added to lengths is far larger.

Rejected for normalizations: to scale each row by a power of two from its largest number. That requires
another pass over memory before the first sum, which took a third longer in the forward pass and a tenth
longer with the backward pass (``python -m benchmarks.layers --only norm``), for numbers that occur only in a
diverged training.
"""

from __future__ import annotations

from chainrule.graph import Node
from chainrule.ops import functional as F
from chainrule.validation import out_of_range

SCALE = {"float32": 2.0**80, "float64": 2.0**600}  # divisor of large numbers
LARGE = {"float32": 2.0**120, "float64": 2.0**960}  # sums of squares up to here keep all digits
SMALLEST = {"float32": 2.0**-126, "float64": 2.0**-1022}  # the smallest normal number


def defined(result: Node, size: Node) -> Node:
    """Return ``result``, or NaN where ``size``, a sum of squares that it depends on, is not finite."""
    still = F.stop_gradient(size)
    return F.where(F.is_finite(still), result, still - still)


def norm(parts: list[Node], axes: tuple[int, ...] | None = None, keepdims: bool = False) -> Node:
    """Return the Euclidean norm of several arrays together, for use where nothing is differentiated.

    Args:
        parts: arrays of one dtype.
        axes: for a single array, the axes to sum over; ``None``: all.
        keepdims: whether these axes stay with length 1.
    """
    dtype = parts[0].dtype
    plain, scaled = (_squares(parts, factor, axes, keepdims) for factor in (1.0, 1.0 / SCALE[dtype]))
    large = F.sqrt(scaled) * SCALE[dtype]
    return F.where(plain > LARGE[dtype], large, F.sqrt(plain))


def to_unit_length(x: Node, epsilon: float = 1e-12) -> Node:
    """Divide vectors along the last axis by their length, at least the root of ``epsilon``."""
    squared = F.sum(F.square(x), -1, keepdims=True)
    return x / defined(F.sqrt(F.maximum(squared, epsilon)), squared)


def _squares(parts: list[Node], factor: float, axes: tuple[int, ...] | None, keepdims: bool) -> Node:
    """Return the sum of squares of the arrays times a factor."""
    total, *rest = [F.sum(F.square(x if factor == 1 else x * factor), axes, keepdims) for x in parts]
    for squares in rest:
        total = total + squares
    return total


def require_epsilon(owner: object, dtype: str, power: int = 1) -> None:
    """Refuse an ``epsilon`` that is too small for a dtype.

    Args:
        dtype: dtype of the values to which it is added.
        power: 2 if its square is added.

    Raises:
        UsageError E102: an epsilon next to which the squares of small numbers would lose their digits.
    """
    epsilon = getattr(owner, "epsilon")  # noqa: B009
    minimum = SMALLEST[dtype] ** (1 / power)
    if epsilon < minimum:
        fix = 'epsilon=1e-12, or dtype="float64"'
        raise out_of_range(epsilon, "epsilon", type(owner).__name__, f">= {minimum:.2g} in {dtype}", fix=fix)
