"""All paths from the loss to one weight: their number, and the ten with the largest contributions.

The multivariate chain rule is a sum over all paths through the network. A deep network has too many paths to
list, but neither their number nor the largest of them requires a list: the cotangent of a value is linear in
the cotangents of its readers, so the paths to it are the paths to its readers times one factor each, and its
ten largest paths are among the ten largest of each reader. The formulas determine the readers, so this holds
for any network.

In a large network a weight is reached from more values than can be inspected. Then the paths are followed
level by level from the weight toward the loss while a whole level can be inspected, and the stored error
signals are used at the last level.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chainrule.derive.writer import Writer, brief, signed
from chainrule.notation import Link, Number, Sum, Tree, substitute, value
from chainrule.page.page import Section, Table
from chainrule.records import frozen
from chainrule.trace import Scalar, scalars

LISTED = 10
NEGLIGIBLE = 1e-9  # a total that is a rounding error of its paths
MAX_SYMBOLS = 1500  # maximum number of symbols in all inspected formulas; beyond it, stored signals are used


@frozen
class Path:
    """A path: the error signals that it passes, from the loss on, and its contribution to the derivative."""

    stops: tuple[Scalar, ...]
    value: float


@frozen
class PathCount:
    """The paths to a value: their number, their sum, and the largest of them."""

    count: int
    total: float
    ranked: tuple[Path, ...]


@dataclass
class PathFinder:
    """Counts, sums and ranks the paths to an error signal of a trace.

    Args:
        writer: the writer of the trace.
        start: the error signal.
        max_symbols: the number of symbols to inspect before stored signals are used.
    """

    writer: Writer
    start: Scalar
    max_symbols: int = MAX_SYMBOLS
    _counts: dict[Scalar, PathCount] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._followed, self.is_complete = self._within()

    @property
    def result(self) -> PathCount:
        """The number of paths to the signal, their sum, and those with the largest contributions."""
        return self._paths_to(self.start)

    def _within(self) -> tuple[set[Scalar], bool]:
        """Return the signals that are followed, level by level, and whether these are all of them."""
        result, level, symbols = set[Scalar](), [self.start], 0
        while level:
            symbols += sum(len(scalars(self._formula(at))) for at in level)
            if symbols > self.max_symbols and result:
                return result, False
            result.update(level)
            further = dict.fromkeys(s for at in level for s in self._signals(self._formula(at), at))
            level = [at for at in further if at not in result]
        return result, True

    def _paths_to(self, at: Scalar) -> PathCount:
        if at not in self._counts:
            self._counts[at] = self._expanded(at) if at in self._followed else self._stored(at)
        return self._counts[at]

    def _stored(self, at: Scalar) -> PathCount:
        arrived = self.writer.value(at.node, at.index)
        return PathCount(1, arrived, (Path((), arrived),))

    def _expanded(self, at: Scalar) -> PathCount:
        parts = [self._paths_through(term, at) for term in self._terms(self._formula(at))]
        paths = [path for part in parts for path in part.ranked]
        ranked = sorted(paths, key=lambda path: -abs(path.value))[:LISTED]
        count, total = sum(part.count for part in parts), sum(part.total for part in parts)
        return PathCount(count, total, tuple(ranked))

    def _formula(self, at: Scalar) -> Tree:
        return self.writer.trace.formulas.scalar(at.node, at.index)

    def _terms(self, tree: Tree) -> list[Tree]:
        """Return the terms that contain signals, and one sum of all other terms, which start a path."""
        terms = tree.terms if isinstance(tree, Sum) else (tree,)
        passing = [term for term in terms if any(self._is_signal(at) for at in scalars(term))]
        source = tuple(term for term in terms if term not in passing)
        return [*passing, Sum(source)] if source else passing

    def _paths_through(self, term: Tree, at: Scalar) -> PathCount:
        """Return the paths through a term: through each of its signals, or starting at it if it has none."""
        signals = self._signals(term, at)
        own = self._value(term, None, signals)
        count, total = (1, own) if own or not signals else (0, 0.0)
        result = [Path((), own)] if count else []
        for signal in signals:
            factor, before = self._value(term, signal, signals) - own, self._paths_to(signal)
            count += before.count
            total += factor * before.total
            result += [Path((*path.stops, signal), factor * path.value) for path in before.ranked]
        return PathCount(count, total, tuple(result))

    def _signals(self, tree: Tree, at: Scalar) -> list[Scalar]:
        return [s for s in dict.fromkeys(scalars(tree)) if self._is_signal(s) and s != at]

    def _value(self, term: Tree, one: Scalar | None, signals: list[Scalar]) -> float:
        """Evaluate the term with one signal set to 1 and all others to 0."""

        def replace(part: Tree) -> Tree | None:
            if isinstance(part, Link) and part.target in signals:
                return Number(1.0 if part.target == one else 0.0)
            return None

        return float(value(self.writer.trace.formulas.numeric(substitute(term, replace)), _unknown))

    def _is_signal(self, at: Scalar) -> bool:
        return self.writer.trace.names[at.node].role == "signal"


def paths(writer: Writer, at: Scalar) -> Section:
    """The section on the paths to one derivative: their number, their sum, the largest of them."""
    finder = PathFinder(writer, at)
    result = finder.result
    sum_of_listed = sum(path.value for path in result.ranked)
    facts = {"n": f"{result.count:,}", "k": len(result.ranked)}
    facts |= {"total": signed(result.total), "shown": signed(sum_of_listed), "share": ""}
    if abs(result.total) > NEGLIGIBLE * abs(sum_of_listed):  # else the paths cancel: no share
        facts["share"] = writer.render("paths_share", percent=brief(100 * sum_of_listed / result.total))
    text = writer.render("paths_count", **facts, about={"element": at})
    listed = [path for path in result.ranked if path.value] or list(result.ranked)
    rows = tuple((_description(writer, path), signed(path.value)) for path in listed)
    table = Table((writer.render("path"), writer.render("contribution")), rows, (1,), "paths")
    cut = () if finder.is_complete else (writer.render("paths_cut"),)
    rest = (writer.render("paths_nothing"),) if len(listed) < len(result.ranked) else ()
    return Section(writer.render("paths"), (writer.render("paths_intro"), *cut, text, table, *rest))


def _description(writer: Writer, path: Path) -> str:
    """Describe a path by its error signals; a path without signals starts at the loss or at the penalty."""
    priced = not path.stops and writer.trace.derivation.penalty is not None
    if priced:
        return writer.render("path_penalty")
    return writer.render("clause", clause=writer.arrow(path.stops), about={"stops": path.stops})


def _unknown(leaf: Tree) -> float:
    raise KeyError(leaf)
