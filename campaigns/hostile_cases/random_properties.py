"""Random VNN-LIB properties, mutations of their text, and an evaluation that shares no code with the reader.

``violates`` computes the assertions of a text for given inputs and outputs in fractions. The cases that
``read_vnnlib`` returns must contain exactly the points that violate.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

WORDS = (
    "(",
    ")",
    "and",
    "or",
    "not",
    "assert",
    "declare-const",
    "declare-fun",
    "Real",
    "Int",
    "<=",
    ">=",
    "<",
    ">",
    "=",
    "+",
    "-",
    "*",
    "/",
    "X_0",
    "X_1",
    "X_00",
    "X_-1",
    "X_9999999",
    "Y_0",
    "Y_1",
    "Y_00",
    "Z_0",
    "0",
    "1",
    "-1",
    "0.5",
    "-.5",
    "1.",
    "1e9",
    "1e-999",
    "1e999",
    "1e99999999",
    "9" * 70,
    "nan",
    "inf",
    "0x1",
    "|a b|",
    '"text"',
    ";",
    "\0",
    "ß",
    "\u2028",
    "(" * 70,
    "(- 1)",
    "(+ X_0 X_0)",
    "(* 1e999 Y_0)",
    "()",
    "(check-sat)",
    "(set-logic QF_LRA)",
)
_TOKEN = re.compile(r"[()]|[^()\s]+")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def random_property(draw: random.Random, inputs: int, outputs: int) -> str:
    """A property of a network with this many inputs and outputs."""
    lines = [f"(declare-const X_{i} Real)" for i in range(inputs)]
    lines += [f"(declare-const Y_{i} Real)" for i in range(outputs)]
    for i in range(inputs):
        low, high = sorted(draw.sample((-2, -1, -0.5, 0, 0.25, 1, 2), 2))
        words = "<=" if draw.random() < 0.9 else "<"
        lines += [f"(assert ({words} {low} X_{i}))", f"(assert ({words} X_{i} {high}))"]
    for _ in range(draw.randint(0, 2)):
        lines.append(f"(assert {_condition(draw, inputs, outputs, 2)})")
    return "\n".join(lines) + "\n"


def _condition(draw: random.Random, inputs: int, outputs: int, depth: int) -> str:
    if depth and draw.random() < 0.5:
        parts = [_condition(draw, inputs, outputs, depth - 1) for _ in range(draw.randint(1, 3))]
        return f"({draw.choice(('and', 'or'))} {' '.join(parts)})"
    if draw.random() < 0.3:
        return f"({draw.choice(('<=', '>=', '<'))} X_{draw.randrange(inputs)} {draw.choice((-1, 0, 0.5))})"
    return f"({draw.choice(('<=', '>=', '<', '>', '='))} {_term(draw, outputs, 2)} {_term(draw, outputs, 1)})"


def _term(draw: random.Random, outputs: int, depth: int) -> str:
    kind = draw.randrange(6) if depth else draw.randrange(2)
    if kind < 2:
        return f"Y_{draw.randrange(outputs)}" if kind else str(draw.choice((-1, 0, 0.5, 2, 1e3)))
    if kind == 2:
        return f"(* {draw.choice((-1, 0.5, 2))} {_term(draw, outputs, depth - 1)})"
    parts = " ".join(_term(draw, outputs, depth - 1) for _ in range(draw.randint(1, 2)))
    return f"({draw.choice('+-')} {parts})"


def mutated_text(draw: random.Random, text: str) -> str:
    """The text with one to four words exchanged, deleted, doubled or replaced."""
    words = re.split(r"([()\s])", text)
    for _ in range(draw.choice((1, 1, 2, 4))):
        place, kind = draw.randrange(len(words)), draw.randrange(5)
        other = draw.randrange(len(words))
        if kind == 0:
            words[place], words[other] = words[other], words[place]
        elif kind == 1:
            words[place] = ""
        elif kind == 2:
            first, last = sorted((place, other))
            words[first:first] = words[first : min(last, first + 40)] * draw.choice((1, 1, 20))
        else:
            words[place] = draw.choice(WORDS)
    return "".join(words)


def violates(text: str, x: Sequence[Fraction], y: Sequence[Fraction]) -> bool:
    """Whether inputs and outputs satisfy all assertions of a text that the reader accepts."""
    plain = re.sub(r"\|[^|]*\||\"[^\"]*\"", "text", re.sub(r";[^\r\n]*", "", text))
    values = {f"X_{i}": v for i, v in enumerate(x)} | {f"Y_{i}": v for i, v in enumerate(y)}
    tokens = iter(_TOKEN.findall(plain))
    satisfied = True
    for token in tokens:
        assert token == "("
        expression = _parsed(tokens)
        if expression and expression[0] == "assert":
            satisfied &= bool(_value(expression[1], values))
    return satisfied


def _parsed(tokens: Iterator[str]) -> list[Any]:
    parts: list[Any] = []
    for token in tokens:
        if token == ")":
            break
        parts.append(_parsed(tokens) if token == "(" else token)
    return parts


def _value(expression: Any, values: dict[str, Fraction]) -> Any:
    """The value of an expression: a fraction or a truth value."""
    if isinstance(expression, str):
        return Fraction(expression) if _NUMBER.fullmatch(expression) else values[expression]
    name, parts = expression[0], [_value(part, values) for part in expression[1:]]
    if name in ("and", "or"):
        return all(parts) if name == "and" else any(parts)
    if name == "+":
        return sum(parts, Fraction(0))
    if name == "*":
        return parts[0] * parts[1]
    if name == "-":
        return -parts[0] if len(parts) == 1 else parts[0] - parts[1]
    left, right = parts
    return {
        "<=": left <= right,
        ">=": left >= right,
        "<": left < right,
        ">": left > right,
        "=": left == right,
    }[name]
