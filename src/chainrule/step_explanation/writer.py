"""The writer of the sections of an explanation: texts of one language, symbols, numbers, equations.

Rules for all sections: values are computed in full precision and rounded only for display; inputs are shown
as they were passed; a sum of more than six terms is shown by its first two terms and its last.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

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
from chainrule.page.page import Equation, Lines
from chainrule.texts import render
from chainrule.texts.sentence import Sentence
from chainrule.trace import Name, Scalar, Trace, scalars
from chainrule.trace.symbolic_step import is_curve

Index = tuple[int, ...]

DIGITS = 12  # significant digits of computed values in formulas
TERMS = 6  # a longer sum is shortened
FEW, MANY = 6, 40  # maximum number of listed entries of a kind at depth 2 and at depth 3
DOTS = Symbol("…")


@dataclass
class Writer:
    """Writer of the parts of an explanation of a trace in one language.

    Args:
        trace: the trace to explain.
        lang: ``"en"`` or ``"zh"``.
        depth: 1, 2 or 3.
        sample: the index of the sample whose formulas are shown.
        labels: the class labels by class index, for texts about the target.
        features: for each input its name and raw text, if known.
    """

    trace: Trace
    lang: str
    depth: int = 2
    sample: int = 0
    labels: Sequence[object] = ()
    features: Sequence[str] = ()
    ranked: dict[Scalar, list[tuple[Tree, float]]] = field(default_factory=dict)  # by PathFinder
    _counts: dict[str, int] = field(default_factory=dict)

    def render(self, key: str, *, about: Any = None, **facts: object) -> Sentence:
        """Return the text of ``key`` in the language of the explanation, with its record.

        Args:
            key: the key of the template.
            about: the nodes, elements and layers that the sentence is about, by role.
            facts: the values of the placeholders.
        """
        return Sentence.of(render(key, self.lang, **facts), key, self.lang, facts, about or {})

    @property
    def few(self) -> int:
        """The maximum number of listed entries of a kind."""
        return MANY if self.depth > 2 else FEW

    def labels_of(self, number: int) -> object:
        """Return the label of a class, or its index if it has no label."""
        return self.labels[number] if number < len(self.labels) else number

    # --- numbers and symbols

    def label(self, key: str) -> str:
        """Return the next formula label of a kind: F1, F2 ... in the forward pass, B1 ... in the backward."""
        self._counts[key] = self._counts.get(key, 0) + 1
        return f"{self.render(key)}{self._counts[key]}"

    def value(self, node: Node, index: Index) -> float:
        """Return the stored value of an element."""
        return float(self.trace.values[node][index])

    def symbol(self, node: Node, index: Index) -> Tree:
        """Return the symbol of an element of a named node."""
        return self.trace.formulas.leaf(node, index)

    def unindexed_name(self, node: Node) -> str:
        """Return the name of a node without indices, for use in a sentence."""
        return to_unicode(replace(self.trace.names[node], single=True).symbol((0,), 1))

    def text(self, tree: Tree) -> str:
        """Return a formula as text for use in a sentence."""
        return to_unicode(tree)

    def places(self, node: Node) -> list[Index]:
        """Return all indices of a node; those of the shown sample if its first axis is the batch axis."""
        name = self.trace.names.get(node)
        shape = self.trace.values[node].shape
        if name is not None and name.batched and shape:
            return [(self.sample, *inside) for inside in np.ndindex(shape[1:])]
        return list(np.ndindex(shape))

    # --- error signals

    def signal(self, node: Node, index: Index) -> Tree:
        """Return the symbol of a cotangent: delta for a weighted sum, else a derivative of J."""
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
            calls = (call for layer in self.trace.layers for call in layer.calls if call.z is node)
            return any(name.layer == call.label for call in calls)
        return name.of == own

    def signal_equation(
        self, node: Node, index: Index, through: Collection[Node] = (), note: str = ""
    ) -> Equation:
        """Return the equation of the cotangent of an element, in terms of the cotangents of its readers."""
        back = self.trace.derivation.cotangents[node]
        left = self.signal(node, index)
        if back in self.trace.names and not self._owns(node, back):
            return self._equation(left, self.symbol(back, index), self.value(back, index), note=note)
        return self.equation(back, index, left, through, note=note)

    def gradient(self, path: str, index: Index) -> Tree:
        """Return the symbol of the gradient of one parameter element: dJ/dw."""
        of = self.trace.names[self.trace.derivation.built.parameters[path].node].symbol(index, 1)
        return Link(Scalar(self.trace.derivation.gradients[path], index), Derivative(Symbol("J"), of))

    def parameter(self, path: str, index: Index) -> Tree:
        """Return the symbol of one parameter element."""
        return self.symbol(self.trace.derivation.built.parameters[path].node, index)

    def slope(self, curve: Node, index: Index) -> Tree:
        """Return the symbol of the derivative of an elementwise function at one element: da/dz."""
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
        """Return the equation of one element: symbol, formula, formula with numbers, result."""
        tree = self.trace.formulas.scalar(node, index, through, limit)
        name = left if left is not None else self.symbol(node, index)
        return self._equation(name, tree, self.value(node, index), sign, note)

    def _equation(self, left: Tree, tree: Tree, value: float, sign: str = "=", note: str = "") -> Equation:
        shortened = cut(tree)
        numbers = self.trace.formulas.numeric(shortened, DIGITS)
        steps = (shortened,) if isinstance(numbers, Number) else (shortened, numbers)
        if isinstance(shortened, Number):
            steps = ()
        arguments = tuple(self._arguments(shortened))
        return Equation(left, steps, value, sign, note, arguments=arguments)

    def _arguments(self, tree: Tree) -> Iterator[tuple[Scalar, Tree]]:
        """Yield the symbol of the argument of each value in a formula that is a function of one value."""
        for at in dict.fromkeys(scalars(tree)):
            if is_curve(at.node) and at.node.inputs[0] in self.trace.names:
                yield at, self.symbol(at.node.inputs[0], at.index)

    def lines(self, label: str, places: Sequence[Index], equation: Callable[[Index], Equation]) -> Lines:
        """Return equations of several elements under one label: all if few, else some and a count."""
        chosen, left = some(places, self.few)
        more = self.render("more_lines", n=left) if left else ""
        return Lines(label, tuple(equation(index) for index in chosen), more)

    # --- words

    def backward_word(self, node: Node) -> Sentence:
        """Return the clause that describes the backward pass of the operation of a node."""
        says = self.trace.cards[node].says
        clause = says.backward if self.lang == "en" else says.backward_zh
        return self.render("clause", clause=clause, about={"function": node})

    def arrow(self, stops: Iterable[Scalar]) -> str:
        """Return error signals in sequence as text; of an activation function only that of its input."""
        return " → ".join(self.text(self.symbol(at.node, at.index)) for at in self.deltas(stops)) or "∂J"

    def deltas(self, stops: Iterable[Scalar]) -> list[Scalar]:
        """Return the error signals that are shown; of an activation function only that of its input."""
        return [at for at in stops if self.trace.names[at.node].letter == "delta"] or list(stops)

    def join(self, texts: Iterable[str]) -> str:
        """Return texts as a list within a sentence."""
        return self.render("comma").join(texts)


def some(places: Sequence[Index], few: int) -> tuple[list[Index], int]:
    """Return all indices of a short list, or the first two and the last, and the number of omitted ones."""
    if len(places) <= few:
        return list(places), 0
    return [*places[:2], places[-1]], len(places) - 3


def cut(tree: Tree) -> Tree:
    """Return the formula with every long sum shortened to its first two terms, dots and its last term."""

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
    """Format a result for a sentence or a table."""
    return number(value + 0.0, fixed=True)  # turns -0.0 into 0.0


def signed(value: float) -> str:
    """Format a result with its sign, plus signs included."""
    return ("+" if value > 0 else "") + figure(value)


def rounding_error(absolute: float, roundings: int, dtype: np.dtype[Any]) -> float:
    """Return about the largest error of a sum that is computed in floating-point arithmetic.

    Args:
        absolute: the sum of the absolute values of the terms.
        roundings: the maximum number of rounded operations whose result a term is part of.
        dtype: the dtype to which they round.
    """
    return roundings * float(np.finfo(dtype).eps) * absolute


def sum_of_terms(values: Sequence[float], dtype: np.dtype[Any]) -> float:
    """Return a sum, and 0 where it is not distinguishable from the rounding error of its terms.

    Example:
        >>> float64 = np.dtype("float64")
        >>> sum_of_terms([0.1, 0.2, -0.3], float64), sum_of_terms([0.5, 0.25], float64)
        (0.0, 0.75)
    """
    total = sum(values)
    return 0.0 if abs(total) <= rounding_error(sum(map(abs, values)), len(values), dtype) else total


def brief(value: float) -> str:
    """Format a number with three significant digits; above 100 as an integer."""
    rounded = float(f"{value:.3g}")
    return number(round(value) if 100 <= abs(rounded) < 1e7 else rounded)


def as_given(value: float) -> str:
    """Format an input value as it was passed; integers without a decimal point."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e7 else number(value)


def share(part: float, total: float) -> str:
    """Format ``part`` as a percentage of ``total``."""
    return f"{brief(100 * abs(part / total))}%" if total else "–"
