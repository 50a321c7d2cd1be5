"""The text of JavaScript around the statements of a network: weights and memory."""

from __future__ import annotations

import base64
import re

import numpy as np

from chainrule.interop.export.dialects import JavaScript
from chainrule.interop.export.loop_program import LoopProgram

_ALIGNED = 8  # bytes: typed arrays begin at multiples of the size of their elements


class Weights:
    """Arrays that follow each other in one buffer, which the file contains as base64."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, array: np.ndarray) -> str:
        """Add an array; return the expression of its elements."""
        kind = JavaScript.types[array.dtype.name]
        dtype = np.dtype(kind.removesuffix("Array").lower()).newbyteorder("<")
        content = np.ascontiguousarray(array, dtype).tobytes()
        content += bytes(-len(content) % _ALIGNED)
        expression = f"new {kind}(weights, {self._size}, {array.size})"
        self._parts.append(content)
        self._size += len(content)
        return expression

    def text(self) -> str:
        """Return the buffer as base64."""
        return base64.b64encode(b"".join(self._parts)).decode()


def constants(program: LoopProgram, weights: Weights) -> str:
    """Return the constant arrays that the statements of a program read."""
    used = set(re.findall(rf"\b{program.prefix}_c[0-9]+\b", "\n".join(program.lines)))
    return "".join(
        f"const {name} = {weights.add(array)};\n" for name, array in program.constants.items() if name in used
    )


def memory(program: LoopProgram) -> str:
    """Return the static memory of a program."""
    return "".join(
        f"const {program.prefix}_{kind}s = new {kind}({size});\n"
        for kind, size in program.memory.sizes.items()
    )
