"""The network as a diagram: inputs, layers and loss in columns, a circle per unit and a line per weight.

A line is drawn only where the formula of a weighted sum contains the product of that weight and that unit, so
there are no special cases for kinds of layers. Images and sequences are boxes with their shapes. Omitted
columns and units are counted.
"""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.graph import Node
from chainrule.nn.scope import call_path
from chainrule.notation import Product, Sum, Tree, substitute, to_unicode
from chainrule.records import frozen
from chainrule.trace import Scalar, Trace, scalars

UNITS, FEW = 8, 4  # a column of more than UNITS circles shows FEW of them
COLUMNS = 12  # maximum number of columns; of a deeper network the first and last ones are shown
WIRED = 300  # longer sums get no lines, because expanding them takes a tenth of a second


@frozen
class Unit:
    """One element: its symbol, its value and the target of its symbol."""

    name: str
    value: float
    target: Scalar


@frozen
class Column:
    """The elements of one value, or a placeholder for omitted columns.

    Args:
        title: the name of the layer, input or loss.
        shape: the shape of one sample, such as ``"6×28×28"``; ``""`` if all elements are shown or there are
            none.
        units: the elements shown as circles.
        gap: the index of the unit before which units are omitted; 0 if none are.
        nodes: the nodes of this column; its box links to the first one with a home.
    """

    title: str
    shape: str = ""
    units: tuple[Unit, ...] = ()
    gap: int = 0
    nodes: tuple[Node, ...] = ()


@frozen
class Wire:
    """A weight between a unit of one column and a unit of the next.

    Args:
        column: the index of the column of the reading unit.
        start, end: indices of the read and the reading unit in their columns.
        name, value, target: symbol, value and target of the weight.
        gradient: target and value of its derivative.
    """

    column: int
    start: int
    end: int
    name: str
    value: float
    target: Scalar
    gradient: tuple[Scalar, float]


@frozen
class Diagram:
    """The columns from the inputs to the loss, and the weights between them."""

    columns: tuple[Column, ...]
    wires: tuple[Wire, ...]


def diagram_of(trace: Trace, sample: int = 0) -> Diagram:
    """Return the diagram of a traced network with the values of one sample."""
    inputs = [(label, node, node) for label, node in trace.derivation.built.inputs.items()]
    layers = _calls(trace)
    columns, sums = [], []
    for title, z, a in _fitting([*inputs, *layers]):
        columns.append(_column(trace, title, z, a, sample))
        sums.append(z)
    losses = trace.derivation.sample_losses
    loss = Unit("J", float(trace.values[losses][sample]), Scalar(losses, (sample,)))
    wires = [
        wire
        for place in range(1, len(columns))
        for wire in _wires(trace, columns[place - 1], columns[place], sums[place], place)
    ]
    return Diagram((*columns, Column("", units=(loss,), nodes=(losses,))), tuple(wires))


def _calls(trace: Trace) -> list[tuple[str, Node | None, Node | None]]:
    """Return a column for each call of each layer: title, weighted sum, activation."""
    columns = [
        (call_path(layer.path or "net", i), call.z, call.a)
        for layer in trace.layers
        for i, call in enumerate(layer.calls, 1)
    ]
    if not any(layer.is_shared for layer in trace.layers):
        return columns
    position = {node: i for i, node in enumerate(trace.values)}
    return sorted(columns, key=lambda call: -1 if call[1] is None else position[call[1]])


def _fitting(columns: list) -> list:
    """Return all columns if they fit, else the first and last ones around one that counts the others."""
    if len(columns) <= COLUMNS:
        return columns
    half = COLUMNS // 2
    return [*columns[:half], (f"… {len(columns) - 2 * half} …", None, None), *columns[-half:]]


def _column(trace: Trace, title: str, z: Node | None, a: Node | None, sample: int) -> Column:
    node = z if a is None else a
    if node is None or node not in trace.names or node not in trace.values:  # an input can be unused
        return Column(title)
    value, nodes = trace.values[node], tuple(n for n in (a, z) if n is not None)
    shape = "×".join(map(str, value.shape[1:]))
    if value.ndim != 2 or not value.shape[1]:
        return Column(title, shape, nodes=nodes)
    total = value.shape[1]
    indices = list(range(total)) if total <= UNITS else [*range(FEW - 1), total - 1]
    units = tuple(_unit(trace, node, (sample, i)) for i in indices)
    is_shortened = len(indices) < total
    return Column(title, shape if is_shortened else "", units, FEW - 1 if is_shortened else 0, nodes)


def _unit(trace: Trace, node: Node, index: tuple[int, ...]) -> Unit:
    name = to_unicode(trace.names[node].symbol(index, trace.samples))
    return Unit(name, float(trace.values[node][index]), Scalar(node, index))


def _wires(trace: Trace, before: Column, column: Column, z: Node | None, position: int) -> Iterator[Wire]:
    if z is None or not before.units or trace.values[before.nodes[0]].shape[-1] > WIRED:
        return
    starts = {unit.target: i for i, unit in enumerate(before.units)}
    paths = {p.node: path for path, p in trace.derivation.built.parameters.items()}
    for end, unit in enumerate(column.units):
        for term in _terms(trace.formulas.scalar(z, unit.target.index)):
            read = scalars(term)
            weights = [at for at in read if at.node in paths]
            sources = [at for at in read if at in starts]
            if len(weights) == len(sources) == 1 and isinstance(term, Product):
                yield _wire(trace, weights[0], paths[weights[0].node], (position, starts[sources[0]], end))


def _wire(trace: Trace, weight: Scalar, path: str, place: tuple[int, int, int]) -> Wire:
    name = to_unicode(trace.names[weight.node].symbol(weight.index, 1))
    gradient = Scalar(trace.derivation.gradients[path], weight.index)
    number = float(trace.gradients[path][weight.index])
    value = float(trace.parameters[path][weight.index])
    return Wire(*place, name, value, weight, (gradient, number))


def _terms(tree: Tree) -> tuple[Tree, ...]:
    """Return the terms of the longest sum in a formula."""
    sums: list[tuple[Tree, ...]] = [(tree,)]

    def collect(node: Tree) -> None:
        if isinstance(node, Sum):
            sums.append(node.terms)

    substitute(tree, collect)
    return max(sums, key=len)
