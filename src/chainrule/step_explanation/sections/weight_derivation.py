"""The derivation of one weight: the chain of factors from the loss to it, their values and their product.

The formula of the gradient contains the error signal of the next value; the formula of that signal contains
the signals before it, and so on up to the error of the output. The chain is collected in this order and
displayed in reverse. Where a signal is a sum over many paths, the one with the largest contribution is
followed (at depth 3 the three largest), and their total is stated. There is no special case for the kind of
layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from chainrule.notation import Link, Number, Sum, Tree, number, substitute, value
from chainrule.page.page import Equation, Lines, Part, Section, Table
from chainrule.page.spoken_formula import spoken_equation
from chainrule.records import frozen
from chainrule.step_explanation.sections.gradients import meaning
from chainrule.step_explanation.sections.summary import moved_line
from chainrule.step_explanation.sections.update import state_description, update_equations
from chainrule.step_explanation.writer import (
    DIGITS,
    Index,
    Writer,
    brief,
    cut,
    figure,
    rounding_error,
    signed,
    sum_of_terms,
)
from chainrule.trace import Scalar, scalars

# All paths from the loss to one weight: their number, and the ten with the largest contributions.
#
# The multivariate chain rule is a sum over all paths through the network. A deep network has too many paths
# to list, but neither their number nor the largest of them requires a list: the cotangent of a value is
# linear in the cotangents of its readers, so the paths to it are the paths to its readers times one factor
# each, and its ten largest paths are among the ten largest of each reader. The formulas determine the
# readers, so this holds for any network.
#
# In a large network a weight is reached from more values than can be inspected. Then the paths are followed
# level by level from the weight toward the loss while a whole level can be inspected, and the stored error
# signals are used at the last level.
#
# Paths can cancel: the derivative of the bias of the keys of an attention is exactly 0, and its computed
# value is the rounding error of a sum of thousands of paths. A path is a product of rounded factors and
# passes some sums, so that with at most k roundings each, the computed total differs from the exact one by at
# most about k times the unit roundoff times the sum of the absolute values of all paths (Higham, Accuracy and
# Stability of Numerical Algorithms, section 4.2). A total below this bound has no known sign, and is stated
# as 0.

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
        count = sum(part.count for part in parts)
        total = sum(part.total for part in parts)
        roundings = max(part.roundings for part in parts) + len(parts)
        return PathCount(count, total, tuple(ranked), sum(part.absolute for part in parts), roundings)

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
    """Return the section on the paths to one derivative: their number, their sum, the largest of them."""
    writer, result = finder.writer, finder.result
    values = [path.value for path in result.ranked]
    sum_of_listed = sum_of_terms(values, finder.dtype)
    facts = {"n": f"{result.count:,}", "k": len(result.ranked), "shown": signed(sum_of_listed)}
    if not finder.cancels:
        percent = brief(100 * sum_of_listed / result.total)
        facts |= {"total": signed(result.total), "share": writer.render("paths_share", percent=percent)}
    about = {"element": finder.start, "values": values}
    key = "paths_cancel" if finder.cancels else "paths_one" if result.count == 1 else "paths_count"
    text = writer.render(key, **facts, about=about)
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


FOLLOWED = 3  # number of paths followed per level, if there are no more or at depth 3; else one
MOST_SYMBOLS = 60  # maximum number of symbols of the product; further signals keep their symbols


def weight_derivation(writer: Writer, path: str, index: Index) -> list[Section]:
    """Return the sections of the derivation of one weight."""
    finder = PathFinder(writer, Scalar(writer.trace.derivation.gradients[path], index))
    return [
        _identity(writer, path, index, finder.cancels),
        *([_chain(writer, path, index), _product(writer, path, index)] if writer.depth > 1 else []),
        *([paths(finder)] if writer.depth > 2 else []),
        _check(writer, path, index),
        _update(writer, path, index),
    ]


def _identity(writer: Writer, path: str, index: Index, cancels: bool) -> Section:
    """Return what the weight is and what its gradient means; if its paths cancel, it has no sign."""
    t = writer.trace
    facts = {
        "name": f"{path}[{','.join(map(str, index))}]",
        "symbol": writer.text(writer.parameter(path, index)),
    }
    shape = " × ".join(map(str, t.parameters[path].shape))
    value, about = number(float(t.parameters[path][index])), {"weight": (path, index)}
    text = writer.render("weight_is", **facts, value=value, shape=shape, about=about)
    g = float(t.gradients[path][index])
    word = meaning(writer, 0.0 if cancels else g)
    return Section("", (text, writer.render("weight_meaning", gradient=signed(g), meaning=word, about=about)))


def _chain(writer: Writer, path: str, index: Index) -> Section:
    """Return the chain from the loss to the weight, stop by stop."""
    levels = list(_levels(writer, path, index))
    parts: list[Part] = [writer.render("chain_intro" if writer.depth > 2 else "chain_intro_short")]
    for level in reversed(levels):
        for at, equations in level:
            parts += [Lines(writer.label("B"), tuple(equations)), *_contributors(writer, at)]
    return Section(writer.render("chain"), tuple(parts))


def _levels(writer: Writer, path: str, index: Index) -> Iterator[list[tuple[Scalar, list[Equation]]]]:
    start = Scalar(writer.trace.derivation.gradients[path], index)
    yield [(start, [writer.equation(start.node, index, writer.gradient(path, index))])]
    pending = _signals(writer, start)
    seen: set[Scalar] = set()
    while pending:
        level, further = [], []
        for at in [a for a in pending if a not in seen][:FOLLOWED]:
            seen.add(at)
            level.append((at, [writer.equation(at.node, at.index), *_slope(writer, at)]))
            further += _signals(writer, at)
        if level:
            yield level
        pending = list(dict.fromkeys(further))


def _slope(writer: Writer, at: Scalar) -> Iterator[Equation]:
    """Yield the local derivative of the activation function that this error signal passed."""
    t = writer.trace
    local_derivatives, back = t.derivation.local_derivatives(), t.derivation.cotangents
    for above, slope in local_derivatives.items():
        below = above.inputs[0]
        if back.get(below) is at.node and above in t.names and below in t.names:
            word = writer.backward_word(above)
            yield writer.equation(slope, at.index, writer.slope(above, at.index), note=word)


def _signals(writer: Writer, at: Scalar) -> list[Scalar]:
    """Return the error signals in a formula that are followed, the largest contributions first."""
    terms = largest(writer, at)
    followed = terms if writer.depth > 2 or len(terms) <= FOLLOWED else terms[:1]
    signals = dict.fromkeys(link for part, _ in followed for link in scalars(part))
    return [link for link in signals if writer.trace.names[link.node].role == "signal" and link != at]


def terms_of(writer: Writer, tree: Tree) -> tuple[Tree, ...]:
    """Return the terms of the longest sum of signals in a formula, one per path, or the formula itself."""
    best: tuple[Tree, ...] = (tree,)

    def look(node: Tree) -> None:
        nonlocal best
        if (
            isinstance(node, Sum)
            and len(node.terms) > len(best)
            and all(_carries(writer, t) for t in node.terms)
        ):
            best = node.terms

    substitute(tree, look)
    return best


def _carries(writer: Writer, tree: Tree) -> bool:
    return any(writer.trace.names[link.node].role == "signal" for link in scalars(tree))


def largest(writer: Writer, at: Scalar) -> list[tuple[Tree, float]]:
    """Return the terms of a formula with their values, the largest first."""
    if at not in writer.ranked:
        terms = terms_of(writer, writer.trace.formulas.scalar(at.node, at.index))
        values = [(term, writer.trace.formulas.value(term)) for term in terms]
        writer.ranked[at] = sorted(values, key=lambda pair: -abs(pair[1]))
    return writer.ranked[at]


def _product(writer: Writer, path: str, index: Index) -> Section:
    """Return the derivative as one product, expanded as far as it is readable."""
    t = writer.trace
    product = expanded(writer, Scalar(t.derivation.gradients[path], index))
    shortened = cut(product)
    stored, alone = float(t.gradients[path][index]), t.formulas.value(product)
    steps = (shortened, t.formulas.numeric(shortened, DIGITS))
    equation = Equation(writer.gradient(path, index), steps, stored)
    is_read_out = shortened == product and spoken_equation(
        equation, writer.lang
    )  # shortened or long formulas are not read out
    equation = replace(equation, aloud=bool(is_read_out))
    parts: list[Part] = [Lines(writer.label("B"), (equation,))]
    residual = abs(alone - stored) / max(abs(stored), 1e-300) if stored else abs(alone)
    facts = {"value": figure(alone), "residual": number(residual, 1)}
    parts.append(writer.render("residual", **facts, about={"weight": (path, index), "formula": product}))
    return Section(writer.render("product"), tuple(parts))


def expanded(writer: Writer, at: Scalar) -> Tree:
    """Return the formula of a number, with its signals expanded down to the error up to MOST_SYMBOLS."""
    signals = [node for node, name in writer.trace.names.items() if name.role == "signal"]
    return writer.trace.formulas.scalar(at.node, at.index, signals, limit=MOST_SYMBOLS)


def _contributors(writer: Writer, at: Scalar) -> Iterator[Part]:
    """Yield the table of the three largest terms of a sum over many paths."""
    terms = largest(writer, at)
    if len(terms) <= FOLLOWED:
        return
    values = [value for _, value in terms]
    rows = tuple(
        (term, writer.trace.formulas.numeric(term, DIGITS), signed(value)) for term, value in terms[:FOLLOWED]
    )
    dtype = writer.trace.values[at.node].dtype
    total, largest_part = (sum_of_terms(part, dtype) for part in (values, values[:FOLLOWED]))
    facts = {"total": signed(total), "shown": signed(largest_part)}
    formula = writer.trace.formulas.scalar(at.node, at.index)
    is_whole = isinstance(formula, Sum) and len(formula.terms) == len(terms)
    about = {"element": at, "terms": tuple(term for term, _ in terms)}
    key = "contributors" if is_whole else "contributors_within"
    yield writer.render(key, n=len(terms), k=FOLLOWED, **facts, about=about)
    head = (writer.render("term"), writer.render("numbers"), writer.render("result"))
    yield Table(head, rows, (2,), "terms")


def _check(writer: Writer, path: str, index: Index) -> Section:
    """Return the numerical check of this weight."""
    c = writer.trace.check([(path, index)])
    facts = {"analytic": figure(c.analytic[0]), "numeric": figure(c.numeric[0]), "step": f"{c.step:.5f}"}
    facts["error"] = number(c.error, 2)
    text = writer.render("weight_checked", **facts, about={"weight": (path, index)})
    return Section(writer.render("checked"), (text,))


def _update(writer: Writer, path: str, index: Index) -> Section:
    t = writer.trace
    if path not in t.derivation.updated:
        return Section(writer.render("update"), (writer.render("frozen"),))
    parts: list[Part] = [moved_line(writer, path, index)]
    if writer.depth > 1:
        memory = state_description(writer) if t.optimizer_state else ()
        parts = [*memory, Lines(writer.label("U"), update_equations(writer, path, index))]
    change = float(t.new_parameters[path][index] - t.parameters[path][index])
    promise = change * float(t.gradients[path][index])
    facts = {"change": signed(change), "promise": signed(promise)}
    key = "weight_moves_up" if change > 0 else "weight_moves_down" if change < 0 else "weight_stays"
    about = {"weight": (path, index)}
    parts.append(writer.render(key, **facts, about=about))
    if t.predicted_change:
        percent = brief(100 * promise / t.predicted_change)
        parts.append(writer.render("weight_share", percent=percent, about=about))
    return Section(writer.render("update"), tuple(parts))
