"""The way forward: from the inputs to the loss, each number with its formula."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.derive.writer import Pen, figure, given, some
from chainrule.graph import Node, order
from chainrule.page.page import Lines, Part, Section
from chainrule.trace.names import GIVEN
from chainrule.trace.step_nodes import is_curve


def forward(pen: Pen) -> Section:
    """Every named value of the shown sample, then the loss."""
    parts: list[Part] = [pen.say("forward_intro")]
    if pen.trace.samples > 1:
        parts.append(pen.say("shown_sample", i=pen.sample + 1))
    for node in forward_nodes(pen):
        parts += _values(pen, node)
    parts += _loss(pen)
    return Section(pen.say("forward"), tuple(parts))


def forward_nodes(pen: Pen) -> list[Node]:
    """The named values between the inputs and the loss, in order, the answers among them."""
    d, names = pen.trace.derivation, pen.trace.names
    return [
        node
        for node in order([*d.answers(), d.each])
        if node in names and names[node].role not in GIVEN and node is not d.each
    ]


def _values(pen: Pen, node: Node) -> Iterator[Lines]:
    """A curve bends all its numbers alike and gets one label; each weighted sum gets its own."""
    places = pen.places(node)
    if is_curve(node) or len(places) > pen.few or not pen.trace.values[node].size:
        yield pen.lines(pen.label("F"), places, lambda index: pen.equation(node, index))
        return
    for index in places:
        yield Lines(pen.label("F"), (pen.equation(node, index),))


def _loss(pen: Pen) -> Iterator[Part]:
    t, d = pen.trace, pen.trace.derivation
    yield Lines(pen.label("F"), (pen.equation(d.each, (pen.sample,)),))
    if t.samples == 1 and d.penalty is None:
        return
    each = t.values[d.each]
    if t.samples > 1:
        chosen, left = some([(i,) for i in range(t.samples)], pen.few)
        texts = [f"{pen.text(pen.symbol(d.each, place))} = {figure(each[place])}" for place in chosen]
        tail = pen.say("more_short", n=left) if left else ""
        key, weights = "losses_of_samples", None
        if d.weights:
            key, weights = "losses_weighted", next(iter(d.weights.values()))
            texts += [
                f"{pen.text(pen.symbol(weights, place))} = {given(float(t.values[weights][place]))}"
                for place in chosen
            ]
        cost = 0.0 if d.penalty is None else float(t.values[d.penalty])
        facts = {"mean": figure(t.loss - cost), "n": t.samples, "sum": given(d.divisor)}
        yield pen.say(key, losses=pen.join(texts), more=tail, **facts)
    if d.penalty is not None:
        cost = float(t.values[d.penalty])
        yield pen.say("penalty", cost=figure(cost), data=figure(t.loss - cost), loss=figure(t.loss))
