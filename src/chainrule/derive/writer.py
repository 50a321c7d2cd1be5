"""What every chapter of an explanation writes with: words of one language, symbols, numbers, equations.

Rules kept here for all: everything is computed in full and rounded only to be shown; a number that was given
is shown as it was given; a sum of more than six terms is shown by its first two and its last.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from chainrule.graph import Node
from chainrule.notation import (
    Apply,
    Derivative,
    Link,
    Number,
    Sum,
    Symbol,
    Tree,
    number,
    substitute,
    to_unicode,
)
from chainrule.ops.card import Card
from chainrule.page.page import Equation, Lines
from chainrule.texts import say
from chainrule.trace import Name, Scalar, Trace

Index = tuple[int, ...]

DIGITS = 12  # kept of computed numbers before they are rounded to be shown
TERMS = 6  # a longer sum is cut
FEW, MANY = 6, 40  # how many numbers of a kind are listed at depth 2 and at depth 3
DOTS = Symbol("…")


@dataclass
class Pen:
    """A trace, a language and how far to go.

    Args:
        trace: what happened.
        lang: ``"en"`` or ``"zh"``.
        depth: 1, 2 or 3.
        sample: the row whose formulas are shown, from 0.
        labels: the classes in the order of their numbers, for words about the target.
        features: for each input number a name and its raw text, if known.
    """

    trace: Trace
    lang: str
    depth: int = 2
    sample: int = 0
    labels: Sequence[object] = ()
    features: Sequence[str] = ()
    ranked: dict[Scalar, list[tuple[Tree, float]]] = field(default_factory=dict)  # see ledger.largest
    _counts: dict[str, int] = field(default_factory=dict)

    def say(self, key: str, **facts: object) -> str:
        """The sentence of this key with these facts."""
        return say(key, self.lang, **facts)

    @property
    def few(self) -> int:
        """How many numbers of one kind are listed."""
        return MANY if self.depth > 2 else FEW

    def labels_of(self, number: int) -> object:
        """What a class is called; its number where it has no other name."""
        return self.labels[number] if number < len(self.labels) else number

    # --- numbers and symbols

    def label(self, key: str) -> str:
        """The next number of a kind of formula: F1, F2 ... on the way forward, B1 ... on the way back."""
        self._counts[key] = self._counts.get(key, 0) + 1
        return f"{self.say(key)}{self._counts[key]}"

    def value(self, node: Node, index: Index) -> float:
        """The stored number."""
        return float(self.trace.values[node][index])

    def symbol(self, node: Node, index: Index) -> Tree:
        """The symbol of one number of a named node."""
        return self.trace.unfolder.leaf(node, index)

    def whole(self, node: Node) -> str:
        """The name of a node as a whole, without indices, within a sentence."""
        return to_unicode(replace(self.trace.names[node], single=True).symbol((0,), 1))

    def text(self, tree: Tree) -> str:
        """A formula within a sentence."""
        return to_unicode(tree)

    def places(self, node: Node) -> list[Index]:
        """All indices of a node, of the shown sample only where samples lie along its first axis."""
        name = self.trace.names.get(node)
        shape = self.trace.values[node].shape
        if name is not None and name.batched and shape:
            return [(self.sample, *inside) for inside in np.ndindex(shape[1:])]
        return list(np.ndindex(shape))

    # --- what comes back

    def signal(self, node: Node, index: Index) -> Tree:
        """The symbol of what comes back to a forward node: delta for a weighted sum, else a derivative."""
        back = self.trace.derivation.cotangents[node]
        if self._owns(node, back):
            return self.symbol(back, index)
        own = Name("", "signal", batched=True, of=self.trace.names[node])
        return Link(Scalar(back, index), own.symbol(index, self.trace.samples))

    def _owns(self, node: Node, back: Node) -> bool:
        name, own = self.trace.names.get(back), self.trace.names.get(node)
        if name is None or own is None:
            return False
        if name.letter == "delta":
            uses = (use for layer in self.trace.layers for use in layer.uses if use.z is node)
            return any(name.layer == use.label for use in uses)
        return name.of == own

    def signal_equation(
        self, node: Node, index: Index, through: Collection[Node] = (), note: str = ""
    ) -> Equation:
        """What comes back to one number of a forward node, in terms of what came back to those that read
        it."""
        back = self.trace.derivation.cotangents[node]
        left = self.signal(node, index)
        if back in self.trace.names and not self._owns(node, back):
            return self._equation(left, self.symbol(back, index), self.value(back, index), note=note)
        return self.equation(back, index, left, through, note=note)

    def gradient(self, path: str, index: Index) -> Tree:
        """The symbol of the gradient of one parameter number: dJ/dw."""
        of = self.trace.names[self.trace.derivation.built.parameters[path].node].symbol(index, 1)
        return Link(Scalar(self.trace.derivation.gradients[path], index), Derivative(Symbol("J"), of))

    def parameter(self, path: str, index: Index) -> Tree:
        """The symbol of one number of a parameter."""
        return self.symbol(self.trace.derivation.built.parameters[path].node, index)

    def slope(self, curve: Node, index: Index) -> Tree:
        """The symbol of the slope of a curve at one number: da/dz."""
        return Derivative(self.symbol(curve, index), self.symbol(curve.inputs[0], index))

    # --- equations

    def equation(
        self,
        node: Node,
        index: Index,
        left: Tree | None = None,
        through: Collection[Node] = (),
        limit: int = TERMS,
        note: str = "",
        sign: str = "=",
    ) -> Equation:
        """One number of a node: its symbol, its formula, the numbers put in, the result."""
        tree = self.trace.unfolder.scalar(node, index, through, limit)
        name = left if left is not None else self.symbol(node, index)
        return self._equation(name, tree, self.value(node, index), sign, note)

    def _equation(self, left: Tree, tree: Tree, value: float, sign: str = "=", note: str = "") -> Equation:
        shown = cut(tree)
        numbers = self.trace.unfolder.numeric(shown, DIGITS)
        steps = (shown,) if isinstance(numbers, Number) else (shown, numbers)
        if isinstance(shown, Number):
            steps = ()
        return Equation(left, steps, value, sign, note)

    def lines(self, label: str, places: Sequence[Index], equation: Callable[[Index], Equation]) -> Lines:
        """Equations of many numbers under one label: all while they are few, else some and a count."""
        chosen, left = some(places, self.few)
        more = self.say("more_lines", n=left) if left else ""
        return Lines(label, tuple(equation(index) for index in chosen), more)

    # --- words

    def backward_word(self, card: Card) -> str:
        """What an operation does to what comes back, in a clause."""
        return card.says.backward if self.lang == "en" else card.says.backward_zh

    def arrow(self, stops: Iterable[Scalar]) -> str:
        """Signals one after the other; of a curve only the signal behind it is told."""
        deltas = [at for at in stops if self.trace.names[at.node].letter == "delta"] or list(stops)
        return " → ".join(self.text(self.symbol(at.node, at.index)) for at in deltas) or "∂J"

    def join(self, texts: Iterable[str]) -> str:
        """A list within a sentence."""
        return self.say("comma").join(texts)


def some(places: Sequence[Index], few: int) -> tuple[list[Index], int]:
    """All of a short list; of a long one the first two and the last, and how many are left out."""
    if len(places) <= few:
        return list(places), 0
    return [*places[:2], places[-1]], len(places) - 3


def cut(tree: Tree) -> Tree:
    """The formula with every long sum shortened to its first two terms, dots and its last."""

    def shorten(node: Tree) -> Tree | None:
        match node:
            case Sum(terms) if len(terms) > TERMS:
                return Sum((*terms[:2], DOTS, terms[-1]))
            case Apply(function, parts) if len(parts) > TERMS:
                return Apply(function, (*parts[:2], DOTS, parts[-1]))
            case _:
                return None

    return substitute(tree, shorten, {})


def figure(value: float) -> str:
    """A result within a sentence or a table."""
    return number(value + 0.0, fixed=True)  # a zero has no sign to be seen


def signed(value: float) -> str:
    """A result with its sign, so that a rise and a fall are told apart at a glance."""
    return ("+" if value > 0 else "") + figure(value)


def brief(value: float) -> str:
    """A number in three digits, for words such as "0.241 times"."""
    return number(float(f"{value:.3g}"), 3 if abs(value) < 1e5 else 0)


def given(value: float) -> str:
    """A number that a person chose, as it was written; a whole one without a point."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e7 else number(value)


def share(part: float, whole: float) -> str:
    """How many percent of a size a part is."""
    return f"{brief(100 * abs(part / whole))}%" if whole else "–"
