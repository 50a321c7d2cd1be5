"""One step of a loop over time, as a small graph of its own.

A step takes the *states* the step before has left, the cells of the *sequences* at this place of time, and
*givens*, which are the same at every step (weights, for example). From them it computes the states it leaves.
All of these are inputs of the step's graph, so the step can be computed anywhere: by the law, by machine
code, once more on the way back. Inputs are called by what they are and their number (``state 1``, ``cell
2``), so two loops with the same step are equal.
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
        states: the inputs that stand for the states before the step.
        cells: the inputs that stand for the cells of the sequences.
        givens: the inputs that stand for what is the same at every step.
        updates: the states after the step, in the order of ``states``.
    """

    states: tuple[Node, ...]
    cells: tuple[Node, ...]
    givens: tuple[Node, ...]
    updates: tuple[Node, ...]

    @property
    def leaves(self) -> tuple[Node, ...]:
        """All inputs, in the order in which the operation takes them."""
        return (*self.states, *self.cells, *self.givens)

    def nodes(self, *outputs: Node) -> list[Node]:
        """What is computed at every step for the states after it and these outputs, each after its inputs."""
        return order((*self.updates, *outputs), self.leaves)

    def sizes(self, specs: Sequence[Spec]) -> dict[str, Axis]:
        """What the symbols in the shapes of the inputs stand for when the inputs have these specs.

        Args:
            specs: of the inputs, those of sequences without their axis of time.
        """
        found: dict[str, Axis] = {}
        for leaf, spec in zip(self.leaves, specs, strict=True):
            for own, length in zip(leaf.shape, spec.shape, strict=False):
                if isinstance(own, Size) and own == Size.symbol(str(own)):
                    found.setdefault(str(own), length)
        return found

    def __str__(self) -> str:
        return f"{len(self.nodes())} operations"


def resized(spec: Spec, sizes: dict[str, Axis]) -> Spec:
    """A spec with its symbols replaced, where they are known, by numbers or by other sizes."""
    return spec.with_shape(_resized(spec.shape, sizes))


def _resized(shape: Shape, sizes: dict[str, Axis]) -> Shape:
    known = {**{symbol: Size.symbol(symbol) for symbol in symbols(shape)}, **sizes}
    return tuple(size_at(axis, known) for axis in shape)  # pyright: ignore[reportArgumentType]


def symbols(shape: Shape) -> set[str]:
    """The names of the sizes in a shape."""
    axes = [axis for axis in shape if isinstance(axis, Size)]
    return {symbol for axis in axes for monomial, _ in axis.terms for symbol in monomial}


def close(
    states: Sequence[Node],
    cells: Sequence[Node],
    givens: Sequence[Node],
    updates: Sequence[Node],
    others: Sequence[Node] = (),
) -> tuple[Body, tuple[Node, ...]]:
    """A step whose inputs are any nodes, as a graph of its own.

    Args:
        states, cells, givens: the nodes that become its inputs.
        updates: the states after the step.
        others: further nodes of the step.

    Returns:
        the step, and what the others are in it.
    """
    kinds = {"state": states, "cell": cells, "given": givens}
    named = {
        kind: tuple(input_node(f"{kind} {i + 1}", n.shape, n.dtype) for i, n in enumerate(nodes))
        for kind, nodes in kinds.items()
    }
    replaced = {n: new for kind, nodes in kinds.items() for n, new in zip(nodes, named[kind], strict=True)}
    found = rebuild((*updates, *others), replaced)
    body = Body(named["state"], named["cell"], named["given"], found[: len(updates)])
    return body, found[len(updates) :]


def outside(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """What these outputs read that does not depend on the inputs: it is computed once, before the loop.

    Plain numbers are not among it: they stay in the step.
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
