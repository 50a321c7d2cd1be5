"""Formulas of single numbers: from a node and an index to an expression in named symbols.

The card of each operation expresses one element of its result as a formula of elements of its inputs
(``element``). Substituting these formulas into one another until only named values are left gives the formula
of any number. Gradients are nodes like all others, so the same function returns z_1 = w_11 x_1 + w_12 x_2 +
b_1 in the forward pass and delta_1 = (delta_o w_o1) a_1 (1 - a_1) in the backward pass, for any operation
with a card; there are no rules for particular layers or losses. Operations that only move elements
(transpose, reshape, broadcast) leave no trace in a formula.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import field

import numpy as np

from chainrule.graph import Constant, Input, Node
from chainrule.memoization import cached_property
from chainrule.notation import (
    Apply,
    Compare,
    Element,
    Link,
    Negative,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
    Symbol,
    Tree,
    children,
    is_numeric,
    leaves,
    substitute,
    value,
)
from chainrule.notation.functions import COMPARISONS
from chainrule.ops.operation_card import Card
from chainrule.prng import KEY
from chainrule.records import frozen
from chainrule.symbolic_shape import Size
from chainrule.trace.names import Index, Name, Names

# Simplification of formulas: factors of 1, terms of 0, double negation and sums of one term are removed.
#
# Formulas of the backward pass contain many factors of 1. Only literal numbers are evaluated (1/2 · 2 is 1);
# of symbols only pairs that cancel (x - x) are removed.

ZERO, ONE = Number(0), Number(1)
Rank = Callable[[Tree], int]
LAST = 9


def simplify(tree: Tree, rank: Rank = lambda link: LAST) -> Tree:
    """Return an equivalent simpler formula.

    Args:
        tree: a formula whose symbols are ``Link``s.
        rank: the position of a factor in a product by its links, 0 first: the error signal before the weight,
            the weight before its input.

    Example:
        >>> from chainrule.notation import parse, to_unicode
        >>> to_unicode(simplify(parse("-(-1 * (x + 0)) * (0.5 * 2)")))
        'x'
    """

    def rewrite(node: Tree) -> Tree | None:
        match node:
            case Link() | Symbol():
                return None
            case Number(number):
                return None if type(number) is int else plain(number)
            case Sum(terms):
                return _sum(terms)
            case Product(factors):
                return _product(sorted(factors, key=lambda factor: _first(factor, rank)))
            case Negative(inner):
                return negative(inner)
            case Quotient(above, below):
                return _quotient(above, below)
            case Power(base, exponent):
                return base if exponent == ONE else None
            case Compare(sign, Number(left), Number(right)):
                return ONE if COMPARISONS[sign](left, right) else ZERO
            case Apply("where", (Compare("<=" | "<", _, Number(limit)), yes, _)) if limit == math.inf:
                return yes  # the condition only detects overflow; an explained value is finite
            case Apply("where", (Number(condition), yes, no)):
                return yes if condition else no
            case Apply("where", (condition, yes, no)) if is_numeric(condition):
                return yes if value(condition, _nothing) else no
            case Apply() | Compare() if is_numeric(node):
                return plain(float(value(node, _nothing)))
            case _:
                return None

    return substitute(tree, rewrite, {})


def plain(number: float | int) -> Number:
    """Return a constant of the program as a number; an integer is written without a decimal point."""
    if not isinstance(number, float):
        return Number(int(number))
    rounded = float(f"{number:.15g}")  # 1 - 0.9 is shown as 0.1
    return Number(int(rounded) if rounded.is_integer() and abs(rounded) < 1e6 else rounded)


def negative(tree: Tree) -> Tree:
    """Return the negated tree, without double negation."""
    match tree:
        case Negative(inner):
            return inner
        case Number(number):
            return plain(-number)
        case Sum(terms) if any(isinstance(term, Negative) for term in terms):
            return _sum(tuple(negative(term) for term in terms))  # -(a - b) is b - a
        case _:
            return Negative(tree)


def _nothing(leaf: Tree) -> float:
    raise KeyError(leaf)


def _first(tree: Tree, rank: Rank) -> int:
    """Return the lowest rank of the links of a factor."""
    if isinstance(tree, Link):
        return min(LAST, rank(tree))
    return min((_first(part, rank) for part in children(tree)), default=LAST)


def _sum(terms: tuple[Tree, ...]) -> Tree:
    flat: list[Tree] = []
    constant: float | int = 0
    position = None
    for term in terms:
        for part in term.terms if isinstance(term, Sum) else (term,):
            if isinstance(part, Number):
                position = len(flat) if position is None else position
                constant += part.value
            else:
                flat.append(part)
    flat = _without_pairs(flat)
    if constant:
        flat.insert(
            min(position or 0, len(flat)), Number(constant) if constant > 0 else Negative(Number(-constant))
        )
    if not flat:
        return ZERO
    # A positive term comes first: −1 + p is written p − 1.
    first = next((i for i, part in enumerate(flat) if not isinstance(part, Negative)), 0)
    flat.insert(0, flat.pop(first))
    return flat[0] if len(flat) == 1 else Sum(tuple(flat))


def _without_pairs(terms: list[Tree]) -> list[Tree]:
    """Remove pairs of terms that cancel: μ − μ is 0 for every μ."""
    added = {term.target for term in terms if isinstance(term, Link)}
    for term in [t for t in terms if isinstance(t, Negative)] if added else ():
        if isinstance(term.inner, Link) and term.inner.target in added and term.inner in terms:
            terms.remove(term.inner)
            terms.remove(term)
    return terms


def _product(factors: list[Tree]) -> Tree:
    constant: float | int = 1
    negated = False
    flat: list[Tree] = []
    stack = list(reversed(factors))
    while stack:
        part = stack.pop()
        match part:
            case Product(inner):
                stack.extend(reversed(inner))
            case Negative(inner):
                negated = not negated
                stack.append(inner)
            case Number(number):
                constant *= number
            case _:
                flat.append(part)
    if constant == 0:
        return ZERO
    if constant < 0:
        constant, negated = -constant, not negated
    if constant != 1 or not flat:
        flat.insert(0, plain(constant))
    result = flat[0] if len(flat) == 1 else Product(tuple(flat))
    return negative(result) if negated else result


def _quotient(above: Tree, below: Tree) -> Tree | None:
    if isinstance(above, Negative):
        return negative(_quotient(above.inner, below) or Quotient(above.inner, below))
    if above == ZERO:
        return ZERO
    if not isinstance(below, Number) or below.value == 0:
        return None
    if below == ONE:
        return above
    match above:
        case Number(number):
            return plain(number / below.value)
        case Product((Number(number), *rest)):
            return _product([plain(number / below.value), *rest])
        case _:
            return None


NO_LIMIT = 10**9
LIMIT = 4000  # maximum number of symbols in a formula; a longer part becomes a symbol
DEEP = 60  # maximum number of nested operations

# The order of factors is that of a textbook: eta · delta · w · x.
_RANKS = {"rate": 0, "signal": 1, "target": 1, "prediction": 1, "gradient": 1, "parameter": 2}


@frozen
class Scalar:
    """One element of one node: the value that a symbol in a formula denotes."""

    node: Node
    index: Index

    def __str__(self) -> str:
        return f"{self.node.op.name}{list(self.index)}"


@frozen
class _Options:
    """The named nodes to expand, and the maximum number of symbols of an expanded part."""

    through: frozenset[Node]
    limit: int


@frozen
class FormulaBuilder:
    """Builder of the formulas of single numbers of a computed graph.

    Args:
        cards: the operation of each node, with its sizes bound.
        names: the named nodes; nodes whose formulas are too long are added.
        samples: the number of samples, n.
    """

    values: Mapping[Node, np.ndarray]
    cards: Mapping[Node, Card]
    names: Names
    samples: int
    _simplified: dict[tuple[Node, Index, _Options], Tree] = field(default_factory=dict)
    _expansions: dict[tuple[Node, Index, _Options, int], tuple[Tree, int]] = field(default_factory=dict)
    _lengths: dict[tuple[Node, _Options], int] = field(default_factory=dict)

    def scalar(self, node: Node, index: Index, through: Collection[Node] = (), limit: int = LIMIT) -> Tree:
        """Return the simplified formula of one number in named symbols.

        Args:
            node, index: the number; its own name is expanded.
            through: further named nodes to expand.
            limit: the maximum number of symbols of an expanded part; a longer part keeps its symbol.
        """
        if node not in self.cards:
            return self.leaf(node, index)
            # Without ``through`` the limit has no effect: use one cache key.
        options = _Options(frozenset(through), limit if through else LIMIT)
        key = (node, index, options)
        if key not in self._simplified:
            self._simplified[key] = simplify(self._expanded(node, index, options, NO_LIMIT, 0)[0], self._rank)
        return self._simplified[key]

    def leaf(self, node: Node, index: Index) -> Tree:
        """Return the symbol of one number of a named node, linked to its ``Scalar``."""
        return Link(Scalar(node, index), self.names[node].symbol(index, self.samples))

    def value(self, tree: Tree) -> float:
        """Evaluate a formula with the stored values of its symbols."""
        return float(value(self.numeric(tree), _unknown))

    def numeric(self, tree: Tree, digits: int | None = None) -> Tree:
        """Return the formula with every symbol replaced by its value.

        Args:
            tree: a formula.
            digits: the number of significant digits of computed values, so that 0.4000000000000001 is shown
                as 0.4; ``None`` keeps all.
        """

        def number(node: Tree) -> Tree | None:
            if not isinstance(node, Link):
                return None
            at: Scalar = node.target  # pyright: ignore[reportAssignmentType]
            stored = float(self.values[at.node][at.index])
            if stored == 0:
                return Number(0)
            name = self.names[at.node]
            if name.role == "rate" and stored.is_integer():
                return Number(int(stored))  # the update number is a count
            as_stored = digits is None or name.is_input
            return Number(stored if as_stored else float(f"{stored:.{digits}g}"))

        return substitute(tree, number, {})

    def _expanded(
        self, node: Node, index: Index, options: _Options, budget: int, depth: int
    ) -> tuple[Tree, int]:
        """Return the card's formula with each input replaced by its symbol or formula, and its length.

        Expansion ends when the length exceeds ``budget``; such a formula is too long to be used.
        """
        key = (node, index, options, budget)
        if key not in self._expansions:
            count = 0

            def replace(part: Tree) -> Tree | None:
                nonlocal count
                if not isinstance(part, Element) or count > budget:
                    return None
                tree, size = self._part(node.inputs[part.argument], part.index, options, depth + 1)
                count += size
                return tree

            inputs = [self.values[source] for source in node.inputs]
            self._expansions[key] = (substitute(self.cards[node].element(index, *inputs), replace), count)
        return self._expansions[key]

    def _part(self, node: Node, index: Index, options: _Options, depth: int) -> tuple[Tree, int]:
        index = tuple(int(i) for i in index)
        fixed = self._fixed(node, index)
        if fixed is not None:
            return fixed, 0
        if self._vanishes(node, index):
            return ZERO, 0
        named = node in self.names
        if node not in self.cards or depth > DEEP or (named and node not in options.through):
            return self._named(node, index)
        budget = options.limit if named else LIMIT
        if self._length(node, options, depth) > budget:
            return self._named(node, index)
        tree, size = self._expanded(node, index, options, budget, depth)
        return self._named(node, index) if size > budget else (tree, size)

    def _length(self, node: Node, options: _Options, depth: int) -> int:
        """Estimate how many symbols the formula of an element has, from the middle element of the node.

        This runs before anything is expanded, because the formula of one number of a deep network
        can have millions of symbols.
        """
        key = (node, options)
        if key not in self._lengths:
            self._lengths[key] = 1  # guards against recursion
            array = self.values[node]
            middle = tuple(n // 2 for n in array.shape)
            inputs = [self.values[source] for source in node.inputs]
            tree = self.cards[node].element(middle, *inputs) if array.size else Number(0)
            counts = Counter(part.argument for part in leaves(tree) if isinstance(part, Element))
            sizes = {i: self._length_of_part(node.inputs[i], options, depth + 1) for i in counts}
            self._lengths[key] = sum(n * sizes[i] for i, n in counts.items())
        return self._lengths[key]

    def _length_of_part(self, node: Node, options: _Options, depth: int) -> int:
        if self._is_fixed(node):
            return 0
        named = node in self.names
        if node not in self.cards or depth > DEEP or (named and node not in options.through):
            return 1
        length = self._length(node, options, depth)
        return length if length <= (options.limit if named else LIMIT) else 1

    def _fixed(self, node: Node, index: Index) -> Tree | None:
        """Return the value of a constant or of an integer input, such as a class, shown as a number."""
        return plain(self.values[node][index].item()) if self._is_fixed(node) else None

    def _vanishes(self, node: Node, index: Index) -> bool:
        """Return whether an element is a product with a 0 by labels alone, as for all other classes."""
        if node.op.name != "multiply" or node not in self.cards or self.values[node][index] != 0:
            return False
        return any(s in self._label_dependent and self.values[s][index] == 0 for s in node.inputs)

    @cached_property
    def _label_dependent(self) -> set[Node]:
        """The nodes that depend only on constants and labels, not on random values such as masks."""
        nodes: set[Node] = set()
        for node in self.values:  # in topological order
            is_key = isinstance(node.op, Input) and node.op.label == KEY
            if (self._is_fixed(node) and not is_key) or (node.inputs and nodes.issuperset(node.inputs)):
                nodes.add(node)
        return nodes

    @staticmethod
    def _is_fixed(node: Node) -> bool:
        return isinstance(node.op, Constant) or (isinstance(node.op, Input) and not node.spec.is_float)

    def _named(self, node: Node, index: Index) -> tuple[Tree, int]:
        if node not in self.names:
            used = {name.letter for name in self.names.values()}
            letter = next(f"h{i}" for i in range(1, len(used) + 2) if f"h{i}" not in used)
            letter = node.op.label if isinstance(node.op, Input) else letter
            batched = node.rank > 0 and isinstance(node.shape[0], Size)
            self.names[node] = Name(
                letter, "input" if isinstance(node.op, Input) else "hidden", batched=batched
            )
        return self.leaf(node, index), 1

    def _rank(self, link: Tree) -> int:
        assert isinstance(link, Link)
        at: Scalar = link.target  # pyright: ignore[reportAssignmentType]
        return _RANKS.get(self.names[at.node].role, LAST)


def scalars(tree: Tree) -> list[Scalar]:
    """Return the values of the symbols of a formula, from left to right, with repetitions."""
    if isinstance(tree, Link) and isinstance(tree.target, Scalar):
        return [tree.target]
    return [at for part in children(tree) for at in scalars(part)]


def _unknown(leaf: Tree) -> float:
    raise KeyError(leaf)
