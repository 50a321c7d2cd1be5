"""The notation of loops over arrays in C99 and in JavaScript: types, numbers, functions, declarations."""

from __future__ import annotations

import math
import re
from typing import Any, Protocol

FUNCTIONS = "fabs cos erf exp floor isfinite log1p log pow sin sqrt tanh".split()
_CALL = re.compile(rf"\b({'|'.join(FUNCTIONS)})\(")
_SINGLE = tuple(name for name in FUNCTIONS if name != "isfinite")  # functions with a form for float


class Dialect(Protocol):
    """How a language writes what differs in its loops.

    Args:
        name: of the format.
        language: for messages.
        types: the type of the elements of an array, by dtype.
        index, constant: the declaration of an index that changes, and of one that does not.
        has_local_arrays: whether a small array costs nothing to declare in a loop.
    """

    name: str
    language: str
    types: dict[str, str]
    index: str
    constant: str
    has_local_arrays: bool

    def literal(self, value: Any, dtype: str) -> str:
        """Return a number."""
        ...

    def functions(self, expression: str, dtype: str) -> str:
        """Return an expression, written with the functions of C, for operands of a dtype."""
        ...

    def cast(self, dtype: str) -> str:
        """Return the template of the conversion of a number."""
        ...

    def variable(self, dtype: str) -> str:
        """Return the declaration of a variable."""
        ...

    def part(self, name: str, dtype: str, memory: str, start: int, count: int) -> str:
        """Return the declaration of a name for a part of an array."""
        ...


class _C:
    name, language = "c", "C"
    types = {
        "float32": "float",
        "float64": "double",
        "int32": "int32_t",
        "int64": "int64_t",
        "uint32": "uint32_t",
        "bool": "uint8_t",
    }
    index, constant = "int", "const int"
    has_local_arrays = True

    def literal(self, value: Any, dtype: str) -> str:
        """Return a number.

        Example:
            >>> C.literal(0.5, "float32"), C.literal(3, "int64"), C.literal(float("-inf"), "float64")
            ('0.5f', '3', '-INFINITY')
        """
        if dtype not in ("float32", "float64"):
            number = int(value)
            return str(number) if abs(number) < 2**31 else f"INT64_C({number})"
        if math.isnan(value):
            return "NAN"
        if math.isinf(value):
            return "-INFINITY" if value < 0 else "INFINITY"
        text = repr(float(value)) if dtype == "float64" else f"{value:.9g}"
        text = text if any(sign in text for sign in ".e") else f"{text}.0"
        return text if dtype == "float64" else f"{text}f"

    def functions(self, expression: str, dtype: str) -> str:
        if dtype != "float32":
            return expression
        return _CALL.sub(lambda call: f"{call[1]}{'f' * (call[1] in _SINGLE)}(", expression)

    def cast(self, dtype: str) -> str:
        return f"({self.types[dtype]}){{0}}"

    def variable(self, dtype: str) -> str:
        return self.types[dtype]

    def part(self, name: str, dtype: str, memory: str, start: int, count: int) -> str:
        return f"{self.types[dtype]} *const {name} = {memory} + {start};"


class _JavaScript:
    """Numbers are float64; arrays round them. Integers of 64 bits are exact below 2^53."""

    name, language = "html", "JavaScript"
    types = {
        "float32": "Float32Array",
        "float64": "Float64Array",
        "int32": "Int32Array",
        "int64": "Float64Array",
        "uint32": "Uint32Array",
        "bool": "Uint8Array",
    }
    index, constant = "let", "const"
    has_local_arrays = False
    _names = {"fabs": "Math.abs", "isfinite": "Number.isFinite", "erf": "erf", "pow": "pow"}

    def literal(self, value: Any, dtype: str) -> str:
        """Return a number.

        Example:
            >>> JavaScript.literal(0.5, "float32"), JavaScript.literal(float("-inf"), "float64")
            ('0.5', '-Infinity')
        """
        if dtype not in ("float32", "float64"):
            return str(int(value))
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "-Infinity" if value < 0 else "Infinity"
        return repr(float(value))

    def functions(self, expression: str, dtype: str) -> str:
        return _CALL.sub(lambda call: f"{self._names.get(call[1], f'Math.{call[1]}')}(", expression)

    def cast(self, dtype: str) -> str:
        return "{0}" if dtype.startswith("float") else "Math.trunc({0})"

    def variable(self, dtype: str) -> str:
        return "let"

    def part(self, name: str, dtype: str, memory: str, start: int, count: int) -> str:
        return f"const {name} = {memory}.subarray({start}, {start + count});"


C: Dialect = _C()
JavaScript: Dialect = _JavaScript()
