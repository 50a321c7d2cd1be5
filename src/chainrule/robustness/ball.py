"""The changes that an attack may make to a sample: a ball around it, within the range of the data.

Attacks compute in *scaled changes* u, one number per element: the changed sample is x + scale u. In these
units a ball of radius r is |u| <= r whatever the units of an element are: for images with standardized
channels the scale is the input that corresponds to one unit of a pixel; for a table it is the input that
corresponds to one unit of a column. An element with scale 0 does not change.

Floating-point rounding can move a point out of its ball by one unit in the last place. ``enforce`` moves such
points back, so that the condition |x' - x| <= r scale holds exactly where it is computed in float64.

Example: x = 0.3, r = 0.1 in float32. x + r rounds to 0.4000000059604645, whose distance from x is
0.09999999403953552 + 2^-25 in float64, which may exceed r; ``enforce`` then takes the next smaller number.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule import prng
from chainrule.records import frozen

# A sequence of random arrays, each a function of the key and of the number of arrays before it.


class Stream:
    """Random arrays, reproducible from a key.

    Args:
        key: (2,) uint32; see ``chainrule.prng``.

    Example:
        >>> from chainrule.prng import key_of
        >>> stream = Stream(key_of(0))
        >>> bool((stream.uniform((3,)) == stream.uniform((3,))).any())
        False
    """

    def __init__(self, key: np.ndarray) -> None:
        self._key, self._count = key, 0

    def _next(self) -> np.ndarray:
        self._count += 1
        return prng.fold(self._key, self._count)

    def uniform(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return uniform numbers in [0, 1)."""
        return prng.uniform(self._next(), math.prod(shape)).reshape(shape)

    def normal(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return samples of the standard normal distribution."""
        return prng.normal(self._next(), math.prod(shape)).reshape(shape)

    def integers(self, high: int, shape: tuple[int, ...]) -> np.ndarray:
        """Return uniform integers from 0 to ``high - 1``."""
        return np.floor(self.uniform(shape) * high).astype(np.int64)

    def signs(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return -1 or 1, each with probability one half."""
        return np.where(self.uniform(shape) < 0.5, -1.0, 1.0)


NORMS = ("inf", "2")
_SHRINK = 1.0 - 2.0**-16  # the factor by which a change that is too long by rounding is shortened
_LEAST = 0.999  # a change that is still too long after this is removed
_TINY = 1e-30  # keeps the quotient finite where a gradient is 0


@frozen(eq=False)
class Ball:
    """The points that an attack may reach.

    Args:
        norm: ``"inf"`` (each element changes by at most the radius) or ``"2"`` (Euclidean length).
        radius: the largest scaled change.
        scale: the change of each element at a scaled change of 1; broadcast to one sample. 0: it is fixed.
        low, high: the range of the data, broadcast to one sample. A sample outside keeps its own values.

    Example:
        >>> ball = Ball("inf", 0.1, low=0.0, high=1.0)
        >>> x = np.array([[0.05, 0.5]])
        >>> ball.points(x, ball.project(x, np.array([[-0.3, 0.3]]))).tolist()
        [[0.0, 0.6]]
    """

    norm: str
    radius: float
    scale: Any = 1.0
    low: Any = -np.inf
    high: Any = np.inf

    def limits(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the smallest and the largest allowed value of each element, in the dtype of the samples."""
        low, high = np.asarray(self.low, np.float64), np.asarray(self.high, np.float64)
        return np.minimum(_rounded(low, x.dtype, 1), x), np.maximum(_rounded(high, x.dtype, -1), x)

    def points(self, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Return the samples with their changes, clipped to the range of the data."""
        return np.clip(x + (self.scale * u).astype(x.dtype), *self.limits(x))

    def project(self, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Return the nearest allowed changes: in the ball first, then in the range of the data.

        The second step shortens every element, so the result stays in the ball.
        """
        if self.norm == "inf":
            u = np.clip(u, -self.radius, self.radius)
        else:
            u = u * np.minimum(1.0, self.radius / np.maximum(lengths(u), _TINY))
        scale = np.broadcast_to(self.scale, x.shape[1:])
        change = self.points(x, u).astype(np.float64) - x
        return np.divide(change, scale, out=np.zeros_like(change), where=scale != 0)

    def steepest(self, gradient: np.ndarray) -> np.ndarray:
        """Return the change of size 1 along which a gradient, with respect to u, rises fastest."""
        gradient = np.nan_to_num(gradient.astype(np.float64))
        if self.norm == "inf":
            return np.sign(gradient)
        return gradient / np.maximum(lengths(gradient), _TINY)

    def random(self, shape: tuple[int, ...], stream: Stream) -> np.ndarray:
        """Return changes with uniform density in the ball."""
        if self.norm == "inf":
            return (2.0 * stream.uniform(shape) - 1.0) * self.radius
        direction = stream.normal(shape)
        changing = max(1, int(np.count_nonzero(np.broadcast_to(self.scale, shape[1:]))))
        direction = direction * (np.broadcast_to(self.scale, shape[1:]) != 0)
        share = stream.uniform((shape[0], *[1] * (len(shape) - 1))) ** (1.0 / changing)
        return direction / np.maximum(lengths(direction), _TINY) * share * self.radius

    def contains(self, x: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Return whether each point is in the ball of its sample, computed in float64: (n,)."""
        change = points.astype(np.float64) - x
        scale = np.broadcast_to(np.asarray(self.scale, np.float64), x.shape[1:])
        fixed = (change == 0) | (scale != 0)
        if self.norm == "inf":
            inside = np.abs(change) <= self.radius * np.abs(scale)
            return (inside & fixed).reshape(len(x), math.prod(x.shape[1:])).all(1)
        u = np.divide(change, scale, out=np.zeros_like(change), where=scale != 0)
        flat = len(x), math.prod(x.shape[1:])
        size = np.sqrt(np.sum(u.reshape(flat) ** 2, axis=1))
        return (size <= self.radius) & fixed.reshape(flat).all(1)

    def enforce(self, x: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Return points with rounding errors removed: each is in its ball and in the range of the data."""
        change = np.nan_to_num(points.astype(np.float64) - x)
        scale = np.broadcast_to(np.asarray(self.scale, np.float64), x.shape[1:])
        u = np.divide(change, scale, out=np.zeros_like(change), where=scale != 0)
        return self._inside_inf(x, u, scale) if self.norm == "inf" else self._inside_2(x, u, scale)

    def _inside_inf(self, x: np.ndarray, u: np.ndarray, scale: np.ndarray) -> np.ndarray:
        limit = self.radius * np.abs(scale)
        points = np.clip((x + np.clip(u * scale, -limit, limit)).astype(x.dtype), *self.limits(x))
        far = np.abs(points.astype(np.float64) - x) > limit
        while far.any():  # by rounding: one or two units in the last place
            points[far] = np.nextafter(points[far], x[far])
            far = np.abs(points.astype(np.float64) - x) > limit
        return points

    def _inside_2(self, x: np.ndarray, u: np.ndarray, scale: np.ndarray) -> np.ndarray:
        factor = np.minimum(1.0, self.radius / np.maximum(lengths(u), _TINY))
        shrink = np.ones_like(factor)
        while True:
            points = np.clip((x + shrink * factor * u * scale).astype(x.dtype), *self.limits(x))
            outside = ~self.contains(x, points)
            if not outside.any():
                return points
            # By rounding. Where the numbers are too coarse for a change of this size, there is none.
            shrink[outside] = np.where(shrink[outside] > _LEAST, shrink[outside] * _SHRINK, 0.0)


def lengths(values: np.ndarray) -> np.ndarray:
    """Return the Euclidean length of each row, with as many axes as the values: (n, 1, ...)."""
    flat = values.reshape(len(values), math.prod(values.shape[1:]))
    return np.sqrt(np.einsum("ij,ij->i", flat, flat)).reshape(-1, *[1] * (values.ndim - 1))


def _rounded(values: np.ndarray, dtype: np.dtype, sign: int) -> np.ndarray:
    """Return numbers of a dtype that are not below (sign 1) or not above (sign -1) the values."""
    rounded = values.astype(dtype)
    beyond = rounded < values if sign > 0 else rounded > values
    return np.where(beyond, np.nextafter(rounded, np.array(sign * np.inf, dtype)), rounded)
