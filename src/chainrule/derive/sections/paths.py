"""All paths from the loss to one weight: their number, and the ten with the largest contributions.

The multivariate chain rule is a sum over all paths through the network. A deep network has too many paths to
list, but neither their number nor the largest of them requires a list: the cotangent of a value is linear in
the cotangents of its readers, so the paths to it are the paths to its readers times one factor each, and its
ten largest paths are among the ten largest of each reader. The formulas determine the readers, so this holds
for any network.

In a large network a weight is reached from more values than can be inspected. Then the paths are followed
level by level from the weight toward the loss while a whole level can be inspected, and the stored error
signals are used at the last level.

Paths can cancel: the derivative of the bias of the keys of an attention is exactly 0, and its computed value
is the rounding error of a sum of thousands of paths. A path is a product of rounded factors and passes some
sums, so that with at most k roundings each, the computed total differs from the exact one by at most about k
times the unit roundoff times the sum of the absolute values of all paths (Higham, Accuracy and Stability of
Numerical Algorithms, section 4.2). A total below this bound has no known sign, and is stated as 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.derive.writer import Writer, brief, rounding_error, signed, sum_of_terms
from chainrule.notation import Link, Number, Sum, Tree, substitute, value
from chainrule.page.page import Section, Table
from chainrule.records import frozen
from chainrule.trace import Scalar, scalars

LISTED = 10
MAX_SYMBOLS = 1500  # maximum number of symbols in all inspected formulas; beyond it, stored signals are used


@frozen
class Path:
    """A path: the error signals that it passes, from the loss on, and its contribution to the derivative."""

    stops: tuple[Scalar, ...]
    value: float


@frozen
class PathCount:
    """The paths to a value.

    Args:
        count: their number.
        total: their sum.
        ranked: the largest of them.
        absolute: the sum of their absolute values.
        roundings: the maximum number of rounded operations whose result a path is part of.
    """

    count: int
    total: float
    ranked: tuple[Path, ...]
    absolute: float
    roundings: int


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

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype to which the values of the trace are rounded."""
        return self.writer.trace.values[self.start.node].dtype

    @property
    def cancels(self) -> bool:
        """Whether the sum of all paths is not distinguishable from 0."""
        result = self.result
        return abs(result.total) <= rounding_error(result.absolute, result.roundings, self.dtype)

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
        return PathCount(1, arrived, (Path((), arrived),), abs(arrived), 1)

    def _expanded(self, at: Scalar) -> PathCount:
        parts = [self._paths_through(term, at) for term in self._terms(self._formula(at))]
        paths = [path for part in parts for path in part.ranked]
        ranked = sorted(paths, key=lambda path: -abs(path.value))[:LISTED]
        return PathCount(
            sum(part.count for part in parts), sum(part.total for part in parts), tuple(ranked),
            sum(part.absolute for part in parts), max(part.roundings for part in parts) + len(parts),
        )  # fmt: skip

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
        result, absolute, roundings = [Path((), own)] if count else [], abs(total), 0
        for signal in signals:
            with_signal, before = self._value(term, signal, signals), self._paths_to(signal)
            factor = with_signal - own
            count += before.count
            total += factor * before.total
            result += [Path((*path.stops, signal), factor * path.value) for path in before.ranked]
            absolute += (abs(with_signal) + abs(own)) * before.absolute
            roundings = max(roundings, before.roundings)
        return PathCount(count, total, tuple(result), absolute, roundings + len(scalars(term)) + len(signals))

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


def paths(finder: PathFinder) -> Section:
    """The section on the paths to one derivative: their number, their sum, the largest of them."""
    writer, result = finder.writer, finder.result
    values = [path.value for path in result.ranked]
    sum_of_listed = sum_of_terms(values, finder.dtype)
    facts = {"n": f"{result.count:,}", "k": len(result.ranked), "shown": signed(sum_of_listed)}
    if not finder.cancels:
        percent = brief(100 * sum_of_listed / result.total)
        facts |= {"total": signed(result.total), "share": writer.render("paths_share", percent=percent)}
    about = {"element": finder.start, "values": values}
    text = writer.render("paths_cancel" if finder.cancels else "paths_count", **facts, about=about)
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
