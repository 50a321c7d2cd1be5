"""From a net and the specs of its inputs to nodes: the step from description to graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.errors import ShapeError
from chainrule.graph import Graph, Node, input_node, site
from chainrule.graph.limits import active
from chainrule.graph.node import Site
from chainrule.nn.image_size import tell_size
from chainrule.nn.layer import Layer
from chainrule.nn.scope import Book, Parameter, Scope, called
from chainrule.ops import PUBLIC
from chainrule.prng import KEY
from chainrule.records import frozen
from chainrule.spec import Spec


@frozen
class Built:
    """A net as nodes.

    Args:
        inputs: the data the net is applied to, by name; a single input is called ``"x"``.
        outputs: the net's results, by name; a single output is called ``"y"``.
        book: every parameter, state and named value the layers asked for.
    """

    inputs: dict[str, Node]
    outputs: dict[str, Node]
    book: Book

    @property
    def parameters(self) -> dict[str, Parameter]:
        return self.book.parameters

    @property
    def states(self) -> dict[str, Parameter]:
        return self.book.states

    @property
    def output(self) -> Node:
        """The only output, or the first."""
        return next(iter(self.outputs.values()))


def build(
    net: Layer,
    inputs: Mapping[str, Spec],
    dtype: str,
    training: bool = False,
    frozen: tuple[str, ...] = (),
) -> Built:
    """The nodes of a net.

    Args:
        net: the layer that is the whole net.
        inputs: shape (its first axis the batch) and number kind of each input.
        dtype: number kind of the parameters.
        training: whether dropout and its relatives act.
        frozen: paths, their beginnings or patterns, of parts that act as in inference all the same.

    Fails:
        ShapeError, DtypeError, UsageError: a layer refuses what it is given; the error names the layer and
            the line on which it was written, and of an image that is too small the smallest that is not.
    """
    try:
        return _built(net, inputs, Book(dtype, training, frozen=frozen))
    except ShapeError as error:
        if active() is not None:
            raise  # of a network in a file nobody chooses the image, and a search would take its time
        tell_size(error, inputs, lambda image: _built(net, {"x": image}, Book(dtype, training)).book)
        raise


def _built(net: Layer, inputs: Mapping[str, Spec], book: Book) -> Built:
    nodes = {name: input_node(name, spec.shape, spec.dtype) for name, spec in inputs.items()}
    given: Any = nodes["x"] if list(nodes) == ["x"] else nodes
    with site(Site("", getattr(net, "place", None), type(net).__name__)):
        result = called(net, given, Scope(book))
    outputs = {"y": result} if isinstance(result, Node) else dict(result)
    return Built(nodes, outputs, book)


def first_values(parameters: Mapping[str, Parameter], streams: Mapping[str, int]) -> Graph:
    """The graph that draws the first values of parameters from one input, the random key.

    Args:
        parameters: what was asked for, by path.
        streams: the random stream of each path.
    """
    key = input_node(KEY, (2,), "uint32", "key")
    draws = {
        path: p.initializer(key, p.spec.shape, p.spec.dtype, streams[path]) for path, p in parameters.items()
    }
    return Graph(draws)


def total_penalty(
    parameters: Mapping[str, Parameter],
    also: Mapping[str, Any] | None = None,
    activity: Mapping[str, Node] | None = None,
) -> Node | None:
    """The sum of what all parameters cost, or ``None`` when none costs anything.

    Args:
        parameters: what was asked for, by path.
        also: further penalties by path, such as one the model puts on all weights.
        activity: further costs by path, which layers put on what passes through them.
    """
    costs = [p.penalty(p.node) for p in parameters.values() if p.penalty is not None]
    costs += [penalty(parameters[path].node) for path, penalty in (also or {}).items()]
    costs += (activity or {}).values()
    total: Node | None = None
    for cost in costs:
        total = cost if total is None else PUBLIC["add"](total, cost)
    return total
