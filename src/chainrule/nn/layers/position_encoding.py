"""Position encoding: attention treats its input as a set, so positions must be encoded.

There are three methods. A pattern is *added* to the vectors: sines of many wavelengths
(``SinusoidalPosition``) or learned rows (``LearnedPosition``). Queries and keys are *rotated* by an angle
that is proportional to the position (``RotaryPosition``), so that the product of a query at m and a key at n
depends on m - n only. Or a *bias* proportional to the distance is subtracted from the scores
(``distance_slopes``, ALiBi).

The rotation of a pair, (a cos t - b sin t, a sin t + b cos t), is computed as x cos t + (x P) sin t, where
the constant matrix P replaces a by -b and b by a. The two common conventions, pairs of neighbors and pairs of
halves, differ in P only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY

import numpy as np

from chainrule import portable_math
from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, constant, reserve
from chainrule.nn.incremental_decoding import Decoding
from chainrule.nn.initializer import Initializer, SmallNormal, known_initializer
from chainrule.nn.layer import Layer, layer
from chainrule.nn.regularization.penalty import Penalty
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.symbolic_shape import Shape, shape_text
from chainrule.validation import require, require_choice, require_integer, require_number

BLOCK = 2**16  # numbers
PAIRS = ["halves", "neighbors"]
SMALL = SmallNormal(0.02)


@layer
class SinusoidalPosition(Layer):
    """Sinusoidal position encoding: adds sines of many wavelengths; without parameters.

    Shapes: (B, T, C) -> the same.

    Formula: y[t, 2i] = x[t, 2i] + sin(t / base^(2i/C)), y[t, 2i+1] = x[t, 2i+1] + cos(t / base^(2i/C)).

    Args:
        base: wavelengths run from 2 pi to 2 pi base; above 1.

    Raises:
        ShapeError E220: not a sequence of known length.
        UsageError E102: a base not above 1.

    Example:
        >>> print(sinusoids(2, 4).round(4))
        [[0.     1.     0.     1.    ]
         [0.8415 0.5403 0.01   1.    ]]

    Reference: Vaswani et al. (2017), Attention is all you need (NeurIPS), section 3.5.
    """

    chinese = ("正弦位置编码", "给每个位置加上不同频率的正弦和余弦。")
    takes_one = True
    _: KW_ONLY
    base: float = 10_000.0

    def check(self) -> None:
        require_number(self, "base", above=1)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, T, C) -> the same
        count, channels = _extents(self, x)
        longest = scope.length if isinstance(scope, Decoding) else count
        table = constant(sinusoids(longest, channels, self.base).astype(x.dtype))
        return x + rows_at(table, count, scope)


@layer
class LearnedPosition(Layer):
    """Learned position encoding: adds a learned vector for each position.

    Shapes: (B, T, C) -> the same, T at most ``length``.

    Formula: y[t] = x[t] + W[t], W (length, C).

    Args:
        length: the number of positions.
        weight_initializer: initial values of W, a record or a name.
        penalty: the penalty on W.

    Raises:
        ShapeError E220: not a sequence of known length.
        ShapeError E224: a sequence longer than the table.
        UsageError E101, E102: unknown initializer; fewer than one position.

    Example:
        >>> print(LearnedPosition(128))
        LearnedPosition(128)

    Reference: Gehring et al. (2017), Convolutional sequence to sequence learning (ICML).
    """

    chinese = ("可学习位置编码", "给每个位置加上一个学到的向量。")
    takes_one = True
    length: int
    _: KW_ONLY
    weight_initializer: str | Initializer = SMALL
    penalty: Penalty | None = None

    def check(self) -> None:
        require_integer(self, "length", 1, fix="cr.LearnedPosition(128)")
        known_initializer(self.weight_initializer)
        require(
            self, "penalty", isinstance(self.penalty, Penalty | None), fact("a penalty such as cr.L2(1e-4)")
        )

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, T, C) -> the same
        count, channels = _extents(self, x)
        longest = scope.length if isinstance(scope, Decoding) else count
        if longest > self.length:
            expected = fact("at most {limit} places", limit=self.length)
            received = fact("{count} places", count=longest)
            fix = f"cr.LearnedPosition({longest})"
            raise ShapeError("E224", op="LearnedPosition", expected=expected, received=received, fix=fix)
        init = known_initializer(self.weight_initializer)
        table = scope.parameter("weight", (self.length, channels), init, self.penalty)
        return x + rows_at(table, count, scope)


@layer
class RotaryPosition(Layer):
    """Rotary position encoding: rotates pairs of channels by an angle proportional to the position.

    Applied to queries and keys, ``q[m] . k[n]`` depends on m - n alone, and values stay untouched. Attention
    does so itself: ``MultiHeadAttention(8, rotary=True)``.

    Shapes: (B, ..., T, C) -> the same, C even.

    Formula: with t the position and angle a[i] = t / base^(2i/C), each pair (u, v) becomes (u cos a - v sin
    a, u sin a + v cos a).

    Args:
        base: how slowly the slowest pair turns; above 1. Longer texts want larger ones.
        pairs: ``"halves"`` pairs number i with i + C/2 (GPT-NeoX, Llama), ``"neighbors"`` 2i with 2i + 1
            (the paper, GPT-J).

    Cost: 2 C flops a number: one product with a constant matrix.

    Raises:
        ShapeError E220: not a sequence of known length.
        ShapeError E221: an odd number of channels.
        UsageError E101, E102: unknown way to pair; a base not above 1.

    Example:
        >>> print(RotaryPosition(pairs="neighbors"))
        RotaryPosition(pairs='neighbors')

    Reference: Su, Lu, Pan, Murtadha, Wen and Liu (2021), RoFormer: enhanced transformer with rotary position
    embedding.
    """

    chinese = ("旋转位置编码", "按位置旋转每对数，使点积只与相对位置有关。")
    takes_one = True
    _: KW_ONLY
    base: float = 10_000.0
    pairs: str = "halves"

    def check(self) -> None:
        require_number(self, "base", above=1)
        require_choice(self, "pairs", PAIRS)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, ..., T, C) -> the same
        return self.turned(x, x.rank - 2, scope)

    def turned(self, x: Node, axis: int, scope: Scope) -> Node:
        """Return ``x`` rotated by the positions along ``axis``.

        Args:
            x: vectors of even length, (B, ..., C).
            axis: the axis of the positions.
            scope: the scope of the layer.
        """
        count, channels = _extents(self, x, axis)
        if channels % 2:
            expected = fact("an even number of channels")
            received = fact("{channels} channels", channels=channels)
            raise ShapeError(
                "E221", op="RotaryPosition", what=fact("pairs"), expected=expected, received=received
            )
        longest = scope.length if isinstance(scope, Decoding) else count
        angles, partner = self._pattern(longest, channels)
        cosine, sine = (
            _along(rows_at(constant(table.astype(x.dtype)), count, scope), axis, x.rank)
            for table in (_blockwise(portable_math.cos, angles), _blockwise(portable_math.sin, angles))
        )
        return x * cosine + (x @ constant(partner.astype(x.dtype))) * sine  # (..., C) (C, C) -> (..., C)

    def _pattern(self, length: int, channels: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the angles of all numbers, (length, C), and the matrix P (C, C) of the pairs."""
        reserve(length, channels, itemsize=48)  # angles and powers, sines, cosines
        reserve(channels, channels, itemsize=16)
        half = channels // 2
        i = np.arange(half)
        first, second = (i, i + half) if self.pairs == "halves" else (2 * i, 2 * i + 1)
        angles = np.empty((length, channels))
        angles[:, first] = angles[:, second] = np.arange(length)[:, None] / portable_math.power(
            self.base, i / half
        )
        partner = np.zeros((channels, channels))
        partner[second, first], partner[first, second] = -1.0, 1.0
        return angles, partner


