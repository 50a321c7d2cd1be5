"""Graphs: named outputs with all nodes that they need, and the same graph with other inputs.

Fingerprints of computations: equal for two nodes exactly if both compute the same from the same inputs.

A training may only be resumed with the same computation. Its settings can be compared as records, but the
code of a custom layer can change while its fields do not: tanh becomes sin. The source text is no reliable
criterion: a comment changes it, and a function in another file does not. The graph is what runs, so the graph
is compared.

The fingerprint of a node hashes its operation, the attributes of the operation and the fingerprints of its
inputs (a Merkle tree). It does not depend on names of layers, source lines, the order of construction or the
hashes of Python, so it is equal in every process and on every machine. C libraries differ in the last bit;
therefore floats are rounded to 12 digits, and arrays of float64 to float32.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

import numpy as np

from chainrule.graph.node import Constant, Input, Node, make, site
from chainrule.memoization import cached_property
from chainrule.records import frozen
from chainrule.symbolic_shape import Axis, Size


def order(outputs: Iterable[Node], ends: Iterable[Node] = ()) -> list[Node]:
    """Return every node that the outputs need, each after its inputs (a topological order).

    A forward pass needs each value after its inputs; a backward pass needs each node after all of its
    consumers, which is the reverse of the same order. An explicit stack is used because recursion would fail
    at about a thousand consecutive operations.

    Args:
        outputs: the nodes to compute.
        ends: nodes at which the traversal stops; they and their inputs are not in the result.
    """
    boundary = dict.fromkeys(ends)
    done = dict(boundary)
    stack = [(node, False) for node in reversed(list(outputs))]
    while stack:
        node, inputs_done = stack.pop()
        if node in done:
            continue
        if inputs_done:
            done[node] = None
            continue
        stack.append((node, True))
        stack.extend((source, False) for source in reversed(node.inputs) if source not in done)
    return list(done)[len(boundary) :]


@frozen
class Graph:
    """Named outputs and all nodes that they need.

    Args:
        outputs: the nodes to compute, by name.

    Example:
        >>> from chainrule.graph.node import input_node
        >>> print(Graph({"y": input_node("x", (None, 2), "float32")}))
        %0 = input "x"    float32(B, 2)
        return y=%0
    """

    outputs: Mapping[str, Node]

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every node, each after its inputs."""
        return tuple(order(self.outputs.values()))

    @cached_property
    def inputs(self) -> dict[str, Node]:
        """The input nodes by label, in order of first use."""
        return {node.op.label: node for node in self.nodes if isinstance(node.op, Input)}

    @cached_property
    def consumers(self) -> dict[Node, tuple[Node, ...]]:
        """The nodes that read each node."""
        readers: dict[Node, list[Node]] = {node: [] for node in self.nodes}
        for node in self.nodes:
            for source in dict.fromkeys(node.inputs):
                readers[source].append(node)
        return {node: tuple(consumers) for node, consumers in readers.items()}

    def __str__(self) -> str:
        number = {node: f"%{i}" for i, node in enumerate(self.nodes)}
        lines = []
        for node in self.nodes:
            arguments = f"({', '.join(number[source] for source in node.inputs)})" if node.inputs else ""
            tail = f"    {node.site.path}" if node.site.path else ""
            lines.append(f"{number[node]} = {node.op}{arguments}    {node.spec}{tail}")
        results = ", ".join(f"{name}={number[node]}" for name, node in self.outputs.items())
        return "\n".join([*lines, f"return {results}"])


# Substitution in graphs: the same operations applied to other inputs.


