"""Properties of networks in the VNN-LIB format, a subset of SMT-LIB.

    (declare-const X_0 Real)          an input; Y_0, Y_1, ... are outputs
    (assert (<= X_0 0.5))             a bound of an input
    (assert (or (and (<= Y_0 Y_1) (< Y_0 Y_2)) (>= Y_3 1.5)))

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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

import numpy as np

from chainrule.bounds.requirement import Case
from chainrule.errors import FileError, Message, fact
from chainrule.interop.refusals import clipped
from chainrule.memoization import cached_property
from chainrule.records import frozen
from chainrule.store import atomic_write

# Lists of words in parentheses, the syntax of SMT-LIB: ``(assert (<= X_0 0.5)) ; comment``.
#
# White space is blank, tab and line end; a comment reaches to the line end; texts ``"..."`` and names
# ``|...|`` may contain everything else, also parentheses. What the standard does not allow is refused, not
# skipped: a reader that takes another character for a line end sees assertions where others see a comment.
#
# Reference: Barrett, Fontaine and Tinelli (2017), The SMT-LIB standard, version 2.6, section 3.1.

DEPTH = 64
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+|;[^\r\n]*)"""
    r"""|(?P<token>[()]|"(?:[^"]|"")*"|\|[^|\\]*\||[A-Za-z0-9~!@$%^&*_+=<>.?/:#-]+)"""
)
Expression: TypeAlias = "list[Expression] | Token"
Refuse: TypeAlias = "Callable[[int, str | Message, str], FileError]"


@frozen
class Token:
    """A word of the file and its line."""

    text: str
    line: int


def tokens(text: str, refused: Refuse) -> Iterator[Token]:
    """Yield the words and parentheses of a text."""
    place, line = 0, 1
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise refused(line, fact("ASCII words and parentheses"), text[place : place + 20])
        if match.lastgroup == "token":
            yield Token(match.group(), line)
        line += match.group().count("\n")
        place = match.end()


def expressions(text: str, refused: Refuse) -> Iterator[Expression]:
    """Yield the expressions of a text as nested lists.

    Args:
        text: the content of a file.
        refused: the error for a line, what was expected and what was received.

    Example:
        >>> [first] = expressions("(a (b))", lambda line, expected, received: FileError("E460"))
        >>> [part.text for part in first if isinstance(part, Token)]
        ['a']
    """
    open_lists: list[list[Expression]] = []
    starts: list[int] = []
    for token in tokens(text, refused):
        if token.text == "(":
            open_lists.append([])
            starts.append(token.line)
            if len(open_lists) > DEPTH:
                raise refused(
                    token.line, fact("at most {limit} parentheses in one another", limit=DEPTH), fact("more")
                )
        elif not open_lists:
            raise refused(token.line, "(", token.text)
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
        raise refused(starts[0], ")", fact("the end of the file"))


def name_of(expression: Expression) -> str:
    """Return the first word of a list, or an empty text."""
    head = expression[0] if isinstance(expression, list) and expression else None
    return head.text if isinstance(head, Token) else ""


def line_of(expression: Expression) -> int:
    """Return the line of the first word."""
    while isinstance(expression, list):
        if not expression:
            return 1
        expression = expression[0]
    return expression.line


def text_of(expression: Expression) -> str:
    """Return an expression as text; lists are cut after six parts."""
    if isinstance(expression, Token):
        return expression.text
    return f"({' '.join(text_of(part) for part in expression[:6])})" if expression else "()"


LIMIT = 2**24  # bytes of a file
CASES = 10_000
CONDITIONS = 2**18  # of all cases together
BITS = 2**14  # of a numerator or a denominator
_NUMBER = re.compile(r"[+-]?([0-9]{1,60}\.?[0-9]{0,60}|\.[0-9]{1,60})([eE][+-]?[0-9]{1,3})?")
_VARIABLE = re.compile(r"([XY])_(0|[1-9][0-9]{0,6})")  # X_00 would be a second name of X_0
_COMPARISONS = ("<=", ">=", "<", ">", "=")
Linear: TypeAlias = "Mapping[str, Fraction]"  # coefficients by variable; "" is the constant


@frozen
class Condition:
    """A linear function that is 0 or below, or, if it is strict, below 0."""

    terms: Linear
    is_strict: bool
    line: int

    @property
    def variables(self) -> list[str]:
        return [name for name, value in self.terms.items() if name and value]


