"""Parser of the LaTeX that ``chainrule.notation.latex`` prints: tests check by it that nothing is lost.

It supports only that LaTeX. Each method is one rule of the grammar that ``chainrule.notation.parse`` has for
plain text.
"""

from __future__ import annotations

import re

from chainrule.notation import (
    FUNCTIONS,
    Apply,
    Big,
    Compare,
    Derivative,
    Negative,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
    Symbol,
    Tree,
    normal,
    to_ascii,
)

_TOKEN = re.compile(r"\s*(\\[A-Za-z]+|\\.|\d+\.?\d*|[A-Za-z]|.)")
_RELATIONS = {"<": "<", r"\le": "<=", "=": "==", r"\ne": "!=", r"\ge": ">=", ">": ">"}
_FUNCTIONS = {row.latex: name for name, row in FUNCTIONS.items() if row.latex.startswith("\\")}
_LETTERS = {r"\varepsilon": "epsilon", r"\varphi": "phi"}


def from_latex(text: str) -> Tree:
    """The tree of a formula in LaTeX."""
    reader = _Reader(text)
    tree = reader.disjunction()
    assert reader.token == "", f"{text!r} continues with {reader.token!r}"
    return normal(tree)


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens = [*_TOKEN.findall(text), ""]
        self.place = 0

    @property
    def token(self) -> str:
        return self.tokens[self.place]

    def take(self, *expected: str) -> str:
        token = self.token
        assert not expected or token in expected, f"{expected} expected at {self.tokens[self.place :]}"
        self.place += 1
        return token

    def at(self, *tokens: str) -> bool:
        return self.token in tokens

    def disjunction(self) -> Tree:
        tree = self.conjunction()
        while self.at(r"\lor"):
            self.take()
            tree = Apply("or", (tree, self.conjunction()))
        return tree

    def conjunction(self) -> Tree:
        tree = self.comparison()
        while self.at(r"\land"):
            self.take()
            tree = Apply("and", (tree, self.comparison()))
        return tree

    def comparison(self) -> Tree:
        left = self.sum()
        return Compare(_RELATIONS[self.take()], left, self.sum()) if self.at(*_RELATIONS) else left

    def sum(self) -> Tree:
        terms = [self.term()]
        while self.at("+", "-"):
            sign, term = self.take(), self.term()
            terms.append(term if sign == "+" else Negative(term))
        return Sum(tuple(terms))

    def term(self) -> Tree:
        if self.at("-"):
            self.take()
            return Negative(self.term())
        return self.product()

    def product(self) -> Tree:
        factors = [self.power()]
        while self.at(r"\cdot", r"\times"):
            self.take()
            factors.append(self.power())
            match [normal(factor) for factor in factors[-2:]]:
                case [Number(size), Power(Number(10), Number(k) | Negative(Number(k)) as power)]:
                    sign = "-" if isinstance(power, Negative) else ""
                    factors[-2:] = [Number(float(f"{size}e{sign}{k}"))]  # the form of a very large number
        return Product(tuple(factors))

    def power(self) -> Tree:
        base = self.atom()
        if not self.at("^"):
            return base
        self.take()
        return Power(base, self.braced())

    def braced(self) -> Tree:
        self.take("{")
        tree = self.disjunction()
        self.take("}")
        return tree

    def word(self) -> str:
        """The text between braces."""
        self.take("{")
        text = ""
        while not self.at("}"):
            text += self.take().replace("\\_", "_")
        self.take("}")
        return text

    def atom(self) -> Tree:
        if re.match(r"\d", self.token):
            text = self.take()
            return Number(int(text) if text.isdigit() else float(text))
        following = self.tokens[self.place + 1]
        match self.token:
            case r"\infty":
                self.take()
                return Number(float("inf"))
            case r"\left":
                return self.fenced()
            case r"\frac":
                return self.fraction()
            case r"\sqrt":
                self.take()
                return Apply("sqrt", (self.braced(),))
            case r"\begin":
                return self.cases()
            case r"\sum" | r"\prod" | r"\max" | r"\min" if following == "_":
                sign = self.take()[1:]
                self.take("_")
                return Big(sign, self.word(), self.product())
            case r"\operatorname":
                self.take()
                return Apply(self.word(), self.arguments())
            case token if token in _FUNCTIONS and following == r"\left":
                self.take()
                return Apply(_FUNCTIONS[token], self.arguments())
            case _:
                return self.symbol()

    def fenced(self) -> Tree:
        self.take(r"\left")
        function = {"(": "", "|": "abs", r"\lfloor": "floor"}[self.take()]
        tree = self.disjunction()
        self.take(r"\right")
        self.take()
        return Apply(function, (tree,)) if function else tree

    def arguments(self) -> tuple[Tree, ...]:
        self.take(r"\left")
        self.take("(")
        trees = [self.disjunction()]
        while self.at(","):
            self.take()
            trees.append(self.disjunction())
        self.take(r"\right")
        self.take(")")
        return tuple(trees)

    def fraction(self) -> Tree:
        self.take(r"\frac")
        if self.tokens[self.place + 1] != r"\partial":
            return Quotient(self.braced(), self.braced())
        parts = []
        for _ in range(2):
            self.take("{")
            self.take(r"\partial")
            parts.append(self.power())
            self.take("}")
        return Derivative(*parts)

    def cases(self) -> Tree:
        self.take(r"\begin")
        self.word()
        yes = self.disjunction()
        self.take("&")
        self.take(r"\text")
        self.word()
        condition = self.disjunction()
        self.take("\\\\")
        no = self.disjunction()
        self.take("&")
        self.take(r"\text")
        self.word()
        self.take(r"\end")
        self.word()
        return Apply("where", (condition, yes, no))

    def symbol(self) -> Symbol:
        token = self.take()
        accent = {r"\hat": "hat", r"\widehat": "hat", r"\bar": "bar", r"\overline": "bar"}.get(token, "")
        if accent:
            self.take("{")
            token = self.take()
        name = self.word() if token in (r"\mathit", r"\text") else _LETTERS.get(token, token.lstrip("\\"))
        if accent:
            self.take("}")
        sub = self.indices() if self.at("_") else ()
        sup = ""
        if self.tokens[self.place : self.place + 3] == ["^", "{", "("]:
            self.place += 3
            sup = to_ascii(self.disjunction()).replace(" ", "")
            self.take(")")
            self.take("}")
        return Symbol(name, sub, sup, accent)

    def indices(self) -> tuple[str, ...]:
        self.take("_")
        self.take("{")
        indices, letters = [], []
        while not self.at("}"):
            start = self.place
            tree = self.disjunction()
            letters.append(self.place - start == 1)
            indices.append(to_ascii(tree).replace(" ", ""))
            if self.at(","):
                self.take()
        self.take("}")
        return tuple("".join(indices)) if all(letters) and "," not in indices else tuple(indices)
