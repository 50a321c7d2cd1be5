"""The table of all partial derivatives: formula, numbers, result and meaning of the sign."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.graph import Node
from chainrule.page.page import Cell, Lines, Part, Section, Table
from chainrule.step_explanation.writer import DIGITS, MANY, Index, Writer, brief, cut, signed
from chainrule.trace import NamedLayer, Scalar

# The section on the backward pass: from the loss to every weight, by the local derivative of each stop.


def backward(writer: Writer) -> Section:
    """Return the error signals of the shown sample and the gradients of all parameters."""
    t = writer.trace
    parts: list[Part] = [writer.render("backward_intro")]
    if t.samples > 1:
        key = "backward_weighted" if t.derivation.weights else "backward_mean"
        parts.append(writer.render(key, n=t.samples))
    waiting = {layer.number: {call.z for call in layer.calls} for layer in t.layers}
    for node in signal_nodes(writer):
        parts += _cotangents(writer, node)
        for layer in t.layers:
            sums = waiting.get(layer.number, set())
            sums -= {node}
            if (
                not sums and waiting.pop(layer.number, None) is not None
            ):  # the error signals of all calls are known
                parts += _parameter_gradients(writer, layer)
    for layer in t.layers:
        if layer.number in waiting:
            parts += _parameter_gradients(writer, layer)
    if writer.depth > 2:
        parts += _saliency(writer)
    return Section(writer.render("backward"), tuple(parts))


def signal_nodes(writer: Writer) -> list[Node]:
    """Return the named forward values that have a cotangent, loss first, without inputs and parameters."""
    names = writer.trace.names
    roles = ("z", "a", "prediction", "hidden")
    return [n for n in writer.trace.derivation.cotangents if n in names and names[n].role in roles]


def _cotangents(writer: Writer, node: Node) -> Iterator[Lines]:
    d, places = writer.trace.derivation, writer.places(node)
    through = tuple(d.cotangents[above] for above in _functions_of(writer, node))
    note = _error_note(writer, node)
    yield writer.lines(
        writer.label("B"),
        places,
        lambda index: writer.signal_equation(node, index, through, note if index == places[0] else ""),
    )
    slope = d.local_derivatives().get(node)
    if slope is not None and node.inputs[0] in writer.trace.names:
        word = writer.backward_word(node)
        yield writer.lines(
            writer.label("B"),
            places,
            lambda i: writer.equation(slope, i, writer.slope(node, i), note=word if i == places[0] else ""),
        )


def _functions_of(writer: Writer, node: Node) -> list[Node]:
    """Return the elementwise functions whose cotangents are expanded, as in delta_o v_j a_j (1 - a_j)."""
    return [above for above in writer.trace.derivation.local_derivatives() if above.inputs[0] is node]


def _error_note(writer: Writer, node: Node) -> str:
    """Describe the error, if the network has a single output number."""
    name = writer.trace.names[node]
    if name.role != "prediction" or not name.single or len(writer.trace.derivation.network.targets) > 1:
        return ""
    target = next(iter(writer.trace.derivation.network.targets.values()))
    if writer.trace.values[target].shape != writer.trace.values[node].shape:
        return ""
    index = writer.places(node)[0]
    error = writer.value(node, index) - writer.value(target, index)
    key = "too_low" if error < 0 else "too_high" if error > 0 else "exact"
    return writer.render(key, by=brief(abs(error)), about={"output": Scalar(node, index), "target": target})


def _parameter_gradients(writer: Writer, layer: NamedLayer) -> Iterator[Lines]:
    for path, node in layer.parameters.items():
        gradient = writer.trace.derivation.gradients[path]
        yield writer.lines(
            writer.label("B"),
            writer.places(node),
            lambda index, g=gradient, p=path: writer.equation(g, index, writer.gradient(p, index)),
        )


def _saliency(writer: Writer) -> Iterator[Part]:
    back = writer.trace.derivation.cotangents
    nodes = [
        n for n in writer.trace.derivation.built.inputs.values() if n in back and n in writer.trace.names
    ]
    if nodes:
        yield writer.render("saliency")
    for node in nodes:
        yield writer.lines(
            writer.label("B"), writer.places(node), lambda index, n=node: writer.signal_equation(n, index)
        )


OPENED = 60  # maximum number of symbols of an expanded error signal
LARGEST = 10  # number of rows for a network with more than MANY parameters


def derivatives(writer: Writer) -> Section:
    """Return all partial derivatives, or the largest ones and the number of omitted ones."""
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
    """Write depth 3: every derivative, expanded down to inputs, weights and the error."""
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
