"""Build the graph nodes of a network from the specs of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chainrule.errors import ShapeError, fact
from chainrule.graph import Graph, Node, input_node, site
from chainrule.graph.limits import active
from chainrule.graph.node import Site
from chainrule.nn.layer import Layer
from chainrule.nn.scope import Collected, Parameter, Scope, called
from chainrule.ops import functional as F
from chainrule.prng import KEY
from chainrule.records import frozen
from chainrule.symbolic_shape import Spec

# Find the next valid image size, for the error that refuses an image.
#
# "The window is wider than the image" is correct but of little help when the window is the ninth of a network
# and the image has been halved four times before it. Therefore, larger images are tried until the network can
# be built, and the error states the smallest valid size and the size after each layer. Networks that are only
# limited by the minimum size accept every larger image, and that minimum is found by bisection; a U-Net
# accepts only multiples of 16, so from there on the sizes are tried one by one. Nothing is computed: building
# a network only infers shapes.

TOO_SMALL, ODD = "E215", "E232"
LARGEST = 4096  # elements along an axis; if no image up to here is valid, the problem is not its size
ONE_BY_ONE = 64  # sizes tried singly: a U-Net of six levels accepts one in 64

Attempt = Callable[[Spec], Collected]


def add_size_hint(error: ShapeError, inputs: Mapping[str, Spec], attempt: Attempt) -> None:
    """Add the next valid size to an error about the size of an image.

    Args:
        inputs: the inputs of the network; only a single image can be enlarged.
        attempt: builds the network for an image of another size; raises as the network does.
    """
    spec = next(iter(inputs.values())) if len(inputs) == 1 else None
    if error.code not in (TOO_SMALL, ODD) or spec is None or not 3 <= spec.rank <= 5:
        return
    space = [n for n in spec.shape[1:-1] if isinstance(n, int)]
    if len(space) == spec.rank - 2 and (size_found := _next_size(spec, min(space), attempt)) is not None:
        size = " x ".join([str(size_found)] * len(space))
        image = _sized(spec, size_found)
        error.notes = (
            *error.notes,
            fact("{size} fits: {layers}", size=size, layers=_sizes_by_layer(attempt(image), image)),
        )
        if error.code == TOO_SMALL:
            error.fix = fact("at least {size} cells, or {fix}", size=size, fix=error.fix)
        else:
            error.fix = fact("{size} cells, or {fix}", size=size, fix=error.fix)


def _next_size(spec: Spec, refused: int, attempt: Attempt) -> int | None:
    """Return the smallest valid size above the refused one; ``None`` if there is none."""

    def complaint(size: int) -> str:
        try:
            attempt(_sized(spec, size))
        except ShapeError as error:
            return error.code
        return ""

    low, high = refused, refused + 1
    while complaint(high) == TOO_SMALL:
        low, high = high, 2 * high
        if high > LARGEST:
            return None
    while high - low > 1:  # low is too small, high is not
        middle = (low + high) // 2
        low, high = (middle, high) if complaint(middle) == TOO_SMALL else (low, middle)
    return next((size for size in range(high, high + ONE_BY_ONE) if not complaint(size)), None)


def _sized(spec: Spec, size: int) -> Spec:
    """Return a spec with the same number of axes and channels, all sides of the given length."""
    return Spec((spec.shape[0], *(size,) * (spec.rank - 2), spec.shape[-1]), spec.dtype)


def _sizes_by_layer(book: Collected, image: Spec) -> str:
    """Return the side after each layer that changes it, up to the smallest one."""
    steps, side = [], image.shape[1]
    for path, result in book.results.items():
        is_image = isinstance(result, Node) and result.rank == image.rank
        if is_image and result.shape[1] != side:
            side = result.shape[1]
            steps.append((side, path.rpartition(".")[2]))
    smallest = min((step for step, _ in steps if isinstance(step, int)), default=0)
    last = next((i for i, (step, _) in enumerate(steps) if step == smallest), 0)
    return ", ".join(f"{name} {step}" for step, name in steps[: last + 1])


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
    net: Layer, inputs: Mapping[str, Spec], dtype: str, training: bool = False, frozen: tuple[str, ...] = ()
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
    """Return the graph that samples the initial values of parameters from one input, the random key.

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
    """Return the sum of all penalties, or ``None`` if there are none.

    Args:
        parameters: the requested parameters, by path.
        additional: further penalties by path, such as that of the model on all weights.
        activity: additional costs by path, which layers put on their activations.
    """
    terms = [p.penalty(p.node) for p in parameters.values() if p.penalty is not None]
    terms += [penalty(parameters[path].node) for path, penalty in (additional or {}).items()]
    terms += (activity or {}).values()
    total: Node | None = None
    for term in terms:
        total = term if total is None else F.add(total, term)
    return total
