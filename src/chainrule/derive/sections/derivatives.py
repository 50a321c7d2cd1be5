"""The table of all partial derivatives: formula, numbers, result, and what the sign means."""

from __future__ import annotations

import numpy as np

from chainrule.derive.writer import DIGITS, MANY, Index, Pen, brief, cut, signed
from chainrule.page.page import Cell, Lines, Part, Section, Table

OPENED = 60  # symbols up to which a signal is opened in the whole chain
LARGEST = 10  # of a net with more than MANY parameters so many are shown


def derivatives(pen: Pen) -> Section:
    """All partial derivatives, or the largest ones and how many are left."""
    shown, total = chosen(pen)
    rows = tuple(_row(pen, i, path, index) for i, (path, index) in enumerate(shown, 1))
    head = (
        "#",
        pen.say("derivative"),
        pen.say("formula"),
        pen.say("numbers"),
        pen.say("result"),
        pen.say("meaning"),
    )
    parts: list[Part] = []
    if len(shown) < total:
        everything = sum(float(np.sum(g * g)) for g in pen.trace.gradients.values())
        part = sum(pen.trace.gradients[path][index] ** 2 for path, index in shown)
        share = 100 * part / everything if everything else 0.0
        path, index = shown[0]
        facts = {"left": f"{total - len(shown):,}", "path": f"{path}[{','.join(map(str, index))}]"}
        parts.append(pen.say("largest", n=len(shown), share=brief(share), **facts))
    parts.append(Table(head, rows, (0, 4)))
    return Section(pen.say("derivatives", n=f"{total:,}"), tuple(parts))


def chosen(pen: Pen) -> tuple[list[tuple[str, Index]], int]:
    """The parameter numbers to list: all of them in order, or the ones with the largest gradients."""
    gradients = pen.trace.gradients
    total = sum(g.size for g in gradients.values())
    if total <= MANY:
        return [(path, index) for path, g in gradients.items() for index in np.ndindex(g.shape)], total
    sizes = np.concatenate([np.abs(g).reshape(-1) for g in gradients.values()])
    starts = np.cumsum([0, *(g.size for g in gradients.values())])
    paths, found = list(gradients), []
    for flat in np.argsort(-sizes, kind="stable")[:LARGEST]:
        which = int(np.searchsorted(starts, flat, side="right")) - 1
        place = np.unravel_index(flat - starts[which], gradients[paths[which]].shape)
        found.append((paths[which], tuple(int(i) for i in place)))
    return found, total


def _row(pen: Pen, number: int, path: str, index: Index) -> tuple[Cell, ...]:
    node = pen.trace.derivation.gradients[path]
    tree = cut(pen.trace.unfolder.scalar(node, index))
    numbers = pen.trace.unfolder.numeric(tree, DIGITS)
    g = pen.value(node, index)
    return str(number), pen.gradient(path, index), tree, numbers, signed(g), meaning(pen, g)


def meaning(pen: Pen, gradient: float) -> str:
    """What a derivative's sign says to do."""
    if gradient == 0:
        return pen.say("no_influence")
    return pen.say("raise_it" if gradient < 0 else "lower_it")


def full(pen: Pen) -> Section:
    """Depth 3: every derivative by the whole chain, opened down to inputs, weights and the error."""
    shown, _ = chosen(pen)
    signals = [node for node, name in pen.trace.names.items() if name.role == "signal"]
    parts: list[Part] = [pen.say("full_intro")]
    for path in dict.fromkeys(path for path, _ in shown):
        node = pen.trace.derivation.gradients[path]
        equations = tuple(
            pen.equation(node, index, pen.gradient(path, index), signals, limit=OPENED)
            for own, index in shown
            if own == path
        )
        parts.append(Lines(pen.label("C"), equations))
    return Section(pen.say("full"), tuple(parts))
