"""One step of a loop over time, as a graph of its own.

A step reads the *states* of the step before, the cells of the *sequences* at this time, and *givens*, which
are the same at every step (weights, for example). From them it computes the new states. All of these are
inputs of the graph of the step, so every engine can compute it, and the backward pass can recompute it.
Inputs are named by their kind and number (``state 1``, ``cell 2``), so two loops with the same step are
equal.
"""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.graph import Constant, Node, input_node, order, rebuild
from chainrule.records import frozen
from chainrule.spec import Axis, Shape, Size, Spec, size_at


@frozen
class Body:
    """A step.

    Args:
        states: the inputs for the states before the step.
        cells: the inputs for the cells of the sequences.
        givens: the inputs for the values that are the same at every step.
        updates: the states after the step, in the order of ``states``.
    """

    states: tuple[Node, ...]
    cells: tuple[Node, ...]
    givens: tuple[Node, ...]
    updates: tuple[Node, ...]

    @property
    def leaves(self) -> tuple[Node, ...]:
        """All inputs, in the order of the inputs of the operation."""
        return (*self.states, *self.cells, *self.givens)

    def nodes(self, *outputs: Node) -> list[Node]:
        """The nodes computed at every step for the new states and these outputs, in topological order."""
        return order((*self.updates, *outputs), self.leaves)

    def sizes(self, specs: Sequence[Spec]) -> dict[str, Axis]:
        """The values of the symbols in the shapes of the inputs, if the inputs have these specs.

        Args:
            specs: the specs of the inputs; those of sequences without the time axis.
        """
        sizes: dict[str, Axis] = {}
        for leaf, spec in zip(self.leaves, specs, strict=True):
            for own, length in zip(leaf.shape, spec.shape, strict=False):
                if isinstance(own, Size) and own == Size.symbol(str(own)):
                    sizes.setdefault(str(own), length)
        return sizes

    def __str__(self) -> str:
        return f"{len(self.nodes())} operations"


def resized(spec: Spec, sizes: dict[str, Axis]) -> Spec:
    """A spec with its known symbols replaced by numbers or other sizes."""
    return spec.with_shape(_resized(spec.shape, sizes))


def _resized(shape: Shape, sizes: dict[str, Axis]) -> Shape:
    known = {**{symbol: Size.symbol(symbol) for symbol in symbols(shape)}, **sizes}
    return tuple(size_at(axis, known) for axis in shape)  # pyright: ignore[reportArgumentType]


def symbols(shape: Shape) -> set[str]:
    """The names of the symbolic sizes in a shape."""
    axes = [axis for axis in shape if isinstance(axis, Size)]
    return {symbol for axis in axes for monomial, _ in axis.terms for symbol in monomial}


def close(
    states: Sequence[Node],
    cells: Sequence[Node],
    givens: Sequence[Node],
    updates: Sequence[Node],
    others: Sequence[Node] = (),
) -> tuple[Body, tuple[Node, ...]]:
    """The graph of a step whose inputs are any nodes.

    Args:
        states, cells, givens: the nodes that become its inputs.
        updates: the states after the step.
        others: further nodes of the step.

    Returns:
        the step, and the others as nodes of it.
    """
    kinds = {"state": states, "cell": cells, "given": givens}
    named = {
        kind: tuple(input_node(f"{kind} {i + 1}", n.shape, n.dtype) for i, n in enumerate(nodes))
        for kind, nodes in kinds.items()
    }
    replaced = {n: new for kind, nodes in kinds.items() for n, new in zip(nodes, named[kind], strict=True)}
    nodes = rebuild((*updates, *others), replaced)
    body = Body(named["state"], named["cell"], named["given"], nodes[: len(updates)])
    return body, nodes[len(updates) :]


def outside(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The values that these outputs read and that do not depend on the inputs: computed once, before the
    loop.

    Constants are not among them: they stay in the step.
    """
    nodes = order(outputs, inputs)
    depends, plain = set(inputs), set()
    for node in nodes:
        if any(source in depends for source in node.inputs):
            depends.add(node)
        elif isinstance(node.op, Constant) or (node.inputs and all(s in plain for s in node.inputs)):
            plain.add(node)
    readers = [source for node in nodes if node in depends for source in node.inputs]
    return list(dict.fromkeys(n for n in (*readers, *outputs) if n not in depends and n not in plain))
