"""All ways from the loss to one weight, counted, and the ten that contribute most.

The multivariate chain rule adds up every way through the net. Between two weights of a deep net there are
soon more ways than could be listed, but neither their number nor the largest of them needs a list: what comes
back to a value is linear in what came back to its readers, so the ways to it are the ways to its readers,
each times one factor, and its ten largest are among the ten largest of each reader. That holds for any net;
the formulas say who the readers are.

In a large net a weight is reached from more values than can be looked at. Then the ways are followed level by
level from the weight towards the loss while a level can still be looked at in full, and what arrives there is
taken as it is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chainrule.derive.writer import Pen, brief, signed
from chainrule.notation import Link, Number, Sum, Tree, substitute, value
from chainrule.page.page import Section, Table
from chainrule.records import frozen
from chainrule.trace import Scalar, scalars

LISTED = 10
MOST = 1500  # symbols in the formulas of all values that are looked at; beyond, a level is taken as it is


@frozen
class Way:
    """One way: the signals it passes, from the loss on, and what it contributes to the derivative."""

    stops: tuple[Scalar, ...]
    value: float


@frozen
class Reached:
    """What is known of a value: how many ways lead to it, what they come to in all, the largest of them."""

    count: int
    total: float
    ranked: tuple[Way, ...]


@dataclass
class Ways:
    """Counts, adds up and ranks the ways to a signal of a trace.

    Args:
        pen: of the trace.
        start: the signal.
        most: how many symbols are looked at before what arrives is taken as it is.
    """

    pen: Pen
    start: Scalar
    most: int = MOST
    _known: dict[Scalar, Reached] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._inner, self.is_whole = self._within()

    @property
    def found(self) -> Reached:
        """How many ways lead to the signal, their sum, and those that contribute most, the largest first."""
        return self._to(self.start)

    def _within(self) -> tuple[set[Scalar], bool]:
        """The signals that are followed, level by level, and whether these are all of them."""
        found, level, symbols = set[Scalar](), [self.start], 0
        while level:
            symbols += sum(len(scalars(self._formula(at))) for at in level)
            if symbols > self.most and found:
                return found, False
            found.update(level)
            further = dict.fromkeys(s for at in level for s in self._signals(self._formula(at), at))
            level = [at for at in further if at not in found]
        return found, True

    def _to(self, at: Scalar) -> Reached:
        if at not in self._known:
            self._known[at] = self._followed(at) if at in self._inner else self._stored(at)
        return self._known[at]

    def _stored(self, at: Scalar) -> Reached:
        arrived = self.pen.value(at.node, at.index)
        return Reached(1, arrived, (Way((), arrived),))

    def _followed(self, at: Scalar) -> Reached:
        parts = [self._through(term, at) for term in self._terms(self._formula(at))]
        ways = [way for part in parts for way in part.ranked]
        ranked = sorted(ways, key=lambda way: -abs(way.value))[:LISTED]
        count, total = sum(part.count for part in parts), sum(part.total for part in parts)
        return Reached(count, total, tuple(ranked))

    def _formula(self, at: Scalar) -> Tree:
        return self.pen.trace.unfolder.scalar(at.node, at.index)

    def _terms(self, tree: Tree) -> list[Tree]:
        """The terms that signals pass through, each by itself, and what begins here as one."""
        terms = tree.terms if isinstance(tree, Sum) else (tree,)
        passing = [term for term in terms if any(self._is_signal(at) for at in scalars(term))]
        source = tuple(term for term in terms if term not in passing)
        return [*passing, Sum(source)] if source else passing

    def _through(self, term: Tree, at: Scalar) -> Reached:
        """The ways that pass a term: through each signal in it, or beginning here where there is none."""
        signals = self._signals(term, at)
        own = self._value(term, None, signals)
        count, total = (1, own) if own or not signals else (0, 0.0)
        found = [Way((), own)] if count else []
        for signal in signals:
            factor, before = self._value(term, signal, signals) - own, self._to(signal)
            count += before.count
            total += factor * before.total
            found += [Way((*way.stops, signal), factor * way.value) for way in before.ranked]
        return Reached(count, total, tuple(found))

    def _signals(self, tree: Tree, at: Scalar) -> list[Scalar]:
        return [s for s in dict.fromkeys(scalars(tree)) if self._is_signal(s) and s != at]

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
    """The number of ways to one derivative, their sum, and the largest of them."""
    followed = Ways(pen, at)
    found = followed.found
    shown = sum(way.value for way in found.ranked)
    facts = {"n": f"{found.count:,}", "k": len(found.ranked)}
    text = pen.say("ways_count", **facts, total=signed(found.total), shown=signed(shown))
    if found.total:
        text += pen.say("ways_share", percent=brief(100 * shown / found.total))
    telling = [way for way in found.ranked if way.value] or list(found.ranked)
    rows = tuple((_written(pen, way), signed(way.value)) for way in telling)
    table = Table((pen.say("way"), pen.say("contribution")), rows, (1,))
    cut = () if followed.is_whole else (pen.say("ways_cut"),)
    rest = (pen.say("ways_nothing"),) if len(telling) < len(found.ranked) else ()
    return Section(pen.say("ways"), (pen.say("ways_intro"), *cut, text, table, *rest))


def _written(pen: Pen, way: Way) -> str:
    """A way by the signals it passes; one that passes none begins at the loss or at what weights cost."""
    priced = not way.stops and pen.trace.derivation.penalty is not None
    return pen.say("way_penalty") if priced else pen.arrow(way.stops)


def _nothing(leaf: Tree) -> float:
    raise KeyError(leaf)
