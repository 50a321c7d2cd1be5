"""Discrete Fourier transforms along one axis, composed of matrix products with constant matrices.

A complex array is a pair of nodes: real and imaginary part. A transform of N = a b elements is a transforms
of b elements and b transforms of a elements with factors in between (Cooley and Tukey), down to lengths whose
matrix is small::

    x (..., a, b) --transform of a--> * exp(-2 pi i k n / N) --transform of b--> X (..., b, a)

A transform of a large prime length is a convolution, computed by transforms of a power of 2 (Bluestein).
Derivatives, batch rules and certificates are those of the matrix products.

Reference: Cooley and Tukey (1965), An algorithm for the machine calculation of complex Fourier series,
Mathematics of Computation 19; Bluestein (1970), A linear filtering approach to the computation of discrete
Fourier transform, IEEE Transactions on Audio and Electroacoustics 18.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from chainrule.errors import DtypeError, ShapeError, fact
from chainrule.graph import Node, constant
from chainrule.ops.array.axis_functions import axis_length, flip, from_last, to_last
from chainrule.ops.array.reduction import axes_of
from chainrule.ops.array.shape import reshape, transpose
from chainrule.ops.array.slicing import concatenate, pad, slice_axis
from chainrule.ops.linear.matmul import matmul
from chainrule.symbolic_shape import FLOATS
from chainrule.validation import out_of_range

LARGEST_MATRIX, LARGEST_PRIME = 64, 256  # elements whose transform is a single matrix product
Complex: TypeAlias = "tuple[Node, Node | None]"  # real and imaginary part; None: zero


def rfft(x: Node, axis: int = -1) -> tuple[Node, Node]:
    """Return the discrete Fourier transform of real numbers: real and imaginary part of the first half.

    Shapes: x (..., N, ...) -> twice (..., N // 2 + 1, ...). The other frequencies are the conjugates.

    Formula: X[k] = sum(n, x[n] exp(-2 pi i k n / N)), as NumPy's and PyTorch's ``rfft``.

    Args:
        x: a node of floating-point numbers.
        axis: the axis, of fixed length. For another number of frequencies, pad ``x`` or take a part of it.

    Numerics: as accurate as a sum of log2(N) terms; the factors are computed in float64.

    Cost: O(N log N) for lengths with small divisors and for primes.

    Raises:
        ShapeError E205, E208: the axis does not exist, or is symbolic.
        DtypeError E253: not floating-point numbers.

    Example:
        >>> import chainrule as cr
        >>> x = cr.input("x", (4,), "float64")
        >>> real, imaginary = cr.evaluate(list(rfft(x)), {"x": [1, 2, 3, 5]})
        >>> real.round(6).astype(int).tolist(), imaginary.round(6).astype(int).tolist()
        ([11, -2, -3], [0, 3, 0])
    """
    real, imaginary = fft(x, None, axis)
    (axis,) = axes_of(x, axis)
    half = axis_length("rfft", x, axis) // 2 + 1
    return slice_axis(real, axis, 0, half), slice_axis(imaginary, axis, 0, half)


def irfft(real: Node, imaginary: Node, length: int | None = None, axis: int = -1) -> Node:
    """Return the real numbers whose ``rfft`` is given.

    Shapes: twice (..., K, ...) -> (..., length, ...).

    Args:
        real, imaginary: the frequencies 0 to K - 1; the imaginary part of the first one, and of the last one
            of an even length, does not count, as in NumPy and PyTorch.
        length: 2 K - 2, the default, or 2 K - 1.
        axis: the axis, of fixed length.

    Raises:
        UsageError E102: another length.
        ShapeError E205, E208: the parts differ in shape; the axis does not exist, or is symbolic.

    Example:
        >>> import chainrule as cr
        >>> x = cr.input("x", (None, 5), "float64")
        >>> cr.evaluate(irfft(*rfft(x), length=5), {"x": [[1, 2, 4, 8, 16]]}).round(12).tolist()
        [[1.0, 2.0, 4.0, 8.0, 16.0]]
    """
    _refuse_parts("irfft", real, imaginary)
    (axis,) = axes_of(real, axis)
    count = axis_length("irfft", real, axis)
    length = max(1, 2 * count - 2) if length is None else length
    if length // 2 + 1 != count or length < 1:
        expected = fact("{even} or {odd}", even=max(1, 2 * count - 2), odd=2 * count - 1)
        raise out_of_range(length, "length", "irfft", expected, fix=f"length={2 * count - 1}")
    end = length - count + 1  # the frequencies 1 to end - 1 have a conjugate
    if end > 1:
        mirrored = [flip(slice_axis(part, axis, 1, end), axis) for part in (real, imaginary)]
        real = concatenate([real, mirrored[0]], axis)
        imaginary = concatenate([imaginary, -mirrored[1]], axis)
    return ifft(real, imaginary, axis)[0]


def fft(real: Node, imaginary: Node | None = None, axis: int = -1) -> tuple[Node, Node]:
    """Return the discrete Fourier transform of complex numbers: real and imaginary part, in the shape of
    ``real``.

    Args:
        real, imaginary: the numbers; without an imaginary part they are real.
        axis: the axis, of fixed length.

    Raises:
        As ``rfft``. ShapeError E208: the parts differ in shape.
    """
    _refuse_parts("fft", real, imaginary)
    (axis,) = axes_of(real, axis)
    axis_length("fft", real, axis)
    parts = to_last(real, axis), None if imaginary is None else to_last(imaginary, axis)
    y, z = _transformed(parts, -1)
    assert z is not None
    return from_last(y, axis), from_last(z, axis)


def ifft(real: Node, imaginary: Node, axis: int = -1) -> tuple[Node, Node]:
    """Return the complex numbers whose ``fft`` is given; arguments and errors are those of ``fft``.

    Args:
        real, imaginary: the spectrum.
        axis: the axis, of fixed length.
    """
    _refuse_parts("ifft", real, imaginary)
    (axis,) = axes_of(real, axis)
    scale = 1.0 / axis_length("ifft", real, axis)
    y, z = _transformed((to_last(real, axis), to_last(imaginary, axis)), 1)
    assert z is not None
    return from_last(y * scale, axis), from_last(z * scale, axis)


def _refuse_parts(name: str, real: Node, imaginary: Node | None) -> None:
    """Refuse numbers that are no floating-point numbers, and parts of different shapes."""
    for part in (real, imaginary):
        if part is not None and not part.spec.is_float:
            kind = "floating-point"
            expected = ", ".join(FLOATS)
            fix = 'cr.cast(x, "float32")'
            raise DtypeError("E253", op=name, kind=kind, expected=expected, received=part.dtype, fix=fix)
    if imaginary is not None and imaginary.spec != real.spec:
        constraint = fact("real and imaginary part of one shape and dtype")
        received = str(imaginary.spec)
        raise ShapeError("E208", op=name, constraint=constraint, expected=str(real.spec), received=received)


def _transformed(x: Complex, sign: int) -> Complex:
    """Return the transform along the last axis, x (..., N) -> (..., N); ``sign`` of the exponent."""
    length = axis_length("fft", x[0], -1)
    divisor = max(a for a in range(1, math.isqrt(length) + 1) if length % a == 0)
    if length <= LARGEST_MATRIX or (divisor == 1 and length <= LARGEST_PRIME):
        return _times_matrix(x, np.outer(np.arange(length), np.arange(length)), length, sign)
    if divisor == 1:
        return _convolved(x, length, sign)
    a, b = divisor, length // divisor
    lead = x[0].shape[:-1]
    x = _both_parts(x, lambda part: _swapped(reshape(part, (*lead, a, b))))  # (..., N) -> (..., b, a)
    x = _transformed(x, sign)
    x = _times(x, np.outer(np.arange(b), np.arange(a)), length, sign)
    x = _transformed(_both_parts(x, _swapped), sign)  # (..., b, a) -> (..., a, b)
    return _both_parts(x, lambda part: reshape(_swapped(part), (*lead, length)))  # (..., a, b) -> (..., N)


def _convolved(x: Complex, length: int, sign: int) -> Complex:
    """Return a transform of N elements as a convolution: k n = (k^2 + n^2 - (k - n)^2) / 2."""
    size = 1 << (2 * length - 2).bit_length()
    squares = np.arange(length) ** 2 % (2 * length)
    chirp = np.zeros(size, np.complex128)
    chirp[:length] = np.exp(-sign * 1j * np.pi * squares / length)
    chirp[size - length + 1 :] = chirp[length - 1 : 0 : -1]
    spectrum = np.fft.fft(chirp) / size
    x = _times(x, squares, 2 * length, sign)
    x = _both_parts(x, lambda part: pad(part, [(0, 0)] * (part.rank - 1) + [(0, size - length)]))
    x = _product(_transformed(x, -1), spectrum.real, spectrum.imag)
    x = _both_parts(_transformed(x, 1), lambda part: slice_axis(part, part.rank - 1, 0, length))
    return _times(x, squares, 2 * length, sign)


def _times_matrix(x: Complex, exponents: np.ndarray, length: int, sign: int) -> Complex:
    """Return x (..., N) times the matrix exp(sign 2 pi i exponents / length), which is symmetric."""
    (real, imaginary), (c, s) = x, _unit(exponents, length, sign, x[0].dtype)
    if imaginary is None:
        return matmul(real, c), matmul(real, s)
    return matmul(real, c) - matmul(imaginary, s), matmul(real, s) + matmul(imaginary, c)


def _times(x: Complex, exponents: np.ndarray, length: int, sign: int) -> Complex:
    """Return the elements of x times exp(sign 2 pi i exponents / length)."""
    return _product(x, *_roots(exponents, length, sign))


def _product(x: Complex, c: np.ndarray, s: np.ndarray) -> Complex:
    """Return the elements of x times c + i s."""
    (real, imaginary), dtype = x, x[0].dtype
    cosine, sine = constant(c.astype(dtype)), constant(s.astype(dtype))
    if imaginary is None:
        return real * cosine, real * sine
    return real * cosine - imaginary * sine, real * sine + imaginary * cosine


def _unit(exponents: np.ndarray, length: int, sign: int, dtype: str) -> tuple[Node, Node]:
    cosine, sine = _roots(exponents, length, sign)
    return constant(cosine.astype(dtype)), constant(sine.astype(dtype))


def _roots(exponents: np.ndarray, length: int, sign: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the parts of exp(sign 2 pi i exponents / length); a quarter of a turn has exactly 0 and 1."""
    angles = sign * 2 * np.pi * (exponents % length) / length
    cosine, sine = np.cos(angles), np.sin(angles)
    is_quarter = exponents * 4 % length == 0
    return np.where(is_quarter, np.rint(cosine), cosine), np.where(is_quarter, np.rint(sine), sine)


def _both_parts(x: Complex, function: Callable[[Node], Node]) -> Complex:
    return function(x[0]), None if x[1] is None else function(x[1])


def _swapped(x: Node) -> Node:
    """Return x (..., M, N) as (..., N, M)."""
    return transpose(x, [*range(x.rank - 2), x.rank - 1, x.rank - 2])
