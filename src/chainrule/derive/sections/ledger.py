"""The ledger of one weight: the chain from the loss to it, each factor with its number, and the product.

It is built backwards and told forwards. The gradient's formula names what came back to the next value; that
signal's formula names the ones before; and so on until the error of the answer. Where a signal is a sum over
many ways, the one that contributes most is followed, at depth 3 the three that do, and the total says how
much they are. Nothing here knows what kind of layer the weight belongs to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from chainrule.derive.sections.derivatives import meaning
from chainrule.derive.sections.paths import ways
from chainrule.derive.sections.summary import moved_line
from chainrule.derive.sections.update import moves, remembered
from chainrule.derive.writer import DIGITS, Index, Pen, brief, cut, figure, signed
from chainrule.notation import Sum, Tree, number, substitute
from chainrule.page.page import Equation, Lines, Part, Section, Table
from chainrule.page.spoken_formula import spoken_equation
from chainrule.trace import Scalar, scalars

FOLLOWED = 3  # how many ways are followed at each level, where there are no more or at depth 3; else one
MOST_SYMBOLS = 60  # in the whole product; signals beyond keep their symbol


def ledger(pen: Pen, path: str, index: Index) -> list[Section]:
    """All that is to be said of one weight."""
    return [
        _who(pen, path, index),
        *([_chain(pen, path, index), _product(pen, path, index)] if pen.depth > 1 else []),
        *([ways(pen, Scalar(pen.trace.derivation.gradients[path], index))] if pen.depth > 2 else []),
        _beside(pen, path, index),
        _moved(pen, path, index),
    ]


def _who(pen: Pen, path: str, index: Index) -> Section:
    t = pen.trace
    facts = {"name": f"{path}[{','.join(map(str, index))}]", "symbol": pen.text(pen.parameter(path, index))}
    shape = " × ".join(map(str, t.parameters[path].shape))
    text = pen.say("weight_is", **facts, value=number(float(t.parameters[path][index])), shape=shape)
    g = float(t.gradients[path][index])
    word = meaning(pen, g)
    return Section("", (text, pen.say("weight_meaning", gradient=signed(g), meaning=word)))


def _chain(pen: Pen, path: str, index: Index) -> Section:
    """From the loss to the weight, one stop after the other."""
    levels = list(_levels(pen, path, index))
    parts: list[Part] = [pen.say("chain_intro" if pen.depth > 2 else "chain_intro_short")]
    for level in reversed(levels):
        for at, equations in level:
            parts += [Lines(pen.label("B"), tuple(equations)), *_contributors(pen, at)]
    return Section(pen.say("chain"), tuple(parts))


def _levels(pen: Pen, path: str, index: Index) -> Iterator[list[tuple[Scalar, list[Equation]]]]:
    start = Scalar(pen.trace.derivation.gradients[path], index)
    yield [(start, [pen.equation(start.node, index, pen.gradient(path, index))])]
    asked = _signals(pen, start)
    seen: set[Scalar] = set()
    while asked:
        level, further = [], []
        for at in [a for a in asked if a not in seen][:FOLLOWED]:
            seen.add(at)
            level.append((at, [pen.equation(at.node, at.index), *_slope(pen, at)]))
            further += _signals(pen, at)
        if level:
            yield level
        asked = list(dict.fromkeys(further))


def _slope(pen: Pen, at: Scalar) -> Iterator[Equation]:
    """The slope of the curve that this signal has just passed, as a factor of its own."""
    t = pen.trace
    slopes, back = t.derivation.slopes(), t.derivation.cotangents
    for above, slope in slopes.items():
        below = above.inputs[0]
        if back.get(below) is at.node and above in t.names and below in t.names:
            word = pen.backward_word(t.cards[above])
            yield pen.equation(slope, at.index, pen.slope(above, at.index), note=word)


def _signals(pen: Pen, at: Scalar) -> list[Scalar]:
    """The signals in a number's formula that are followed, those that contribute most first."""
    terms = largest(pen, at)
    followed = terms if pen.depth > 2 or len(terms) <= FOLLOWED else terms[:1]
    found = dict.fromkeys(link for part, _ in followed for link in scalars(part))
    return [link for link in found if pen.trace.names[link.node].role == "signal" and link != at]