def rebuild(
    outputs: Sequence[Node], replaced: Mapping[Node, Node], sizes: Mapping[str, Axis] | None = None
) -> tuple[Node, ...]:
    """Return the outputs with some nodes replaced.

    Args:
        outputs: the nodes to rebuild.
        replaced: the replacement of each replaced node.
        sizes: the values of symbolic sizes among the attributes of the operations; unchanged by default.

    Example:
        >>> from chainrule.graph.node import input_node
        >>> import chainrule.ops
        >>> x, z = (input_node(name, (2,), "float64") for name in "xz")
        >>> rebuild([x * x], {x: z})[0] is z * z
        True
    """
    rebuilt = dict(replaced)
    for node in order(outputs, replaced):
        if not node.inputs:
            rebuilt[node] = node
            continue
        op = node.op.with_sizes(sizes) if sizes else node.op  # pyright: ignore[reportArgumentType]
        with site(node.site):
            rebuilt[node] = make(op.with_nodes(rebuilt), *(rebuilt[source] for source in node.inputs))
    return tuple(rebuilt[node] for node in outputs)


Known = dict[Any, str]  # fingerprints by node, and texts of name and attributes by operation


def fingerprint(nodes: Node | Mapping[str, Node] | Iterable[Node], known: Known | None = None) -> str:
    """Return the fingerprint of a node, of named nodes or of a sequence of nodes: 32 hexadecimal digits.

    Args:
        nodes: the nodes.
        known: fingerprints of nodes from earlier calls; those of this call are added.

    Example:
        >>> from chainrule.graph.node import input_node, constant
        >>> x = input_node("x", (2,), "float64")
        >>> fingerprint(x) == fingerprint(input_node("x", (2,), "float64")) != fingerprint(constant(1.0))
        True
    """
    known = {} if known is None else known
    if isinstance(nodes, Node):
        return _of(nodes, known)
    return _digest(_text(nodes if isinstance(nodes, Mapping) else tuple(nodes), known))


def _of(node: Node, known: Known) -> str:
    stack = [node]
    while stack:  # recursion would fail at about a thousand consecutive operations
        last = stack[-1]
        missing = [source for source in last.inputs if source not in known]
        if missing:
            stack += missing
            continue
        if last not in known:
            inputs = ",".join([known[source] for source in last.inputs])
            known[last] = _digest(f"{_op(last.op, known)}<{inputs}>")
        stack.pop()
    return known[node]


def _op(op: Any, known: Known) -> str:
    key = (op.name, op)  # operations without attributes have equal hashes; the name avoids collisions
    if key not in known:
        is_constant = isinstance(op, Constant)
        known[key] = f"constant {_array(op.array)}" if is_constant else f"{op.name} {_record(op, known)}"
    return known[key]


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _text(value: Any, known: Known) -> str:
    """Return a value as a text that is equal in every process."""
    if value is None or isinstance(value, bool | int | str | bytes):
        return repr(value)
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, tuple | list):
        return f"({','.join([_text(part, known) for part in value])})"
    if isinstance(value, Node):
        return _of(value, known)
    if isinstance(value, Size):
        return f"size{_text(value.terms, known)}"
    if isinstance(value, Mapping):
        parts = sorted((_text(key, known), _text(part, known)) for key, part in value.items())
        return "{" + ",".join(f"{key}:{part}" for key, part in parts) + "}"
    if isinstance(value, np.ndarray | np.generic):
        return _array(np.asarray(value))
    if is_dataclass(value) and not isinstance(value, type):
        return _record(value, known)
    raise TypeError(f"no fingerprint of {type(value).__name__}")


def _record(value: Any, known: Known) -> str:
    kind = type(value)
    parts = [f"{name}={_text(getattr(value, name), known)}" for name in _names(kind)]
    return f"{kind.__name__}({','.join(parts)})"


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind))


def _array(array: np.ndarray) -> str:
    form = f"{array.dtype}{array.shape}"
    if array.size == 1 and array.dtype.kind == "f":
        return f"{form}{array.item():.12g}"
    if array.dtype == np.float64:
        with np.errstate(over="ignore"):
            array = array.astype(np.float32)
    return form + hashlib.blake2b(np.ascontiguousarray(array).tobytes(), digest_size=16).hexdigest()
