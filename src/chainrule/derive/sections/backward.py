"""The way back: from the loss to every weight. What arrived times the slope of the stop, again and again."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.derive.writer import Pen, brief
from chainrule.graph import Node
from chainrule.page.page import Lines, Part, Section
from chainrule.trace import NamedLayer


def backward(pen: Pen) -> Section:
    """What comes back to every named value of the shown sample, and the gradient of every parameter."""
    t = pen.trace
    parts: list[Part] = [pen.say("backward_intro")]
    if t.samples > 1:
        key = "backward_weighted" if t.derivation.weights else "backward_mean"
        parts.append(pen.say(key, n=t.samples))
    waiting = {layer.number: {use.z for use in layer.uses} for layer in t.layers}
    for node in signal_nodes(pen):
        parts += _arrivals(pen, node)
        for layer in t.layers:
            sums = waiting.get(layer.number, set())
            sums -= {node}
            if not sums and waiting.pop(layer.number, None) is not None:  # all its calls have their signals
                parts += _gradients(pen, layer)
    for layer in t.layers:
        if layer.number in waiting:
            parts += _gradients(pen, layer)
    if pen.depth > 2:
        parts += _saliency(pen)
    return Section(pen.say("backward"), tuple(parts))


def signal_nodes(pen: Pen) -> list[Node]:
    """The named forward values to which something comes back, from the loss on, without inputs and
    parameters."""
    names = pen.trace.names
    roles = ("z", "a", "answer", "hidden")
    return [n for n in pen.trace.derivation.cotangents if n in names and names[n].role in roles]


def _arrivals(pen: Pen, node: Node) -> Iterator[Lines]:
    d, places = pen.trace.derivation, pen.places(node)
    through = tuple(d.cotangents[above] for above in _bent_from(pen, node))
    note = _error_note(pen, node)
    yield pen.lines(
        pen.label("B"), places,
        lambda index: pen.signal_equation(node, index, through, note if index == places[0] else ""),
    )  # fmt: skip
    slope = d.slopes().get(node)
    if slope is not None and node.inputs[0] in pen.trace.names:
        word = pen.backward_word(pen.trace.cards[node])
        yield pen.lines(
            pen.label("B"), places,
            lambda i: pen.equation(slope, i, pen.slope(node, i), note=word if i == places[0] else ""),
        )  # fmt: skip


def _bent_from(pen: Pen, node: Node) -> list[Node]:
    """The curves that bend this value and whose incoming signal is shown opened, as in delta_o v_j a_j (1 -
    a_j)."""
    return [above for above in pen.trace.derivation.slopes() if above.inputs[0] is node]


def _error_note(pen: Pen, node: Node) -> str:
    """In words what the error is, at the answer of a net with one number."""
    name = pen.trace.names[node]
    if name.role != "answer" or not name.single or len(pen.trace.derivation.network.targets) > 1:
        return ""
    target = next(iter(pen.trace.derivation.network.targets.values()))
    if pen.trace.values[target].shape != pen.trace.values[node].shape:
        return ""
    index = pen.places(node)[0]
    error = pen.value(node, index) - pen.value(target, index)
    key = "too_low" if error < 0 else "too_high" if error > 0 else "exact"
    return pen.say(key, by=brief(abs(error)))


def _gradients(pen: Pen, layer: NamedLayer) -> Iterator[Lines]:
    for path, node in layer.parameters.items():
        gradient = pen.trace.derivation.gradients[path]
        yield pen.lines(
            pen.label("B"), pen.places(node),
            lambda index, g=gradient, p=path: pen.equation(g, index, pen.gradient(p, index)),
        )  # fmt: skip


def _saliency(pen: Pen) -> Iterator[Part]:
    back = pen.trace.derivation.cotangents
    nodes = [n for n in pen.trace.derivation.built.inputs.values() if n in back and n in pen.trace.names]
    if nodes:
        yield pen.say("saliency")
    for node in nodes:
        yield pen.lines(pen.label("B"), pen.places(node), lambda index, n=node: pen.signal_equation(n, index))
