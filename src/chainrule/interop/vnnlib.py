"""Properties of networks in the VNN-LIB format, a subset of SMT-LIB.

    (declare-const X_0 Real)          an input; Y_0, Y_1, ... are outputs
    (assert (<= X_0 0.5))             a bound of an input
    (assert (or (and (<= Y_0 Y_1) (<= Y_0 Y_2)) (>= Y_3 1.5)))

The assertions describe the violations: the property holds if no input satisfies all of them. They are
expanded to cases, each a box of inputs and conditions on the outputs that are all true. Numbers are read as
fractions, so nothing is rounded here. The file is untrusted: its length, depth and number of cases are
bounded, and nothing in it is executed.

Reference: Demarchi, Guidotti, Pulina and Tacchella (2023), Supporting standardization of neural networks
verification with VNN-LIB and CoCoNet (FoMLAS).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import TypeAlias

import numpy as np

from chainrule.bounds.requirement import Case
from chainrule.errors import FileError, Message, fact
from chainrule.interop.refusals import clipped
from chainrule.records import frozen
from chainrule.store import atomic_write

LIMIT = 2**24  # bytes of a file
DEPTH = 64
CASES = 10_000
VARIABLES = 2**20
_TOKEN = re.compile(r"[()]|[^\s()]+")
_NUMBER = re.compile(r"[+-]?(\d{1,60}\.?\d{0,60}|\.\d{1,60})([eE][+-]?\d{1,3})?")
_VARIABLE = re.compile(r"([XY])_(\d{1,7})")
Expression: TypeAlias = "list[Expression] | Token"
Linear: TypeAlias = "dict[str, Fraction]"  # coefficients by variable; "" is the constant
Clause: TypeAlias = "list[Linear]"  # linear functions that are all 0 or below


@frozen
class Token:
    """A word of the file and its line."""

    text: str
    line: int


def read_vnnlib(path: str | os.PathLike[str], inputs: int, outputs: int) -> tuple[Case, ...]:
    """Read a property.

    Args:
        path: the file.
        inputs, outputs: how many numbers the network takes and computes.

    Returns:
        the cases of a violation; none if the assertions contradict one another.

    Raises:
        FileError: E401 to E410 it cannot be read; E460 not a property of this form; E461 a property of a
            network with other inputs or outputs.
    """
    return _Reader(os.fspath(path), inputs, outputs).cases(atomic_write.read(path, LIMIT))


class _Reader:
    def __init__(self, where: str, inputs: int, outputs: int) -> None:
        self._where = where
        self._counts = {"X": inputs, "Y": outputs}

    def cases(self, data: bytes) -> tuple[Case, ...]:
        clauses: list[Clause] = [[]]
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise self._refused(1, fact("text in UTF-8"), fact("other bytes")) from None
        for expression in self._expressions(text):
            name = self._name(expression)
            if name == "assert" and isinstance(expression, list) and len(expression) == 2:
                clauses = self._product(clauses, self._clauses(expression[1]), self._line(expression))
            elif name == "declare-const" and isinstance(expression, list) and len(expression) == 3:
                self._declared(expression[1])
            elif name not in ("set-logic", "set-info", "check-sat"):
                raise self._refused(self._line(expression), "declare-const, assert", name or "()")
        cases = (self._case(clause) for clause in clauses)
        return tuple(case for case in cases if case is not None)

    # --- expressions

    def _tokens(self, text: str) -> Iterator[Token]:
        for number, line in enumerate(text.splitlines(), 1):
            for match in _TOKEN.finditer(line.partition(";")[0]):
                yield Token(match.group(), number)

    def _expressions(self, text: str) -> Iterator[Expression]:
        """The expressions of the file as nested lists."""
        open_lists: list[list[Expression]] = []
        starts: list[int] = []
        for token in self._tokens(text):
            if token.text == "(":
                open_lists.append([])
                starts.append(token.line)
                if len(open_lists) > DEPTH:
                    raise self._refused(
                        token.line,
                        fact("at most {limit} parentheses in one another", limit=DEPTH),
                        fact("more"),
                    )
            elif not open_lists:
                raise self._refused(token.line, "(", token.text)
            elif token.text == ")":
                done = open_lists.pop()
                starts.pop()
                if open_lists:
                    open_lists[-1].append(done)
                else:
                    yield done
            else:
                open_lists[-1].append(token)
        if open_lists:
            raise self._refused(starts[0], ")", fact("the end of the file"))

    def _name(self, expression: Expression) -> str:
        head = expression[0] if isinstance(expression, list) and expression else None
        return head.text if isinstance(head, Token) else ""

    def _line(self, expression: Expression) -> int:
        while isinstance(expression, list):
            if not expression:
                return 1
            expression = expression[0]
        return expression.line

    # --- meaning

    def _declared(self, expression: Expression) -> None:
        if not isinstance(expression, Token) or not _VARIABLE.fullmatch(expression.text):
            raise self._refused(self._line(expression), "X_0, Y_0", self._text(expression))
        self._require_known(expression)

    def _require_known(self, token: Token) -> None:
        match = _VARIABLE.fullmatch(token.text)
        assert match is not None
        kind, number = match.group(1), int(match.group(2))
        if number >= self._counts[kind]:
            noun = fact("{count} inputs" if kind == "X" else "{count} outputs", count=self._counts[kind])
            raise FileError("E461", where=f"{self._where}:{token.line}", expected=noun, received=token.text)

    def _clauses(self, expression: Expression) -> list[Clause]:
        """The disjunctive normal form of an assertion."""
        name = self._name(expression)
        arguments = expression[1:] if isinstance(expression, list) else []
        if name == "or" and arguments:
            clauses = [clause for part in arguments for clause in self._clauses(part)]
            self._limit(len(clauses), self._line(expression))
            return clauses
        if name == "and" and arguments:
            result: list[Clause] = [[]]
            for part in arguments:
                result = self._product(result, self._clauses(part), self._line(expression))
            return result
        if name in ("<=", ">=") and len(arguments) == 2:
            left, right = (self._linear(part) for part in arguments)
            low, high = (left, right) if name == "<=" else (right, left)
            return [[_sum(low, high, Fraction(-1))]]
        raise self._refused(self._line(expression), "<=, >=, and, or", name or self._text(expression))

    def _product(self, first: list[Clause], second: list[Clause], line: int) -> list[Clause]:
        self._limit(len(first) * len(second), line)
        return [[*a, *b] for a in first for b in second]

    def _limit(self, count: int, line: int) -> None:
        if count > CASES:
            raise self._refused(line, fact("at most {limit:,} cases", limit=CASES), f"{count:,}")

    def _linear(self, expression: Expression) -> Linear:
        """A linear term."""
        if isinstance(expression, Token):
            if _VARIABLE.fullmatch(expression.text):
                self._require_known(expression)
                return {expression.text: Fraction(1)}
            if _NUMBER.fullmatch(expression.text):
                return {"": Fraction(expression.text)}
            raise self._refused(expression.line, fact("a number, X_0 or Y_0"), expression.text)
        name, line = self._name(expression), self._line(expression)
        parts = [self._linear(part) for part in expression[1:]]
        if name == "+" and parts:
            total: Linear = {}
            for part in parts:
                total = _sum(total, part, Fraction(1))
            return total
        if name == "-" and len(parts) == 1:
            return _sum({}, parts[0], Fraction(-1))
        if name == "-" and len(parts) == 2:
            return _sum(parts[0], parts[1], Fraction(-1))
        if name == "*" and len(parts) == 2:
            numbers = [part for part in parts if set(part) <= {""}]
            if numbers:
                other = parts[1] if numbers[0] is parts[0] else parts[0]
                return _sum({}, other, numbers[0].get("", Fraction(0)))
        raise self._refused(line, fact("a linear term: +, -, * with a number"), self._text(expression))

    def _case(self, clause: Clause) -> Case | None:
        """The case of a clause; ``None`` if no input has all its bounds."""
        count = self._counts["X"]
        lower: list[Fraction | None] = [None] * count
        upper: list[Fraction | None] = [None] * count
        rows: list[np.ndarray] = []
        limits: list[Fraction] = []
        for linear in clause:
            names = [name for name, value in linear.items() if name and value]
            limit = -linear.get("", Fraction(0))
            if not names:
                if limit < 0:
                    return None
            elif all(name[0] == "Y" for name in names):
                rows.append(self._row(linear, names))
                limits.append(limit)
            elif len(names) == 1:
                _tighten(lower, upper, int(names[0][2:]), linear[names[0]], limit)
            else:
                raise self._refused(
                    1, fact("conditions on one input, or on outputs alone"), ", ".join(names[:4])
                )
        missing = [f"X_{i}" for i in range(count) if lower[i] is None or upper[i] is None]
        if missing:
            raise self._refused(1, fact("a lower and an upper bound of each input"), ", ".join(missing[:4]))
        low, high = tuple(v for v in lower if v is not None), tuple(v for v in upper if v is not None)
        if any(a > b for a, b in zip(low, high, strict=True)):
            return None
        coefficients = np.array(rows).reshape(len(rows), self._counts["Y"])
        return Case(low, high, coefficients, tuple(limits))

    def _row(self, linear: Linear, names: list[str]) -> np.ndarray:
        row = np.zeros(self._counts["Y"])
        for name in names:
            value = float(linear[name])
            if Fraction(value) != linear[name]:
                raise self._refused(
                    1, fact("coefficients that are exact in float64, such as -1 or 0.5"), name
                )
            row[int(name[2:])] = value
        return row

    def _text(self, expression: Expression) -> str:
        if isinstance(expression, Token):
            return expression.text
        return f"({' '.join(self._text(part) for part in expression[:6])})" if expression else "()"

    def _refused(self, line: int, expected: str | Message, received: str) -> FileError:
        return FileError(
            "E460", where=f"{self._where}:{line}", expected=expected, received=clipped(received, 100)
        )


def _sum(a: Linear, b: Linear, factor: Fraction) -> Linear:
    """``a + factor * b``."""
    total = dict(a)
    for name, value in b.items():
        total[name] = total.get(name, Fraction(0)) + factor * value
    return total


def _tighten(
    lower: list[Fraction | None], upper: list[Fraction | None], i: int, factor: Fraction, limit: Fraction
) -> None:
    """Add the bound ``factor * x <= limit`` of an input."""
    bound = limit / factor
    ends, is_tighter = (upper, bound.__lt__) if factor > 0 else (lower, bound.__gt__)
    known = ends[i]
    if known is None or is_tighter(known):
        ends[i] = bound
