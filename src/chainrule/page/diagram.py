"""The network as a diagram: inputs, layers and loss in columns, one circle a number, one line a weight.

A line is drawn only where the formula of a weighted sum really reads that weight times that number, so
nothing is assumed about kinds of layers. Maps and sequences are boxes with their shapes. What does not fit is
counted.
"""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.graph import Node
from chainrule.nn.scope import call_path
from chainrule.notation import Product, Sum, Tree, substitute, to_unicode
from chainrule.records import frozen
from chainrule.trace import Scalar, Trace, scalars

UNITS, FEW = 8, 4  # a column of more circles than the first shows as many as the second
COLUMNS = 12  # of a deeper net the first and the last ones are shown
WIRED = 300  # a sum of more terms is not searched for lines: unfolding it takes a tenth of a second


@frozen
class Unit:
    """One number: how it is written, what it is, what its symbol belongs to."""

    name: str
    value: float
    target: Scalar


@frozen
class Column:
    """Numbers that are computed together.

    Args:
        title: of the layer, or of what else it is.
        shape: of one sample's values, such as ``"6×28×28"``; ``""`` where all are shown or there are none.
        units: the numbers shown as circles.
        gap: before which of them some are left out; 0 for none.
        nodes: where else a symbol of this column may come from: what its box leads to.
    """

    title: str
    shape: str = ""
    units: tuple[Unit, ...] = ()
    gap: int = 0
    nodes: tuple[Node, ...] = ()


@frozen
class Wire:
    """A weight between a unit of one column and one of the next, each by its place in the column.

    Args:
        column: of the unit that reads.
        start, end: the unit that is read and the one that reads.
        name, value, target: of the weight.
        gradient: what the symbol of its derivative belongs to, and its number.
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
    """Columns from the input to the loss, and the weights between them."""

    columns: tuple[Column, ...]
    wires: tuple[Wire, ...]


def diagram_of(trace: Trace, sample: int = 0) -> Diagram:
    """The diagram of a trace's network with the numbers of one sample."""
    inputs = [(label, node, node) for label, node in trace.derivation.built.inputs.items()]
    layers = _calls(trace)
    columns, sums = [], []
    for title, z, a in _fitting([*inputs, *layers]):
        columns.append(_column(trace, title, z, a, sample))
        sums.append(z)
    each = trace.derivation.each
    loss = Unit("J", float(trace.values[each][sample]), Scalar(each, (sample,)))
    wires = [
        wire
        for place in range(1, len(columns))
        for wire in _wires(trace, columns[place - 1], columns[place], sums[place], place)
    ]
    return Diagram((*columns, Column("", units=(loss,), nodes=(each,))), tuple(wires))


def _calls(trace: Trace) -> list[tuple[str, Node | None, Node | None]]:
    """A column for each call of each layer: title, weighted sum, activation."""
    found = [
        (call_path(layer.path or "net", i), use.z, use.a)
        for layer in trace.layers
        for i, use in enumerate(layer.uses, 1)
    ]
    if not any(layer.is_shared for layer in trace.layers):
        return found
    place = {node: i for i, node in enumerate(trace.values)}
    return sorted(found, key=lambda call: -1 if call[1] is None else place[call[1]])


def _fitting(columns: list) -> list:
    """All columns while they fit; else the first and last ones, and one that says how many are left out."""
    if len(columns) <= COLUMNS:
        return columns
    half = COLUMNS // 2
    return [*columns[:half], (f"… {len(columns) - 2 * half} …", None, None), *columns[-half:]]


def _column(trace: Trace, title: str, z: Node | None, a: Node | None, sample: int) -> Column:
    node = z if a is None else a
    if node is None or node not in trace.names or node not in trace.values:  # an input may be unused
        return Column(title)
    value, nodes = trace.values[node], tuple(n for n in (a, z) if n is not None)
    shape = "×".join(map(str, value.shape[1:]))
    if value.ndim != 2 or not value.shape[1]:
        return Column(title, shape, nodes=nodes)
    total = value.shape[1]
    places = list(range(total)) if total <= UNITS else [*range(FEW - 1), total - 1]
    units = tuple(_unit(trace, node, (sample, i)) for i in places)
    left_out = len(places) < total
    return Column(title, shape if left_out else "", units, FEW - 1 if left_out else 0, nodes)


def _unit(trace: Trace, node: Node, index: tuple[int, ...]) -> Unit:
    name = to_unicode(trace.names[node].symbol(index, trace.samples))
    return Unit(name, float(trace.values[node][index]), Scalar(node, index))


def _wires(trace: Trace, before: Column, here: Column, z: Node | None, place: int) -> Iterator[Wire]:
    if z is None or not before.units or trace.values[before.nodes[0]].shape[-1] > WIRED:
        return
    starts = {unit.target: i for i, unit in enumerate(before.units)}
    paths = {p.node: path for path, p in trace.derivation.built.parameters.items()}
    for end, unit in enumerate(here.units):
        for term in _terms(trace.unfolder.scalar(z, unit.target.index)):
            read = scalars(term)
            weights = [at for at in read if at.node in paths]
            sources = [at for at in read if at in starts]
            if len(weights) == len(sources) == 1 and isinstance(term, Product):
                yield _wire(trace, weights[0], paths[weights[0].node], (place, starts[sources[0]], end))


def _wire(trace: Trace, weight: Scalar, path: str, place: tuple[int, int, int]) -> Wire:
    name = to_unicode(trace.names[weight.node].symbol(weight.index, 1))
    gradient = Scalar(trace.derivation.gradients[path], weight.index)
    number = float(trace.gradients[path][weight.index])
    value = float(trace.parameters[path][weight.index])
    return Wire(*place, name, value, weight, (gradient, number))


def _terms(tree: Tree) -> tuple[Tree, ...]:
    """The terms of a weighted sum, whatever else is done with it."""
    found: list[tuple[Tree, ...]] = [(tree,)]

    def look(node: Tree) -> None:
        if isinstance(node, Sum):
            found.append(node.terms)

    substitute(tree, look)
    return max(found, key=len)
