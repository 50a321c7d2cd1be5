"""The nodes of an ONNX graph while it is written: names, constants, sizes, and a function for each operation.

A network is a graph of the operations of ``chainrule.ops``. Each is written by one function from
``operations.py``, found by the name of its card, that adds nodes of ONNX and returns the name of the value.
Values that depend on parameters alone are computed now and stored as constants. Symbolic sizes (``B``,
``2*T + 1``) become integer tensors that the file computes from the shapes of its inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from chainrule.graph import Input, Node, order
from chainrule.interop.export.graph_writer import GraphWriter
from chainrule.interop.onnx.export import OPSET
from chainrule.symbolic_shape import Axis, Shape, Size, Spec

TYPES = {
    "bool": TensorProto.BOOL,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "uint32": TensorProto.UINT32,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "string": TensorProto.STRING,
    "uint8": TensorProto.UINT8,
}
END = np.iinfo(np.int64).max  # of a slice that reaches the end of an axis

Rule: TypeAlias = "Callable[[OnnxGraph, Node], str]"


class OnnxGraph(GraphWriter):
    """An ONNX graph while it is written.

    Args:
        arrays: the parameters and states by path.
        operations: the function that writes an operation, by the name of its card.
        outer: the graph that contains this one, which is the step of a loop.
        sizes: the names of the tensors of symbolic sizes, by symbol.
        opset: the version of the operations.
    """

    format, language = "onnx", "ONNX"

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        operations: Mapping[str, Rule],
        outer: OnnxGraph | None = None,
        sizes: Mapping[str, str] | None = None,
        opset: int = OPSET,
    ) -> None:
        super().__init__(arrays, operations, outer)
        self.opset = opset
        self.root: OnnxGraph = self if outer is None else outer.root
        self.sizes = dict(sizes or {})
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}
        self.inputs: list[onnx.ValueInfoProto] = []
        self.all_nodes: dict[Node, None] = {}
        self._path = ""
        self._counts: dict[str, int] = {}
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    # --- names, constants and nodes

    def unique(self, hint: str) -> str:
        """Return a name that no other value of the file has."""
        if self.root is not self:
            return self.root.unique(hint)
        count = self._counts[hint] = self._counts.get(hint, 0) + 1
        return hint if count == 1 else self.unique(f"{hint}_{count}")

    def constant(self, values: Any, dtype: Any = None, name: str = "constant") -> str:
        """Return the name of a constant; equal ones are stored once."""
        if self.root is not self:
            return self.root.constant(values, dtype, name)
        array = np.ascontiguousarray(values, dtype).reshape(np.shape(values))
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            label = self._constants[key] = self.unique(name)
            self.initializers[label] = numpy_helper.from_array(array, label)
        return self._constants[key]

    def integers(self, *values: int) -> str:
        """Return the name of a constant list of integers."""
        return self.constant(values, np.int64, "integers")

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output; return the name of its value."""
        (name,) = self.add_many(kind, inputs, 1, **attributes)
        return name

    def add_many(self, kind: str, inputs: Sequence[str], outputs: int, **attributes: Any) -> list[str]:
        """Add a node; return the names of its values."""
        path = f"{self._path.replace('.', '/')}/" if self._path else ""
        names = [self.unique(f"{path}{kind}") for _ in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=names[0], **attributes))
        return names

    # --- sizes

    def size(self, axis: Axis) -> str:
        """Return the name of an axis length as a tensor of one integer."""
        if not isinstance(axis, Size):
            return self.integers(axis)
        total = ""
        for monomial, factor in axis.terms:
            product = self.integers(factor) if factor != 1 or not monomial else ""
            for symbol in monomial:
                product = self.add("Mul", product, self.symbol(symbol)) if product else self.symbol(symbol)
            total = self.add("Add", total, product) if total else product
        return total

    def symbol(self, symbol: str) -> str:
        """Return the name of a symbolic size as a tensor of one integer."""
        if symbol in self.sizes:
            return self.sizes[symbol]
        if self.outer is None:
            raise KeyError(symbol)
        return self.outer.symbol(symbol)

    def shape(self, shape: Iterable[Axis]) -> str:
        """Return the name of a shape as a tensor of integers."""
        shape = tuple(shape)
        if not any(isinstance(axis, Size) for axis in shape):
            return self.integers(*(int(str(axis)) for axis in shape))
        return self.add("Concat", *(self.size(axis) for axis in shape), axis=0)

    def add_input(self, name: str, node: Node) -> None:
        """Add an input of the graph, whose symbolic axes define the sizes."""
        self.add_named_input(name, node.spec)
        self.names[node] = name

    def add_named_input(self, name: str, spec: Spec) -> None:
        """Add an input that is no node of the network."""
        self.inputs.append(described(name, spec))
        self.define_sizes(name, spec.shape)

    def named(self, value: str, name: str, spec: Spec) -> onnx.ValueInfoProto:
        """Give a value the name of an output; return the description of the output."""
        self.nodes.append(helper.make_node("Identity", [value], [name], name=name))
        return described(name, spec)

    def labels(self, labels: np.ndarray) -> str:
        """Return the name of the constant of all labels, which may be texts."""
        if labels.dtype.kind != "U":
            return self.constant(labels, name="labels")
        name = self.unique("labels")
        texts = [label.encode() for label in labels.tolist()]
        self.initializers[name] = helper.make_tensor(name, TYPES["string"], labels.shape, texts)
        return name

    def define_sizes(self, name: str, shape: Shape) -> None:
        """Let the axes of a value define the symbols that are not known yet."""
        for i, axis in enumerate(shape):
            if isinstance(axis, Size) and axis == Size.symbol(str(axis)) and str(axis) not in self.sizes:
                self.sizes[str(axis)] = self.add("Shape", name, start=i, end=i + 1)

    # --- values of a network

    def value(self, node: Node) -> str:
        """Return the name of the value of a node that is written, known, or outside of the step."""
        if node in self.names:
            return self.names[node]
        if node in self.known:
            label = node.op.label if isinstance(node.op, Input) else "constant"
            self.names[node] = self.constant(self.known[node], name=label)
            return self.names[node]
        assert self.outer is not None
        return self.outer.value(node)

    def write(self, outputs: Iterable[Node], ends: Iterable[Node] = ()) -> None:
        """Write all nodes that the outputs need.

        Raises:
            FileError E462: operations that cannot be written; all of them are named, with their layers.
        """
        nodes = order(outputs, ends)
        self.all_nodes = dict.fromkeys(nodes)
        self.require_operations(nodes)
        for node in nodes:
            if node not in self.names and not self.is_known(node):
                self._path = node.site.path
                self.names[node] = self.operations[node.op.name](self, node)
        self._path = ""

    def proto(self, name: str, outputs: Sequence[onnx.ValueInfoProto]) -> onnx.GraphProto:
        """Return the graph with the nodes that its outputs need."""
        needed, nodes = {output.name for output in outputs}, []
        for node in reversed(self.nodes):
            if needed.intersection(node.output):
                nodes.append(node)
                needed.update(_read_by(node))
        tensors = [tensor for label, tensor in self.initializers.items() if label in needed]
        return helper.make_graph(nodes[::-1], name, self.inputs, list(outputs), tensors)


def described(name: str, spec: Spec) -> onnx.ValueInfoProto:
    """Return the name, dtype and shape of an input or output; symbols stand for unknown lengths."""
    dims = [
        axis if not isinstance(axis, Size) else str(axis) if axis == Size.symbol(str(axis)) else None
        for axis in spec.shape
    ]
    return helper.make_tensor_value_info(name, TYPES[spec.dtype], dims)


def _read_by(node: onnx.NodeProto) -> set[str]:
    """Return the names of all values that a node reads, also in its subgraphs."""
    read = set(node.input)
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            read.update(*(_read_by(inner) for inner in attribute.g.node))
            read.update(output.name for output in attribute.g.output)
    return read
