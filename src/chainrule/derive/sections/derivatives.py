"""The table of all partial derivatives: formula, numbers, result and meaning of the sign."""

from __future__ import annotations

import numpy as np

from chainrule.derive.writer import DIGITS, MANY, Index, Writer, brief, cut, signed
from chainrule.page.page import Cell, Lines, Part, Section, Table

OPENED = 60  # maximum number of symbols of an expanded error signal
LARGEST = 10  # number of rows for a network with more than MANY parameters


def derivatives(writer: Writer) -> Section:
    """All partial derivatives, or the largest ones and the number of omitted ones."""
    entries, total = listed_entries(writer)
    rows = tuple(_row(writer, i, path, index) for i, (path, index) in enumerate(entries, 1))
    head = (
        "#",
        writer.render("derivative"),
        writer.render("formula"),
        writer.render("numbers"),
        writer.render("result"),
        writer.render("meaning"),
    )
    parts: list[Part] = []
    if len(entries) < total:
        everything = sum(float(np.sum(g * g)) for g in writer.trace.gradients.values())
        part = sum(writer.trace.gradients[path][index] ** 2 for path, index in entries)
        share = 100 * part / everything if everything else 0.0
        path, index = entries[0]
        facts = {"left": f"{total - len(entries):,}", "path": f"{path}[{','.join(map(str, index))}]"}
        about = {"entries": tuple(entries)}
        parts.append(writer.render("largest", n=len(entries), share=brief(share), **facts, about=about))
    parts.append(Table(head, rows, (0, 4), "derivatives"))
    return Section(writer.render("derivatives", n=f"{total:,}"), tuple(parts))


def listed_entries(writer: Writer) -> tuple[list[tuple[str, Index]], int]:
    """Return the parameter elements to list, all or those with the largest gradients, and their number."""
    gradients = writer.trace.gradients
    total = sum(g.size for g in gradients.values())
    if total <= MANY:
        return [(path, index) for path, g in gradients.items() for index in np.ndindex(g.shape)], total
    sizes = np.concatenate([np.abs(g).reshape(-1) for g in gradients.values()])
    starts = np.cumsum([0, *(g.size for g in gradients.values())])
    paths, entries = list(gradients), []
    for flat in np.argsort(-sizes, kind="stable")[:LARGEST]:
        parameter = int(np.searchsorted(starts, flat, side="right")) - 1
        index = np.unravel_index(flat - starts[parameter], gradients[paths[parameter]].shape)
        entries.append((paths[parameter], tuple(int(i) for i in index)))
    return entries, total


def _row(writer: Writer, number: int, path: str, index: Index) -> tuple[Cell, ...]:
    node = writer.trace.derivation.gradients[path]
    tree = cut(writer.trace.formulas.scalar(node, index))
    numbers = writer.trace.formulas.numeric(tree, DIGITS)
    g = writer.value(node, index)
    return str(number), writer.gradient(path, index), tree, numbers, signed(g), meaning(writer, g)


def meaning(writer: Writer, gradient: float) -> str:
    """Describe the meaning of the sign of a derivative."""
    if gradient == 0:
        return writer.render("no_influence")
    return writer.render("raise_it" if gradient < 0 else "lower_it")


def full(writer: Writer) -> Section:
    """Depth 3: every derivative, expanded down to inputs, weights and the error."""
    entries, _ = listed_entries(writer)
    signals = [node for node, name in writer.trace.names.items() if name.role == "signal"]
    parts: list[Part] = [writer.render("full_intro")]
    for path in dict.fromkeys(path for path, _ in entries):
        node = writer.trace.derivation.gradients[path]
        equations = tuple(
            writer.equation(node, index, writer.gradient(path, index), signals, limit=OPENED)
            for own, index in entries
            if own == path
        )
        parts.append(Lines(writer.label("C"), equations))
    return Section(writer.render("full"), tuple(parts))
