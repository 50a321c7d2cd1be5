"""The text of C99 around the statements of a network: constants and memory."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import numpy as np

from chainrule.interop.export.dialects import C
from chainrule.interop.export.loop_program import LoopProgram
from chainrule.ops.linear.int8 import symmetric_int8

INCLUDES = "#include <math.h>\n#include <stdint.h>\n"
_WIDTH = 100


def used_constants(program: LoopProgram, lines: Iterable[str] = ()) -> dict[str, np.ndarray]:
    """Return the constant arrays that the statements of a program, or further lines, read."""
    used = set(re.findall(rf"\b{program.prefix}_c[0-9]+\b", "\n".join([*program.lines, *lines])))
    return {name: array for name, array in program.constants.items() if name in used}


def constants(program: LoopProgram, lines: Iterable[str] = (), is_int8: bool = False) -> str:
    """Return ``used_constants`` as C; with ``is_int8`` larger arrays of float32 as integers with factors."""
    used = used_constants(program, lines)
    return "".join(
        stored_int8(name, array) if is_int8 and is_stored_int8(array) else constant(name, array)
        for name, array in used.items()
    )


def constant(name: str, array: np.ndarray) -> str:
    """Return a constant array as C."""
    dtype = array.dtype.name
    numbers = [C.literal(value, dtype) for value in array.reshape(-1).tolist()] or ["0"]
    return f"static const {C.types[dtype]} {name}[{len(numbers)}] = {{\n{wrapped(numbers)}\n}};\n"


# Weights of 8 bits: blocks of ``BLOCK`` neighbors share a factor, w = factor q with q from -127 to 127, as in
# the format Q8_0 of GGML. The network computes in float32.

BLOCK = 32
SMALLEST = 64  # numbers of an array that is stored in 8 bits


def is_stored_int8(array: np.ndarray) -> bool:
    """Return whether an array is stored in 8 bits."""
    return array.dtype == np.float32 and array.size >= SMALLEST and bool(np.isfinite(array).all())


def int8_of(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return an array as integers, and the factor of each block.

    Example:
        >>> [part.tolist() for part in int8_of(np.array([0.0, 127.0, -63.5], np.float32))]
        [[0, 127, -64], [1.0]]
    """
    flat = array.reshape(-1)
    padded = np.zeros(-(-flat.size // BLOCK) * BLOCK, np.float32)
    padded[: flat.size] = flat
    integers, factors = symmetric_int8(padded.reshape(-1, BLOCK))
    return integers.reshape(-1)[: flat.size].astype(np.int8), factors


def stored_int8(name: str, array: np.ndarray) -> str:
    """Return a constant array of 8 bits as C, with its factors."""
    integers, factors = int8_of(array)
    numbers = wrapped(map(str, integers.tolist()))
    stored = f"static const int8_t {name}[{len(integers)}] = {{\n{numbers}\n}};\n"
    return constant(f"{name}_factors", factors) + stored


def with_factors(lines: Iterable[str], names: Collection[str]) -> list[str]:
    """Return statements in which the elements of these arrays are multiplied by the factors of their blocks.

    Example:
        >>> with_factors(["y[i] = m_c0[4 * i + k[j]];"], ["m_c0"])
        ['y[i] = (m_c0_factors[(4 * i + k[j]) / 32] * m_c0[4 * i + k[j]]);']
    """
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, names))})\[") if names else None
    return [line if pattern is None else _scaled(line, pattern) for line in lines]


def _scaled(line: str, pattern: re.Pattern[str]) -> str:
    match = pattern.search(line)
    if match is None:
        return line
    depth, end = 1, match.end()
    while depth:
        depth += {"[": 1, "]": -1}.get(line[end], 0)
        end += 1
    name, index = match[1], _scaled(line[match.end() : end - 1], pattern)
    element = f"({name}_factors[({index}) / {BLOCK}] * {name}[{index}])"
    return line[: match.start()] + element + _scaled(line[end:], pattern)


def wrapped(words: Iterable[str]) -> str:
    """Return words with commas in lines."""
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) > _WIDTH:
            lines.append("")
        lines[-1] += f"{word}, "
    return "\n".join(f"    {line.rstrip()}" for line in lines)


def memory(program: LoopProgram) -> str:
    """Return the static memory of a program."""
    return "".join(
        f"static {kind} {program.prefix}_{kind}s[{size}];\n" for kind, size in program.memory.sizes.items()
    )


def text(words: str) -> str:
    """Return a text as a C literal in UTF-8.

    Example:
        >>> text('5" é')
        '"5\\\\042 \\\\303\\\\251"'
    """
    plain = "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in words.encode()
    )
    return f'"{plain}"'
