"""The ledger of one weight: the chain of factors from the loss to it, their values and their product.

The formula of the gradient contains the error signal of the next value; the formula of that signal contains
the signals before it, and so on up to the error of the output. The chain is collected in this order and
displayed in reverse. Where a signal is a sum over many paths, the one with the largest contribution is
followed (at depth 3 the three largest), and their total is stated. There is no special case for the kind of
layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from chainrule.derive.sections.derivatives import meaning
from chainrule.derive.sections.paths import PathFinder, paths
from chainrule.derive.sections.summary import moved_line
from chainrule.derive.sections.update import state_description, update_equations
from chainrule.derive.writer import DIGITS, Index, Writer, brief, cut, figure, signed, sum_of_terms
from chainrule.notation import Sum, Tree, number, substitute
from chainrule.page.page import Equation, Lines, Part, Section, Table
from chainrule.page.spoken_formula import spoken_equation
from chainrule.trace import Scalar, scalars

FOLLOWED = 3  # number of paths followed per level, if there are no more or at depth 3; else one
MOST_SYMBOLS = 60  # maximum number of symbols of the product; further signals keep their symbols


def ledger(writer: Writer, path: str, index: Index) -> list[Section]:
    """Return the sections of the ledger of one weight."""
    finder = PathFinder(writer, Scalar(writer.trace.derivation.gradients[path], index))
    return [
        _identity(writer, path, index, finder.cancels),
        *([_chain(writer, path, index), _product(writer, path, index)] if writer.depth > 1 else []),
        *([paths(finder)] if writer.depth > 2 else []),
        _check(writer, path, index),
        _update(writer, path, index),
    ]


def _identity(writer: Writer, path: str, index: Index, cancels: bool) -> Section:
    """What the weight is, and the meaning of its gradient; a gradient whose paths cancel has no sign."""
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
    """The chain from the loss to the weight, stop by stop."""
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
    """The derivative as one product, expanded as far as it is readable."""
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
    """The numerical check of this weight."""
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
