"""Build the graph nodes of a network from the specs of its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.errors import ShapeError
from chainrule.graph import Graph, Node, input_node, site
from chainrule.graph.limits import active
from chainrule.graph.node import Site
from chainrule.nn.image_size import add_size_hint
from chainrule.nn.layer import Layer
from chainrule.nn.scope import Collected, Parameter, Scope, called
from chainrule.ops import functional as F
from chainrule.prng import KEY
from chainrule.records import frozen
from chainrule.spec import Spec


@frozen
class Built:
    """A network as nodes.

    Args:
        inputs: the inputs of the network, by name; a single input is named ``"x"``.
        outputs: the outputs of the network, by name; a single output is named ``"y"``.
        book: every parameter, state and named value that the layers requested.
    """

    inputs: dict[str, Node]
    outputs: dict[str, Node]
    book: Collected

    @property
    def parameters(self) -> dict[str, Parameter]:
        return self.book.parameters

    @property
    def states(self) -> dict[str, Parameter]:
        return self.book.states

    @property
    def output(self) -> Node:
        """The single output, or the first one."""
        return next(iter(self.outputs.values()))


def build(
    net: Layer,
    inputs: Mapping[str, Spec],
    dtype: str,
    training: bool = False,
    frozen: tuple[str, ...] = (),
) -> Built:
    """Build the nodes of a network.

    Args:
        net: the layer that is the network.
        inputs: shape (its first axis is the batch) and dtype of each input.
        dtype: dtype of the parameters.
        training: whether dropout and similar layers are active.
        frozen: paths, prefixes or patterns of parts that are built for inference even in training.

    Raises:
        ShapeError, DtypeError, UsageError: a layer refuses its input; the error names the layer and the line
            on which it was written, and for an image that is too small the smallest valid size.
    """
    try:
        return _built(net, inputs, Collected(dtype, training, frozen=frozen))
    except ShapeError as error:
        if active() is not None:
            raise  # the image size of a network in a file cannot be chosen, and a search would take time
        add_size_hint(error, inputs, lambda image: _built(net, {"x": image}, Collected(dtype, training)).book)
        raise


def _built(net: Layer, inputs: Mapping[str, Spec], book: Collected) -> Built:
    nodes = {name: input_node(name, spec.shape, spec.dtype) for name, spec in inputs.items()}
    value: Any = nodes["x"] if list(nodes) == ["x"] else nodes
    with site(Site("", getattr(net, "place", None), type(net).__name__)):
        result = called(net, value, Scope(book))
    outputs = {"y": result} if isinstance(result, Node) else dict(result)
    return Built(nodes, outputs, book)


def initial_values(parameters: Mapping[str, Parameter], streams: Mapping[str, int]) -> Graph:
    """The graph that samples the initial values of parameters from one input, the random key.

    Args:
        parameters: the requested parameters, by path.
        streams: the random stream of each path.
    """
    key = input_node(KEY, (2,), "uint32", "key")
    draws = {
        path: p.initializer(key, p.spec.shape, p.spec.dtype, streams[path]) for path, p in parameters.items()
    }
    return Graph(draws)


def total_penalty(
    parameters: Mapping[str, Parameter],
    additional: Mapping[str, Any] | None = None,
    activity: Mapping[str, Node] | None = None,
) -> Node | None:
    """The sum of all penalties, or ``None`` if there are none.

    Args:
        parameters: the requested parameters, by path.
        also: additional penalties by path, such as that of the model on all weights.
        activity: additional costs by path, which layers put on their activations.
    """
    terms = [p.penalty(p.node) for p in parameters.values() if p.penalty is not None]
    terms += [penalty(parameters[path].node) for path, penalty in (additional or {}).items()]
    terms += (activity or {}).values()
    total: Node | None = None
    for term in terms:
        total = term if total is None else F.add(total, term)
    return total