def terms_of(pen: Pen, tree: Tree) -> tuple[Tree, ...]:
    """The ways that meet in a formula: the terms of its longest sum of signals; itself where there is
    none."""
    best: tuple[Tree, ...] = (tree,)

    def look(node: Tree) -> None:
        nonlocal best
        if (
            isinstance(node, Sum)
            and len(node.terms) > len(best)
            and all(_carries(pen, t) for t in node.terms)
        ):
            best = node.terms

    substitute(tree, look)
    return best


def _carries(pen: Pen, tree: Tree) -> bool:
    return any(pen.trace.names[link.node].role == "signal" for link in scalars(tree))


def largest(pen: Pen, at: Scalar) -> list[tuple[Tree, float]]:
    """The terms of a number's formula with their values, the largest first."""
    if at not in pen.ranked:
        terms = terms_of(pen, pen.trace.unfolder.scalar(at.node, at.index))
        values = [(term, pen.trace.unfolder.value(term)) for term in terms]
        pen.ranked[at] = sorted(values, key=lambda told: -abs(told[1]))
    return pen.ranked[at]


def _product(pen: Pen, path: str, index: Index) -> Section:
    """The whole as one product, opened as far as it can be read, and who contributes most."""
    t = pen.trace
    whole = opened(pen, Scalar(t.derivation.gradients[path], index))
    shown = cut(whole)
    stored, alone = float(t.gradients[path][index]), t.unfolder.value(whole)
    steps = (shown, t.unfolder.numeric(shown, DIGITS))
    equation = Equation(pen.gradient(path, index), steps, stored)
    whole_is_read = shown == whole and spoken_equation(equation, pen.lang)  # what is cut, or too long, is not
    equation = replace(equation, aloud=bool(whole_is_read))
    parts: list[Part] = [Lines(pen.label("B"), (equation,))]
    residual = abs(alone - stored) / max(abs(stored), 1e-300) if stored else abs(alone)
    parts.append(pen.say("residual", value=figure(alone), residual=number(residual, 1)))
    return Section(pen.say("product"), tuple(parts))


def opened(pen: Pen, at: Scalar) -> Tree:
    """The formula of a number, the signals in it opened down to the error where that can still be read."""
    signals = [node for node, name in pen.trace.names.items() if name.role == "signal"]
    return pen.trace.unfolder.scalar(at.node, at.index, signals, limit=MOST_SYMBOLS)


def _contributors(pen: Pen, at: Scalar) -> Iterator[Part]:
    """Of a sum over many ways the three that contribute most."""
    terms = largest(pen, at)
    if len(terms) <= FOLLOWED:
        return
    values = [value for _, value in terms]
    rows = tuple(
        (term, pen.trace.unfolder.numeric(term, DIGITS), signed(value)) for term, value in terms[:FOLLOWED]
    )
    facts = {"total": signed(sum(values)), "shown": signed(sum(values[:FOLLOWED]))}
    yield pen.say("contributors", n=len(terms), k=FOLLOWED, **facts)
    yield Table((pen.say("term"), pen.say("numbers"), pen.say("result")), rows, (2,))


def _beside(pen: Pen, path: str, index: Index) -> Section:
    """The check of this one weight."""
    c = pen.trace.check([(path, index)])
    facts = {"analytic": figure(c.analytic[0]), "numeric": figure(c.numeric[0]), "step": f"{c.step:.5f}"}
    return Section(pen.say("checked"), (pen.say("weight_checked", **facts, error=number(c.error, 2)),))


def _moved(pen: Pen, path: str, index: Index) -> Section:
    t = pen.trace
    if path not in t.derivation.moved:
        return Section(pen.say("update"), (pen.say("frozen"),))
    parts: list[Part] = [moved_line(pen, path, index)]
    if pen.depth > 1:
        told = remembered(pen) if t.has_memory else ()
        parts = [*told, Lines(pen.label("U"), moves(pen, path, index))]
    change = float(t.new_parameters[path][index] - t.parameters[path][index])
    promise = change * float(t.gradients[path][index])
    facts = {"change": signed(change), "promise": signed(promise)}
    key = "weight_moves_up" if change > 0 else "weight_moves_down" if change < 0 else "weight_stays"
    parts.append(pen.say(key, **facts))
    if t.promise:
        parts.append(pen.say("weight_share", percent=brief(100 * promise / t.promise)))
    return Section(pen.say("update"), tuple(parts))
