"""The text of C99 around the statements of a network: constants and memory."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from chainrule.interop.export.dialects import C
from chainrule.interop.export.loop_program import LoopProgram

INCLUDES = "#include <math.h>\n#include <stdint.h>\n"
_WIDTH = 100


def used_constants(program: LoopProgram, lines: Iterable[str] = ()) -> dict[str, np.ndarray]:
    """Return the constant arrays that the statements of a program, or further lines, read."""
    used = set(re.findall(rf"\b{program.prefix}_c[0-9]+\b", "\n".join([*program.lines, *lines])))
    return {name: array for name, array in program.constants.items() if name in used}


def constants(program: LoopProgram, lines: Iterable[str] = ()) -> str:
    """Return ``used_constants`` as C."""
    return "".join(constant(name, array) for name, array in used_constants(program, lines).items())


def constant(name: str, array: np.ndarray) -> str:
    """Return a constant array as C."""
    dtype = array.dtype.name
    numbers = [C.literal(value, dtype) for value in array.reshape(-1).tolist()] or ["0"]
    return f"static const {C.types[dtype]} {name}[{len(numbers)}] = {{\n{wrapped(numbers)}\n}};\n"


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
