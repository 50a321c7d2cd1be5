"""The derivation of one value of a step: a unit, an input, a prediction or a loss.

Its value, the gradient that arrives at it, the derivative of its function, the gradient that it passes on,
and the sum over all paths from the loss.
"""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.graph import Node
from chainrule.page.page import Equation, Lines, Part, Section
from chainrule.step_explanation.sections.weight_derivation import PathFinder, paths
from chainrule.step_explanation.writer import Index, Writer, figure, signed
from chainrule.trace import Scalar


def element(writer: Writer, node: Node, index: Index) -> list[Section]:
    """Return the sections on one element of a named value.

    Args:
        writer: of the step.
        node: a named node of the forward pass.
        index: of the element.
    """
    return [
        Section(writer.render("forward"), tuple(_value(writer, node, index))),
        Section(writer.render("backward"), tuple(_gradients(writer, node, index))),
        *_paths(writer, node, index),
    ]


def _chain(writer: Writer, node: Node) -> list[Node]:
    """Return the value that an elementwise function reads, if it has a name, and the value itself."""
    d = writer.trace.derivation
    below = node.inputs[0] if node in d.local_derivatives() else None
    return [node] if below is None or below not in writer.trace.names else [below, node]


def _value(writer: Writer, node: Node, index: Index) -> Iterator[Part]:
    for part in _chain(writer, node):
        if part in writer.trace.cards:
            yield Lines(writer.label("F"), (writer.equation(part, index),))
        else:
            facts = {
                "name": writer.text(writer.symbol(part, index)),
                "value": figure(writer.value(part, index)),
            }
            yield writer.render("element_is", **facts, about={"element": Scalar(part, index)})


def _gradients(writer: Writer, node: Node, index: Index) -> Iterator[Part]:
    d = writer.trace.derivation
    if node not in d.cotangents:
        yield writer.render("element_constant")
        return
    slope = d.local_derivatives().get(node)
    slope = slope if node.inputs and node.inputs[0] in writer.trace.names else None
    above = writer.signal_equation(node, index)
    if slope is None:
        yield Lines(writer.label("B"), (above,))
    else:
        below = _chain(writer, node)[0]
        yield Lines(writer.label("B"), (_noted(writer, above, "element_upstream"),))
        local = writer.equation(slope, index, writer.slope(node, index), note=writer.backward_word(node))
        yield Lines(writer.label("B"), (local,))
        if below is not node and below in d.cotangents:
            passed = writer.signal_equation(below, index)
            yield Lines(writer.label("B"), (_noted(writer, passed, "element_downstream"),))
    facts = {"step": "0.01", "change": signed(0.01 * float(writer.trace.values[d.cotangents[node]][index]))}
    yield writer.render("element_meaning", **facts, about={"element": Scalar(node, index)})


def _noted(writer: Writer, equation: Equation, key: str) -> Equation:
    return Equation(
        equation.left,
        equation.steps,
        equation.value,
        equation.sign,
        writer.render(key),
        arguments=equation.arguments,
    )


def _paths(writer: Writer, node: Node, index: Index) -> Iterator[Section]:
    back = writer.trace.derivation.cotangents.get(node)
    if back is not None and back in writer.trace.cards:
        yield paths(PathFinder(writer, Scalar(back, index)))