@frozen(eq=False)
class Property:
    """A property of a network.

    Args:
        cases: of a violation.
        contradiction: where there is no case, why: the bounds of an input that exclude one another.
    """

    cases: tuple[Case, ...]
    contradiction: str = ""


Clause: TypeAlias = "list[Condition]"  # conditions that are all true


def read_vnnlib(path: str | os.PathLike[str], inputs: int, outputs: int) -> Property:
    """Read a property.

    Args:
        path: the file.
        inputs, outputs: how many numbers the network takes and computes.

    Returns:
        the property; it has no case if the assertions contradict one another.

    Raises:
        FileError: E401 to E410 it cannot be read; E460 not a property of this form; E461 a property of a
            network with other inputs or outputs.
    """
    return _Reader(os.fspath(path), inputs, outputs).read(atomic_write.read(path, LIMIT))


class _Reader:
    def __init__(self, where: str, inputs: int, outputs: int) -> None:
        self._where = where
        self._counts = {"X": inputs, "Y": outputs}

    def read(self, data: bytes) -> Property:
        common: Clause = []  # conditions of every case
        clauses: list[Clause] = [[]]
        try:
            text = data.decode("ascii" if data.isascii() else "utf-8")
        except UnicodeDecodeError:
            raise self._refused(1, fact("text in UTF-8"), fact("other bytes")) from None
        for expression in expressions(text, self._refused):
            name, length = name_of(expression), len(expression) if isinstance(expression, list) else 0
            if name == "assert" and isinstance(expression, list) and length == 2:
                alternatives = self._clauses(expression[1])
                if len(alternatives) == 1:
                    common += alternatives[0]
                else:
                    clauses = self._product(clauses, alternatives, line_of(expression))
            elif name in ("declare-const", "declare-fun") and isinstance(expression, list):
                self._declared(expression)
            elif name not in ("set-logic", "set-info", "check-sat"):
                raise self._refused(line_of(expression), "declare-const, assert", name or text_of(expression))
        self._limit(len(clauses) * max(self._counts["X"] // 1000, 1), 1)
        first = _Region(self._counts["X"]).narrowed(self._of_inputs(common))
        conditions = self._of_outputs(common)
        self._limit_conditions(len(clauses) * len(conditions) + sum(map(len, clauses)), 1)
        candidates = [self._case(first, conditions, clause) for clause in clauses]
        cases = tuple(case for case in candidates if case is not None)
        return Property(cases, "" if cases else self._contradiction(first, clauses))

    # --- expressions

    def _declared(self, expression: list[Expression]) -> None:
        line, rest = line_of(expression), expression[2:]
        if name_of(expression) == "declare-fun":
            rest = rest[1:] if rest and rest[0] == [] else []
        if len(rest) != 1 or text_of(rest[0]) != "Real" or not isinstance(expression[1], Token):
            raise self._refused(line, "(declare-const X_0 Real)", text_of(expression))
        if not _VARIABLE.fullmatch(expression[1].text):
            raise self._refused(line, "X_0, Y_0", text_of(expression[1]))
        self._require_known(expression[1])

    def _require_known(self, token: Token) -> None:
        match = _VARIABLE.fullmatch(token.text)
        assert match is not None
        kind, number = match.group(1), int(match.group(2))
        if number >= self._counts[kind]:
            noun = fact("{count} inputs" if kind == "X" else "{count} outputs", count=self._counts[kind])
            raise FileError("E461", where=f"{self._where}:{token.line}", expected=noun, received=token.text)

    def _clauses(self, expression: Expression) -> list[Clause]:
        """Return the disjunctive normal form of an assertion."""
        name, line = name_of(expression), line_of(expression)
        arguments = expression[1:] if isinstance(expression, list) else []
        if name == "or" and arguments:
            clauses = [clause for part in arguments for clause in self._clauses(part)]
            self._limit(len(clauses), line)
            return clauses
        if name == "and" and arguments:
            return self._conjunction(arguments, line)
        if name in _COMPARISONS and len(arguments) == 2:
            left, right = (self._linear(part) for part in arguments)
            pairs = {"<": [(left, right)], ">": [(right, left)], "=": [(left, right), (right, left)]}
            chosen = pairs[name if name == "=" else name[0]]
            return [[Condition(self._difference(*pair, line), name in "<>", line) for pair in chosen]]
        raise self._refused(line, "<=, >=, <, >, =, and, or", name or text_of(expression))

    def _conjunction(self, parts: Sequence[Expression], line: int) -> list[Clause]:
        """Return the disjunctive normal form of ``and``."""
        result: list[Clause] = [[]]
        for part in parts:
            alternatives = self._clauses(part)
            if len(alternatives) > 1:
                result = self._product(result, alternatives, line)
                continue
            self._limit_conditions(len(result) * len(alternatives[0]), line)
            for clause in result:
                clause += alternatives[0]
        return result

    def _product(self, first: list[Clause], second: list[Clause], line: int) -> list[Clause]:
        self._limit(len(first) * len(second), line)
        sizes = [sum(map(len, part)) for part in (first, second)]
        self._limit_conditions(sizes[0] * len(second) + sizes[1] * len(first), line)
        return [[*a, *b] for a in first for b in second]

    def _limit(self, count: int, line: int) -> None:
        if count > CASES:
            raise self._refused(line, fact("at most {limit:,} cases", limit=CASES), f"{count:,}")

    def _limit_conditions(self, count: int, line: int) -> None:
        if count > CONDITIONS:
            raise self._refused(
                line, fact("at most {limit:,} conditions in all cases", limit=CONDITIONS), f"{count:,}"
            )

    def _linear(self, expression: Expression) -> Linear:
        """Return a linear term."""
        if isinstance(expression, Token):
            if _VARIABLE.fullmatch(expression.text):
                self._require_known(expression)
                return {expression.text: Fraction(1)}
            if _NUMBER.fullmatch(expression.text):
                return {"": Fraction(expression.text)}
            raise self._refused(expression.line, fact("a number, X_0 or Y_0"), expression.text)
        try:
            return self._combined(expression)
        except OverflowError:
            raise self._long(line_of(expression)) from None

    def _difference(self, low: Linear, high: Linear, line: int) -> Linear:
        try:
            return _sum(low, high, Fraction(-1))
        except OverflowError:
            raise self._long(line) from None

    def _long(self, line: int) -> FileError:
        expected = fact("numbers of at most {limit:,} binary digits", limit=BITS)
        return self._refused(line, expected, fact("more"))

    def _combined(self, expression: list[Expression]) -> Linear:
        """Return a sum, a difference or a multiple of linear terms."""
        name, line = name_of(expression), line_of(expression)
        parts = [self._linear(part) for part in expression[1:]]
        if name == "+" and parts:
            total: dict[str, Fraction] = {}
            for part in parts:
                _add(total, part, Fraction(1))
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
        raise self._refused(line, fact("a linear term: +, -, * with a number"), text_of(expression))

    # --- cases

    def _of_inputs(self, clause: Clause) -> list[Condition]:
        """Return the conditions on inputs, and those without a variable.

        Raises:
            FileError E460: a condition on several inputs, or on inputs and outputs.
        """
        chosen = []
        for condition in clause:
            names = condition.variables
            if all(name[0] == "Y" for name in names) and names:
                continue
            if len(names) > 1:
                raise self._refused(
                    condition.line, fact("conditions on one input, or on outputs alone"), ", ".join(names[:4])
                )
            chosen.append(condition)
        return chosen

    def _of_outputs(self, clause: Clause) -> list[Condition]:
        return [c for c in clause if c.variables and all(name[0] == "Y" for name in c.variables)]

    def _case(self, first: _Region, common: list[Condition], clause: Clause) -> Case | None:
        """Return the case of a clause; ``None`` if no input satisfies its bounds."""
        region = first.narrowed(self._of_inputs(clause))
        conditions = [*common, *self._of_outputs(clause)]
        if region.missing:
            raise self._refused(
                1, fact("a lower and an upper bound of each input"), ", ".join(region.missing)
            )
        if region.is_empty:
            return None
        rows = [self._row(condition) for condition in conditions]
        limits = tuple(-condition.terms.get("", Fraction(0)) for condition in conditions)
        return Case(
            *region.box,
            np.array(rows).reshape(len(rows), self._counts["Y"]),
            limits,
            tuple(condition.is_strict for condition in conditions),
            (frozenset(region.above), frozenset(region.below)),
        )

    def _contradiction(self, first: _Region, clauses: list[Clause]) -> str:
        """Return the bounds of an input that exclude one another; empty if a clause without one is false."""
        region = first if first.is_empty else first.narrowed(self._of_inputs(clauses[0]))
        for i in range(self._counts["X"]):
            if region.is_crossed(i):
                low, high = (_decimal(end or Fraction(0)) for end in (region.lower[i], region.upper[i]))
                return f"{low} <= X_{i} <= {high}"
        return ""

    def _row(self, condition: Condition) -> np.ndarray:
        row = np.zeros(self._counts["Y"])
        for name in condition.variables:
            exact = condition.terms[name]
            value = float(exact) if abs(exact) < 2**1023 else np.inf
            if not np.isfinite(value) or Fraction(value) != exact:
                raise self._refused(
                    condition.line, fact("coefficients that are exact in float64, such as -1 or 0.5"), name
                )
            row[int(name[2:])] = value
        return row

    def _refused(self, line: int, expected: str | Message, received: str) -> FileError:
        return FileError(
            "E460", where=f"{self._where}:{line}", expected=expected, received=clipped(received, 100)
        )


class _Region:
    """Bounds of the inputs; ``above`` and ``below`` are the inputs whose bound is excluded.

    Regions of thousands of cases mostly differ in a few inputs, so a narrowed one looks at those alone.

    Args:
        count: the number of inputs.
    """

    def __init__(self, count: int) -> None:
        self.lower: list[Fraction | None] = [None] * count
        self.upper: list[Fraction | None] = [None] * count
        self.above: set[int] = set()
        self.below: set[int] = set()
        self.is_false = False  # a condition without variables is false
        self._outer_is_empty = False
        self._changed: Iterable[int] = range(count)  # since the outer region

    @cached_property
    def missing(self) -> list[str]:
        """The first inputs that lack a bound."""
        pairs = enumerate(zip(self.lower, self.upper, strict=True))
        return [f"X_{i}" for i, (low, high) in pairs if low is None or high is None][:4]

    @cached_property
    def is_empty(self) -> bool:
        """Whether no input is in the region."""
        return self.is_false or self._outer_is_empty or any(map(self.is_crossed, self._changed))

    def is_crossed(self, i: int) -> bool:
        """Return whether the bounds of an input exclude one another."""
        a, b = self.lower[i], self.upper[i]
        if a is None or b is None:
            return False
        return a > b or (a == b and (i in self.above or i in self.below))

    @cached_property
    def box(self) -> tuple[tuple[Fraction, ...], tuple[Fraction, ...]]:
        """The bounds of all inputs, none of which is missing."""
        lower, upper = (tuple(v for v in ends if v is not None) for ends in (self.lower, self.upper))
        return lower, upper

    def narrowed(self, conditions: Sequence[Condition]) -> _Region:
        """Return the region with further conditions on one input each."""
        if not conditions:
            return self
        region = _Region(0)
        region.lower, region.upper = list(self.lower), list(self.upper)
        region.above, region.below, region.is_false = set(self.above), set(self.below), self.is_false
        region._outer_is_empty = self.is_empty
        region._changed = {int(name[2:]) for condition in conditions for name in condition.variables}
        for condition in conditions:
            region._add(condition)
        return region

    def _add(self, condition: Condition) -> None:
        limit, names = -condition.terms.get("", Fraction(0)), condition.variables
        if not names:
            self.is_false |= limit < 0 or (condition.is_strict and limit == 0)
            return
        i, factor = int(names[0][2:]), condition.terms[names[0]]
        bound = limit / factor
        ends, excluded = (self.upper, self.below) if factor > 0 else (self.lower, self.above)
        known = ends[i]
        if known is None or (bound < known if factor > 0 else bound > known):
            ends[i] = bound
            (excluded.add if condition.is_strict else excluded.discard)(i)
        elif bound == known and condition.is_strict:
            excluded.add(i)


def _decimal(number: Fraction) -> str:
    """Return a number with 17 digits, also one that is too large or too small for float64.

    Example:
        >>> [_decimal(Fraction(text)) for text in ("0.1", "2.5e999", "1/3")]
        ['0.1', '2.5000000000000000e+999', '0.33333333333333333']
    """
    return f"{Decimal(number.numerator) / Decimal(number.denominator):.17g}"


def _add(total: dict[str, Fraction], terms: Linear, factor: Fraction) -> None:
    """Add terms.

    Raises:
        OverflowError: a number with more than ``BITS`` binary digits.
    """
    for name, value in terms.items():
        result = total.get(name, Fraction(0)) + factor * value
        if max(abs(result.numerator), result.denominator) >> BITS:
            raise OverflowError
        total[name] = result


def _sum(a: Linear, b: Linear, factor: Fraction) -> Linear:
    """Return ``a + factor * b``."""
    total = dict(a)
    _add(total, b, factor)
    return total
