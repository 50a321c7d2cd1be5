"""Random numbers as a function of key and position: Threefry-2x32, the same bits as ``chainrule.prng``.

Normal numbers are computed with the operations of ``chainrule.portable_math`` in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from llvmlite import ir

from chainrule import portable_math
from chainrule.engines.native.codegen.ir_builder import I64, FunctionBuilder, Value
from chainrule.engines.native.codegen.vector import scalar_type

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
WORD = ir.IntType(32)
DOUBLE = ir.DoubleType()
UNUSED_BITS = {"float32": 8, "float64": 0}  # float32 has 24 bits


def random_numbers(code: FunctionBuilder, dtype: str, distribution: str) -> None:
    """Sample random numbers of a distribution, ``"uniform"`` in [0, 1) or ``"normal"``.

    Block: [count, first position, address of the key (two uint32), stream high, stream low, Y].
    """
    count, first, key, high, low, y = (code.word(i) for i in range(6))
    key_words, stream = _key(code, key), _words(code, high, low)
    k0, k1 = threefry(code, *key_words, *stream)
    numbers = code.pointer(y, scalar_type(dtype))
    with code.for_range(I64(0), count) as i:
        position = code.plus(first, i)
        words = threefry(code, k0, k1, *_words(code, code.builder.lshr(position, I64(32)), position))
        code.builder.store(DISTRIBUTIONS[distribution](code, words, dtype), code.element(numbers, i))


def random_numbers_of_rows(code: FunctionBuilder, dtype: str, distribution: str) -> None:
    """Sample random numbers of a distribution with one key for each row.

    Block: [rows, numbers of a row, address of the keys (rows, 2), stream high, stream low, Y].
    """
    rows, width, keys, high, low, y = (code.word(i) for i in range(6))
    stream, numbers = _words(code, high, low), code.pointer(y, scalar_type(dtype))
    with code.for_range(I64(0), rows) as row:
        k0, k1 = threefry(code, *_key(code, code.plus(keys, code.times(row, 8))), *stream)
        line = code.element(numbers, code.times(row, width))
        with code.for_range(I64(0), width) as i:
            words = threefry(code, k0, k1, WORD(0), code.builder.trunc(i, WORD))
            code.builder.store(DISTRIBUTIONS[distribution](code, words, dtype), code.element(line, i))


def threefry(code: FunctionBuilder, k0: Value, k1: Value, high: Value, low: Value) -> tuple[Value, Value]:
    """Return the two words that the key maps the position (high, low) to."""
    b = code.builder
    k2 = b.xor(b.xor(k0, k1), WORD(0x1BD11BDA))
    x, y = b.add(high, k0), b.add(low, k1)
    for group in range(5):
        for turn in ROTATIONS[group % 2]:
            x = b.add(x, y)
            y = b.xor(b.or_(b.shl(y, WORD(turn)), b.lshr(y, WORD(32 - turn))), x)
        first, second = ((k1, k2), (k2, k0), (k0, k1))[group % 3]
        x, y = b.add(x, first), b.add(b.add(y, second), WORD(group + 1))
    return x, y


def _key(code: FunctionBuilder, address: Value) -> tuple[Value, Value]:
    return code.load(address, WORD, 4), code.load(code.plus(address, 4), WORD, 4)


def _words(code: FunctionBuilder, high: Value, low: Value) -> tuple[Value, Value]:
    return code.builder.trunc(high, WORD), code.builder.trunc(low, WORD)


def _uniform(code: FunctionBuilder, words: tuple[Value, Value], dtype: str) -> Value:
    """Return a number in [0, 1) from the first word."""
    unused, real = UNUSED_BITS[dtype], scalar_type(dtype)
    used = code.builder.lshr(words[0], WORD(unused)) if unused else words[0]
    return code.builder.fmul(code.builder.uitofp(used, real), ir.Constant(real, 2.0 ** (unused - 32)))


def _normal(code: FunctionBuilder, words: tuple[Value, Value], dtype: str) -> Value:
    """Return a normal number by the Box-Muller transform, computed in float64; see ``prng.normal``."""
    b = code.builder
    u, v = (b.uitofp(word, DOUBLE) for word in words)
    logarithm = _log(code, b.fmul(b.fadd(u, DOUBLE(0.5)), DOUBLE(2.0**-32)))
    radius = code.intrinsic("llvm.sqrt.f64", DOUBLE, b.fmul(DOUBLE(-2.0), logarithm))
    number = b.fmul(radius, _cos_of_turns(code, b.fmul(v, DOUBLE(2.0**-32))))
    return number if dtype == "float64" else b.fptrunc(number, scalar_type(dtype))


def _log(code: FunctionBuilder, x: Value) -> Value:
    """Return the natural logarithm; see ``portable_math.log``."""
    b = code.builder
    bits = b.bitcast(x, I64)
    n = b.ashr(b.sub(bits, I64(portable_math.SQRT_HALF)), I64(52))
    f = b.fsub(b.bitcast(b.sub(bits, b.shl(n, I64(52))), DOUBLE), DOUBLE(1.0))
    s = b.fdiv(f, b.fadd(DOUBLE(2.0), f))
    square, exponent = b.fmul(s, s), b.sitofp(n, DOUBLE)
    rest = b.fmul(s, b.fsub(f, b.fmul(square, _polynomial(code, square, portable_math.LOG))))
    small = b.fsub(b.fmul(exponent, DOUBLE(portable_math.LN2_LOW)), rest)
    return b.fadd(b.fmul(exponent, DOUBLE(portable_math.LN2_HIGH)), b.fadd(f, small))


def _cos_of_turns(code: FunctionBuilder, x: Value) -> Value:
    """Return the cosine of an angle in turns; see ``portable_math.cos_of_turns``."""
    b = code.builder
    t = b.fsub(DOUBLE(0.25), x)
    t = b.select(b.fcmp_ordered("<", t, DOUBLE(-0.25)), b.fsub(DOUBLE(-0.5), t), t)
    angle = b.fmul(t, DOUBLE(2.0 * math.pi))
    square = b.fmul(angle, angle)
    series = _polynomial(code, square, portable_math.SIN_TO_QUARTER)
    return b.fadd(angle, b.fmul(b.fmul(angle, square), series))


def _polynomial(code: FunctionBuilder, x: Value, coefficients: tuple[float, ...]) -> Value:
    """Return c0 + x (c1 + x (c2 + ...)), lowest power first."""
    total = DOUBLE(coefficients[-1])
    for c in coefficients[-2::-1]:
        total = code.builder.fadd(code.builder.fmul(total, x), DOUBLE(c))
    return total


DISTRIBUTIONS: dict[str, Callable[[FunctionBuilder, tuple[Value, Value], str], Value]] = {
    "uniform": _uniform,
    "normal": _normal,
}
"""What writes a number of a dtype from two words of random bits."""
