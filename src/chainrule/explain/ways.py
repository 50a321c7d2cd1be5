"""All ways from the loss to one weight, counted, and the ten that contribute most.

The multivariate chain rule adds up every way through the net. Between two weights of a deep net there are
soon more ways than could be listed, but neither their number nor the largest of them needs a list: what comes
back to a value is linear in what came back to its readers, so the ways to it are the ways to its readers,
each times one factor, and its ten largest are among the ten largest of each reader. That holds for any net;
the formulas say who the readers are.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chainrule.explain.page import Section, Table
from chainrule.explain.pen import Pen, brief, signed
from chainrule.frozen import frozen
from chainrule.notation import Link, Number, Sum, Tree, substitute, value
from chainrule.trace import Scalar, scalars

LISTED = 10


@frozen
class Way:
    """One way: the signals it passes, from the loss on, and what it contributes to the derivative."""

    stops: tuple[Scalar, ...]
    value: float


@dataclass
class Ways:
    """Counts and ranks the ways to any signal of a trace.

    Args:
        pen: of the trace.
    """

    pen: Pen
    _known: dict[Scalar, tuple[int, list[Way]]] = field(default_factory=dict)

    def to(self, at: Scalar) -> tuple[int, list[Way]]:
        """How many ways lead to a number, and those that contribute most, the largest first."""
        if at not in self._known:
            tree = self.pen.trace.unfolder.scalar(at.node, at.index)
            count, found = 0, []
            for term in self._terms(tree):
                more, ways = self._through(term, at)
                count += more
                found += ways
            ranked = sorted(found, key=lambda way: -abs(way.value))[:LISTED]
            self._known[at] = count, ranked
        return self._known[at]

    def _terms(self, tree: Tree) -> list[Tree]:
        """The terms that signals pass through, each by itself, and what begins here as one."""
        terms = tree.terms if isinstance(tree, Sum) else (tree,)
        passing = [term for term in terms if any(self._is_signal(at) for at in scalars(term))]
        source = tuple(term for term in terms if term not in passing)
        return [*passing, Sum(source)] if source else passing

    def _through(self, term: Tree, at: Scalar) -> tuple[int, list[Way]]:
        """The ways that pass a term: through each signal in it, or beginning here where there is none."""
        signals = [s for s in dict.fromkeys(scalars(term)) if self._is_signal(s) and s != at]
        own = self._value(term, None, signals)
        count, found = (1, [Way((), own)]) if own or not signals else (0, [])
        for signal in signals:
            factor = self._value(term, signal, signals) - own
            more, ways = self.to(signal)
            count += more
            found += [Way((*way.stops, signal), factor * way.value) for way in ways]
        return count, found

    def _value(self, term: Tree, one: Scalar | None, signals: list[Scalar]) -> float:
        """The term with one signal set to 1 and all others to 0."""

        def replace(part: Tree) -> Tree | None:
            if isinstance(part, Link) and part.target in signals:
                return Number(1.0 if part.target == one else 0.0)
            return None

        return float(value(self.pen.trace.unfolder.numeric(substitute(term, replace)), _nothing))

    def _is_signal(self, at: Scalar) -> bool:
        return self.pen.trace.names[at.node].role == "signal"


def ways(pen: Pen, at: Scalar) -> Section:
    """The number of ways to one derivative, and the largest of them."""
    count, ranked = Ways(pen).to(at)
    total = pen.value(at.node, at.index)
    shown = sum(way.value for way in ranked)
    text = pen.say("ways_count", n=f"{count:,}", k=len(ranked), total=signed(total), shown=signed(shown))
    if total:
        text += pen.say("ways_share", percent=brief(100 * shown / total))
    rows = tuple((pen.arrow(way.stops), signed(way.value)) for way in ranked)
    table = Table((pen.say("way"), pen.say("contribution")), rows, (1,))
    return Section(pen.say("ways"), (pen.say("ways_intro"), text, table))


def _nothing(leaf: Tree) -> float:
    raise KeyError(leaf)
