"""From a node and an index to a formula: what exactly is this number, in symbols that have names?

Every card knows one number of its result as a formula of numbers of its inputs (``element``). Unfolding puts
these formulas into one another until only named values are left. Gradient nodes are nodes like all others, so
the one function below gives z_1 = w_11 x_1 + w_12 x_2 + b_1 on the way forward and delta_1 = (delta_o w_o1)
a_1 (1 - a_1) on the way back, for dense layers, residuals and whatever a card describes; no rule here knows a
layer or a loss. Operations that only move numbers (transpose, reshape, broadcast) vanish by themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import field
from functools import cached_property

import numpy as np

from chainrule.graph import Constant, Input, Node
from chainrule.notation import Element, Link, Number, Tree, children, leaves, substitute, value
from chainrule.ops.card import Card
from chainrule.prng import KEY
from chainrule.records import frozen
from chainrule.spec import Size
from chainrule.trace.names import Index, Name, Names
from chainrule.trace.simplify import LAST, ZERO, plain, simplify

NO_LIMIT = 10**9
LIMIT = 4000  # symbols in one formula; beyond, the part that makes it so long gets a name
DEEP = 60  # operations unfolded into one another

# Products are written as in a textbook: eta · delta · w · x.
_RANKS = {"rate": 0, "signal": 1, "target": 1, "answer": 1, "gradient": 1, "parameter": 2}


@frozen
class Scalar:
    """One number of one node: what a symbol in a formula stands for."""

    node: Node
    index: Index

    def __str__(self) -> str:
        return f"{self.node.op.name}{list(self.index)}"


@frozen
class _Ask:
    """Which named nodes to look through, and how many symbols a part may then have."""

    through: frozenset[Node]
    limit: int


@frozen
class Unfolder:
    """Formulas of the numbers of a graph that has been computed.

    Args:
        values: the array of each node.
        cards: the operation of each node, sizes bound.
        names: the named nodes; nodes that would make a formula too long are added.
        samples: n.
    """

    values: Mapping[Node, np.ndarray]
    cards: Mapping[Node, Card]
    names: Names
    samples: int
    _simple: dict[tuple[Node, Index, _Ask], Tree] = field(default_factory=dict)
    _known: dict[tuple[Node, Index, _Ask, int], tuple[Tree, int]] = field(default_factory=dict)
    _lengths: dict[tuple[Node, _Ask], int] = field(default_factory=dict)

    def scalar(self, node: Node, index: Index, through: Collection[Node] = (), limit: int = LIMIT) -> Tree:
        """The formula of one number in named symbols, simplified.

        Args:
            node, index: which number; its own name is looked through.
            through: named nodes to look through as well.
            limit: how many symbols a part may have that is looked through; a longer one keeps its symbol.
        """
        if node not in self.cards:
            return self.leaf(node, index)
        ask = _Ask(frozenset(through), limit if through else LIMIT)  # asked differently, it is known already
        key = (node, index, ask)
        if key not in self._simple:
            self._simple[key] = simplify(self._opened(node, index, ask, NO_LIMIT, 0)[0], self._rank)
        return self._simple[key]

    def leaf(self, node: Node, index: Index) -> Tree:
        """The symbol of one number of a named node, linked to what it means."""
        return Link(Scalar(node, index), self.names[node].symbol(index, self.samples))

    def value(self, tree: Tree) -> float:
        """What a formula comes to with the stored numbers, by itself: nothing is looked up but its
        symbols."""
        return float(value(self.numeric(tree), _unknown))

    def numeric(self, tree: Tree, digits: int | None = None) -> Tree:
        """The formula with every symbol replaced by its number.

        Args:
            tree: a formula.
            digits: significant digits kept of numbers that were computed, so that 0.4000000000000001 is shown
                as the 0.4 it is; ``None`` keeps all.
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
                return Number(int(stored))  # the number of an update is no measure
            given = digits is None or name.is_given
            return Number(stored if given else float(f"{stored:.{digits}g}"))

        return substitute(tree, number, {})

    def _opened(self, node: Node, index: Index, ask: _Ask, budget: int, depth: int) -> tuple[Tree, int]:
        """The card's formula with each input exchanged for its symbol or its own formula, and its length.

        Beyond the budget the rest is not looked at: the formula is too long to be used.
        """
        key = (node, index, ask, budget)
        if key not in self._known:
            count = 0

            def replace(part: Tree) -> Tree | None:
                nonlocal count
                if not isinstance(part, Element) or count > budget:
                    return None
                tree, size = self._part(node.inputs[part.argument], part.index, ask, depth + 1)
                count += size
                return tree

            inputs = [self.values[source] for source in node.inputs]
            self._known[key] = (substitute(self.cards[node].element(index, *inputs), replace), count)
        return self._known[key]

    def _part(self, node: Node, index: Index, ask: _Ask, depth: int) -> tuple[Tree, int]:
        index = tuple(int(i) for i in index)
        fixed = self._fixed(node, index)
        if fixed is not None:
            return fixed, 0
        if self._vanishes(node, index):
            return ZERO, 0
        named = node in self.names
        if node not in self.cards or depth > DEEP or (named and node not in ask.through):
            return self._named(node, index)
        budget = ask.limit if named else LIMIT
        if self._length(node, ask, depth) > budget:
            return self._named(node, index)
        tree, size = self._opened(node, index, ask, budget, depth)
        return self._named(node, index) if size > budget else (tree, size)

    def _length(self, node: Node, ask: _Ask, depth: int) -> int:
        """About how many symbols a number of a node opens into: those of its middle one.

        Asked before anything is opened, because one number of a deep net is a formula of millions.
        """
        key = (node, ask)
        if key not in self._lengths:
            self._lengths[key] = 1  # met again only within itself, which no formula can
            array = self.values[node]
            middle = tuple(n // 2 for n in array.shape)
            inputs = [self.values[source] for source in node.inputs]
            tree = self.cards[node].element(middle, *inputs) if array.size else Number(0)
            counts = Counter(part.argument for part in leaves(tree) if isinstance(part, Element))
            sizes = {i: self._length_of_part(node.inputs[i], ask, depth + 1) for i in counts}
            self._lengths[key] = sum(n * sizes[i] for i, n in counts.items())
        return self._lengths[key]

    def _length_of_part(self, node: Node, ask: _Ask, depth: int) -> int:
        if self._is_fixed(node):
            return 0
        named = node in self.names
        if node not in self.cards or depth > DEEP or (named and node not in ask.through):
            return 1
        length = self._length(node, ask, depth)
        return length if length <= (ask.limit if named else LIMIT) else 1

    def _fixed(self, node: Node, index: Index) -> Tree | None:
        """A number of the program itself, or a whole number such as a class: it is shown as it is."""
        return plain(self.values[node][index].item()) if self._is_fixed(node) else None

    def _vanishes(self, node: Node, index: Index) -> bool:
        """Whether a number is a product with a 0 that only the labels decide, as of all other classes."""
        if node.op.name != "multiply" or node not in self.cards or self.values[node][index] != 0:
            return False
        return any(s in self._settled and self.values[s][index] == 0 for s in node.inputs)

    @cached_property
    def _settled(self) -> set[Node]:
        """The nodes that are computed from numbers of the program and labels alone; what is drawn at random,
        such as the mask of a dropout, is none of them."""
        found: set[Node] = set()
        for node in self.values:  # inputs before those that read them
            is_key = isinstance(node.op, Input) and node.op.label == KEY
            if (self._is_fixed(node) and not is_key) or (node.inputs and found.issuperset(node.inputs)):
                found.add(node)
        return found

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
    """What the symbols of a formula stand for, from left to right, as often as they occur."""
    if isinstance(tree, Link) and isinstance(tree.target, Scalar):
        return [tree.target]
    return [at for part in children(tree) for at in scalars(part)]


def _unknown(leaf: Tree) -> float:
    raise KeyError(leaf)
