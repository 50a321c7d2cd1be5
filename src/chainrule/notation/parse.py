"""Parse formulas: from plain infix text to a tree.

The grammar, loosest first::

    or       and | and ...                         sum      term + term - term ...
    and      compare & compare ...                 term     - term, or a product
    compare  sum < sum   (< <= == != >= >)         product  factor * factor / factor ...
    power    atom ^ power   (from the right)       factor   - factor, or a power

    atom     2.5   (formula)   f(formula, ...)   sum(k, formula)   sum_k(formula)   d(formula)/d(formula)
             name[index, ...]^{(layer)}   #0[1,2]

``&`` binds less tightly than ``<``, as in mathematics (not as in Python), and ``-x^2`` is the negative of a
square. ``sum_k(...)`` may also be written ``sum(k, ...)``. ``max`` and ``min`` are also functions of several
arguments: ``max(k, x[k])`` runs over k because k is an index in it, and ``max(k, x)`` is the larger of the
two.

``y_hat`` and ``x_bar`` have an accent. ``^{(1)}`` is the layer above a symbol, in LaTeX notation, so that it
is not read as a power. ``#0[1,2]`` is an ``Element``.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import NoReturn

from chainrule.notation.functions import COMPARISONS, FUNCTIONS
from chainrule.notation.tree import (
    ACCENTS,
    BIG_SIGNS,
    Apply,
    Big,
    Compare,
    Derivative,
    Element,
    Negative,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
    Symbol,
    Tree,
    leaves,
    normal,
)

_TOKEN = re.compile(
    r"""(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | \^\{\((?P<layer>[^{}]*?)\)\}
      | (?P<name>[^\W\d]\w*)
      | (?P<sign><=|>=|==|!=|[-+*/^()\[\],<>&|#·×])
      | (?P<end>$)""",
    re.VERBOSE,
)
_NON_FINITE = {"inf": math.inf, "nan": math.nan}


@lru_cache(4096)  # the formula of an operation is parsed for each of its elements
def parse(text: str) -> Tree:
    """Parse a formula written in plain text.

    Raises:
        ValueError: not a formula; the message quotes the text and the position.

    Example:
        >>> parse("1 / (1 + exp(-x))")  # doctest: +NORMALIZE_WHITESPACE
        Quotient(above=Number(value=1), below=Sum(terms=(Number(value=1),
            Apply(function='exp', arguments=(Negative(inner=Symbol(name='x', sub=(), sup='', accent='')),)))))
    """
    reader = _Reader(text)
    try:
        tree = reader.disjunction()
        if reader.kind != "end":
            reader.fail("an operator or the end")
        return normal(tree)
    except RecursionError:
        raise ValueError(f"formula {text[:80]!r}: too many levels of nesting") from None


class _Reader:
    """A position in a text, and one method for each rule of the grammar."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.start = self.end = 0
        self.kind = self.token = ""
        self.advance()

    def advance(self) -> str:
        """Advance to the next token and return the current one."""
        passed = self.token
        self.start = len(self.text) - len(self.text[self.end :].lstrip())
        match = _TOKEN.match(self.text, self.start)
        if match is None:
            self.kind, self.token, self.end = "unreadable", "", self.start
            return passed
        self.kind, self.end = match.lastgroup or "", match.end()
        self.token = match[self.kind].replace("·", "*").replace("×", "*")
        return passed

    def fail(self, expected: str) -> NoReturn:
        raise ValueError(f"formula {self.text!r}: {expected} expected at character {self.start + 1}")

    def at(self, *signs: str) -> bool:
        return self.kind == "sign" and self.token in signs

    def take(self, sign: str) -> None:
        if not self.at(sign):
            self.fail(repr(sign))
        self.advance()

    def disjunction(self) -> Tree:
        tree = self.conjunction()
        while self.at("|"):
            self.advance()
            tree = Apply("or", (tree, self.conjunction()))
        return tree

    def conjunction(self) -> Tree:
        tree = self.comparison()
        while self.at("&"):
            self.advance()
            tree = Apply("and", (tree, self.comparison()))
        return tree

    def comparison(self) -> Tree:
        left = self.sum()
        if not self.at(*COMPARISONS):
            return left
        sign = self.advance()
        return Compare(sign, left, self.sum())

    def sum(self) -> Tree:
        terms = [self.term()]
        while self.at("+", "-"):
            sign, term = self.advance(), self.term()
            terms.append(term if sign == "+" else Negative(term))
        return Sum(tuple(terms)) if len(terms) > 1 else terms[0]

    def term(self) -> Tree:
        if self.at("-"):
            self.advance()
            return Negative(self.term())
        return self.product()

    def product(self) -> Tree:
        tree = self.factor()
        while self.at("*", "/"):
            sign, right = self.advance(), self.factor()
            tree = Product((tree, right)) if sign == "*" else Quotient(tree, right)
        return tree

    def factor(self) -> Tree:
        if self.at("-"):
            self.advance()
            return Negative(self.factor())
        return self.power()

    def power(self) -> Tree:
        base = self.atom()
        if not self.at("^"):
            return base
        self.advance()
        return Power(base, self.factor())

    def atom(self) -> Tree:
        if self.kind == "number":
            text = self.advance()
            return Number(int(text) if text.isdigit() else float(text))
        if self.kind == "name":
            return self.named(self.advance())
        if self.at("#"):
            return self.element()
        self.take("(")
        tree = self.disjunction()
        self.take(")")
        return tree

    def named(self, name: str) -> Tree:
        if not self.at("("):
            return Number(_NON_FINITE[name]) if name in _NON_FINITE else self.symbol(name)
        self.advance()
        if name == "d":
            return self.derivative()
        sign, _, index = name.partition("_")
        if name in ("sum", "prod"):
            index = self.advance() if self.kind == "name" else self.fail("the index of a sum")
            self.take(",")
        if index and sign in BIG_SIGNS:
            inner = self.disjunction()
            self.take(")")
            return Big(sign, index, inner)
        return self.call(name)

    def call(self, name: str) -> Tree:
        if name not in FUNCTIONS:
            raise ValueError(f"formula {self.text!r}: no function is called {name!r}")
        arguments = [self.disjunction()]
        while self.at(","):
            self.advance()
            arguments.append(self.disjunction())
        self.take(")")
        if not FUNCTIONS[name].takes(len(arguments)):
            raise ValueError(f"formula {self.text!r}: {name} takes {FUNCTIONS[name].arity} arguments")
        first, last = arguments[0], arguments[-1]
        is_ambiguous = name in BIG_SIGNS and len(arguments) == 2
        if is_ambiguous and isinstance(first, Symbol) and _runs_over(last, first):
            return Big(name, first.name, last)
        return Apply(name, tuple(arguments))

    def derivative(self) -> Tree:
        of = self.disjunction()
        self.take(")")
        self.take("/")
        if self.kind != "name" or self.token != "d":
            self.fail("'d'")
        self.advance()
        self.take("(")
        by = self.disjunction()
        self.take(")")
        return Derivative(of, by)

    def symbol(self, name: str) -> Symbol:
        head, _, accent = name.rpartition("_")
        if not head or accent not in ACCENTS:
            head, accent = name, ""
        sub = self.indices() if self.at("[") else ()
        sup = self.advance() if self.kind == "layer" else ""
        return Symbol(head, sub, sup, accent)

    def element(self) -> Element:
        self.take("#")
        if self.kind != "number" or not self.token.isdigit():
            self.fail("the number of an argument")
        argument = int(self.advance())
        index = self.indices() if self.at("[") else ()
        if not all(text.isdigit() for text in index):
            self.fail("integers as indices")
        return Element(argument, tuple(int(text) for text in index))

    def indices(self) -> tuple[str, ...]:
        """Return the texts between brackets, split at commas that are not in an inner bracket."""
        self.take("[")
        texts, depth = [""], 0
        while depth or not self.at("]"):
            if self.kind in ("end", "unreadable"):
                self.fail("']'")
            depth += self.at("[", "(") - self.at("]", ")")
            if self.at(",") and not depth:
                texts.append("")
                self.advance()
            else:
                texts[-1] += self.advance()
        self.advance()
        if not all(texts):
            self.fail("an index")
        return tuple(texts)


def _runs_over(tree: Tree, index: Symbol) -> bool:
    # Whether the letter is an index of some symbol in the tree, alone or inside an index such as "k+1".
    if index != Symbol(index.name):
        return False
    word = re.compile(rf"\b{index.name}\b")
    return any(word.search(text) for leaf in leaves(tree) if isinstance(leaf, Symbol) for text in leaf.sub)
