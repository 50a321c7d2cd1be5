"""Random numbers as a function of key and position: Threefry-2x32, the same bits as ``chainrule.prng``."""

from __future__ import annotations

from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I64, FunctionBuilder, Value
from chainrule.engines.native.codegen.vector import scalar_type

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
WORD = ir.IntType(32)
UNUSED_BITS = {"float32": 8, "float64": 0}  # float32 has 24 bits


def uniform_numbers(code: FunctionBuilder, dtype: str) -> None:
    """Sample uniform random numbers in [0, 1).

    Block: [count, first position, address of the key (two uint32), stream high, stream low, Y].
    """
    count, first, key, high, low, y = (code.word(i) for i in range(6))
    key_words, stream = _key(code, key), _words(code, high, low)
    k0, k1 = threefry(code, *key_words, *stream)
    numbers = code.pointer(y, scalar_type(dtype))
    with code.for_range(I64(0), count) as i:
        position = code.plus(first, i)
        high_word = code.builder.lshr(position, I64(32))
        bits, _ = threefry(code, k0, k1, *_words(code, high_word, position))
        code.builder.store(_number(code, bits, dtype), code.element(numbers, i))


def uniform_numbers_of_rows(code: FunctionBuilder, dtype: str) -> None:
    """Sample uniform random numbers in [0, 1) with one key for each row.

    Block: [rows, numbers of a row, address of the keys (rows, 2), stream high, stream low, Y].
    """
    rows, width, keys, high, low, y = (code.word(i) for i in range(6))
    stream, numbers = _words(code, high, low), code.pointer(y, scalar_type(dtype))
    with code.for_range(I64(0), rows) as row:
        k0, k1 = threefry(code, *_key(code, code.plus(keys, code.times(row, 8))), *stream)
        line = code.element(numbers, code.times(row, width))
        with code.for_range(I64(0), width) as i:
            bits, _ = threefry(code, k0, k1, WORD(0), code.builder.trunc(i, WORD))
            code.builder.store(_number(code, bits, dtype), code.element(line, i))


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


def _number(code: FunctionBuilder, bits: Value, dtype: str) -> Value:
    """Return a number in [0, 1) from a word of random bits."""
    unused, real = UNUSED_BITS[dtype], scalar_type(dtype)
    used = code.builder.lshr(bits, WORD(unused)) if unused else bits
    return code.builder.fmul(code.builder.uitofp(used, real), ir.Constant(real, 2.0 ** (unused - 32)))
