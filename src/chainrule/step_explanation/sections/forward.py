"""The section on the forward pass: from the inputs to the loss, each value with its formula."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.graph import Node, order
from chainrule.page.page import Lines, Part, Section
from chainrule.step_explanation.writer import Index, Writer, as_given, figure, some
from chainrule.texts.sentence import Sentence
from chainrule.trace import Scalar
from chainrule.trace.names import INPUT_ROLES
from chainrule.trace.symbolic_step import is_curve


def forward(writer: Writer) -> Section:
    """Return the named values of the shown sample, then the loss."""
    parts: list[Part] = [writer.render("forward_intro")]
    if writer.trace.samples > 1:
        parts.append(writer.render("shown_sample", i=writer.sample + 1))
    for node in forward_nodes(writer):
        parts += _values(writer, node)
    parts += _loss(writer)
    return Section(writer.render("forward"), tuple(parts))


def forward_nodes(writer: Writer) -> list[Node]:
    """Return the named values between the inputs and the loss, in order, including the predictions."""
    d, names = writer.trace.derivation, writer.trace.names
    return [
        node
        for node in order([*d.predictions(), d.sample_losses])
        if node in names and names[node].role not in INPUT_ROLES and node is not d.sample_losses
    ]


def _values(writer: Writer, node: Node) -> Iterator[Lines]:
    """Yield the equations of a value: one label for an elementwise function, one per weighted sum."""
    places = writer.places(node)
    if is_curve(node) or len(places) > writer.few or not writer.trace.values[node].size:
        yield writer.lines(writer.label("F"), places, lambda index: writer.equation(node, index))
        return
    for index in places:
        yield Lines(writer.label("F"), (writer.equation(node, index),))


def _equal(writer: Writer, node: Node, place: Index, value: str) -> Sentence:
    """Return a symbol and its value, for an enumeration."""
    name = writer.text(writer.symbol(node, place))
    return writer.render("equal", name=name, value=value, about={"element": Scalar(node, place)})


def _loss(writer: Writer) -> Iterator[Part]:
    t, d = writer.trace, writer.trace.derivation
    yield Lines(writer.label("F"), (writer.equation(d.sample_losses, (writer.sample,)),))
    if t.samples == 1 and d.penalty is None:
        return
    losses = t.values[d.sample_losses]
    if t.samples > 1:
        places, left = some([(i,) for i in range(t.samples)], writer.few)
        texts = [_equal(writer, d.sample_losses, place, figure(losses[place])) for place in places]
        tail = writer.render("more_short", n=left) if left else ""
        key, weights = "losses_of_samples", None
        if d.weights:
            key, weights = "losses_weighted", next(iter(d.weights.values()))
            array = t.values[weights]
            texts += [_equal(writer, weights, place, as_given(float(array[place]))) for place in places]
        cost = 0.0 if d.penalty is None else float(t.values[d.penalty])
        facts = {"mean": figure(t.loss - cost), "n": t.samples, "sum": as_given(d.divisor)}
        facts["name"] = "J = " if d.penalty is None else ""
        yield writer.render(
            key, losses=writer.join(texts), more=tail, **facts, about={"equal": texts, "places": places}
        )
    if d.penalty is not None:
        cost = float(t.values[d.penalty])
        yield writer.render("penalty", cost=figure(cost), data=figure(t.loss - cost), loss=figure(t.loss))