def sinusoids(length: int, channels: int, base: float = 10_000.0) -> np.ndarray:
    """Return the pattern of ``SinusoidalPosition``: (length, channels)."""
    reserve(length, channels, itemsize=40)  # angles, sines, cosines, the pattern in both dtypes
    angles = np.arange(length)[:, None] / portable_math.power(base, np.arange(channels) // 2 * 2 / channels)
    cosines, sines = _blockwise(portable_math.cos, angles), _blockwise(portable_math.sin, angles)
    return np.where(np.arange(channels) % 2, cosines, sines)


def _blockwise(function: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    """Return an elementwise function of an array, whose temporary arrays are as large as a block of it."""
    flat, result = x.reshape(-1), np.empty(x.size)
    for start in range(0, x.size, BLOCK):
        result[start : start + BLOCK] = function(flat[start : start + BLOCK])
    return result.reshape(x.shape)


def distance_slopes(heads: int) -> np.ndarray:
    """Return the slope of the linear bias by distance for each head (ALiBi): (heads,).

    Example:
        >>> distance_slopes(4)
        array([0.25      , 0.0625    , 0.015625  , 0.00390625])

    Reference: Press, Smith and Lewis (2022), Train short, test long: attention with linear biases enables
    input length extrapolation (ICLR). For a number of heads that is no power of 2, the slopes of the next
    smaller one, then every other one of the next larger.
    """
    reserve(heads, itemsize=64)
    power = 2 ** int(np.log2(heads))
    factors = portable_math.power(2.0, -8.0 / power * np.arange(1, power + 1))
    between = portable_math.power(2.0, -4.0 / power * np.arange(1, 2 * (heads - power), 2))
    return np.concatenate([factors, between])


def rows_at(table: Node, count: int, scope: Scope) -> Node:
    """Return the rows of a table (N, C) for the positions of a sequence: (count, C) or (B, count, C)."""
    if isinstance(scope, Decoding):
        return F.gather(table, scope.places(count))
    return table[:count]


def _along(rows: Node, axis: int, rank: int) -> Node:
    """Reshape rows (T, C) or (B, T, C) to ``rank`` axes, T at ``axis``, the others of length 1."""
    lead: Shape = rows.shape[:-2] if rows.rank == 3 else (1,)
    between, after = (1,) * (axis - 1), (1,) * (rank - axis - 2)
    return F.reshape(rows, (*lead, *between, rows.shape[-2], *after, rows.shape[-1]))


def _extents(owner: Layer, x: Node, axis: int | None = None) -> tuple[int, int]:
    """Return how many positions and channels a sequence has."""
    places = x.shape[x.rank - 2 if axis is None else axis] if x.rank > 2 else None
    channels = x.shape[-1] if x.rank > 2 else None
    if not isinstance(places, int) or not isinstance(channels, int):
        expected = fact("(B, T, C), T and C known")
        received = shape_text(x.shape)
        fix = 'x = cr.input("x", (None, 128, 64))'
        raise ShapeError("E220", op=type(owner).__name__, expected=expected, received=received, fix=fix)
    return places, channels
